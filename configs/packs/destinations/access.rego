# Where passages go: which model may be shown what. input.context.destination is
# "internal" or the name of a configured external provider, set by the operator's
# configuration for each backend, not by the user.
package doorward.access

import rego.v1

default allow := false

allow if {
	readable
	sendable
}

readable if input.document.public

readable if {
	some group in input.document.groups
	group in input.subject.groups
}

# What each destination may receive. A destination that is not listed receives
# nothing; a document without a classification goes to none but "internal".
ceiling := {
	"internal": ["public", "internal", "confidential", "secret"],
	"eu-provider": ["public", "internal", "confidential"],
	"us-provider": ["public", "internal"],
}

residency := {
	"internal": ["eu", "us"],
	"eu-provider": ["eu"],
	"us-provider": ["us"],
}

sendable if input.context.destination == "internal"

sendable if {
	input.document.classification in ceiling[input.context.destination]
	at_home
	not input.document.personal_data
}

# Documents bound to a region stay in it.
at_home if not input.document.residency

at_home if input.document.residency in residency[input.context.destination]

# External answers are kept short.
obligations["max_passages"] := 8 if input.context.destination != "internal"

obligations["mask"] := {"pii", "secret"} if input.context.destination != "internal"

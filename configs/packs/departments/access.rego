# Departments, cross-cutting groups, and managers. Denials win.
package doorward.access

import rego.v1

default allow := false

allow if {
	readable
	not denied
}

readable if input.document.owner == input.subject.id

readable if {
	input.document.company_wide
	not input.document.managers_only
}

readable if {
	input.document.department == input.subject.claims.department
	not input.document.managers_only
}

readable if input.document.department in input.subject.claims.manages

readable if {
	some group in input.document.groups
	group in input.subject.groups
}

# A group can be kept out, for example from the papers of its own audit.
denied if {
	some group in input.document.deny_groups
	group in input.subject.groups
}

# What operators may do. Reviewers look after the quarantine; administrators may do
# everything. Acts that show or destroy content need a second factor.
package doorward.admin

import rego.v1

default allow := false

allow if {
	permitted
	proven
}

permitted if "admin" in input.subject.roles

permitted if {
	"security-reviewer" in input.subject.roles
	input.operation in {"list", "show", "assign", "explain", "release", "keep", "discard", "reveal", "rescan", "lineage"}
}

# Who stops something in an incident must not wait: containing needs no second
# factor, and takes nothing away.
permitted if {
	"incident-responder" in input.subject.roles
	input.operation in {"list", "show", "contain", "rollback", "lift", "lineage", "evidence"}
}

# Said positively on purpose: "not "mfa" in …" would be undefined, and deny
# nothing, for a subject that carries no authentication at all.
proven if not input.operation in {"reveal", "keep", "delete", "export", "erase"}

proven if "mfa" in input.subject.authn.amr

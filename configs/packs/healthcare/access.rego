# Patient records: treatment by the care team, research on what is de-identified,
# emergencies that leave a trace. The purpose decides which rules apply.
package doorward.access

import rego.v1

default allow := false

allow if input.document.kind == "guideline"

allow if {
	input.context.purpose == "treatment"
	input.subject.claims.on_duty
	input.subject.id in input.document.care_team
	not specially_protected
}

allow if {
	input.context.purpose == "research"
	input.document.deidentified
}

# A patient reads their own record through a portal.
allow if {
	input.context.purpose == "self"
	input.document.patient == input.subject.id
}

# "Break the glass": any clinician on duty; obligations make it small and strict.
allow if {
	input.context.purpose == "emergency"
	"clinician" in input.subject.roles
	input.subject.claims.on_duty
}

# Psychiatry, genetics and the like need a clearance of their own, each.
specially_protected if {
	some class in input.document.sensitivity
	not class in input.subject.claims.cleared_for
}

obligations["require_mfa"] := true if input.context.purpose == "emergency"

obligations["max_passages"] := 10 if input.context.purpose == "emergency"

obligations["audit_class"] := "break-glass" if input.context.purpose == "emergency"

obligations["mask"] := {"pii"} if input.context.purpose == "research"

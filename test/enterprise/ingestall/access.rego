package doorward.access

default allow := false

allow if {
	some group in input.document.groups
	group in input.subject.groups
}

# Who may read which document, here and now. Doorward asks this twice: once for
# all documents, turned into a filter inside the search, and once more, in full,
# for every document found. The tenant is checked before either and needs no
# rule here.
#
# Attributes used: owner, groups, public, level, embargo_until, legal_hold,
# destinations. They are declared under schema.document in the configuration.
package doorward.access

import rego.v1

default allow := false

allow if {
	readable
	not withheld
}

# A reason to read: the document is public, yours, or shared with a group of yours.
readable if input.document.public

readable if input.document.owner == input.subject.id

readable if {
	some group in input.document.groups
	group in input.subject.groups
}

# A reason not to, which wins. A document without a level is open at level 0.
withheld if input.document.level > input.subject.clearance

# Before its embargo ends, only the owner sees a document.
withheld if {
	input.document.embargo_until > input.context.now
	not input.document.owner == input.subject.id
}

# A document under legal hold is for the legal department.
withheld if {
	input.document.legal_hold
	not "legal" in input.subject.roles
}

# A document that names destinations goes to no other: a confidential one kept at
# ["internal"] never reaches a hosted model. Naming none leaves all open.
withheld if {
	count(input.document.destinations) > 0
	not input.context.destination in input.document.destinations
}

# Asked once per request, of subject and context alone.
obligations := {"max_passages": 50}

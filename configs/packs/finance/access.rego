# A bank: walls between the public and the private side, deal teams, restricted
# issuers, embargoes and legal hold. What forbids wins.
package doorward.access

import rego.v1

default allow := false

allow if {
	readable
	not forbidden
}

readable if input.document.published

readable if input.document.owner == input.subject.id

readable if input.document.deal in input.subject.claims.deals

readable if {
	input.document.desk == input.subject.claims.desk
	not input.document.deal
}

# The wall: research and trading never see the private side.
forbidden if {
	input.document.side == "private"
	not wall_crossed
}

wall_crossed if input.subject.claims.side == "private"

wall_crossed if input.document.deal in input.subject.claims.deals

forbidden if input.document.issuer in input.subject.claims.restricted_issuers

# Results are nobody's before they are out, but for those who write them.
forbidden if {
	input.document.embargo_until > input.context.now
	not input.document.owner == input.subject.id
}

# Under legal hold, documents are for legal and compliance.
forbidden if {
	input.document.legal_hold
	not may_see_held
}

may_see_held if "legal" in input.subject.roles

may_see_held if "compliance" in input.subject.roles

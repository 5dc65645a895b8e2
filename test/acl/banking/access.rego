package doorward.access

import data.relations.held
import data.relations.mine
import rego.v1

allow if {
	input.context.action == "can_make_bank_transfer"
	acts_for_account
	some bank in input.document.links.bank
	bank in within_limit
}

acts_for_account if {
	some relation in ["owner", "account_manager", "delegate"]
	input.document.object in held[relation]
}

within_limit contains grant.object if {
	some grant in data.grants
	grant.user in mine
	input.subject.claims.transaction_amount <= max([grant.context.transaction_limit, input.subject.claims.new_transaction_limit_approved])
}

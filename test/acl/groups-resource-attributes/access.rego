package doorward.access

import data.relations.mine
import rego.v1

# A group reads the documents of its organization, by their status.
allow if {
	input.context.action == "can_access"
	some grant in data.grants
	grant.user in mine
	grant.object in input.document.links.organization
	input.document.status in grant.context.allowed_statuses
}

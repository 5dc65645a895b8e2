package doorward.access

import data.relations.held
import data.relations.mine
import rego.v1

allow if {
	input.context.action == "viewer"
	input.document.object in held.viewer
}

allow if {
	input.context.action == "viewer"
	some grant in data.grants
	grant.user in mine
	input.document.object == grant.object
	input.context.now < grant.expires
}

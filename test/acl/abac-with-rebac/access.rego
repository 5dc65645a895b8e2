package doorward.access

import data.relations.held
import rego.v1

# Nobody acts before their address is verified.
verified if input.subject.id in held.email_verified

allow if {
	verified
	input.context.action == "can_view"
	input.document.object in held.owner
}

allow if {
	verified
	input.context.action == "can_view"
	input.document.object in held.viewer
	count(input.document.links.published) > 0
}

allow if {
	verified
	input.context.action == "can_edit"
	input.document.object in held.owner
	count(input.document.links.draft) > 0
}

package doorward.access

import data.relations.held
import rego.v1

# Reading is inherited from every folder above, by viewers and owners.
allow if {
	input.context.action == "can_read"
	some place in input.document.ancestors
	place in held.viewer
}

allow if {
	input.context.action == "can_read"
	some place in input.document.ancestors
	place in held.owner
}

allow if {
	input.context.action in {"can_write", "can_share", "can_change_owner"}
	input.document.object in held.owner
}

# Writing is inherited from the folder itself, by owners.
allow if {
	input.context.action in {"can_write", "can_share"}
	some folder in input.document.links.parent
	folder in held.owner
}

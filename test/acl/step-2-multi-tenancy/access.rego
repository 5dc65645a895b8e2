package doorward.access

import data.relations.held
import rego.v1

allow if {
	input.context.action in {"can_edit", "can_view"}
	editable
}

allow if {
	input.context.action == "can_view"
	input.document.object in held.viewer
}

allow if {
	input.context.action == "can_view"
	some folder in input.document.links.parent
	folder in held.viewer
}

# Editing is inherited from folders, and from the organization's administrators.
editable if {
	some relation in ["editor", "owner", "admin"]
	some place in input.document.ancestors
	place in held[relation]
}

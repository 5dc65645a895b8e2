package doorward.access

import data.relations.held
import rego.v1

needs := {
	"can_view": {"document_viewer", "document_manager"},
	"can_edit": {"document_manager"},
	"can_delete": {"document_manager"},
	"can_create_document": {"document_manager"},
	"can_edit_billing": {"billing_manager"},
	"can_invite_user": {"user_manager"},
	"can_delete_user": {"user_manager"},
}

# The organization of a document, or the organization itself.
allow if {
	some role in needs[input.context.action]
	some place in input.document.ancestors
	place in held[role]
}

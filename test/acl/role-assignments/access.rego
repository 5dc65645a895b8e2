package doorward.access

import data.relations.held
import rego.v1

permission := {"can_view": "can_view_project", "can_edit": "can_edit_project"}

# Assignments of mine whose role grants what is asked.
granting contains assignment if {
	some assignment in held.assignee
	some role in data.tuples[assignment].role
	role in held[permission[input.context.action]]
}

allow if {
	some assignment in input.document.links.role_assignment
	assignment in granting
}

allow if {
	some organization in input.document.links.organization
	organization in held.admin
}

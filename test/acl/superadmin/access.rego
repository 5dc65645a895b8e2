package doorward.access

import data.relations.held
import data.relations.mine
import rego.v1

administered contains organization if some organization in held.admin

administered contains organization if {
	some organization, by_relation in data.tuples
	some system in by_relation.system
	system in held.admin
}

# Editing comes down from the organization and the project to the task.
edits if {
	some place in input.document.ancestors
	place in administered
}

edits if {
	some relation in ["owner", "editor"]
	some place in input.document.ancestors
	place in held[relation]
}

allow if {
	input.context.action in {"viewer", "editor"}
	edits
}

allow if {
	input.context.action == "viewer"
	some place in input.document.ancestors
	place in held.viewer
}

# The help desk looks, while its grant lasts.
allow if {
	input.context.action == "viewer"
	some grant in data.grants
	grant.user in mine
	grant.object in input.document.ancestors
	input.context.now < grant.expires
}

package doorward.access

import data.relations.held
import rego.v1

allow if input.document.object in held[input.context.action]

# What a base permission of the organization amounts to in its repositories.
base := {
	"repo_admin": {"admin", "maintainer", "writer", "triager", "reader"},
	"repo_writer": {"writer", "triager", "reader"},
	"repo_reader": {"reader"},
}

allow if {
	some permission, actions in base
	input.context.action in actions
	some organization in input.document.links.owner
	organization in held[permission]
}

package doorward.access

import data.relations.held
import rego.v1

allow if {
	input.context.action == "can_access"
	some plan in input.document.links.associated_plan
	plan in subscribed
}

subscribed contains plan if {
	some plan, by_relation in data.tuples
	some organization in by_relation.subscriber
	organization in held.member
}

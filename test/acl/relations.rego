# What a subject holds, computed from relationship tuples before any search: all of
# it is known when a plan is made, so the search sees constants only.
#
# data.tuples[object][relation] lists users and usersets ("group:eng#member");
# data.store.implied[type][relation] lists relations that follow from one.
package relations

import rego.v1

# From each user or userset to the usersets it belongs to.
edges[user] contains userset if {
	some object, by_relation in data.tuples
	some relation, users in by_relation
	some user in users
	userset := sprintf("%s#%s", [object, relation])
}

edges[userset] contains implied if {
	some object, by_relation in data.tuples
	type := split(object, ":")[0]
	some relation, follows in data.store.implied[type]
	some next in follows
	userset := sprintf("%s#%s", [object, relation])
	implied := sprintf("%s#%s", [object, next])
}

everyone := concat("", [split(input.subject.id, ":")[0], ":*"])

starts := {input.subject.id, everyone}

# graph.reachable leaves out nodes without edges of their own, so one step more.
mine := starts | {userset |
	some node in graph.reachable(edges, starts)
	some userset in edges[node]
}

# held.viewer is the set of objects the subject is a viewer of.
held[relation] contains object if {
	some userset in mine
	[object, relation] := split(userset, "#")
}

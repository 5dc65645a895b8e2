package rego

// shape is one way of writing a condition, as the rules of doorward.access.
type shape struct{ name, rules string }

// accepted are shapes that must load, plan and agree with full evaluation.
var accepted = []shape{
	{"tenant", `allow if input.document.tenant == input.subject.tenant`},
	{"owner", `allow if input.document.owner == input.subject.id`},
	{"default false", "default allow := false\nallow if input.document.owner == input.subject.id\nallow if input.document.public"},
	{"role or tenant", "allow if \"admin\" in input.subject.roles\nallow if { \"reader\" in input.subject.roles; input.document.tenant == input.subject.tenant }"},
	{"role table", "may := {\"reader\": [\"public\", \"internal\"], \"analyst\": [\"confidential\"], \"admin\": [\"secret\"]}\nallow if { some r in input.subject.roles; input.document.classification in may[r] }"},
	{"groups, document first", `allow if { some g in input.document.acl.groups; g in input.subject.groups }`},
	{"groups, subject first", `allow if { some g in input.subject.groups; g in input.document.acl.groups }`},
	{"groups, underscores", `allow if input.document.acl.groups[_] == input.subject.groups[_]`},
	{"groups, intersection counted", `allow if { s := {g | some g in input.document.acl.groups} & {g | some g in input.subject.groups}; count(s) > 0 }`},
	{"groups, intersection not empty", `allow if { {g | some g in input.document.acl.groups} & {g | some g in input.subject.groups} != set() }`},
	{"groups, intersection empty", `allow if { {g | some g in input.document.acl.deny_groups} & {g | some g in input.subject.groups} == set() }`},
	{"groups, intersection function", `allow if count(intersection({{g | some g in input.document.acl.groups}, {g | some g in input.subject.groups}})) > 0`},
	{"groups, filtered comprehension", `allow if count([g | some g in input.document.acl.groups; g in input.subject.groups]) > 0`},
	{"groups, tenant and level", `allow if { input.document.tenant == input.subject.tenant; some g in input.subject.groups; g in input.document.acl.groups; input.document.level <= input.subject.clearance }`},
	{"clearance", `allow if input.document.level <= input.subject.clearance`},
	{"clearance and compartments", "cleared if input.document.level <= input.subject.clearance\nallow if { cleared; every c in input.document.compartments { c in input.subject.claims.compartments } }"},
	{"classification table", "levels := {\"public\": 0, \"internal\": 1, \"confidential\": 2, \"secret\": 3}\nallow if levels[input.document.classification] <= input.subject.clearance"},
	{"need to know by difference", `allow if count({c | some c in input.document.compartments} - {c | some c in input.subject.claims.compartments}) == 0`},
	{"must carry all tags", `allow if count({"a", "b"} - {c | some c in input.document.tags}) == 0`},
	{"lacks a required tag", `allow if count({"a", "b"} - {c | some c in input.document.tags}) > 0`},
	{"every of subject in document", `allow if { every c in input.subject.claims.compartments { c in input.document.compartments } }`},
	{"deny rules", "allow if { input.document.tenant == input.subject.tenant; not deny }\ndeny if input.document.region == \"cn\"\ndeny if { input.document.level > 3; input.document.region == \"us\" }"},
	{"deny rules iterate", "allow if { input.document.tenant == input.subject.tenant; not deny }\ndeny if { some g in input.document.acl.deny_groups; g in input.subject.groups }\ndeny if input.document.legal_hold"},
	{"deny set counted", "allow if { input.document.tenant == input.subject.tenant; count(deny) == 0 }\ndeny contains \"region\" if input.document.region == \"cn\"\ndeny contains \"group\" if { some g in input.document.acl.deny_groups; g in input.subject.groups }"},
	{"legal hold", `allow if { not input.document.legal_hold; input.document.owner == input.subject.id }`},
	{"legal hold officer", "allow if not input.document.legal_hold\nallow if { input.document.legal_hold; \"legal\" in input.subject.roles }"},
	{"embargo", `allow if input.document.embargo_until <= input.context.now`},
	{"embargo optional", "allow if not embargoed\nembargoed if input.document.embargo_until > input.context.now"},
	{"expiry with grace", `allow if input.document.expires_at > input.context.now - 10`},
	{"expiry optional", "allow if { not expired; input.document.tenant == input.subject.tenant }\nexpired if input.document.expires_at <= input.context.now"},
	{"region by purpose", "regions := {\"eu\": [\"support\", \"legal\"], \"us\": [\"support\"], \"cn\": []}\nallow if { some r, ps in regions; input.context.purpose in ps; input.document.region == r }"},
	{"region not in", `allow if not input.document.region in ["cn", "ru"]`},
	{"region differs", `allow if input.document.region != "cn"`},
	{"object.get", `allow if object.get(input.document, "region", "eu") == "eu"`},
	{"object.get by path", `allow if object.get(input.document, ["acl", "mode"], "open") in ["open", "link"]`},
	{"object.get differs", `allow if object.get(input.document, "classification", "secret") != "secret"`},
	{"not private", "allow if not private\nprivate if not input.document.public"},
	{"helper function", "allow if owns(input.document.owner)\nowns(x) if x == input.subject.id\nowns(x) if x == \"public\"\nowns(x) if x in input.subject.claims.delegates"},
	{"entries", `allow if { some e in input.document.entries; e.id == input.subject.id; e.perm in ["read", "write"] }`},
	{"entries not revoked", `allow if { some e in input.document.entries; e.id == input.subject.id; not e.revoked }`},
	{"entries by rank", `allow if { some e in input.document.entries; e.id in input.subject.groups; e.rank >= 2; e.perm != "none" }`},
	{"entries deny", "allow if not blocked\nblocked if { some e in input.document.entries; e.id == input.subject.id; e.perm == \"none\" }"},
	{"entries every", `allow if { every e in input.document.entries { e.rank <= 2 } }`},
	{"element differs", `allow if { some g in input.document.tags; g != "a" }`},
	{"element in and differs", `allow if { some g in input.document.acl.groups; g in input.subject.groups; g != "hr" }`},
	{"element outside", "allow if not odd\nodd if { some g in input.document.tags; not g in [\"a\", \"b\"] }"},
	{"not a member", `allow if not "hr" in input.document.acl.groups`},
	{"open if no groups", "allow if count(input.document.acl.groups) == 0\nallow if { some g in input.document.acl.groups; g in input.subject.groups }"},
	{"count", `allow if count(input.document.tags) >= 2`},
	{"ints in range", `allow if { some y in input.document.years; y >= 2020; y < 2023 }`},
	{"every int", `allow if { every y in input.document.years { y > 2019 } }`},
	{"user or group", "allow if input.subject.id in input.document.acl.users\nallow if { some g in input.subject.groups; g in input.document.acl.groups }"},
	{"teams from data", "teams := {\"eng\": [\"u1\", \"u2\"], \"hr\": [\"u3\"], \"ops\": [\"u2\"]}\nmine contains t if { some t, us in teams; input.subject.id in us }\nallow if { some g in input.document.acl.groups; g in mine }"},
	{"every over a bound set", `allow if { c := input.subject.claims.compartments; every x in input.document.compartments { x in c } }`},
	{"time window", "allow if { input.context.now > 50; input.document.tenant == input.subject.tenant }"},
	{"double negation", "allow if not bad\nbad if { not input.document.public; not input.document.owner == input.subject.id }"},
	{"bool differs", `allow if input.document.public != false`},
	{"not greater", `allow if not input.document.level > 3`},
	{"not differs", `allow if not input.document.owner != "u1"`},
	{"bound, not equal", "allow if { l := input.document.level; not l == 3 }"},
	{"bound, not greater", "allow if { l := input.document.level; not l > 3 }"},
	{"not function", "allow if not f(input.document.level)\nf(x) if x > 3"},
	{"function with not", "allow if f(input.document.level)\nf(x) if not x == 3"},
	{"not rule", "allow if not high\nhigh if input.document.level > 3"},
	{"bound, unused", "allow if { x := input.document.level; input.document.public }"},
	{"array of references", "allow if { some o in [input.document.owner, \"u2\"]; not o == \"u1\" }"},
	{"rule value", "own := input.document.owner\nallow if { o := own; not o == \"u1\" }"},
	{"entries not greater", `allow if { some e in input.document.entries; e.id == "u1"; not e.rank > 2 }`},
	{"not count", `allow if not count(input.document.tags) > 1`},
	{"mixed, document first", mixed("some g in input.document.acl.groups; g in input.subject.groups")},
	{"mixed, subject first", mixed("some g in input.subject.groups; g in input.document.acl.groups")},
}

// mixed is a policy of the size that security teams write.
func mixed(groups string) string {
	return `allow if { input.document.tenant == input.subject.tenant; visible; not denied }
visible if input.document.owner == input.subject.id
visible if input.document.classification == "public"
visible if { ` + groups + `; input.document.level <= input.subject.clearance }
denied if { some g in input.document.acl.deny_groups; g in input.subject.groups; not input.document.owner == input.subject.id }
denied if { input.document.legal_hold; not "legal" in input.subject.roles }
denied if input.document.embargo_until > input.context.now`
}

// more are shapes beyond the first 71: what the rewrites and the translator add.
var more = []shape{
	{"not every", "allow if not all_known\nall_known if { every c in input.document.compartments { c in input.subject.claims.compartments } }"},
	{"every in negated rule with two conditions", "allow if not bad\nbad if { every e in input.document.entries { e.rank <= 2; e.perm != \"none\" } }"},
	{"every over subject in negated rule", "allow if not bad\nbad if { every g in input.subject.groups { g in input.document.acl.groups } }"},
	{"every with helper function", "allow if { every e in input.document.entries { fine(e) } }\nfine(e) if e.rank <= 2\nfine(e) if not e.revoked"},
	{"every with table", "ok := {\"a\": true, \"b\": true}\nallow if { every t in input.document.tags { ok[t] } }"},
	{"negated helper on entry", "allow if { some e in input.document.entries; e.id == input.subject.id; not bad(e) }\nbad(e) if e.revoked\nbad(e) if e.perm == \"none\""},
	{"comprehension with other condition", `allow if count([g | some g in input.document.acl.groups; g in input.subject.groups; input.document.level < 3]) > 0`},
	{"deny set compared", "allow if { deny == set(); input.document.public }\ndeny contains \"x\" if input.document.level > 2"},
	{"deny set membership", "allow if { not \"x\" in deny; input.document.public }\ndeny contains \"x\" if input.document.level > 2\ndeny contains \"y\" if input.document.region == \"eu\""},
	{"member of literal", `allow if input.subject.id in [input.document.owner, "u3"]`},
	{"object.get on collection", `allow if count(object.get(input.document, ["acl", "groups"], [])) == 0`},
	{"empty array", `allow if input.document.tags == []`},
	{"object.get on entry", `allow if { some e in input.document.entries; object.get(e, "revoked", false) == false; e.id == input.subject.id }`},
	{"bound object", `allow if { acl := input.document.acl; some g in acl.groups; g in input.subject.groups }`},
	{"function of document", "allow if own(input.document)\nown(d) if d.owner == input.subject.id\nown(d) if not d.level == 3"},
	{"known computation on group", `allow if { some g in input.subject.groups; startswith(g, "e"); g in input.document.acl.groups }`},
	{"data in comprehension", "vip := {\"a\", \"c\"}\nallow if count({t | some t in input.document.tags; t in vip}) > 0"},
	{"presence", `allow if { input.document.level; not input.document.owner }`},
	{"known conflict-free values", "quota := 5 if \"admin\" in input.subject.roles\nquota := 1 if not \"admin\" in input.subject.roles\nallow if input.document.level <= quota"},
	{"time by offset", `allow if input.document.embargo_until < input.context.now + 5`},
	{"every in every-free conjunction", `allow if { every t in input.document.tags { t != "a"; t in ["b", "c"] } ; input.document.public }`},
	{"deny set empty for this subject", "denied contains \"x\" if { \"admin\" in input.subject.roles; input.document.level > 2 }\nallow if { denied == set(); input.document.public }"},
	{"deny set not empty for this subject", "denied contains \"x\" if { \"admin\" in input.subject.roles; input.document.level > 2 }\nallow if { not denied == set(); input.document.public }"},
	{"deny set bound and compared", "denied contains \"x\" if { \"admin\" in input.subject.roles; input.document.level > 2 }\nallow if { d := denied; not d == set(); input.document.public }\nallow if { d := denied; d == set(); input.document.legal_hold }"},
	{"deny set of deny sets", "d2 contains \"y\" if { \"admin\" in input.subject.roles; input.document.level > 2 }\nd1 contains \"x\" if { d2 == set(); input.document.legal_hold }\nallow if { not \"x\" in d1; input.document.public }"},
	{"default false helper", "default visible := false\nvisible if input.document.public\nallow if visible\nallow if { not visible; input.document.legal_hold }"},
	{"default false compared", "default visible := false\nvisible if input.document.public\nallow if visible == false\nallow if { v := visible; v == true; input.document.legal_hold }"},
	{"table value rule", "rank := ranks[input.document.classification]\nranks := {\"public\": 0, \"secret\": 3}\nallow if rank <= input.subject.clearance"},
	{"count bound and negated", "allow if { n := count(input.document.tags); not n > 1 }"},
	{"object.get bound and negated", "allow if { v := object.get(input.document, \"level\", 9); not v > 3 }"},
	{"array of bindings", "allow if { [a, b] := [input.document.owner, input.document.region]; a == input.subject.id; not b == \"eu\" }"},
	{"time window of the request", "allow if { input.context.now > 50; not input.context.now > 102 }"},
	{"known function with several definitions", "allow if { f(input.subject.id) == 1; input.document.public }\nf(x) := 1 if x == \"u1\"\nf(x) := 1 if x == \"u2\""},
	{"two iterations", `allow if { some g in input.document.acl.groups; g in input.subject.groups; some t in input.document.tags; t == "a" }`},
}

// conflicting are rules that may have several values at once: a conflict in full
// evaluation, alternatives in a plan; and other shapes found to release wrongly.
var conflicting = []shape{
	{"value from an iteration", "lvl := v if { some v in [input.document.level, 3] }\nallow if lvl <= 2"},
	{"function value from an iteration", "f(x) := y if { some y in [x, 3] }\nallow if f(input.document.level) <= 2"},
	{"object value from an iteration", "m[k] := v if { some k in [\"a\"]; some v in [input.document.level, 3] }\nallow if m.a <= 2"},
	{"element as value", "tag := t if { some t in input.document.tags }\nallow if tag == \"a\""},
	{"every in a comprehension", `allow if count([t | some t in input.document.tags; every g in input.subject.groups { g != "hr" }]) > 0`},
	{"every of the document in a comprehension", `allow if count([t | some t in input.document.tags; every y in input.document.years { y > 2020 }]) == 0`},
	{"default true helper", "default visible := true\nvisible := false if input.document.public\nallow if visible"},
}

// refused are shapes with no exact filter: they must not load.
var refused = []shape{
	{"else", "allow := true if { input.document.level == 1 } else := false if { input.document.level == 2 }"},
	{"function else", "allow if f(input.document.owner) == \"ok\"\nf(x) := \"ok\" if x == \"a\" else := \"no\""},
	{"with", "allow if x with input.subject.id as \"u9\"\nx if input.document.owner == input.subject.id"},
	{"startswith", `allow if startswith(input.document.owner, "u")`},
	{"regex", `allow if regex.match("^u", input.document.owner)`},
	{"lower", `allow if lower(input.document.owner) == "u1"`},
	{"two attributes", `allow if input.document.owner == input.document.tenant`},
	{"undeclared attribute", `allow if input.document.nope == "x"`},
	{"attribute chosen at run time", `allow if input.document[input.subject.id] == "x"`},
	{"null", `allow if input.document.owner == null`},
	{"type mismatch", `allow if input.document.level <= "3"`},
	{"order of strings", `allow if input.document.owner < "m"`},
	{"whole array", `allow if input.document.tags == ["a"]`},
	{"first element", `allow if input.document.tags[0] == "a"`},
	{"positional join", `allow if { some i; input.document.tags[i] == "a"; input.document.acl.groups[i] == "eng" }`},
	{"join of sets", `allow if { some g in input.document.tags; g in input.document.acl.groups }`},
	{"conflict", "lvl := 3 if input.document.region == \"eu\"\nlvl := 1 if input.document.owner == \"u1\"\nallow if lvl <= 2"},
	{"conflicting allow", "allow := false if input.document.level == 1\nallow := true if input.document.owner == \"u1\""},
	{"default true", "default allow := true\nallow if input.document.owner == \"u1\""},
	{"clock", `allow if input.document.expires_at > time.now_ns()`},
	{"nanoseconds", `allow if input.document.expires_at > 1795244757466071889`},
	{"fraction", `allow if input.document.level <= 2.5`},
	{"message from document", "allow if count(deny) == 0\ndeny contains msg if { input.document.level > 2; msg := sprintf(\"%v\", [input.document.owner]) }"},
	{"set as scalar", `allow if input.document.tags == "a"`},
	{"http", `allow if http.send({"url": input.document.owner, "method": "get"}).status_code == 200`},
	{"index as value", `allow if { some i, g in input.document.tags; i == 0; g == "a" }`},
}

// hidden are shapes behind conditions that no probe meets: they must be refused
// all the same.
var hidden = []shape{
	{"startswith", `allow if { input.subject.id == concat("-", ["x", "y"]); startswith(input.document.owner, "u") }`},
	{"in a function", "allow if { input.subject.clearance == 77; f(input.document.owner) }\nf(x) if g(x)\ng(y) if lower(y) == \"a\""},
	{"in every", `allow if { input.subject.clearance == 77; every t in input.document.tags { endswith(t, "x") } }`},
	{"on an element", `allow if { input.subject.clearance == 77; some g in input.document.tags; regex.match("x", g) }`},
	{"on a field", `allow if { input.subject.clearance == 77; some e in input.document.entries; upper(e.id) == "X" }`},
	{"in a comprehension", `allow if { input.subject.clearance == 77; count([t | some t in input.document.tags; contains(t, "x")]) > 0 }`},
	{"type mismatch", `allow if { input.subject.clearance == 77; input.document.level == "3" }`},
	{"order of strings", `allow if { input.subject.clearance == 77; o := input.document.owner; o < "m" }`},
	{"arithmetic", `allow if { input.subject.clearance == 77; input.document.level * 2 > 4 }`},
	{"the clock's parts", `allow if { input.subject.clearance == 77; time.weekday(input.context.now * 1000000000) == "Monday" }`},
}

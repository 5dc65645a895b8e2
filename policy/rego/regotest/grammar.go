package regotest

import (
	"fmt"
	"math/rand"
	"strings"
)

// Policy draws the rules of a doorward.access package (without its header) from
// the fragment that plans support: conjunctions and alternatives of some forty
// kinds of condition, nested in helper rules, functions, negations, deny sets,
// every and comprehensions.
func Policy(r *rand.Rand) string {
	g := &grammar{r: r}
	for range 1 + r.Intn(3) {
		g.rules = append(g.rules, "allow if {\n"+g.body(2)+"}\n")
	}
	return strings.Join(g.rules, "\n")
}

type grammar struct {
	r     *rand.Rand
	rules []string
	n     int
}

// next returns a fresh number for names.
func (g *grammar) next() int { g.n++; return g.n }

func (g *grammar) body(depth int) string {
	var b strings.Builder
	for range 1 + g.r.Intn(3) {
		b.WriteString("\t" + g.condition(depth) + "\n")
	}
	return b.String()
}

func (g *grammar) condition(depth int) string {
	switch n := g.r.Intn(20); {
	case n < 7:
		return g.scalar()
	case n < 11:
		return g.set()
	case n < 13:
		return g.bound()
	case n < 15:
		return g.objects()
	case n < 16:
		return g.every()
	case n < 17 || depth == 0:
		return g.known()
	case n < 18:
		return g.denySet(depth - 1)
	}
	name := g.rule(depth - 1)
	return pick(g.r, "", "", "not ") + name
}

func (g *grammar) not() string { return pick(g.r, "", "", "not ") }

func (g *grammar) knownSet() string {
	return pick(g.r, "input.subject.groups", `["eng", "fin"]`, "input.subject.roles", "input.subject.claims.compartments", "input.subject.claims.delegates")
}

func (g *grammar) docSet() string {
	return "input.document." + pick(g.r, "acl.groups", "acl.deny_groups", "acl.users", "tags", "compartments")
}

func (g *grammar) scalar() string {
	r := g.r
	cmp := func() string { return pick(r, "<", "<=", ">", ">=", "==", "!=") }
	switch r.Intn(13) {
	case 0:
		return g.not() + "input.document.tenant == input.subject.tenant"
	case 1:
		return g.not() + "input.document.owner " + pick(r, "==", "!=") + " input.subject.id"
	case 2:
		return g.not() + "input.document.level " + cmp() + " " + pick(r, "input.subject.clearance", "2", "3")
	case 3:
		return g.not() + "input.document." + pick(r, "public", "legal_hold")
	case 4:
		return g.not() + "input.document.region in " + pick(r, `["eu", "us"]`, `{"cn"}`, "input.subject.groups")
	case 5:
		return g.not() + "input.document.embargo_until " + cmp() + " input.context.now" + pick(r, "", " + 5", " - 3")
	case 6:
		return fmt.Sprintf(`%sobject.get(input.document, "region", %q) %s "eu"`, g.not(), pick(r, "eu", "xx"), pick(r, "==", "!="))
	case 7:
		return g.not() + `object.get(input.document, ["acl", "mode"], "open") in ["open", "link"]`
	case 8:
		return g.not() + "object.get(input.document, \"level\", 2) " + cmp() + " input.subject.clearance"
	case 9:
		return "input.document." + pick(r, "public", "legal_hold") + " " + pick(r, "==", "!=") + " " + pick(r, "true", "false")
	case 10:
		return g.not() + "input.document.owner == input.subject.claims.department"
	case 11:
		return g.not() + "input.document.expires_at > input.context.now"
	}
	return g.table()
}

func (g *grammar) table() string {
	n := g.next()
	g.rules = append(g.rules, fmt.Sprintf("ranks%d := {\"public\": 0, \"internal\": 1, \"confidential\": 2}\n", n))
	return fmt.Sprintf("%sranks%d[input.document.classification] <= %s", g.not(), n, pick(g.r, "input.subject.clearance", "1"))
}

func (g *grammar) set() string {
	r, n := g.r, g.next()
	switch r.Intn(13) {
	case 0:
		return fmt.Sprintf("some g%d in %s\n\tg%d in %s", n, g.docSet(), n, g.knownSet())
	case 1:
		return fmt.Sprintf("some g%d in %s\n\tg%d in %s", n, g.knownSet(), n, g.docSet())
	case 2:
		return fmt.Sprintf("%s%q in %s", g.not(), pick(r, "eng", "hr", "a", "A"), g.docSet())
	case 3:
		return fmt.Sprintf("count({c | some c in %s} %s {c | some c in %s}) %s", g.docSet(), pick(r, "&", "-"), g.knownSet(), pick(r, "== 0", "> 0", "!= 0"))
	case 4:
		return fmt.Sprintf("%scount(%s) %s %d", g.not(), g.docSet(), pick(r, "==", "!=", ">", "<", ">=", "<="), r.Intn(3))
	case 5:
		return fmt.Sprintf("some t%d in %s\n\t%st%d in [\"a\", \"b\", \"eng\"]", n, g.docSet(), g.not(), n)
	case 6:
		return fmt.Sprintf("some y%d in input.document.years\n\ty%d > 2019\n\t%sy%d > 2022", n, n, g.not(), n)
	case 7:
		return fmt.Sprintf("some t%d in %s\n\tt%d != \"a\"\n\tt%d in [\"a\", \"c\", \"hr\"]", n, g.docSet(), n, n)
	case 8:
		return g.not() + "input.subject.id in input.document.acl.users"
	case 9:
		return g.docSet() + "[_] == " + pick(r, "input.subject.groups[_]", "input.subject.roles[_]")
	case 10:
		return fmt.Sprintf("count([g | some g in %s; %sg in %s; %s]) > 0", g.docSet(), g.not(), g.knownSet(), pick(r, "true", "input.document.public", "input.document.level < 3"))
	case 11:
		return fmt.Sprintf("count({\"a\", \"b\"} - {c | some c in %s}) %s", g.docSet(), pick(r, "== 0", "> 0"))
	}
	return fmt.Sprintf("{c | some c in %s} & {c | some c in %s} %s set()", g.docSet(), g.knownSet(), pick(r, "==", "!="))
}

// bound conditions bind before they test: where definedness gets lost.
func (g *grammar) bound() string {
	r, n := g.r, g.next()
	switch r.Intn(8) {
	case 6:
		g.rules = append(g.rules, fmt.Sprintf("b%d := %s\n", n, pick(r, "input.document.owner == input.subject.id", "input.document.level > 2", "input.document.region in [\"eu\"]", "input.document.owner != \"u1\"")))
		return pick(r, fmt.Sprintf("b%d", n), fmt.Sprintf("not b%d", n), fmt.Sprintf("b%d == false", n))
	case 0:
		return fmt.Sprintf("l%d := input.document.level\n\tnot l%d %s 3", n, n, pick(r, "==", ">", "!=", "<="))
	case 1:
		g.rules = append(g.rules, fmt.Sprintf("f%d(x) if %sx == \"u1\"\n", n, g.not()))
		return fmt.Sprintf("%sf%d(input.document.owner)", g.not(), n)
	case 2:
		return fmt.Sprintf("some o%d in [input.document.owner, input.document.tenant]\n\tnot o%d == %q", n, n, pick(r, "u1", "t1"))
	case 3:
		g.rules = append(g.rules, fmt.Sprintf("own%d := input.document.owner\n", n))
		return fmt.Sprintf("o%d := own%d\n\tnot o%d == \"u1\"", n, n, n)
	case 4:
		g.rules = append(g.rules, fmt.Sprintf("g%d(d) if d.owner == input.subject.id\ng%d(d) if not d.level %s 2\n", n, n, pick(r, "==", ">")))
		return fmt.Sprintf("%sg%d(input.document)", g.not(), n)
	case 5:
		return fmt.Sprintf("acl%d := input.document.acl\n\t%sacl%d.mode == \"open\"", n, g.not(), n)
	}
	return fmt.Sprintf("x%d := input.document.%s\n\tinput.document.public", n, pick(r, "level", "owner", "acl.groups"))
}

func (g *grammar) objects() string {
	r, n := g.r, g.next()
	test := func() string {
		return fmt.Sprintf(pick(r,
			"e%d.id == input.subject.id", "e%d.id in input.subject.groups", "e%d.revoked", "not e%d.revoked", "e%d.perm != \"none\"",
			"e%d.rank > 2", "not e%d.rank > 2", "e%d.perm in [\"read\", \"write\"]", "object.get(e%d, \"revoked\", false) == false", "not e%d.perm == \"none\""), n)
	}
	switch r.Intn(4) {
	case 0:
		g.rules = append(g.rules, fmt.Sprintf("h%d(e%d) if {\n\t%s\n}\nh%d(e%d) if {\n\t%s\n\t%s\n}\n", n, n, test(), n, n, test(), test()))
		return fmt.Sprintf("some e%d in input.document.entries\n\t%s\n\t%sh%d(e%d)", n, test(), g.not(), n, n)
	case 1:
		return fmt.Sprintf("count([1 | some e%d in input.document.entries; %s]) %s", n, test(), pick(r, "> 0", "== 0"))
	}
	return fmt.Sprintf("some e%d in input.document.entries\n\t%s\n\t%s", n, test(), test())
}

func (g *grammar) every() string {
	r, n := g.r, g.next()
	switch r.Intn(5) {
	case 0:
		return fmt.Sprintf("every c%d in %s { %sc%d in %s }", n, g.docSet(), g.not(), n, g.knownSet())
	case 1:
		return fmt.Sprintf("every c%d in %s { %sc%d in %s }", n, g.knownSet(), g.not(), n, g.docSet())
	case 2:
		return fmt.Sprintf("every y%d in input.document.years { y%d > 2019; %sy%d == 2022 }", n, n, g.not(), n)
	case 3:
		g.rules = append(g.rules, fmt.Sprintf("k%d(e) if e.rank <= 2\nk%d(e) if %se.revoked\n", n, n, g.not()))
		return fmt.Sprintf("every e%d in input.document.entries { %sk%d(e%d) }", n, g.not(), n, n)
	}
	return fmt.Sprintf("every e%d in input.document.entries { %s }", n, fmt.Sprintf(pick(r, "e%d.rank <= 2", "e%d.perm != \"none\"", "not e%d.revoked"), n))
}

func (g *grammar) known() string {
	r := g.r
	return pick(r, `"admin" in input.subject.roles`, `not "legal" in input.subject.roles`, "input.subject.clearance >= 2",
		`input.context.purpose == "support"`, "input.context.now > 98", `startswith(input.subject.id, "u")`, "count(input.subject.groups) > 0")
}

// rule makes a helper rule of one to three definitions and returns its name.
func (g *grammar) rule(depth int) string {
	name := fmt.Sprintf("r%d", g.next())
	if g.r.Intn(4) == 0 {
		g.rules = append(g.rules, "default "+name+" := false\n")
	}
	for range 1 + g.r.Intn(3) {
		g.rules = append(g.rules, fmt.Sprintf("%s if {\n%s}\n", name, g.body(depth)))
	}
	return name
}

func (g *grammar) denySet(depth int) string {
	name := fmt.Sprintf("d%d", g.next())
	for i := range 1 + g.r.Intn(2) {
		g.rules = append(g.rules, fmt.Sprintf("%s contains \"m%d\" if {\n%s}\n", name, i, g.body(depth)))
	}
	return pick(g.r, "count("+name+") == 0", "count("+name+") > 0", "not \"m0\" in "+name, name+" == set()")
}

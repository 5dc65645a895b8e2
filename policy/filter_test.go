package policy

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestSimplifyKeepsMeaning(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := anyExpr(t, 3, documentLeaf)
		raw, simple := When(e).At(testNow), When(Simplify(e)).At(testNow)
		bound := When(Simplify(Bind(e, testNow)))
		effect, prepared, err := raw.Prepare(testSchema())
		if err != nil {
			t.Fatalf("preparing %s: %v", FormatExpr(e), err)
		}
		for range 6 {
			d := anyDocument(t)
			want := raw.Match(d)
			if got := simple.Match(d); got != want {
				t.Fatalf("simplified %s gives %v, raw %s gives %v on %v", FormatExpr(Simplify(e)), got, FormatExpr(e), want, d)
			}
			if got := bound.Match(d); got != want {
				t.Fatalf("bound gives %v, raw %s gives %v on %v", got, FormatExpr(e), want, d)
			}
			got := effect == SelectAll || effect == SelectSome && When(prepared).Match(d)
			if got != want {
				t.Fatalf("prepared %v gives %v, raw %s gives %v on %v", prepared, got, FormatExpr(e), want, d)
			}
		}
		if raw.Hash() != simple.Hash() {
			t.Fatalf("hash differs between %s and its simplified form", FormatExpr(e))
		}
	})
}

func TestZeroAndMalformedFiltersDeny(t *testing.T) {
	doc, err := testSchema().Normalize(map[string]any{"owner": "a", "level": 1})
	if err != nil {
		t.Fatal(err)
	}
	loop := make(Or, 1)
	loop[0] = loop
	cases := map[string]Filter{
		"zero":                 {},
		"nil":                  When(nil),
		"nil under not":        When(Not{}),
		"nil operand":          When(Or{Bool(true), nil}),
		"typed nil operator":   When(Not{Compare{Path: "level", Value: Value{Const: int64(9)}}}),
		"unknown operator":     When(Not{Compare{Path: "level", Op: "!=", Value: Value{Const: int64(1)}}}),
		"foreign constant":     When(Not{Compare{Path: "level", Op: Eq, Value: Value{Const: 1.5}}}),
		"ordering of strings":  When(Not{Compare{Path: "owner", Op: Lt, Value: Value{Const: "a"}}}),
		"mixed membership":     When(Not{In{Path: "owner", Values: []any{"x", int64(1)}}}),
		"any inside any":       When(Not{Any{"acl.groups", Any{"acl.groups", Bool(true)}}}),
		"path inside element":  When(Not{Any{"acl.groups", In{"owner", []any{"a"}}}}),
		"element outside":      When(Not{In{"", []any{"a"}}}),
		"time not bound":       When(Not{NowCompare{0, Eq, 7}}),
		"time not bound below": When(Or{Not{Compare{Path: "embargo", Op: Gt, Value: Value{Now: true}}}}),
		"time and constant":    When(Not{Compare{Path: "level", Op: Eq, Value: Value{Now: true, Const: int64(1)}}}),
		"cyclic":               When(Not{loop}),
	}
	for name, f := range cases {
		if f.Match(doc) || f.At(time.Time{}).Match(doc) {
			t.Errorf("%s: matched", name)
		}
		effect, e, err := f.Prepare(nil)
		if effect != SelectNone || e != nil || err != nil {
			t.Errorf("%s: Prepare = %v, %v, %v; want SelectNone", name, effect, e, err)
		}
		if !f.DeniesAll() {
			t.Errorf("%s: does not deny all", name)
		}
	}
	if !AllowAll().Match(doc) || !AllowAll().Match(nil) {
		t.Error("AllowAll must match")
	}
}

func TestGateRefusesWhatAStoreCouldWiden(t *testing.T) {
	s := testSchema()
	ok := Compare{"owner", Eq, Value{Const: "a"}}
	refused := map[string]Expr{
		"nil":                  nil,
		"constant true":        Bool(true),
		"empty and":            And{},
		"empty or":             Or{},
		"empty and inside":     Or{ok, And{}},
		"empty or under not":   Not{Or{}},
		"empty in":             In{"owner", nil},
		"empty in under not":   Not{In{"owner", nil}},
		"constant inside":      And{ok, Bool(true)},
		"unbound time":         Compare{"embargo", Lt, Value{Now: true}},
		"time comparison":      NowCompare{0, Lt, 5},
		"undeclared path":      Compare{"nope", Eq, Value{Const: "a"}},
		"set as scalar":        Compare{"acl.groups", Eq, Value{Const: "a"}},
		"scalar as set":        Any{"owner", In{"", []any{"a"}}},
		"list as set":          Any{"acl.entries", In{"", []any{"a"}}},
		"set as list":          Nested{"acl.groups", Exists{"id"}},
		"undeclared field":     Nested{"acl.entries", Exists{"nope"}},
		"type mismatch":        Compare{"level", Lte, Value{Const: "3"}},
		"element mismatch":     Any{"years", In{"", []any{"2020"}}},
		"order on bool":        Compare{"public", Lt, Value{Const: int64(1)}},
		"existence of a set":   Exists{"acl.groups"},
		"count of scalar":      Count{"owner", Gte, 1},
		"negative count":       Count{"years", Gte, -1},
		"empty body of nested": Nested{"acl.entries", And{}},
	}
	for name, e := range refused {
		if err := CheckRenderable(e, s); !errors.Is(err, ErrNotPushable) {
			t.Errorf("%s: error %v, want ErrNotPushable", name, err)
		}
	}
	for _, e := range []Expr{ok, And{ok, Not{ok}}, Any{"years", Compare{"", Gt, Value{Const: int64(1)}}},
		Nested{"acl.entries", And{Exists{"id"}, Compare{"revoked", Eq, Value{Const: true}}}}, Count{"acl.entries", Gte, 1}} {
		if err := CheckRenderable(e, s); err != nil {
			t.Errorf("%s: %v", FormatExpr(e), err)
		}
	}
}

func TestManyAlternativesBecomeOneMembership(t *testing.T) {
	var or Or
	for i := range 500 {
		or = append(or, And{
			Compare{"tenant", Eq, Value{Const: "a"}},
			Any{"acl.groups", Compare{"", Eq, Value{Const: fmt.Sprintf("g%03d", i)}}},
			Compare{"level", Lte, Value{Const: int64(3)}},
		})
	}
	nodes, values := When(Simplify(or)).Size()
	if nodes != 5 || values != 500 {
		t.Fatalf("got %d conditions with %d values, want 5 with 500", nodes, values)
	}
}

func TestLimits(t *testing.T) {
	var wide And
	for i := range 30 {
		wide = append(wide, Compare{"level", Eq, Value{Const: int64(i)}})
	}
	for name, l := range map[string]Limits{"nodes": {Nodes: 20}, "depth": {Depth: 1}} {
		if err := l.Check(When(wide)); !errors.Is(err, ErrNotPushable) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := (Limits{Values: 1}).Check(When(In{"owner", []any{"a", "b"}})); !errors.Is(err, ErrNotPushable) {
		t.Errorf("values: %v", err)
	}
	if err := (Limits{}).Check(When(wide)); err != nil {
		t.Error(err)
	}
}

func TestFormat(t *testing.T) {
	e := And{Compare{"tenant", Eq, Value{Const: "t"}}, Or{Compare{"public", Eq, Value{Const: true}}, Any{"acl.groups", In{"", []any{"x", "y"}}}},
		Not{Compare{"embargo", Gt, Value{Now: true, Offset: -60}}}}
	want := `tenant == "t" and (public == true or some acl.groups: in {"x", "y"}) and not embargo > now-60`
	if got := FormatExpr(e); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got := (Filter{}).String(); got != "nothing" {
		t.Errorf("zero filter prints %q", got)
	}
	if got := AllowAll().String(); got != "everything" {
		t.Errorf("AllowAll prints %q", got)
	}
}

func ExampleFilter() {
	schema := Schema{"owner": {Kind: String}, "groups": {Kind: StringSet}}
	doc, _ := schema.Normalize(map[string]any{"groups": []string{"ops", "eng"}})
	f := When(Or{
		Compare{"owner", Eq, Value{Const: "ann"}},
		Any{"groups", In{"", []any{"eng"}}},
	})
	fmt.Println(f, f.Match(doc), Filter{}.Match(doc))
	// Output: owner == "ann" or some groups: in {"eng"} true false
}

func TestNormalize(t *testing.T) {
	cases := []struct {
		name string
		in   map[string]any
		want string // part of the error, or empty
	}{
		{"nothing at all", nil, ""},
		{"nested and dotted", map[string]any{"acl": map[string]any{"groups": []any{"b", "a", "b"}}, "acl.mode": "open"}, ""},
		{"twice", map[string]any{"acl": map[string]any{"mode": "x"}, "acl.mode": "y"}, "acl.mode: expected one value"},
		{"null scalar", map[string]any{"owner": nil}, "owner: expected string, found null"},
		{"null set", map[string]any{"acl.groups": nil}, "acl.groups: expected a set of string, found null"},
		{"null element", map[string]any{"acl.groups": []any{nil}}, "acl.groups[0]: expected string, found null"},
		{"scalar for set", map[string]any{"acl.groups": "eng"}, "acl.groups: expected a set of string, found a string"},
		{"string for int", map[string]any{"level": "3"}, "level: expected int, found a string"},
		{"fraction", map[string]any{"level": 2.5}, "level: expected int, found a number"},
		{"bool for int", map[string]any{"level": true}, "level: expected int, found a bool"},
		{"int for string", map[string]any{"owner": 3}, "owner: expected string, found a number"},
		{"nanoseconds", map[string]any{"embargo": int64(1795244757466071889)}, "seconds, not nanoseconds"},
		{"mixed set", map[string]any{"years": []any{2020, "2021"}}, "years[1]: expected int, found a string"},
		{"undeclared", map[string]any{"colour": "red"}, "colour: expected a declared attribute"},
		{"interior is no object", map[string]any{"acl": []any{}}, "acl: expected an object, found a list"},
		{"undeclared field", map[string]any{"acl.entries": []any{map[string]any{"who": "x"}}}, "acl.entries[0].who: expected a declared field"},
		{"entry is no object", map[string]any{"acl.entries": []any{"x"}}, "acl.entries[0]: expected an object"},
		{"bad UTF-8", map[string]any{"owner": "\xff"}, "owner: expected valid UTF-8"},
		{"NUL", map[string]any{"owner": "a\x00b"}, "without NUL"},
		{"long", map[string]any{"owner": strings.Repeat("x", MaxString+1)}, "at most 8192 bytes"},
	}
	for _, c := range cases {
		got, err := testSchema().Normalize(c.in)
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", c.name, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) || !errors.Is(err, ErrAttributes)):
			t.Errorf("%s: error %v, want %q", c.name, err, c.want)
		case c.want != "" && got != nil:
			t.Errorf("%s: attributes returned with an error", c.name)
		}
	}
}

func TestNormalizedForm(t *testing.T) {
	at := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	for _, when := range []any{at, at.Unix(), float64(at.Unix()), "2026-03-01", "2026-03-01T01:00:00+01:00"} {
		got, err := testSchema().Normalize(map[string]any{"embargo": when, "acl.groups": []string{"b", "a", "b"}, "years": []int{3, 1, 3}})
		if err != nil {
			t.Fatalf("%T: %v", when, err)
		}
		want := Attributes{
			"embargo": at.Unix(), "years": []any{int64(1), int64(3)},
			"acl": map[string]any{"groups": []any{"a", "b"}, "entries": []any{}},
		}
		if got.Hash() != want.Hash() {
			t.Errorf("%T: got %v, want %v", when, got, want)
		}
	}
}

func TestNormalizeIsIdempotent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := anyDocument(t)
		again, err := testSchema().Normalize(d)
		if err != nil || again.Hash() != d.Hash() {
			t.Fatalf("second pass: %v (error %v), first %v", again, err, d)
		}
	})
}

func TestRequired(t *testing.T) {
	s := Schema{"owner": {Kind: String, Required: true}, "groups": {Kind: StringSet, Required: true}}
	for _, in := range []map[string]any{{}, {"owner": "a"}, {"owner": "a", "groups": []any{}}} {
		if _, err := s.Normalize(in); !errors.Is(err, ErrAttributes) {
			t.Errorf("%v: %v", in, err)
		}
	}
	if _, err := s.Normalize(map[string]any{"owner": "a", "groups": []any{"g"}}); err != nil {
		t.Error(err)
	}
}

func TestSchemaValidate(t *testing.T) {
	bad := map[string]Schema{
		"no kind":          {"a": {}},
		"bad name":         {"a-b": {Kind: String}},
		"quote":            {`a"b`: {Kind: String}},
		"empty segment":    {"a..b": {Kind: String}},
		"inside attribute": {"a": {Kind: String}, "a.b": {Kind: String}},
		"deep inside":      {"a.b": {Kind: String}, "a.b.c.d": {Kind: String}},
		"fields on scalar": {"a": {Kind: String, Fields: map[string]Kind{"x": String}}},
		"list, no fields":  {"a": {Kind: ObjectList}},
		"set as field":     {"a": {Kind: ObjectList, Fields: map[string]Kind{"x": StringSet}}},
		"too deep":         {"a.b.c.d.e.f.g": {Kind: String}},
	}
	for name, s := range bad {
		if s.Validate() == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if err := testSchema().Validate(); err != nil {
		t.Error(err)
	}
	for k := String; k <= ObjectList; k++ {
		if got, err := ParseKind(k.String()); err != nil || got != k {
			t.Errorf("kind %v: %v, %v", k, got, err)
		}
	}
	if _, err := ParseKind("invalid"); err == nil {
		t.Error("ParseKind accepted the zero kind's word")
	}
}

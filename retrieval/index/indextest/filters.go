package indextest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/doorward/doorward/policy"
	"github.com/doorward/doorward/retrieval/index"
)

func attributes(t *testing.T, in map[string]any) policy.Attributes {
	t.Helper()
	a, err := Schema().Normalize(in)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func compare(path string, op policy.Op, v any) policy.Expr {
	return policy.Compare{Path: path, Op: op, Value: policy.Value{Const: v}}
}

// testAccess is written by hand: who may see which of seven documents.
func testAccess(t *testing.T, h Harness) {
	x := h.New(t)
	docs := []map[string]any{
		0: {"class": "public"},
		1: {"class": "internal", "acl.groups": []any{"eng", "hr"}},
		2: {"class": "internal", "acl.groups": []any{"sales"}},
		3: {"class": "secret", "level": int64(3), "acl.users": []any{"ann"}},
		4: {"class": "internal", "acl.groups": []any{"eng"}, "hold": true},
		5: {"class": "internal", "acl.groups": []any{"eng"}, "until": Now().Unix() + 60},
		6: {"class": "shared", "grants": []any{
			map[string]any{"who": "bob", "revoked": true}, map[string]any{"who": "ann", "revoked": false}}},
	}
	for i, d := range docs {
		put(t, x, Tenant, Chunk(i, attributes(t, d)))
	}
	inGroups := func(g ...any) policy.Expr { return policy.Any{Path: "acl.groups", X: policy.In{Values: g}} }
	embargo := policy.And{policy.Exists{Path: "until"}, policy.Compare{Path: "until", Op: policy.Gt, Value: policy.Value{Now: true}}}
	cases := []struct {
		name string
		e    policy.Expr
		want []int
	}{
		{"public only", compare("class", policy.Eq, "public"), []int{0}},
		{"one group", inGroups("hr"), []int{1}},
		{"two groups", inGroups("hr", "sales"), []int{1, 2}},
		{"a group nobody has", inGroups("law"), nil},
		{"not on hold, missing means not", policy.And{inGroups("eng"), policy.Not{X: compare("hold", policy.Eq, true)}}, []int{1, 5}},
		{"past its embargo, missing means none", policy.And{inGroups("eng"), policy.Not{X: embargo}}, []int{1, 4}},
		{"clearance, present only", compare("level", policy.Lte, int64(3)), []int{3}},
		{"clearance too low", compare("level", policy.Lte, int64(2)), nil},
		{"owner", policy.Any{Path: "acl.users", X: compare("", policy.Eq, "ann")}, []int{3}},
		{"grant not revoked", policy.Nested{Path: "grants", X: policy.And{compare("who", policy.Eq, "ann"), policy.Not{X: compare("revoked", policy.Eq, true)}}}, []int{6}},
		{"grant of one, revocation of another", policy.Nested{Path: "grants", X: policy.And{compare("who", policy.Eq, "ann"), compare("revoked", policy.Eq, true)}}, nil},
		{"no groups at all", policy.Count{Path: "acl.groups", Op: policy.Eq, N: 0}, []int{0, 3, 6}},
		{"empty or", policy.Or{}, nil},
	}
	for _, c := range cases {
		var want []string
		for _, n := range c.want {
			want = append(want, Chunk(n, nil).Document)
		}
		same(t, c.name, found(t, x, all(policy.When(c.e).At(Now()))), want)
	}
}

func testZeroFilter(t *testing.T, h Harness) {
	x := h.New(t)
	put(t, x, Tenant, Chunk(1, attributes(t, nil)))
	unbound := policy.When(policy.Compare{Path: "until", Op: policy.Lt, Value: policy.Value{Now: true}})
	for name, f := range map[string]policy.Filter{
		"zero": {}, "nil": policy.When(nil), "false": policy.When(policy.Bool(false)), "unbound time": policy.When(policy.Not{X: policy.Exists{Path: "until"}}),
	} {
		if name == "unbound time" {
			f = unbound
		}
		q := all(f)
		same(t, name+" by terms", found(t, x, q), nil)
		q.Terms, q.Vector = nil, Vector(1)
		same(t, name+" by vector", found(t, x, q), nil)
		q = all(policy.AllowAll())
		q.Narrow = []policy.Filter{f}
		same(t, name+" as a narrowing", found(t, x, q), nil)
	}
	same(t, "allow all", found(t, x, all(policy.AllowAll())), []string{"doc-000001"})
}

func testFilters(t *testing.T, h Harness) {
	x := h.New(t)
	r := rand.New(rand.NewPCG(1, 2))
	chunks := make([]index.Chunk, min(h.Points, index.MaxLimit))
	for i := range chunks {
		chunks[i] = Chunk(i, RandomAttributes(r))
	}
	put(t, x, Tenant, chunks...)
	for i := range h.Filters {
		f := policy.When(RandomExpr(r, 1+r.IntN(3))).At(Now())
		var want []string
		for _, c := range chunks {
			if f.Match(c.Attributes) {
				want = append(want, c.Document)
			}
		}
		q := all(f)
		if i%3 == 1 {
			q.Terms, q.Vector = nil, Vector(uint64(i))
		}
		if got := found(t, x, q); !slices.Equal(got, want) {
			t.Fatalf("filter %d selects %d documents, the reference %d\n%s", i, len(got), len(want), f)
		}
	}
}

func testNarrow(t *testing.T, h Harness) {
	x := h.New(t)
	for i := range 6 {
		put(t, x, Tenant, Chunk(i, attributes(t, map[string]any{"class": fmt.Sprint(i % 2), "level": int64(i)})))
	}
	q := all(policy.When(compare("class", policy.Eq, "0")))
	q.Narrow = []policy.Filter{
		policy.When(policy.Or{compare("level", policy.Lt, int64(1)), compare("level", policy.Gt, int64(2))}), // cannot widen
		policy.When(compare("level", policy.Lt, int64(5))),
	}
	same(t, "narrowed", found(t, x, q), []string{"doc-000000", "doc-000004"})
	q.Narrow = []policy.Filter{policy.AllowAll()}
	same(t, "narrowed by everything", found(t, x, q), []string{"doc-000000", "doc-000002", "doc-000004"})
}

func testTenants(t *testing.T, h Harness) {
	x := h.New(t)
	a, b := Chunk(1, attributes(t, nil)), Chunk(2, attributes(t, nil))
	b.ID = PointID("other", b.Document, b.Version, 0)
	put(t, x, Tenant, a)
	put(t, x, "other", b)
	q := all(policy.AllowAll())
	same(t, "own", found(t, x, q), []string{a.Document})
	q.Tenant = "other"
	same(t, "other's", found(t, x, q), []string{b.Document})
	q.Tenant = "nobody"
	same(t, "unknown", found(t, x, q), nil)
	if err := x.Retire(t.Context(), Tenant, b.Document, ""); err != nil {
		t.Fatal(err)
	}
	if err := x.SetAttributes(t.Context(), Tenant, b.Document, attributes(t, map[string]any{"class": "stolen"}), "forged"); err != nil {
		t.Fatal(err)
	}
	q.Tenant, q.Filter = "other", policy.When(policy.Not{X: policy.Exists{Path: "class"}})
	same(t, "untouched from outside", found(t, x, q), []string{b.Document})
}

package indextest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"testing"

	"github.com/doorward/doorward/policy"
	"github.com/doorward/doorward/retrieval/embed"
	"github.com/doorward/doorward/retrieval/index"
)

func versioned(n int, version string, ordinal int) index.Chunk {
	c := Chunk(n, policy.Attributes{})
	c.Version, c.Ordinal = version, ordinal
	c.ID = PointID(Tenant, c.Document, version, ordinal)
	return c
}

func testRetirement(t *testing.T, h Harness) {
	x := h.New(t)
	put(t, x, Tenant, versioned(1, "v1", 0), versioned(1, "v1", 1), versioned(1, "v2", 0), versioned(2, "v1", 0))
	retire := func(doc, version string) {
		t.Helper()
		for range 2 { // twice is as once
			if err := x.Retire(t.Context(), Tenant, doc, version); err != nil {
				t.Fatal(err)
			}
		}
	}
	retire("doc-000001", "v1")
	same(t, "one version", found(t, x, all(policy.AllowAll())), []string{"doc-000001", "doc-000002"})
	retire("doc-000001", "v9")
	retire("doc-999999", "")
	same(t, "nothing such", found(t, x, all(policy.AllowAll())), []string{"doc-000001", "doc-000002"})
	put(t, x, Tenant, versioned(1, "v3", 0))
	retire("doc-000001", "")
	same(t, "the whole document", found(t, x, all(policy.AllowAll())), []string{"doc-000002"})
	put(t, x, Tenant, versioned(1, "v1", 0))
	same(t, "put back", found(t, x, all(policy.AllowAll())), []string{"doc-000001", "doc-000002"})
}

func testIdempotence(t *testing.T, h Harness) {
	x := h.New(t)
	var chunks []index.Chunk
	for i := range 40 {
		chunks = append(chunks, Chunk(i, attributes(t, map[string]any{"level": int64(i)})))
	}
	put(t, x, Tenant, chunks...)
	before := export(t, x)
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := range chunks {
				c := chunks[(i+w*10)%len(chunks)]
				if err := x.Put(context.Background(), Tenant, []index.Chunk{c}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if after := export(t, x); !slices.Equal(before, after) {
		t.Errorf("putting again changed the index: %d lines before, %d after", len(before), len(after))
	}
	changed := chunks[0]
	changed.Terms = []embed.Term{{Key: 4242, Weight: 1}}
	put(t, x, Tenant, changed)
	q := all(policy.AllowAll())
	if got := found(t, x, q); len(got) != len(chunks)-1 {
		t.Errorf("after replacing a chunk's terms %d chunks have the old one, want %d", len(got), len(chunks)-1)
	}
	q.Terms = []embed.Term{{Key: 4242, Weight: 1}}
	same(t, "replaced", found(t, x, q), []string{changed.Document})
}

func export(t *testing.T, x Index) []string {
	t.Helper()
	out, err := index.Export(t.Context(), x, Tenant)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func testAttributes(t *testing.T, h Harness) {
	x := h.New(t)
	before, after := attributes(t, map[string]any{"class": "a"}), attributes(t, map[string]any{"class": "b", "acl.groups": []any{"eng"}})
	c1, c2, c3 := versioned(1, "v1", 0), versioned(1, "v1", 1), Chunk(2, before)
	c1.Attributes, c2.Attributes = before, before
	put(t, x, Tenant, c1, c2, c3)
	if err := x.SetAttributes(t.Context(), Tenant, "doc-000001", after, "receipt-2"); err != nil {
		t.Fatal(err)
	}
	same(t, "old attributes", found(t, x, all(policy.When(compare("class", policy.Eq, "a")))), []string{"doc-000002"})
	hits, err := x.Search(t.Context(), all(policy.When(policy.Any{Path: "acl.groups", X: compare("", policy.Eq, "eng")})))
	if err != nil || len(hits) != 2 {
		t.Fatalf("new attributes: %d hits, %v; want 2", len(hits), err)
	}
	for _, hit := range hits {
		if hit.Receipt != "receipt-2" {
			t.Errorf("receipt %q, want the new one", hit.Receipt)
		}
	}
	// What is no longer said must be gone, not merged.
	if err := x.SetAttributes(t.Context(), Tenant, "doc-000001", attributes(t, nil), "receipt-3"); err != nil {
		t.Fatal(err)
	}
	same(t, "dropped attribute", found(t, x, all(policy.When(policy.Exists{Path: "class"}))), []string{"doc-000002"})
	same(t, "emptied set", found(t, x, all(policy.When(policy.Count{Path: "acl.groups", Op: policy.Gt, N: 0}))), nil)
}

func testRefusals(t *testing.T, h Harness) {
	x := h.New(t)
	ctx := t.Context()
	good := Chunk(1, attributes(t, nil))
	edit := func(f func(*index.Chunk)) []index.Chunk { c := good; f(&c); return []index.Chunk{c} }
	query := func(f func(*index.Query)) error {
		q := all(policy.AllowAll())
		f(&q)
		_, err := x.Search(ctx, q)
		return err
	}
	nan := float32(math.NaN())
	cases := []struct {
		name string
		err  error
		want error
	}{
		{"put without tenant", x.Put(ctx, "", []index.Chunk{good}), index.ErrNoTenant},
		{"retire without tenant", x.Retire(ctx, "", "d", ""), index.ErrNoTenant},
		{"retire without document", x.Retire(ctx, Tenant, "", ""), index.ErrInvalid},
		{"attributes without tenant", x.SetAttributes(ctx, "", "d", nil, ""), index.ErrNoTenant},
		{"attributes without document", x.SetAttributes(ctx, Tenant, "", nil, ""), index.ErrInvalid},
		{"scroll without tenant", x.Scroll(ctx, "", func(index.Chunk) error { return nil }), index.ErrNoTenant},
		{"search without tenant", query(func(q *index.Query) { q.Tenant = "" }), index.ErrNoTenant},
		{"no limit", query(func(q *index.Query) { q.Limit = 0 }), index.ErrInvalid},
		{"limit too high", query(func(q *index.Query) { q.Limit = index.MaxLimit + 1 }), index.ErrInvalid},
		{"query vector of another size", query(func(q *index.Query) { q.Vector = []float32{1} }), index.ErrMismatch},
		{"query weight not a number", query(func(q *index.Query) { q.Terms = []embed.Term{{Key: 1, Weight: nan}} }), index.ErrInvalid},
		{"undeclared path", query(func(q *index.Query) { q.Filter = policy.When(policy.Not{X: compare("nowhere", policy.Eq, "x")}) }), index.ErrFilter},
		{"path of another kind", query(func(q *index.Query) { q.Filter = policy.When(policy.Not{X: compare("level", policy.Eq, "x")}) }), index.ErrFilter},
		{"chunk without id", x.Put(ctx, Tenant, edit(func(c *index.Chunk) { c.ID = "" })), index.ErrInvalid},
		{"chunk without document", x.Put(ctx, Tenant, edit(func(c *index.Chunk) { c.Document = "" })), index.ErrInvalid},
		{"vector of another size", x.Put(ctx, Tenant, edit(func(c *index.Chunk) { c.Vector = []float32{1, 2} })), index.ErrMismatch},
		{"terms out of order", x.Put(ctx, Tenant, edit(func(c *index.Chunk) { c.Terms = []embed.Term{{Key: 2, Weight: 1}, {Key: 1, Weight: 1}} })), index.ErrInvalid},
		{"weight not a number", x.Put(ctx, Tenant, edit(func(c *index.Chunk) { c.Terms = []embed.Term{{Key: 2, Weight: nan}} })), index.ErrInvalid},
	}
	for _, c := range cases {
		if !errors.Is(c.err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, c.err, c.want)
		}
	}
	same(t, "nothing was stored", found(t, x, all(policy.AllowAll())), nil)
}

func testEpochs(t *testing.T, h Harness) {
	x := h.New(t)
	if st, err := x.Statistics(t.Context(), Tenant); err != nil || st.Epoch != 0 || st.Chunks != 0 {
		t.Fatalf("before any epoch: %+v, %v", st, err)
	}
	put(t, x, Tenant, Chunk(1, attributes(t, nil)), Chunk(2, attributes(t, nil)))
	put(t, x, "other", Chunk(9, attributes(t, nil)))
	if st, err := x.DeclareEpoch(t.Context(), Tenant); err != nil || st.Epoch != 1 {
		t.Fatalf("declaring: %+v, %v", st, err)
	}
	put(t, x, Tenant, Chunk(3, attributes(t, nil)))
	check := func(epoch uint64, chunks int) {
		t.Helper()
		st, err := x.Statistics(t.Context(), Tenant)
		if err != nil || st.Epoch != epoch || st.Chunks != chunks || st.Frequency(anyKey) != chunks || st.Frequency(1001) != 1 || st.Frequency(5) != 0 || st.Frequency(1009) != 0 {
			t.Errorf("epoch %d: %+v, any %d, %v; want %d chunks", epoch, st, st.Frequency(anyKey), err, chunks)
		}
	}
	check(1, 2) // not moved by the third chunk
	if err := x.Retire(t.Context(), Tenant, "doc-000002", ""); err != nil {
		t.Fatal(err)
	}
	check(1, 2)
	if _, err := x.DeclareEpoch(t.Context(), Tenant); err != nil {
		t.Fatal(err)
	}
	check(2, 2)
}

func testScroll(t *testing.T, h Harness) {
	x := h.New(t)
	var want []string
	for i := range 600 {
		c := Chunk(i, attributes(t, map[string]any{"level": int64(i), "class": "ü", "hold": true, "years": []any{int64(2020)},
			"grants": []any{map[string]any{"who": "a", "rank": int64(1) << 50}}}))
		put(t, x, Tenant, c)
		want = append(want, c.ID+" "+c.Attributes.Hash())
	}
	slices.Sort(want)
	var got []string
	err := x.Scroll(t.Context(), Tenant, func(c index.Chunk) error {
		got = append(got, c.ID+" "+c.Attributes.Hash())
		if len(c.Terms) != 2 || len(c.Vector) != Dimension || c.Receipt != "receipt-1" || c.Version != "v1" {
			return fmt.Errorf("chunk came back incomplete: %+v", c)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	same(t, "scrolled", got, want)
	stop := errors.New("stop")
	if err := x.Scroll(t.Context(), Tenant, func(index.Chunk) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("scroll returned %v, want the callback's error", err)
	}
}

// testMending takes points out by id, in one tenant only.
func testMending(t *testing.T, h Harness) {
	x := h.New(t)
	mine, other := versioned(1, "v1", 0), versioned(2, "v1", 0)
	put(t, x, Tenant, mine, versioned(1, "v1", 1))
	put(t, x, "elsewhere", other)
	for range 2 {
		if err := x.Remove(t.Context(), Tenant, []string{mine.ID, other.ID}); err != nil {
			t.Fatal(err)
		}
	}
	same(t, "removed", found(t, x, all(policy.AllowAll())), []string{"doc-000001"})
	if n := len(export(t, x)); n != 1 {
		t.Errorf("%d points left, want 1", n)
	}
	tenants, err := x.Tenants(t.Context())
	slices.Sort(tenants)
	if err != nil || !slices.Equal(tenants, []string{Tenant, "elsewhere"}) && !slices.Equal(tenants, []string{"elsewhere", Tenant}) {
		t.Errorf("tenants %q, %v", tenants, err)
	}
	if err := x.Remove(t.Context(), "", []string{mine.ID}); !errors.Is(err, index.ErrNoTenant) {
		t.Errorf("no tenant: %v", err)
	}
}

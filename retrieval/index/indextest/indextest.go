// Package indextest is the suite every index passes. The reference for what a
// filter selects is policy.Filter.Match; for rankings, sums computed here.
package indextest

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"

	"github.com/doorward/doorward/policy"
	"github.com/doorward/doorward/retrieval/embed"
	"github.com/doorward/doorward/retrieval/index"
)

// Index is what the suite exercises.
type Index interface {
	index.Reader
	index.Mender
	index.Epochs
}

// Harness makes indexes for the suite.
type Harness struct {
	// New returns an empty index with [Pins] and [Schema], closed by t.Cleanup.
	New func(t *testing.T) Index
	// Points and Filters scale the comparison with Filter.Match; 0: 1,000 and
	// 300. DOORWARD_TEST_TRIPLES=1000000 sets Filters so that so many decisions
	// are compared.
	Points, Filters int
	// Answers is how many are compared before and after forbidden documents
	// come in; 0: DOORWARD_TEST_ANSWERS, or 30.
	Answers int
	// Tolerance of scores; 0: 1e-5.
	Tolerance float64
	// LooseTies says that equal scores come in no fixed order, so that answers
	// are not compared byte by byte.
	LooseTies bool
}

// Dimension of the suite's vectors.
const Dimension = 8

// Pins of the suite's indexes.
func Pins() index.Pins {
	return index.Pins{Analysis: "indextest", Model: "indextest", Dimension: Dimension}
}

// Schema of the suite's documents: every kind there is.
func Schema() policy.Schema {
	return policy.Schema{
		"class":      {Kind: policy.String},
		"level":      {Kind: policy.Int},
		"until":      {Kind: policy.Time},
		"hold":       {Kind: policy.BoolKind},
		"acl.users":  {Kind: policy.StringSet},
		"acl.groups": {Kind: policy.StringSet},
		"years":      {Kind: policy.IntSet},
		"grants": {Kind: policy.ObjectList, Fields: map[string]policy.Kind{
			"who": policy.String, "rank": policy.Int, "revoked": policy.BoolKind,
		}},
	}
}

// Run runs the suite.
func Run(t *testing.T, h Harness) {
	h = h.withDefaults(t)
	for _, c := range []struct {
		name string
		run  func(*testing.T, Harness)
	}{
		{"access", testAccess},
		{"zero filter", testZeroFilter},
		{"tenants", testTenants},
		{"filters match the reference", testFilters},
		{"narrowing", testNarrow},
		{"retirement", testRetirement},
		{"mending", testMending},
		{"idempotence", testIdempotence},
		{"attribute change", testAttributes},
		{"ranking", testRanking},
		{"hybrid", testHybrid},
		{"refusals", testRefusals},
		{"epochs", testEpochs},
		{"scroll", testScroll},
		{"non-interference", testNonInterference},
		{"concurrent readers", testConcurrent},
	} {
		t.Run(c.name, func(t *testing.T) { c.run(t, h) })
	}
}

func (h Harness) withDefaults(t *testing.T) Harness {
	number := func(name string, d int) int {
		n, err := strconv.Atoi(os.Getenv(name))
		if os.Getenv(name) != "" && err != nil {
			t.Fatalf("%s is not a number", name)
		}
		if n > 0 {
			return n
		}
		return d
	}
	if h.Points == 0 {
		h.Points = 1000
	}
	if h.Filters == 0 {
		h.Filters = max(1, number("DOORWARD_TEST_TRIPLES", 300*h.Points)/h.Points)
	}
	if h.Answers == 0 {
		h.Answers = number("DOORWARD_TEST_ANSWERS", 30)
	}
	if h.Tolerance == 0 {
		h.Tolerance = 1e-5
	}
	return h
}

// Tenant is the suite's first tenant.
const Tenant = "acme"

// anyKey is a term every chunk of [Chunk] holds, so that a search for it finds
// all that the filter selects.
const anyKey = 7

// Chunk returns a chunk numbered n of a document of its own.
func Chunk(n int, attrs policy.Attributes) index.Chunk {
	doc := fmt.Sprintf("doc-%06d", n)
	return index.Chunk{
		ID: PointID(Tenant, doc, "v1", 0), Document: doc, Version: "v1",
		Terms:      []embed.Term{{Key: anyKey, Weight: 1}, {Key: uint32(1000 + n), Weight: 2}},
		Vector:     Vector(uint64(n)),
		Attributes: attrs, Receipt: "receipt-1",
	}
}

// Vector returns a random vector, the same for the same seed.
func Vector(seed uint64) []float32 {
	r := rand.New(rand.NewPCG(seed, 99))
	v := make([]float32, Dimension)
	for i := range v {
		v[i] = float32(r.NormFloat64())
	}
	return v
}

// all asks for every chunk the filter selects.
func all(f policy.Filter) index.Query {
	return index.Query{Tenant: Tenant, Terms: []embed.Term{{Key: anyKey, Weight: 1}}, Filter: f, Limit: index.MaxLimit}
}

func put(t *testing.T, x Index, tenant string, chunks ...index.Chunk) {
	t.Helper()
	for part := range slices.Chunk(chunks, 250) {
		if err := x.Put(t.Context(), tenant, part); err != nil {
			t.Fatal(err)
		}
	}
}

// found returns the ids of documents, sorted.
func found(t *testing.T, x Index, q index.Query) []string {
	t.Helper()
	hits, err := x.Search(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, h := range hits {
		out = append(out, h.Document)
	}
	slices.Sort(out)
	return out
}

func same(t *testing.T, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: got %d %v, want %d %v", what, len(got), clip(got), len(want), clip(want))
	}
}

func clip(s []string) []string { return s[:min(len(s), 12)] }

package index_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/doorward/doorward/policy"
	"github.com/doorward/doorward/retrieval/embed"
	"github.com/doorward/doorward/retrieval/index"
	"github.com/doorward/doorward/retrieval/index/sqlite"
)

// A search without a filter finds nothing; one must say what may be seen.
func Example() {
	dir, _ := os.MkdirTemp("", "index")
	defer os.RemoveAll(dir)
	x, err := sqlite.Open(sqlite.Config{Path: filepath.Join(dir, "index.db"), Pins: &index.Pins{Analysis: "demo"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer x.Close()
	ctx := context.Background()
	err = x.Put(ctx, "acme", []index.Chunk{{
		ID: "1", Document: "handbook", Version: "v1", Receipt: "r",
		Terms:      []embed.Term{{Key: 42, Weight: 1}},
		Attributes: policy.Attributes{"class": "public"},
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	q := index.Query{Tenant: "acme", Terms: []embed.Term{{Key: 42, Weight: 1}}, Limit: 10}
	hits, err := x.Search(ctx, q)
	fmt.Println(len(hits), err)
	q.Filter = policy.When(policy.Compare{Path: "class", Op: policy.Eq, Value: policy.Value{Const: "public"}})
	hits, err = x.Search(ctx, q)
	fmt.Println(len(hits), hits[0].Document, err)
	q.Tenant = ""
	_, err = x.Search(ctx, q)
	fmt.Println(errors.Is(err, index.ErrNoTenant))
	// Output:
	// 0 <nil>
	// 1 handbook <nil>
	// true
}

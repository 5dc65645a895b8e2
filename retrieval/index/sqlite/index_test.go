package sqlite_test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/doorward/doorward/policy"
	"github.com/doorward/doorward/retrieval/embed"
	"github.com/doorward/doorward/retrieval/index"
	"github.com/doorward/doorward/retrieval/index/indextest"
	"github.com/doorward/doorward/retrieval/index/sqlite"
)

// TestRenderMatchesReference holds the SQL to Filter.Match over random
// attributes and expressions, malformed attributes included.
func TestRenderMatchesReference(t *testing.T) {
	db, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	if _, err := db.Exec("CREATE TABLE points (n INTEGER PRIMARY KEY, attributes TEXT)"); err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(11, 12))
	var docs []policy.Attributes
	for i := range 300 {
		a := indextest.RandomAttributes(r)
		if i%10 == 0 { // what no schema allows must still not match by accident
			a = odd(i/10, a)
		}
		docs = append(docs, a)
		b, _ := json.Marshal(a)
		if _, err := db.Exec("INSERT INTO points VALUES (?, ?)", i, string(b)); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 1000 {
		f := policy.When(indextest.RandomExpr(r, 1+r.IntN(3))).At(indextest.Now())
		where, args, err := sqlite.Render(f, nil)
		if err != nil {
			t.Fatalf("filter %d: %v\n%s", i, err, f)
		}
		got := map[int]bool{}
		rows, err := db.Query("SELECT n FROM points WHERE "+where, args...)
		if err != nil {
			t.Fatalf("filter %d: %v\n%s", i, err, where)
		}
		for rows.Next() {
			var n int
			rows.Scan(&n)
			got[n] = true
		}
		rows.Close()
		for n, d := range docs {
			if got[n] != f.Match(d) {
				t.Fatalf("filter %d, document %d: SQL says %v, the reference %v\n%s\n%v", i, n, got[n], !got[n], f, d)
			}
		}
	}
}

// odd returns attributes of wrong types.
func odd(n int, a policy.Attributes) policy.Attributes {
	switch n % 5 {
	case 0:
		return policy.Attributes{"class": int64(1), "level": "3", "hold": int64(1), "until": true}
	case 1:
		return policy.Attributes{"class": []any{"a", "b"}, "level": []any{int64(3)}}
	case 2:
		return policy.Attributes{"acl": map[string]any{"groups": "a", "users": map[string]any{"a": "a"}}, "years": int64(2020)}
	case 3:
		return policy.Attributes{"grants": "a", "level": true}
	}
	return policy.Attributes{}
}

func TestRenderIsParametersOnly(t *testing.T) {
	const evil = "x' OR 1=1 --"
	f := policy.When(policy.And{
		policy.Compare{Path: "class", Op: policy.Eq, Value: policy.Value{Const: evil}},
		policy.Not{X: policy.Any{Path: "acl.groups", X: policy.In{Values: []any{evil, evil + "2"}}}},
	})
	where, args, err := sqlite.Render(f, indextest.Schema())
	if err != nil || strings.Contains(where, "OR 1=1") || strings.Contains(where, "acl") || strings.Count(where, "?") != len(args) {
		t.Errorf("%v\n%s\n%v", err, where, args)
	}
	for name, f := range map[string]policy.Filter{"zero": {}, "false": policy.When(policy.Or{}), "unbound": policy.When(policy.NowCompare{Op: policy.Gt})} {
		if where, _, err := sqlite.Render(f, nil); where != "0" || err != nil {
			t.Errorf("%s: %q, %v", name, where, err)
		}
	}
	quote := policy.When(policy.Not{X: policy.Exists{Path: `a"b`}})
	if where, _, err := sqlite.Render(quote, nil); where != "0" || !errors.Is(err, index.ErrFilter) {
		t.Errorf("a path with a quote: %q, %v", where, err)
	}
}

func TestPinsAreKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "index.db")
	try := func(p *index.Pins) error {
		x, err := sqlite.Open(sqlite.Config{Path: path, Pins: p})
		if err == nil {
			if p == nil && x.Pins().Model != "b" {
				t.Errorf("took over pins %+v", x.Pins())
			}
			err = x.Close()
		}
		return err
	}
	a, b := index.Pins{Analysis: "1", Model: "a", Dimension: 4}, index.Pins{Analysis: "1", Model: "b", Dimension: 4}
	if err := errors.Join(try(&a), try(&b)); err != nil {
		t.Fatalf("an empty index takes any pins: %v", err)
	}
	x, err := sqlite.Open(sqlite.Config{Path: path, Pins: &b})
	if err != nil {
		t.Fatal(err)
	}
	if err := x.Put(t.Context(), "t", []index.Chunk{{ID: "1", Document: "d", Version: "v"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := sqlite.Open(sqlite.Config{Path: path, Pins: &b}); !errors.Is(err, index.ErrUnavailable) {
		t.Errorf("opened twice at once: %v", err)
	}
	x.Close()
	err = try(&a)
	if !errors.Is(err, index.ErrMismatch) || !strings.Contains(err.Error(), "reindex") {
		t.Errorf("another model: %v", err)
	}
	if err := errors.Join(try(&b), try(nil)); err != nil {
		t.Error(err)
	}
}

func TestClosedAndCancelled(t *testing.T) {
	x := open(t, filepath.Join(t.TempDir(), "index.db"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := x.Put(ctx, "t", []index.Chunk{{ID: "1", Document: "d", Version: "v"}}); !errors.Is(err, index.ErrUnavailable) {
		t.Errorf("put with a cancelled context: %v", err)
	}
	q := index.Query{Tenant: "t", Terms: []embed.Term{{Key: 1, Weight: 1}}, Filter: policy.AllowAll(), Limit: 1}
	if _, err := x.Search(ctx, q); !errors.Is(err, index.ErrUnavailable) {
		t.Errorf("search with a cancelled context: %v", err)
	}
	x.Close()
	for name, err := range map[string]error{
		"put": x.Put(t.Context(), "t", []index.Chunk{{ID: "1", Document: "d", Version: "v"}}), "health": x.Health(t.Context()), "close": x.Close(),
	} {
		if name == "close" != (err == nil) {
			t.Errorf("%s after closing: %v", name, err)
		}
	}
}

// TestCompaction replaces chunks until the dead outnumber the living, and
// expects answers and memory to stay as if they had never been.
func TestCompaction(t *testing.T) {
	x := open(t, filepath.Join(t.TempDir(), "index.db"))
	fresh := open(t, filepath.Join(t.TempDir(), "index.db"))
	r := rand.New(rand.NewPCG(5, 5))
	var last []index.Chunk
	for round := range 12 {
		var chunks []index.Chunk
		for i := range 300 {
			c := indextest.Chunk(i, indextest.RandomAttributes(r))
			c.Vector = indextest.Vector(uint64(round*1000 + i))
			chunks = append(chunks, c)
		}
		if err := x.Put(t.Context(), indextest.Tenant, chunks); err != nil {
			t.Fatal(err)
		}
		last = chunks
	}
	if err := fresh.Put(t.Context(), indextest.Tenant, last); err != nil {
		t.Fatal(err)
	}
	for i := range 60 {
		q := index.Query{Tenant: indextest.Tenant, Terms: []embed.Term{{Key: 7, Weight: 1}, {Key: uint32(1000 + i), Weight: 2}}, Vector: indextest.Vector(uint64(i)),
			Filter: policy.When(indextest.RandomExpr(r, 2)).At(indextest.Now()), Limit: 40}
		a, err1 := x.Search(t.Context(), q)
		b, err2 := fresh.Search(t.Context(), q)
		if err1 != nil || err2 != nil || fmt.Sprint(a) != fmt.Sprint(b) {
			t.Fatalf("query %d: %v %v; answers differ from those of a fresh index", i, err1, err2)
		}
	}
}

// TestNoWordsAtRest looks for a thousand words of the documents in the files.
func TestNoWordsAtRest(t *testing.T) {
	dir := t.TempDir()
	a, err := embed.NewAnalyzer(embed.Config{})
	if err != nil {
		t.Fatal(err)
	}
	x, err := sqlite.Open(sqlite.Config{Path: filepath.Join(dir, "index.db"), Pins: &index.Pins{Analysis: a.Fingerprint()}})
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(8, 8))
	var words []string
	for range 1000 {
		w := ""
		for range 7 {
			w += string(rune('a' + r.IntN(26)))
		}
		words = append(words, w)
	}
	for i := 0; i < len(words); i += 10 {
		text := strings.Join(words[i:i+10], " ")
		err := x.Put(t.Context(), "t", []index.Chunk{{ID: fmt.Sprint(i), Document: fmt.Sprint("d", i), Version: "v", Attributes: policy.Attributes{"level": int64(1)},
			Terms: a.Analyze([]byte("key"), embed.Document{Title: text, Body: text})}})
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := x.DeclareEpoch(t.Context(), "t"); err != nil {
		t.Fatal(err)
	}
	grep := func(when string) {
		files, _ := filepath.Glob(filepath.Join(dir, "*"))
		for _, f := range files {
			b, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			b = bytes.ToLower(b)
			for _, w := range words {
				if bytes.Contains(b, []byte(w)) {
					t.Fatalf("%s: a document's word stands in %s", when, filepath.Base(f))
				}
			}
			if fi, _ := os.Stat(f); fi.Mode().Perm() != 0o600 {
				t.Errorf("%s has mode %v", filepath.Base(f), fi.Mode().Perm())
			}
		}
	}
	grep("open")
	x.Close()
	grep("closed")
}

// TestPurge: retired vectors are gone from the files.
func TestPurge(t *testing.T) {
	dir := t.TempDir()
	x := openWith(t, filepath.Join(dir, "index.db"), 5)
	c := indextest.Chunk(1, nil)
	chunks := []index.Chunk{c}
	for i := range 7 { // enough for a segment, which keeps its other points
		chunks = append(chunks, indextest.Chunk(i+2, nil))
	}
	if err := x.Put(t.Context(), "t", chunks); err != nil {
		t.Fatal(err)
	}
	if err := x.Retire(t.Context(), "t", c.Document, ""); err != nil {
		t.Fatal(err)
	}
	if err := x.Purge(t.Context()); err != nil {
		t.Fatal(err)
	}
	files, _ := filepath.Glob(filepath.Join(dir, "*"))
	for _, f := range files {
		b, _ := os.ReadFile(f)
		if bytes.Contains(b, []byte(c.ID)) || bytes.Contains(b, []byte(c.Document)) {
			t.Errorf("%s still holds the retired chunk", filepath.Base(f))
		}
	}
}

func ExampleRender() {
	where, args, err := sqlite.Render(policy.When(policy.Compare{Path: "level", Op: policy.Lte, Value: policy.Value{Now: true}}).At(time.Unix(3, 0)), nil)
	fmt.Println(where, args, err)
	where, _, _ = sqlite.Render(policy.Filter{}, nil)
	fmt.Println(where)
	// Output:
	// (json_type(attributes, ?) IS 'integer' AND json_extract(attributes, ?) <= ?) [$."level" $."level" 3] <nil>
	// 0
}

package test

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"math/rand"
	"os"
	"strconv"
	"testing"
	"testing/fstest"
	"time"

	_ "modernc.org/sqlite"

	"github.com/doorward/doorward/policy"
	"github.com/doorward/doorward/policy/rego"
	"github.com/doorward/doorward/policy/rego/regotest"
	indexsqlite "github.com/doorward/doorward/retrieval/index/sqlite"
)

// TestPolicyFuzz decides random policies for random subjects and documents in
// four ways that must agree: OPA's full evaluation of the policy as written, the
// plan's filter by its reference semantics, and the same filter as SQLite sees
// it, and, for the filter's own sake, the filter simplified once more.
// DOORWARD_FUZZ is the number of decisions; `make policy-fuzz` asks for a
// million. DOORWARD_SEED repeats a run.
func TestPolicyFuzz(t *testing.T) {
	want, seed := 20_000, int64(1)
	if n, err := strconv.Atoi(os.Getenv("DOORWARD_FUZZ")); err == nil {
		want = n
	}
	if n, err := strconv.ParseInt(os.Getenv("DOORWARD_SEED"), 10, 64); err == nil {
		seed = n
	}
	f := &policyFuzz{r: rand.New(rand.NewSource(seed)), db: openMemory(t)}
	start := time.Now()
	for f.decisions < want && f.failures < 5 {
		f.one(t)
	}
	t.Logf("%d decisions (%d allowed) over %d policies in %s; %d policies refused, %d plans refused; %d disagreements",
		f.decisions, f.allowed, f.policies, time.Since(start).Round(time.Millisecond), f.refused, f.unplanned, f.failures)
	if f.refused+f.unplanned > f.policies/50 {
		t.Errorf("more than 2 %% of policies from the supported fragment were refused")
	}
}

type policyFuzz struct {
	r                            *rand.Rand
	db                           *sql.DB
	decisions, allowed, policies int
	refused, unplanned, failures int
}

func openMemory(t *testing.T) *sql.DB {
	db, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	db.SetMaxOpenConns(1)
	if _, err := db.Exec("create table documents (id integer primary key, attributes text not null)"); err != nil {
		t.Fatal(err)
	}
	return db
}

const fuzzDocuments, fuzzSubjects = 80, 3

func (f *policyFuzz) one(t *testing.T) {
	f.policies++
	rules := regotest.Policy(f.r)
	s, diags, err := rego.Load(context.Background(), rego.Config{
		Files:    fstest.MapFS{"access.rego": {Data: []byte("package doorward.access\n\nimport rego.v1\n\n" + rules)}},
		Document: regotest.Schema(), Claims: regotest.Claims(), Timeout: time.Minute}) // machines that fuzz are busy
	if err != nil {
		f.refused++
		t.Logf("refused: %v\n%s\n%s", err, diags, rules)
		return
	}
	docs := regotest.Documents(f.r, fuzzDocuments)
	if err := f.fill(docs); err != nil {
		t.Fatal(err)
	}
	for range fuzzSubjects {
		f.decide(t, s, regotest.Subject(f.r), docs, rules)
	}
}

func (f *policyFuzz) fill(docs []policy.Attributes) error {
	tx, err := f.db.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if _, err := tx.Exec("delete from documents"); err != nil {
		return err
	}
	for i, d := range docs {
		text, err := json.Marshal(d)
		if err != nil {
			return err
		}
		if _, err := tx.Exec("insert into documents values (?, ?)", i, string(text)); err != nil {
			return err
		}
	}
	return tx.Commit()
}

func (f *policyFuzz) decide(t *testing.T, s *rego.Snapshot, sub policy.Subject, docs []policy.Attributes, rules string) {
	c := policy.Context{Now: time.Unix(regotest.Now(f.r), 0), Purpose: "support", Destination: "internal"}
	filter, _, err := s.Plan(context.Background(), sub, c)
	if err != nil {
		f.unplanned++
		t.Logf("not planned: %v\n%s", err, rules)
		return
	}
	full, err := s.Check(context.Background(), sub, c, docs)
	if err != nil {
		t.Fatal(err)
	}
	found, err := f.search(filter)
	if err != nil {
		t.Fatalf("%v\n%s", err, rules)
	}
	expr, now, ok := filter.Expr()
	again := policy.When(policy.Simplify(expr)).At(now)
	for i, d := range docs {
		f.decisions++
		if full[i].Allow {
			f.allowed++
		}
		plan, store, simple := filter.Match(d), found[i], ok && again.Match(d)
		if plan != full[i].Allow || store != full[i].Allow || simple != full[i].Allow {
			f.failures++
			t.Errorf("evaluation %v (%s), plan %v, SQLite %v, simplified %v\ndocument %v\nsubject %+v\nfilter %s\n%s",
				full[i].Allow, full[i].Reason, plan, store, simple, d, sub, filter, rules)
			return
		}
	}
}

func (f *policyFuzz) search(filter policy.Filter) (map[int]bool, error) {
	where, args, err := indexsqlite.Render(filter, regotest.Schema())
	if err != nil {
		return nil, fmt.Errorf("rendering: %w", err)
	}
	rows, err := f.db.Query("select id from documents where "+where, args...)
	if err != nil {
		return nil, fmt.Errorf("searching: %w", err)
	}
	defer rows.Close()
	found := map[int]bool{}
	for rows.Next() {
		var id int
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		found[id] = true
	}
	return found, rows.Err()
}

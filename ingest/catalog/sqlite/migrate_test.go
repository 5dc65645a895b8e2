package sqlite

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/doorward/doorward/ingest/catalog"
)

// TestIntentsOfBefore: what a program before schema version 12 stored and did not
// commit is found by this one, and committed.
func TestIntentsOfBefore(t *testing.T) {
	ctx := context.Background()
	c := Config{Dir: t.TempDir(), Keys: ring(t), Keep: time.Hour}
	cat, err := Open(ctx, c)
	if err != nil {
		t.Fatal(err)
	}
	_, v := written(rand.New(rand.NewPCG(1, 1)), 1)
	if err := cat.Intend(ctx, []catalog.Version{v}); err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{`drop trigger sum_arrivals_insert`, `drop trigger sum_arrivals_update`, `drop trigger sum_arrivals_delete`, `alter table arrivals drop column brought`, `drop index versions_state`, `update versions set state = 'intent' where state = 'next'`,
		`create index versions_state on versions (state) where state = 'intent'`, `update meta set value = '11' where key = 'schema'`} {
		if _, err := cat.DB().(*DB).Write.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	if err := cat.Close(); err != nil {
		t.Fatal(err)
	}
	if cat, err = Open(ctx, c); err != nil {
		t.Fatal(err)
	}
	defer cat.Close()
	list, err := cat.Intents(ctx)
	if err != nil || len(list) != 1 || list[0].Ref != v.Ref || len(list[0].Prints) != len(v.Prints) || list[0].Chunks[7].Text != v.Chunks[7].Text {
		t.Fatalf("%d intents, %v", len(list), err)
	}
	if err := cat.Commit(ctx, []catalog.Ref{v.Ref}); err != nil {
		t.Fatal(err)
	}
	if docs, err := cat.Documents(ctx, v.Tenant, []string{v.Document}); err != nil || docs[v.Document].Version != v.Version {
		t.Errorf("%v, %v", docs, err)
	}
}

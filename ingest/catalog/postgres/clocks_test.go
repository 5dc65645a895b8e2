package postgres

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/doorward/doorward/ingest/catalog"
	"github.com/doorward/doorward/ingest/catalog/postgres/postgrestest"
	"github.com/doorward/doorward/ingest/catalog/relational"
	"github.com/doorward/doorward/sanitize/fingerprint"
)

// Machines whose clocks differ by hours share a catalog. What one protects every
// other knows with its next question, also when its transaction began before, and
// is committed after, others that were already noticed.
func TestProtectedTextUnderSkewedClocks(t *testing.T) {
	url, r := postgrestest.URL(t), ring(t)
	at := func(skew time.Duration) *relational.Catalog {
		c, err := Open(ctx, Config{URL: url, Connections: 4}, r, func() time.Time { return time.Now().Add(skew) })
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
	machines := []*relational.Catalog{at(0), at(5 * time.Hour), at(-5 * time.Hour), at(-time.Minute)}
	protected := 0
	knows := func() {
		t.Helper()
		for i, c := range machines {
			var asked []fingerprint.Print
			for p := range protected {
				asked = append(asked, fingerprint.Print(p+1))
			}
			owners, err := c.Owners(ctx, "acme", asked)
			if err != nil {
				t.Fatal(err)
			}
			for p, o := range owners {
				if len(o) != 1 || o[0] != fmt.Sprint("d", p) {
					t.Errorf("machine %d: document %d of %d is protected by %v", i, p, protected, o)
				}
			}
		}
	}
	protect := func(c *relational.Catalog, n int, last func(relational.Tx) error) error {
		v := catalog.Version{Ref: catalog.Ref{Tenant: "acme", Document: fmt.Sprint("d", n), Version: "v"}, Prints: catalog.Prints{fingerprint.Print(n + 1)}}
		return errors.Join(c.Intend(ctx, []catalog.Version{v}), c.CommitWith(ctx, []catalog.Ref{v.Ref}, last))
	}
	nothing := func(relational.Tx) error { return nil }
	for range 3 {
		for _, c := range machines {
			if err := protect(c, protected, nothing); err != nil {
				t.Fatal(err)
			}
			protected++
			knows()
		}
	}
	// The later one is committed, and everybody asks, while the earlier is still open.
	n := protected
	begun, end, ended := make(chan bool), make(chan bool), make(chan error, 1)
	go func() {
		ended <- protect(machines[2], n, func(tx relational.Tx) error {
			_, err := tx.Exec(ctx, `select 1`) // sends what was queued
			close(begun)
			<-end
			return err
		})
	}()
	<-begun
	if err := protect(machines[1], n+1, nothing); err != nil {
		t.Fatal(err)
	}
	for _, c := range machines {
		if owners, err := c.Owners(ctx, "acme", []fingerprint.Print{fingerprint.Print(n + 1), fingerprint.Print(n + 2)}); err != nil || len(owners[0]) != 0 || len(owners[1]) != 1 {
			t.Fatalf("before the earlier one is committed: %v %v", owners, err)
		}
	}
	close(end)
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	protected += 2
	knows()
}

package catalogtest

import (
	"context"
	"fmt"
	"testing"

	"github.com/doorward/doorward/ingest/catalog"
	"github.com/doorward/doorward/sanitize/fingerprint"
)

// Owner is what the output filter asks.
type Owner interface {
	Owners(ctx context.Context, tenant string, prints []fingerprint.Print) ([][]string, error)
}

// prints are found by their documents as long as these are live with them, also
// where they share half of themselves with another.
func prints(t *testing.T, s Store, reopen func() Store) {
	const half = fingerprint.Print(0xfedcba98) << 32
	ask := func(want string, prints ...fingerprint.Print) {
		t.Helper()
		got, err := s.Owners(ctx, tenant, prints)
		must(t, err)
		if fmt.Sprint(got) != want {
			t.Errorf("owners of %x are %v, want %s", prints, got, want)
		}
	}
	ask("[[]]", half|1)
	for i := range 40 {
		v := version(fmt.Sprintf("d%02d", i), "v1", "x")
		v.Prints = catalog.Prints{half | 1, fingerprint.Print(i), half | fingerprint.Print(100+i)}
		put(t, s, v)
		if i == 3 {
			ask("[[d00 d01 d02 d03] [d02] [] [d01]]", half|1, 2, 30, half|101)
		}
	}
	ask("[[] [d02] [d30] [d01]]", half|2, 2, 30, half|101)
	v := version("d02", "v2", "y")
	v.Prints = catalog.Prints{7777}
	put(t, s, v)
	ask("[[] [d02]]", 2, 7777)
	must(t, s.Retire(ctx, []catalog.Ref{{Tenant: tenant, Document: "d30"}}, catalog.Retired))
	ask("[[]]", 30)
	s = reopen()
	ask("[[] [d02] [] [d31]]", 2, 7777, 30, 31)
	if got, err := s.Owners(ctx, "globex", []fingerprint.Print{31}); err != nil || len(got[0]) != 0 {
		t.Errorf("another tenant is told %v, %v", got, err)
	}
}

// printsReplaced: the same documents change again and again, each of them asked for
// after every change, as a service does that lives long.
func printsReplaced(t *testing.T, s Store, _ func() Store) {
	ask := func(want string, p int) {
		t.Helper()
		got, err := s.Owners(ctx, tenant, []fingerprint.Print{fingerprint.Print(p) << 32})
		must(t, err)
		if fmt.Sprint(got) != want {
			t.Fatalf("owners of %d are %v, want %s", p, got, want)
		}
	}
	for i := range 300 {
		document := fmt.Sprint("d", i%3)
		v := version(document, fmt.Sprint("v", i), "x")
		v.Prints = catalog.Prints{fingerprint.Print(i) << 32}
		put(t, s, v)
		ask("[["+document+"]]", i)
		if i >= 3 {
			ask("[[]]", i-3)
		}
	}
}

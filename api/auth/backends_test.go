package auth

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/doorward/doorward/policy"
)

func register(t *testing.T, dir string) *Backends {
	t.Helper()
	b, err := OpenBackends(dir)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// seen makes the next look-up read the file, as half a second would.
func (b *Backends) seen() {
	b.mu.Lock()
	b.read = time.Time{}
	b.mu.Unlock()
}

func TestRotationOverlaps(t *testing.T) {
	b := register(t, t.TempDir())
	first, err := b.Add(Backend{ID: "chat", Tenant: "acme", Created: now, Expires: now.Add(30 * 24 * time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	later := now.Add(24 * time.Hour)
	second, err := b.Rotate("chat", Rotation{Overlap: time.Hour, Now: later})
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name string
		key  string
		at   time.Duration // after the rotation
		want bool
	}{
		{"both in the overlap: old", first.Key, 59 * time.Minute, true}, {"both in the overlap: new", second.Key, 0, true},
		{"old after it", first.Key, time.Hour, false}, {"new after it", second.Key, 29 * 24 * time.Hour, true},
		{"new lives as long as the one before did", second.Key, 31 * 24 * time.Hour, false},
	} {
		if _, err := b.byKey(tc.key, later.Add(tc.at)); (err == nil) != tc.want {
			t.Errorf("%s: %v", tc.name, err)
		}
	}
	if _, err := b.Rotate("chat", Rotation{Now: later}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.byKey(second.Key, later); err == nil {
		t.Error("without an overlap the old key went on")
	}
}

func TestRevocationHoldsWhileServing(t *testing.T) {
	dir := t.TempDir()
	serving, cli := register(t, dir), register(t, dir)
	c, err := cli.Add(Backend{ID: "chat", Tenant: "acme"})
	if err != nil {
		t.Fatal(err)
	}
	serving.seen()
	if _, err := serving.byKey(c.Key, now); err != nil {
		t.Fatalf("a backend registered while serving: %v", err)
	}
	if err := cli.Revoke("chat", "", now); err != nil {
		t.Fatal(err)
	}
	serving.seen()
	if _, err := serving.byKey(c.Key, now); err == nil || !strings.Contains(err.Error(), "revoked") {
		t.Errorf("after revocation: %v", err)
	}
	if _, err := cli.Rotate("chat", Rotation{Now: now}); !errors.Is(err, ErrBackend) {
		t.Errorf("a revoked backend got a key: %v", err)
	}
}

// TestNewKeyWorksAtOnce: a key that is not in the register as it was last read has
// it read again; keys that are in no register cannot have it read all the time.
func TestNewKeyWorksAtOnce(t *testing.T) {
	dir := t.TempDir()
	serving, cli := register(t, dir), register(t, dir)
	stale := func() { // it was read a moment ago, before what follows
		serving.mu.Lock()
		defer serving.mu.Unlock()
		serving.read = time.Now().Add(-unknownEvery)
	}
	serving.List()
	made, err := cli.Add(Backend{ID: "chat", Tenant: "acme"})
	if err != nil {
		t.Fatal(err)
	}
	stale()
	if _, err := serving.byKey(made.Key, now); err != nil {
		t.Errorf("a new backend: %v", err)
	}
	rotated, err := cli.Rotate("chat", Rotation{Now: now})
	if err != nil {
		t.Fatal(err)
	}
	stale()
	if _, err := serving.byKey(rotated.Key, now); err != nil {
		t.Errorf("a new key: %v", err)
	}
	if _, err := serving.byKey(made.Key, now); err == nil {
		t.Error("the key before goes on")
	}
	began, before := time.Now(), serving.looks
	for range 20_000 {
		if _, err := serving.byKey(made.Key, now); err == nil {
			t.Fatal("an old key works")
		}
	}
	if n, most := serving.looks-before, int(time.Since(began)/unknownEvery)+1; n > most {
		t.Errorf("20,000 unknown keys had the register looked at %d times in %v", n, time.Since(began))
	}
}

func TestOneKeyRevoked(t *testing.T) {
	b := register(t, t.TempDir())
	first, _ := b.Add(Backend{ID: "chat", Tenant: "acme", Created: now})
	second, err := b.Rotate("chat", Rotation{Overlap: time.Hour, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Revoke("chat", "1", now); err != nil {
		t.Fatal(err)
	}
	if _, err := b.byKey(first.Key, now); err == nil {
		t.Error("the revoked key works")
	}
	if _, err := b.byKey(second.Key, now); err != nil {
		t.Error(err)
	}
}

// A register that cannot be read leaves nobody believed, and heals by itself.
func TestUnreadableRegisterDenies(t *testing.T) {
	dir := t.TempDir()
	b := register(t, dir)
	c, _ := b.Add(Backend{ID: "chat", Tenant: "acme"})
	path := filepath.Join(dir, BackendsFile)
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func() error{
		"cut short": func() error { return os.WriteFile(path, good[:len(good)/2], 0o600) },
		"readable":  func() error { return os.Chmod(path, 0o644) },
		"unknown scope": func() error {
			return os.WriteFile(path, []byte(`[{"id":"chat","tenant":"acme","scopes":["*"]}]`), 0o600)
		},
	} {
		if err := spoil(); err != nil {
			t.Fatal(err)
		}
		b.seen()
		if _, err := b.byKey(c.Key, now); !errors.Is(err, ErrRegister) {
			t.Errorf("%s: %v", name, err)
		}
		if err := errors.Join(os.WriteFile(path, good, 0o600), os.Chmod(path, 0o600)); err != nil {
			t.Fatal(err)
		}
		b.seen()
		if _, err := b.byKey(c.Key, now); err != nil {
			t.Errorf("after %s was mended: %v", name, err)
		}
	}
}

// Registers from before rotation are read as they are.
func TestOldRegister(t *testing.T) {
	dir := t.TempDir()
	key := "dw_chat_" + strings.Repeat("k", 43)
	old := []map[string]any{{"id": "chat", "tenant": "acme", "key_sha256": hashKey(key), "destinations": []string{"internal"}, "created": now, "expires": now.Add(time.Hour)}}
	data, _ := json.Marshal(old)
	if err := os.WriteFile(filepath.Join(dir, BackendsFile), data, 0o600); err != nil {
		t.Fatal(err)
	}
	b := register(t, dir)
	if _, err := b.byKey(key, now); err != nil {
		t.Error(err)
	}
	if _, err := b.byKey(key, now.Add(2*time.Hour)); err == nil {
		t.Error("its expiry was lost")
	}
	if _, err := b.Rotate("chat", Rotation{Overlap: time.Hour, Now: now}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.byKey(key, now); err != nil {
		t.Errorf("after a rotation: %v", err)
	}
}

func TestNoSecretIsStored(t *testing.T) {
	dir := t.TempDir()
	c, err := register(t, dir).Add(Backend{ID: "chat", Tenant: "acme"})
	if err != nil {
		t.Fatal(err)
	}
	data, _ := os.ReadFile(filepath.Join(dir, BackendsFile))
	if secret := strings.TrimPrefix(c.Key, "dw_chat_"); strings.Contains(string(data), secret) {
		t.Error("the key stands in the register")
	}
}

// There is no scope that reads without a user, and none that means all.
func TestNoScopeReadsEverything(t *testing.T) {
	want := []Scope{Retrieve, Output, Chat, Ingest, Operate}
	if got := Scopes(); len(got) != len(want) {
		t.Fatalf("scopes are %v: a new one has to be argued for here", got)
	}
	b := register(t, t.TempDir())
	for name, n := range map[string]Backend{
		"wildcard scope":       {Scopes: []Scope{"*"}},
		"admin":                {Scopes: []Scope{"admin"}},
		"service account":      {Scopes: []Scope{"service"}},
		"wildcard source":      {Scopes: []Scope{Ingest}, Sources: []string{"*"}},
		"ingest without one":   {Scopes: []Scope{Ingest}},
		"source without scope": {Sources: []string{"handbook"}},
		"wildcard destination": {Destinations: []string{"*"}},
		"wildcard certificate": {Certificates: []string{"dns:*.acme.example"}},
		"no trust domain":      {Certificates: []string{"spiffe:///chat"}},
		"only nothing":         {Only: map[string][]string{"department": nil}},
		"negative passages":    {MaxPassages: -1},
		"both without one":     {Both: true},
	} {
		n.ID, n.Tenant = "x", "acme"
		if _, err := b.Add(n); !errors.Is(err, ErrBackend) {
			t.Errorf("%s was registered: %v", name, err)
		}
	}
	plain := Backend{ID: "x"}
	for _, s := range []Scope{Ingest, Operate, "*", ""} {
		if plain.May(s) {
			t.Errorf("a backend without scopes may %q", s)
		}
	}
	if narrow := (Backend{Scopes: []Scope{Output}}); narrow.May(Retrieve) || narrow.May(Chat) || !narrow.May(Output) {
		t.Error("scopes do not bound")
	}
	if pusher := (Backend{Scopes: []Scope{Ingest}, Sources: []string{"handbook"}}); !pusher.MayIngest("handbook") || pusher.MayIngest("other") || pusher.MayIngest("") || pusher.May(Retrieve) {
		t.Error("ingest is not confined to its source")
	}
}

func TestPurposeAndDestination(t *testing.T) {
	two := Backend{Purposes: []string{"support", "audit"}, Destinations: []string{"internal"}}
	one := Backend{Purposes: []string{"support"}}
	for _, tc := range []struct {
		b          Backend
		said, want string
		ok         bool
	}{
		{Backend{}, "", "", true}, {Backend{}, "free", "free", true}, {two, "audit", "audit", true}, {two, "other", "", false}, {two, "", "", false}, {one, "", "support", true}, {one, "other", "", false},
	} {
		if got, err := tc.b.Purpose(tc.said); got != tc.want || (err == nil) != tc.ok {
			t.Errorf("%v says %q: %q, %v", tc.b.Purposes, tc.said, got, err)
		}
	}
	if _, err := two.Destination("elsewhere"); !errors.Is(err, ErrForbidden) {
		t.Error("another destination was let through")
	}
}

// opened is a policy that lets everybody read everything.
type opened struct{}

func (opened) Revision() policy.Revision { return policy.Revision{} }
func (opened) Decide(context.Context, policy.Point, policy.Input) (policy.Verdict, error) {
	return policy.Verdict{}, nil
}

func (o opened) Snapshot() (policy.Snapshot, error) { return o, nil }
func (opened) Plan(context.Context, policy.Subject, policy.Context) (policy.Filter, policy.Obligations, error) {
	return policy.AllowAll(), policy.Obligations{MaxPassages: 50}, nil
}
func (opened) Check(_ context.Context, _ policy.Subject, _ policy.Context, docs []policy.Attributes) ([]policy.Decision, error) {
	out := make([]policy.Decision, len(docs))
	for i := range out {
		out[i].Allow = true
	}
	return out, nil
}

// Whatever a policy allows, a backend gets no more than it was registered for.
func TestRightsAreTheIntersection(t *testing.T) {
	b := register(t, t.TempDir())
	for _, n := range []Backend{
		{ID: "hr", Only: map[string][]string{"department": {"hr"}}, MaxPassages: 5},
		{ID: "tagged", Only: map[string][]string{"tags": {"public", "shared"}, "department": {"hr", "it"}}},
		{ID: "typo", Only: map[string][]string{"departmnt": {"hr"}}},
		{ID: "free"},
	} {
		n.Tenant = "acme"
		if _, err := b.Add(n); err != nil {
			t.Fatal(err)
		}
	}
	schema := policy.Schema{"department": {Kind: policy.String}, "tags": {Kind: policy.StringSet}}
	docs := []policy.Attributes{
		{"department": "hr", "tags": []any{}}, {"department": "it", "tags": []any{"shared"}}, {"department": "hr", "tags": []any{"public"}}, {"tags": []any{"public"}},
	}
	snapshot, err := Within(opened{}, b, schema).Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		backend string
		want    [4]bool
		most    int
	}{
		{"hr", [4]bool{true, false, true, false}, 5}, {"tagged", [4]bool{false, true, true, false}, 50},
		{"typo", [4]bool{}, 50}, {"free", [4]bool{true, true, true, true}, 50}, {"", [4]bool{true, true, true, true}, 50},
	} {
		s := policy.Subject{ID: "ann", Tenant: "acme", Authn: policy.Authn{Backend: tc.backend}}
		f, o, err := snapshot.Plan(context.Background(), s, policy.Context{Now: now})
		if err != nil {
			t.Fatal(err)
		}
		decisions, err := snapshot.Check(context.Background(), s, policy.Context{Now: now}, docs)
		if err != nil {
			t.Fatal(err)
		}
		for i, d := range docs {
			if f.Match(d) != tc.want[i] || decisions[i].Allow != tc.want[i] {
				t.Errorf("%s, document %d: planned %v, checked %v, want %v", tc.backend, i, f.Match(d), decisions[i].Allow, tc.want[i])
			}
		}
		if o.MaxPassages != tc.most {
			t.Errorf("%s gets %d passages, want %d", tc.backend, o.MaxPassages, tc.most)
		}
	}
}

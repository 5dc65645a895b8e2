package rego

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/doorward/doorward/policy"
	"github.com/doorward/doorward/policy/rego/regotest"
	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/types"
)

// answer is the way of a request as the retrieval service goes it: one snapshot,
// a plan, a search by its filter, a full check of what was found.
func answer(src policy.Source, sub policy.Subject, c policy.Context, indexed, catalog []policy.Attributes) (released int, err error) {
	ctx := context.Background()
	snap, err := src.Snapshot()
	if err != nil {
		return 0, err
	}
	filter, _, err := snap.Plan(ctx, sub, c)
	if err != nil {
		return 0, err
	}
	var hits []policy.Attributes
	for i, d := range indexed {
		if filter.Match(d) {
			hits = append(hits, catalog[i])
		}
	}
	decisions, err := snap.Check(ctx, sub, c, hits)
	if err != nil {
		return 0, err
	}
	for _, d := range decisions {
		if d.Allow {
			released++
		}
	}
	return released, nil
}

// trouble is a policy source with one thing wrong with it.
type trouble struct {
	name string
	make func(t *testing.T) policy.Source
	err  bool // requests end in an error, not in an empty answer
}

func fromRules(rules string, change func(*Config)) func(t *testing.T) policy.Source {
	return func(t *testing.T) policy.Source {
		cfg := testConfig(rules)
		if change != nil {
			change(&cfg)
		}
		s, _, err := Load(context.Background(), cfg)
		if err != nil {
			return NewSource(nil)
		}
		return NewSource(s)
	}
}

func fromBundle(spec bundleSpec, other bool) func(t *testing.T) policy.Source {
	return func(t *testing.T) policy.Source {
		trusted := newSigner(t, "k")
		by := trusted
		if other {
			by = newSigner(t, "k2")
		}
		src, _, _, err := openBundle(by.bundle(t, spec), trusted.trust(), time.Unix(100, 0))
		if err != nil {
			return NewSource(nil)
		}
		s, _, err := build(context.Background(), testPolicy(), src)
		if err != nil {
			return NewSource(nil)
		}
		return NewSource(s)
	}
}

func troubles() []trouble {
	const open = "allow if true"
	return []trouble{
		{"does not compile", fromRules("allow if {", nil), true},
		{"fails when evaluated", fromRules("allow if to_number(input.subject.id) == 1", func(c *Config) {}), true},
		{"undefined", fromRules("allow if input.subject.claims.department == \"x\"", nil), false},
		{"not a bool", fromRules(`allow := "yes"`, nil), true},
		{"conflict", fromRules("quota := 1 if \"a\" in input.subject.groups\nquota := 2 if \"b\" in input.subject.groups\nallow if quota > 0", func(c *Config) {}), true},
		{"panic in a built-in", panicking, true},
		{"too slow", fromRules(open, func(c *Config) { c.SkipTests = true; c.Timeout = time.Nanosecond }), true},
		{"missing data", fromRules("allow if input.document.public == data.settings.wanted", nil), false},
		{"expired bundle", fromBundle(bundleSpec{rules: open, sequence: 1, expires: "1970-01-01T00:01:00Z"}, false), true},
		{"unsigned bundle", fromBundle(bundleSpec{rules: open, sequence: 1, unsigned: true}, false), true},
		{"unsigned delta", fromBundle(bundleSpec{sequence: 1, delta: true}, false), true},
		{"wrong key", fromBundle(bundleSpec{rules: open, sequence: 1}, true), true},
	}
}

// panicking is a snapshot whose queries call a function that panics, as a bug in
// OPA would.
func panicking(t *testing.T) policy.Source {
	s := mustLoad(t, "allow if input.document.public")
	boom := rego.Function1(&rego.Function{Name: "test.boom", Decl: types.NewFunction(types.Args(types.A), types.B)},
		func(rego.BuiltinContext, *ast.Term) (*ast.Term, error) { panic("a bug") })
	var err error
	if s.allow, err = rego.New(rego.Query("test.boom(1)"), boom).PrepareForEval(context.Background()); err != nil {
		t.Fatal(err)
	}
	if s.partial, err = rego.New(rego.Query("test.boom(1)"), boom).PrepareForPartial(context.Background()); err != nil {
		t.Fatal(err)
	}
	return NewSource(s)
}

// TestFailureDrill lets a thousand requests meet each of twelve kinds of policy
// trouble. Nothing may be released, and every request must be accounted for.
func TestFailureDrill(t *testing.T) {
	docs := []policy.Attributes{document(t, map[string]any{"public": true}), document(t, map[string]any{"public": true, "owner": "u"})}
	sub := policy.Subject{ID: "u", Tenant: "t", Groups: []string{"a", "b"}}
	c := policy.Context{Now: time.Unix(100, 0)}
	if n, err := answer(fromRules("allow if input.document.public", nil)(t), sub, c, docs, docs); n != 2 || err != nil {
		t.Fatalf("with a sound policy: %d released, %v", n, err)
	}
	const requests = 1000
	var took []time.Duration
	for _, tr := range troubles() {
		src := tr.make(t)
		released, failed, audited := 0, 0, 0
		for range requests {
			start := time.Now()
			n, err := answer(src, sub, c, docs, docs)
			took = append(took, time.Since(start))
			released += n
			if err != nil {
				failed++
			}
			audited++ // the service appends one entry per request, with the error's class
		}
		if released != 0 || (failed == requests) != tr.err || audited != requests {
			t.Errorf("%s: %d released, %d of %d requests failed", tr.name, released, failed, requests)
		}
	}
	slices.Sort(took)
	t.Logf("%d kinds × %d requests; p99 of a refusal %s", len(troubles()), requests, took[len(took)*99/100])
}

// TestRevocation revokes a right while 64 readers ask, by a change of the
// document and by a change of the policy in turn. No request that starts after
// the revocation was acknowledged may use the old right. DOORWARD_TRIALS is the
// number of revocations; the promise is made for 10,000.
func TestRevocation(t *testing.T) {
	trials := 60
	if n, err := strconv.Atoi(os.Getenv("DOORWARD_TRIALS")); err == nil {
		trials = n
	}
	open, closed := mustLoad(t, `allow if "eng" in input.document.acl.groups`), mustLoad(t, `allow if { "eng" in input.document.acl.groups; input.document.public }`)
	granted, withdrawn := document(t, map[string]any{"acl.groups": []string{"eng"}}), document(t, map[string]any{})
	r := &revocation{src: NewSource(open), sub: policy.Subject{ID: "u", Tenant: "t", Groups: []string{"eng"}}, stale: granted}
	r.catalog.Store(&granted)
	var readers sync.WaitGroup
	for i := range r.at {
		readers.Add(1)
		go func() { defer readers.Done(); r.read(&r.at[i]) }()
	}
	var late []time.Duration
	for i := range trials {
		r.settle() // every reader has asked since the right was granted
		if i%2 == 0 {
			r.catalog.Store(&withdrawn)
		} else {
			r.src.Swap(closed)
		}
		acked := time.Now()
		r.acked.Store(acked.UnixNano())
		r.settle()
		late = append(late, time.Duration(max(0, r.last.Load()-acked.UnixNano())))
		r.acked.Store(0)
		r.catalog.Store(&granted)
		r.src.Swap(open)
	}
	r.stop.Store(true)
	readers.Wait()
	slices.Sort(late)
	t.Logf("%d revocations, 64 readers, %d answers, %d released: last release after the acknowledgement p50 %s, p99 %s, max %s",
		trials, r.answers.Load(), r.released.Load(), late[len(late)/2], late[len(late)*99/100], late[len(late)-1])
	if n := r.violations.Load(); n > 0 {
		t.Errorf("%d requests that started after the acknowledgement used the old right", n)
	}
	if r.released.Load() == 0 {
		t.Error("nothing was ever released: the trial shows nothing")
	}
}

type revocation struct {
	src                           *Source
	sub                           policy.Subject
	stale                         policy.Attributes // what the index still says
	catalog                       atomic.Pointer[policy.Attributes]
	acked, last                   atomic.Int64 // nanoseconds
	answers, released, violations atomic.Int64
	stop                          atomic.Bool
	at                            [64]atomic.Int64 // requests begun, by reader
}

func (r *revocation) read(begun *atomic.Int64) {
	for !r.stop.Load() {
		time.Sleep(time.Millisecond) // a user's pause, so that 64 fit two processors
		begun.Add(1)
		acked := r.acked.Load()
		n, err := answer(r.src, r.sub, policy.Context{Now: time.Unix(100, 0)}, []policy.Attributes{r.stale}, []policy.Attributes{*r.catalog.Load()})
		if err != nil {
			r.violations.Add(1)
		}
		r.answers.Add(1)
		if n > 0 {
			r.released.Add(1)
			r.last.Store(time.Now().UnixNano())
			if acked != 0 && acked == r.acked.Load() {
				r.violations.Add(1)
			}
		}
	}
}

// settle waits until every reader has begun two requests, and so ended one.
func (r *revocation) settle() {
	var from [64]int64
	for i := range r.at {
		from[i] = r.at[i].Load()
	}
	for i := range r.at {
		for r.at[i].Load() < from[i]+2 {
			time.Sleep(20 * time.Microsecond)
		}
	}
}

// TestConcurrentPlansShareOne holds the cache to one plan per key, however many
// ask at once, and to a new plan after a swap.
func TestConcurrentPlansShareOne(t *testing.T) {
	s := mustLoad(t, deskRules)
	cache := newPlanCache(2)
	var plans, hits atomic.Int64
	gate := make(chan struct{})
	var wg sync.WaitGroup
	for range 50 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			_, err := cache.get(context.Background(), "k", func(context.Context) (policy.Filter, error) {
				plans.Add(1)
				<-gate
				return policy.AllowAll(), nil
			}, &hits)
			if err != nil {
				t.Error(err)
			}
		}()
	}
	time.Sleep(10 * time.Millisecond)
	close(gate)
	wg.Wait()
	if plans.Load() != 1 || hits.Load() != 49 {
		t.Errorf("%d plans, %d hits", plans.Load(), hits.Load())
	}
	fails := errors.New("no")
	for range 2 {
		if _, err := cache.get(context.Background(), "bad", func(context.Context) (policy.Filter, error) { return policy.Filter{}, fails }, &hits); !errors.Is(err, fails) {
			t.Errorf("error %v", err)
		}
	}
	for _, k := range []string{"a", "b", "c"} {
		_, _ = cache.get(context.Background(), k, func(context.Context) (policy.Filter, error) { return policy.AllowAll(), nil }, &hits)
	}
	if len(cache.entries) != 2 || cache.entries["k"] != nil {
		t.Errorf("%d entries kept", len(cache.entries))
	}
	sub := policy.Subject{ID: "u", Tenant: "t"}
	for range 3 {
		if _, _, err := s.Plan(context.Background(), sub, at100()); err != nil {
			t.Fatal(err)
		}
		sub.Claims = map[string]any{"jti": time.Now().String()} // not read by the policy
	}
	if st := s.Stats(); st.Plans != 3 || st.Cached != 2 {
		t.Errorf("%+v", st)
	}
	// The time is bound per request: a cached plan carries no stale embargo.
	e := mustLoad(t, "allow if not embargoed\nembargoed if input.document.embargo_until > input.context.now")
	doc := document(t, map[string]any{"embargo_until": 200})
	for now, want := range map[int64]bool{100: false, 200: true, 150: false} {
		f, _, err := e.Plan(context.Background(), sub, policy.Context{Now: time.Unix(now, 0)})
		if err != nil || f.Match(doc) != want {
			t.Errorf("at %d: %v, %v", now, f.Match(doc), err)
		}
	}
}

// TestSubjectsMustFit refuses subjects no policy should be asked about.
func TestSubjectsMustFit(t *testing.T) {
	s := mustLoad(t, "allow if input.document.owner == input.subject.id")
	for name, sub := range map[string]policy.Subject{
		"zero": {}, "no id": {Tenant: "t"}, "no tenant": {ID: "u"},
		"mistyped claim": {ID: "u", Tenant: "t", Claims: map[string]any{"department": 7}},
		"null claim":     {ID: "u", Tenant: "t", Claims: map[string]any{"compartments": nil}},
	} {
		f, _, err := s.Plan(context.Background(), sub, at100())
		if !errors.Is(err, policy.ErrSubject) || !f.DeniesAll() {
			t.Errorf("%s: plan %v, %v", name, f, err)
		}
		if d, err := s.Check(context.Background(), sub, at100(), regotestDocs()); !errors.Is(err, policy.ErrSubject) || d != nil {
			t.Errorf("%s: check %v, %v", name, d, err)
		}
	}
	ok := policy.Subject{ID: "u", Tenant: "t"}
	if _, _, err := s.Plan(context.Background(), ok, policy.Context{}); err == nil {
		t.Error("a request without a time was planned")
	}
	d, err := s.Check(context.Background(), ok, at100(), []policy.Attributes{nil, {"owner": 1.5}, {"owner": "u"}})
	if err != nil || d[0].Allow || d[1].Allow || !d[2].Allow {
		t.Errorf("%+v, %v", d, err)
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	if d, err := s.Check(ended, ok, at100(), regotestDocs()); err == nil || d != nil {
		t.Errorf("after the request ended: %v, %v", d, err)
	}
}

func regotestDocs() []policy.Attributes {
	d, _ := regotest.Schema().Project(nil)
	return []policy.Attributes{d}
}

func ExampleLoad() {
	schema := policy.Schema{"owner": {Kind: policy.String}}
	files := fstest.MapFS{"access.rego": {Data: []byte("package doorward.access\n\nallow if input.document.owner == input.subject.id\n")}}
	s, _, err := Load(context.Background(), Config{Files: files, Document: schema})
	if err != nil {
		panic(err)
	}
	f, _, err := s.Plan(context.Background(), policy.Subject{ID: "ann", Tenant: "acme"}, policy.Context{Now: time.Unix(1, 0)})
	if err != nil {
		panic(err)
	}
	fmt.Println(f)
	// Output: owner == "ann"
}

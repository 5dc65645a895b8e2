package qdrant_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	pb "github.com/qdrant/go-client/qdrant"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/doorward/doorward/policy"
	"github.com/doorward/doorward/retrieval/embed"
	"github.com/doorward/doorward/retrieval/embed/embedtest"
	"github.com/doorward/doorward/retrieval/index"
	"github.com/doorward/doorward/retrieval/index/indextest"
	"github.com/doorward/doorward/retrieval/index/qdrant"
	"github.com/doorward/doorward/retrieval/index/qdrant/qdranttest"
)

func TestSuite(t *testing.T) {
	for name, cfg := range map[string]qdrant.Config{"local fusion": {}, "server fusion": {ServerFusion: true}} {
		t.Run(name, func(t *testing.T) {
			indextest.Run(t, indextest.Harness{Points: 300, Filters: 300, New: func(t *testing.T) indextest.Index {
				cfg := cfg
				_, cfg.Address = qdranttest.Start(t)
				return made(t, cfg)
			}, LooseTies: cfg.ServerFusion})
		})
	}
}

// opened returns an index over a fake with one chunk in it.
func opened(t *testing.T, edit func(*qdrant.Config)) (*qdranttest.Fake, *qdrant.Index, qdrant.Config) {
	t.Helper()
	f, addr := qdranttest.Start(t)
	pins := indextest.Pins()
	cfg := qdrant.Config{Address: addr, Collection: "c", Pins: &pins, Schema: indextest.Schema(), Timeout: time.Second, WriteTimeout: time.Second}
	if edit != nil {
		edit(&cfg)
	}
	if err := qdrant.Create(t.Context(), cfg, cfg.Collection); err != nil {
		t.Fatal(err)
	}
	x, err := qdrant.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { x.Close() })
	if err := x.Put(t.Context(), indextest.Tenant, []index.Chunk{indextest.Chunk(1, policy.Attributes{"class": "a"})}); err != nil {
		t.Fatal(err)
	}
	return f, x, cfg
}

func everything() index.Query {
	return index.Query{Tenant: indextest.Tenant, Terms: []embed.Term{{Key: 7, Weight: 1}}, Filter: policy.AllowAll(), Limit: 10}
}

func TestServerErrors(t *testing.T) {
	for _, c := range []struct {
		code  codes.Code
		calls int
	}{
		{codes.Unavailable, 3}, {codes.Internal, 3}, {codes.Aborted, 3}, {codes.ResourceExhausted, 3},
		{codes.PermissionDenied, 1}, {codes.Unauthenticated, 1}, {codes.InvalidArgument, 1}, {codes.NotFound, 1},
	} {
		f, x, _ := opened(t, nil)
		f.Set(func(context.Context, string) error { return status.Error(c.code, "quotes the group ann-of-hr") })
		before := f.Calls("Query")
		hits, err := x.Search(t.Context(), everything())
		if !errors.Is(err, index.ErrUnavailable) || hits != nil {
			t.Errorf("%s: %d hits, %v", c.code, len(hits), err)
		}
		if err != nil && strings.Contains(err.Error(), "ann-of-hr") {
			t.Errorf("%s: the error quotes the server's message", c.code)
		}
		if n := f.Calls("Query") - before; n != c.calls {
			t.Errorf("%s: asked %d times, want %d", c.code, n, c.calls)
		}
	}
}

func TestOneFailureIsRepeated(t *testing.T) {
	f, x, _ := opened(t, nil)
	n := 0
	f.Set(func(context.Context, string) error {
		if n++; n == 1 {
			return status.Error(codes.Unavailable, "restarting")
		}
		return nil
	})
	if hits, err := x.Search(t.Context(), everything()); err != nil || len(hits) != 1 {
		t.Errorf("%d hits, %v", len(hits), err)
	}
}

func TestSilentServer(t *testing.T) {
	f, x, _ := opened(t, nil)
	f.Set(func(ctx context.Context, _ string) error { <-ctx.Done(); return ctx.Err() })
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	began := time.Now()
	if _, err := x.Search(ctx, everything()); !errors.Is(err, index.ErrUnavailable) {
		t.Errorf("a server that never answers: %v", err)
	}
	if over := time.Since(began) - 300*time.Millisecond; over > 30*time.Second { // a busy machine does not explain that
		t.Errorf("ended %v after its deadline", over)
	}
}

// TestHalfWrittenBatch: a put that failed half-way is not acknowledged, and
// putting again or retiring leaves no trace of it.
func TestHalfWrittenBatch(t *testing.T) {
	f, x, _ := opened(t, nil)
	var chunks []index.Chunk
	for i := range 40 {
		chunks = append(chunks, indextest.Chunk(100+i, policy.Attributes{}))
	}
	f.Half = true
	if err := x.Put(t.Context(), indextest.Tenant, chunks); !errors.Is(err, index.ErrUnavailable) {
		t.Fatalf("a half-written batch was acknowledged: %v", err)
	}
	f.Half = false
	if err := x.Put(t.Context(), indextest.Tenant, chunks); err != nil {
		t.Fatal(err)
	}
	lines, err := index.Export(t.Context(), x, indextest.Tenant)
	if err != nil || len(lines) != 41 {
		t.Fatalf("%d points, %v; want 41", len(lines), err)
	}
	f.Half = true
	chunks[0].Version = "v2"
	x.Put(t.Context(), indextest.Tenant, chunks[:2])
	f.Half = false
	for _, c := range chunks {
		if err := x.Retire(t.Context(), indextest.Tenant, c.Document, ""); err != nil {
			t.Fatal(err)
		}
	}
	if lines, err = index.Export(t.Context(), x, indextest.Tenant); err != nil || len(lines) != 1 {
		t.Errorf("%d points after retiring, %v; want 1", len(lines), err)
	}
}

// TestForeignPointIsLeftAlone: no tenant can overwrite another's point by its id.
func TestForeignPointIsLeftAlone(t *testing.T) {
	_, x, _ := opened(t, nil)
	before, err := index.Export(t.Context(), x, indextest.Tenant)
	if err != nil {
		t.Fatal(err)
	}
	c := indextest.Chunk(1, policy.Attributes{"class": "stolen"})
	if err := x.Put(t.Context(), "mallory", []index.Chunk{c}); err != nil {
		t.Fatal(err)
	}
	after, err := index.Export(t.Context(), x, indextest.Tenant)
	if err != nil || !slices.Equal(before, after) {
		t.Errorf("another tenant's put changed the point: %v", err)
	}
}

func TestNetworkFaults(t *testing.T) {
	_, addr := qdranttest.Start(t)
	p := embedtest.NewProxy(t, addr)
	pins := indextest.Pins()
	cfg := qdrant.Config{Address: p.Address(), Collection: "c", Pins: &pins, Schema: indextest.Schema()}
	if err := qdrant.Create(t.Context(), cfg, "c"); err != nil {
		t.Fatal(err)
	}
	x, err := qdrant.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	if err := x.Put(t.Context(), indextest.Tenant, []index.Chunk{indextest.Chunk(1, policy.Attributes{})}); err != nil {
		t.Fatal(err)
	}
	embedtest.Run(t, p, func(ctx context.Context) error {
		hits, err := x.Search(ctx, everything())
		if err == nil && len(hits) != 1 {
			t.Errorf("%d hits", len(hits))
		}
		return err
	})
}

func TestOpenRefuses(t *testing.T) {
	f, _, good := opened(t, nil)
	open := func(edit func(*qdrant.Config)) error {
		cfg := good
		edit(&cfg)
		x, err := qdrant.Open(t.Context(), cfg)
		if err == nil {
			x.Close()
		}
		return err
	}
	if err := open(func(*qdrant.Config) {}); err != nil {
		t.Errorf("as made: %v", err)
	}
	other := *good.Pins
	other.Analysis = "another"
	for name, c := range map[string]struct {
		edit func(*qdrant.Config)
		want error
	}{
		"another analysis":     {func(c *qdrant.Config) { c.Pins = &other }, index.ErrMismatch},
		"another dimension":    {func(c *qdrant.Config) { p := *good.Pins; p.Dimension = 9; c.Pins = &p }, index.ErrMismatch},
		"an unindexed path":    {func(c *qdrant.Config) { c.Schema = policy.Schema{"new": {Kind: policy.String}} }, index.ErrMismatch},
		"no collection":        {func(c *qdrant.Config) { c.Collection = "absent" }, index.ErrUnavailable},
		"a key in the clear":   {func(c *qdrant.Config) { c.Address, c.APIKey = "qdrant.example:6334", "k" }, nil},
		"odd consistency":      {func(c *qdrant.Config) { c.Consistency = "most" }, nil},
		"TLS against plain":    {func(c *qdrant.Config) { c.TLS, c.Timeout = &tls.Config{}, 300*time.Millisecond }, index.ErrUnavailable},
		"an address of no one": {func(c *qdrant.Config) { c.Address, c.Timeout = "127.0.0.1:1", 300*time.Millisecond }, index.ErrUnavailable},
	} {
		if err := open(c.edit); err == nil || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	for version, ok := range map[string]bool{"1.17.0": true, "1.18.2-dev": true, "1.19.0": true, "2.0.0": true, "1.16.9": false, "1.9.7": false, "": false, "dev": false} {
		f.Version = version
		if err := open(func(*qdrant.Config) {}); ok != (err == nil) || !ok && !errors.Is(err, qdrant.ErrVersion) {
			t.Errorf("version %q: %v", version, err)
		}
	}
}

func TestOldStatisticsAreRemoved(t *testing.T) {
	f, x, _ := opened(t, nil)
	for range 4 {
		if _, err := x.DeclareEpoch(t.Context(), indextest.Tenant); err != nil {
			t.Fatal(err)
		}
	}
	f.Points("c", func(points map[string]*pb.PointStruct) {
		if n := len(points); n != 3 {
			t.Errorf("%d points, want the chunk, the head and one part", n)
		}
		for id, p := range points {
			if p.Payload["data"] != nil {
				delete(points, id) // as if tampered with
			}
		}
	})
	if _, err := x.DeclareEpoch(t.Context(), indextest.Tenant); err != nil {
		t.Errorf("declaring an epoch does not mend a lost part: %v", err)
	}
}

func TestTLS(t *testing.T) {
	web := httptest.NewTLSServer(http.NotFoundHandler())
	defer web.Close()
	f, addr := qdranttest.Start(t, grpc.Creds(credentials.NewTLS(&tls.Config{Certificates: web.TLS.Certificates, NextProtos: []string{"h2"}})))
	var key atomic.Value
	f.Set(func(ctx context.Context, _ string) error {
		md, _ := metadata.FromIncomingContext(ctx)
		key.Store(strings.Join(md.Get("api-key"), ","))
		return nil
	})
	roots := x509.NewCertPool()
	roots.AddCert(web.Certificate())
	pins := indextest.Pins()
	cfg := qdrant.Config{Address: addr, Collection: "c", Pins: &pins, APIKey: "a" + "key", TLS: &tls.Config{RootCAs: roots, ServerName: "example.com"}, Timeout: time.Second}
	if err := qdrant.Create(t.Context(), cfg, "c"); err != nil {
		t.Fatal(err)
	}
	if key.Load() != "akey" {
		t.Errorf("the server got key %v", key.Load())
	}
	cfg.TLS = &tls.Config{}
	if _, err := qdrant.Open(t.Context(), cfg); !errors.Is(err, index.ErrUnavailable) {
		t.Errorf("a certificate nobody vouches for: %v", err)
	}
}

// TestPromote switches an alias from one collection to another and drops the old.
func TestPromote(t *testing.T) {
	_, addr := qdranttest.Start(t)
	pins := indextest.Pins()
	cfg := qdrant.Config{Address: addr, Collection: "live", Pins: &pins, Schema: indextest.Schema()}
	for i, name := range []string{"blue", "green"} {
		if err := qdrant.Create(t.Context(), cfg, name); err != nil {
			t.Fatal(err)
		}
		filled := cfg
		filled.Collection = name
		x, err := qdrant.Open(t.Context(), filled)
		if err != nil {
			t.Fatal(err)
		}
		for n := range i + 1 {
			if err := x.Put(t.Context(), indextest.Tenant, []index.Chunk{indextest.Chunk(n, policy.Attributes{})}); err != nil {
				t.Fatal(err)
			}
		}
		x.Close()
		if err := qdrant.Promote(t.Context(), cfg, name); err != nil {
			t.Fatal(err)
		}
		live, err := qdrant.Open(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		if hits, err := live.Search(t.Context(), everything()); err != nil || len(hits) != i+1 {
			t.Errorf("after promoting %s: %d hits, %v", name, len(hits), err)
		}
		live.Close()
	}
	if err := qdrant.Drop(t.Context(), cfg, "green"); err == nil {
		t.Error("dropped the collection the alias points at")
	}
	if err := qdrant.Drop(t.Context(), cfg, "blue"); err != nil {
		t.Error(err)
	}
}

// TestTenantsBeyondAPage lists more tenants than the server counts at a time.
func TestTenantsBeyondAPage(t *testing.T) {
	if testing.Short() {
		t.Skip("1,203 tenants take long under the race detector")
	}
	_, addr := qdranttest.Start(t)
	pins := indextest.Pins()
	cfg := qdrant.Config{Address: addr, Collection: "live", Pins: &pins, Schema: indextest.Schema()}
	if err := qdrant.Create(t.Context(), cfg, "live"); err != nil {
		t.Fatal(err)
	}
	x, err := qdrant.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	const many = 1203
	for n := range many {
		if err := x.Put(t.Context(), fmt.Sprintf("tenant-%d", n), []index.Chunk{indextest.Chunk(n, policy.Attributes{})}); err != nil {
			t.Fatal(err)
		}
	}
	tenants, err := x.Tenants(t.Context())
	slices.Sort(tenants)
	if n := len(slices.Compact(tenants)); err != nil || n != many {
		t.Errorf("%d tenants, want %d: %v", n, many, err)
	}
}

func TestRenderNeverWidens(t *testing.T) {
	schema := indextest.Schema()
	for name, f := range map[string]policy.Filter{
		"zero": {}, "nil": policy.When(nil), "empty or": policy.When(policy.Or{}), "not true": policy.When(policy.Not{X: policy.Bool(true)}),
		"in nothing": policy.When(policy.In{Path: "class"}), "unbound": policy.When(policy.NowCompare{Op: policy.Gt}),
	} {
		if got, deny, err := qdrant.Render("t", schema, policy.AllowAll(), f); !deny || got != nil || err != nil {
			t.Errorf("%s: rendered as %v, deny %v, %v", name, got, deny, err)
		}
	}
	if _, deny, _ := qdrant.Render("t", schema); !deny {
		t.Error("no filter at all does not deny")
	}
	if _, _, err := qdrant.Render("", schema, policy.AllowAll()); !errors.Is(err, index.ErrNoTenant) {
		t.Errorf("no tenant: %v", err)
	}
	for name, e := range map[string]policy.Expr{
		"a bound beyond 2^53": policy.Compare{Path: "level", Op: policy.Lt, Value: policy.Value{Const: int64(1)<<53 + 1}},
		"an undeclared path":  policy.Not{X: policy.Compare{Path: "x", Op: policy.Eq, Value: policy.Value{Const: "y"}}},
	} {
		if got, _, err := qdrant.Render("t", schema, policy.When(e)); !errors.Is(err, index.ErrFilter) || got != nil {
			t.Errorf("%s: rendered, %v", name, err)
		}
	}
}

func ExampleRender() {
	f, deny, err := qdrant.Render("acme", nil, policy.When(policy.Any{Path: "acl.groups", X: policy.In{Values: []any{"eng", "hr"}}}))
	fmt.Println(deny, err, len(f.Must))
	fmt.Println(f.Must[0].GetField().GetMatch().GetKeyword())
	fmt.Println(f.Must[1].GetFilter().Must[0].GetField().GetKey(), f.Must[1].GetFilter().Must[0].GetField().GetMatch().GetKeywords().Strings)
	_, deny, _ = qdrant.Render("acme", nil, policy.Filter{})
	fmt.Println(deny)
	// Output:
	// false <nil> 2
	// acme
	// a.acl.groups [eng hr]
	// true
}

package qdrant_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/doorward/doorward/policy"
	"github.com/doorward/doorward/retrieval/index"
	"github.com/doorward/doorward/retrieval/index/indextest"
	"github.com/doorward/doorward/retrieval/index/qdrant"
)

// process is a Qdrant server of the test's own, with token access control.
type process struct {
	bin, dir   string
	http, grpc string
	cmd        *exec.Cmd
}

const adminKey = "an administrator's key" + " for tests"

// launch starts the server at DOORWARD_TEST_QDRANT_BIN, or skips.
func launch(t *testing.T) *process {
	t.Helper()
	bin := os.Getenv("DOORWARD_TEST_QDRANT_BIN")
	if bin == "" {
		t.Skip("set DOORWARD_TEST_QDRANT_BIN to a qdrant executable to test tokens and crashes")
	}
	p := &process{bin: bin, dir: t.TempDir(), http: freePort(t), grpc: freePort(t)}
	p.run(t)
	t.Cleanup(p.kill)
	return p
}

func freePort(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return fmt.Sprint(l.Addr().(*net.TCPAddr).Port)
}

func (p *process) run(t *testing.T) {
	t.Helper()
	p.cmd = exec.Command(p.bin, "--disable-telemetry")
	p.cmd.Dir = p.dir
	p.cmd.Env = append(os.Environ(), "QDRANT__SERVICE__HOST=127.0.0.1", "QDRANT__SERVICE__HTTP_PORT="+p.http, "QDRANT__SERVICE__GRPC_PORT="+p.grpc,
		"QDRANT__SERVICE__API_KEY="+adminKey, "QDRANT__SERVICE__JWT_RBAC=true", "QDRANT__LOG_LEVEL=WARN",
		"QDRANT__STORAGE__STORAGE_PATH="+filepath.Join(p.dir, "storage"), "QDRANT__STORAGE__SNAPSHOTS_PATH="+filepath.Join(p.dir, "snapshots"))
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(60 * time.Second); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if r, err := http.Get("http://127.0.0.1:" + p.http + "/readyz"); err == nil {
			r.Body.Close()
			if r.StatusCode == http.StatusOK {
				return
			}
		}
	}
	t.Fatal("the server did not become ready")
}

func (p *process) kill() {
	p.cmd.Process.Kill()
	p.cmd.Wait()
}

func (p *process) config(key string) qdrant.Config {
	pins := indextest.Pins()
	return qdrant.Config{Address: "127.0.0.1:" + p.grpc, Collection: "doorward", APIKey: key, Pins: &pins, Schema: indextest.Schema()}
}

// token signs claims as Qdrant wants them: HS256 under the administrator's key.
func token(claims map[string]any) string {
	part := func(v any) string {
		b, _ := json.Marshal(v)
		return base64.RawURLEncoding.EncodeToString(b)
	}
	head := part(map[string]any{"alg": "HS256", "typ": "JWT"}) + "." + part(claims)
	m := hmac.New(sha256.New, []byte(adminKey))
	m.Write([]byte(head))
	return head + "." + base64.RawURLEncoding.EncodeToString(m.Sum(nil))
}

// TestTokenWithoutManagement: a token for one collection does all that serving
// and ingesting need, and nothing else.
func TestTokenWithoutManagement(t *testing.T) {
	p := launch(t)
	if err := qdrant.Create(t.Context(), p.config(adminKey), "doorward"); err != nil {
		t.Fatal(err)
	}
	service := token(map[string]any{"access": []any{map[string]any{"collection": "doorward", "access": "prw"}}})
	x, err := qdrant.Open(t.Context(), p.config(service))
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	ctx := t.Context()
	c := indextest.Chunk(1, policy.Attributes{"class": "a"})
	if err := errors.Join(x.Health(ctx), x.Put(ctx, indextest.Tenant, []index.Chunk{c}), x.SetAttributes(ctx, indextest.Tenant, c.Document, policy.Attributes{"class": "b"}, "r2")); err != nil {
		t.Fatal(err)
	}
	if hits, err := x.Search(ctx, everything()); err != nil || len(hits) != 1 || hits[0].Receipt != "r2" {
		t.Errorf("%v, %v", hits, err)
	}
	if st, err := x.DeclareEpoch(ctx, indextest.Tenant); err != nil || st.Chunks != 1 {
		t.Errorf("declaring an epoch: %v", err)
	}
	if err := x.Retire(ctx, indextest.Tenant, c.Document, ""); err != nil {
		t.Error(err)
	}
	for name, err := range map[string]error{
		"creating": qdrant.Create(ctx, p.config(service), "other"), "promoting": qdrant.Promote(ctx, p.config(service), "doorward"), "dropping": qdrant.Drop(ctx, p.config(service), "doorward"),
	} {
		if err == nil || !strings.Contains(err.Error(), "PermissionDenied") {
			t.Errorf("%s with the service's token: %v", name, err)
		}
	}
	for _, r := range []struct{ method, path string }{
		{"GET", "/snapshots"}, {"POST", "/snapshots"}, {"GET", "/collections/other"}, {"PUT", "/collections/other"}, {"GET", "/cluster"},
		{"POST", "/collections/doorward/snapshots"}, {"DELETE", "/collections/doorward"}, {"PATCH", "/collections/doorward"},
	} {
		if code := ask(t, p, r.method, r.path, service); code != http.StatusForbidden {
			t.Errorf("%s %s with the service's token answers %d", r.method, r.path, code)
		}
		if code := ask(t, p, r.method, r.path, ""); code != http.StatusUnauthorized {
			t.Errorf("%s %s without a token answers %d", r.method, r.path, code)
		}
	}
	if _, err := qdrant.Open(ctx, p.config("wrong")); !errors.Is(err, index.ErrUnavailable) || !strings.Contains(err.Error(), "API key") {
		t.Errorf("a wrong key: %v", err)
	}
}

func ask(t *testing.T, p *process, method, path, key string) int {
	r, err := http.NewRequest(method, "http://127.0.0.1:"+p.http+path, strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	if key != "" {
		r.Header.Set("api-key", key)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	return res.StatusCode
}

// TestServerKilled kills the server while chunks are put and retired: after a
// restart the acknowledged ones are as acknowledged, and the same Index goes on.
func TestServerKilled(t *testing.T) {
	p := launch(t)
	cfg := p.config(adminKey)
	cfg.WriteTimeout = 2 * time.Second
	if err := qdrant.Create(t.Context(), cfg, cfg.Collection); err != nil {
		t.Fatal(err)
	}
	x, err := qdrant.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	present := map[string]bool{} // acknowledged state; absent: in doubt
	n, acked := 0, 0
	for kill := range 3 {
		stop := time.AfterFunc(time.Duration(300+200*kill)*time.Millisecond, func() { p.cmd.Process.Kill() })
		for {
			c := indextest.Chunk(n%50, policy.Attributes{"level": int64(n)})
			put := n%3 != 0
			err := x.Retire(context.Background(), indextest.Tenant, c.Document, "")
			if put && err == nil {
				err = x.Put(context.Background(), indextest.Tenant, []index.Chunk{c})
			}
			n++
			if err != nil {
				delete(present, c.ID)
				break
			}
			present[c.ID] = put
			acked++
		}
		stop.Stop()
		p.kill()
		p.run(t)
		found := map[string]bool{}
		for end := time.Now().Add(10 * time.Second); ; time.Sleep(100 * time.Millisecond) {
			if err = x.Scroll(t.Context(), indextest.Tenant, func(c index.Chunk) error { found[c.ID] = true; return nil }); err == nil {
				break
			}
			if time.Now().After(end) {
				t.Fatalf("kill %d: not recovered: %v", kill, err)
			}
		}
		for id, want := range present {
			if found[id] != want {
				t.Errorf("kill %d: an acknowledged change was lost (chunk present %v, want %v)", kill, found[id], want)
			}
		}
	}
	t.Logf("3 kills, %d acknowledged changes", acked)
}

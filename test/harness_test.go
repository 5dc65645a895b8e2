// Package test holds what is tested from outside: the program as its users run
// it, and the rules of the house.
package test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/doorward/doorward/api"
	"github.com/doorward/doorward/api/auth"
	"github.com/doorward/doorward/api/contract/contracttest"
	"github.com/doorward/doorward/ingest/catalog/postgres/postgrestest"
	"github.com/doorward/doorward/policy"
)

var program struct {
	once sync.Once
	path string
	err  error
}

// doorward is the program, built once for all tests, or the one that
// DOORWARD_TEST_PROGRAM names.
func doorward(t testing.TB) string {
	t.Helper()
	if path := os.Getenv("DOORWARD_TEST_PROGRAM"); path != "" {
		return path
	}
	program.once.Do(func() {
		dir, err := os.MkdirTemp("", "doorward-test-")
		if err != nil {
			program.err = err
			return
		}
		program.path = filepath.Join(dir, "doorward")
		build := exec.Command("go", "build", "-o", program.path, module+"/cmd/doorward")
		build.Env = append(os.Environ(), "CGO_ENABLED=0") // static, as it is released
		out, err := build.CombinedOutput()
		if err != nil {
			program.err = fmt.Errorf("building: %v\n%s", err, out)
		}
	})
	if program.err != nil {
		t.Fatal(program.err)
	}
	return program.path
}

func TestMain(m *testing.M) {
	if how := os.Getenv(anchorVariable); how != "" {
		fmt.Fprintln(os.Stderr, beAnchor(how))
		os.Exit(1)
	}
	code := postgrestest.Main(m)
	if program.path != "" {
		os.RemoveAll(filepath.Dir(program.path))
	}
	os.Exit(code)
}

// dataDir is the folder of labelled data, or the test is skipped.
func dataDir(t testing.TB, parts ...string) string {
	t.Helper()
	root := os.Getenv("DOORWARD_DATA")
	if root == "" {
		root = filepath.Join("..", "..", "shared", "data")
	}
	path, err := filepath.Abs(filepath.Join(append([]string{root}, parts...)...))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Skipf("labelled data is not here: set DOORWARD_DATA to a folder that holds %s", filepath.Join(parts...))
	}
	return path
}

// run runs the program in dir and returns its output and exit code.
func run(t testing.TB, dir string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	cmd := exec.Command(doorward(t), args...)
	cmd.Dir = dir
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// must runs the program and insists on success.
func must(t testing.TB, dir string, args ...string) string {
	t.Helper()
	out, errs, code := run(t, dir, args...)
	if code != 0 {
		t.Fatalf("doorward %s: exit %d\n%s%s", strings.Join(args, " "), code, out, errs)
	}
	return out
}

// backend is a registered caller of a running service.
type backend struct {
	id, tenant, key string
	assertion       ed25519.PrivateKey
	url             string
	client          *http.Client
}

// register makes a backend in dir's configuration.
func register(t testing.TB, dir, id string, flags ...string) *backend {
	t.Helper()
	out := must(t, dir, append([]string{"keys", "backend", id, "--json"}, flags...)...)
	b, err := credentials(dir, out)
	if err != nil {
		t.Fatal(err)
	}
	b.client = &http.Client{Timeout: 30 * time.Second, Transport: held(t)}
	return b
}

// credentials reads what a command that makes keys said as JSON.
func credentials(dir, said string) (*backend, error) {
	var made map[string]string
	if err := json.Unmarshal([]byte(said), &made); err != nil {
		return nil, err
	}
	path := made["assertion_key"]
	if !filepath.IsAbs(path) {
		path = filepath.Join(dir, path)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(data)
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	return &backend{id: made["backend"], tenant: made["tenant"], key: made["key"], assertion: key.(ed25519.PrivateKey)}, nil
}

// held is a transport that holds every exchange to the contract. Benchmarks go
// without.
func held(t testing.TB) http.RoundTripper {
	if _, ok := t.(*testing.B); ok {
		return nil
	}
	return contracttest.New(t, nil)
}

// serve starts the service and stops it when the test ends.
func serve(t testing.TB, dir string, args ...string) (url string, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, doorward(t), append([]string{"serve"}, args...)...)
	cmd.Dir = dir
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 20 * time.Second
	log, err := os.Create(filepath.Join(t.TempDir(), "serve.log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr, cmd.Stdout = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var once sync.Once
	stop = func() { once.Do(func() { cancel(); cmd.Wait(); log.Close() }) }
	t.Cleanup(stop)
	for deadline := time.Now().Add(60 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		said, err := os.ReadFile(log.Name())
		if err != nil {
			t.Fatal(err)
		}
		if _, rest, ok := strings.Cut(string(said), "serving on "); ok && strings.Contains(rest, "\n") {
			return strings.Fields(rest)[0], stop
		}
		if time.Now().After(deadline) || cmd.ProcessState != nil {
			stop()
			t.Fatalf("serve did not start:\n%s", said)
		}
	}
}

// as makes a request on a user's behalf.
func (b *backend) as(t testing.TB, s policy.Subject, path string, body any) (status int, answer []byte) {
	t.Helper()
	s.Tenant, s.Authn.Backend = b.tenant, b.id
	token, err := auth.Mint(b.assertion, "doorward", s, time.Now(), time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequest("POST", b.url+path, bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+b.key)
	r.Header.Set(auth.Header, token)
	r.Header.Set("Content-Type", "application/json")
	resp, err := b.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err = io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, answer
}

// retrieve asks a question that must be answered.
func (b *backend) retrieve(t testing.TB, s policy.Subject, q api.RetrieveRequest) api.RetrieveResponse {
	t.Helper()
	status, body := b.as(t, s, "/v1/retrieve", q)
	if status != http.StatusOK {
		t.Fatalf("retrieve: %d %s", status, body)
	}
	var r api.RetrieveResponse
	if err := json.Unmarshal(body, &r); err != nil {
		t.Fatal(err)
	}
	return r
}

// waitABit lets others work; what waits for something counts how often.
func waitABit() { time.Sleep(50 * time.Millisecond) }

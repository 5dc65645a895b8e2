package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/doorward/doorward/api/auth"
	"github.com/doorward/doorward/cmd/internal/app"
	"github.com/doorward/doorward/configs"
	"github.com/doorward/doorward/ingest"
	"github.com/doorward/doorward/policy"
	"github.com/doorward/doorward/policy/audit/tlog"
	"github.com/doorward/doorward/policy/keys/local"
)

// auditDisk is a disk under the audit log that can be full or stand still.
type auditDisk struct {
	full  atomic.Bool
	still atomic.Pointer[chan struct{}]
}

func (d *auditDisk) open(path string, flag int) (tlog.File, error) {
	f, err := os.OpenFile(path, flag, 0o600)
	return &auditDiskFile{f, d}, err
}

type auditDiskFile struct {
	*os.File
	d *auditDisk
}

func (f *auditDiskFile) WriteAt(p []byte, at int64) (int, error) {
	if wait := f.d.still.Load(); wait != nil {
		<-*wait
	}
	if f.d.full.Load() {
		n, _ := f.File.WriteAt(p[:len(p)/2], at)
		return n, syscall.ENOSPC
	}
	return f.File.WriteAt(p, at)
}

// caller is a registered backend's side of a service under test.
type caller struct {
	url, key  string
	assertion ed25519.PrivateKey
}

// retrieve asks over HTTP and returns the status and the body.
func (c caller) retrieve(t *testing.T, question string) (int, string) {
	t.Helper()
	token, err := auth.Mint(c.assertion, "doorward", policy.Subject{ID: "ann", Tenant: "default", Groups: []string{"staff"}, Authn: policy.Authn{Backend: "chat"}}, time.Now(), time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	body, _ := json.Marshal(map[string]any{"question": question})
	r, _ := http.NewRequest("POST", c.url+"/v1/retrieve", bytes.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+c.key)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set(auth.Header, token)
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Error(err)
		return 0, ""
	}
	defer res.Body.Close()
	data, _ := io.ReadAll(res.Body)
	return res.StatusCode, string(data)
}

// service is a running one over a few documents.
func service(t *testing.T, o app.Options) (*app.App, caller) {
	t.Helper()
	dir := t.TempDir()
	c := configs.Defaults()
	c.Data, c.Keys = filepath.Join(dir, "data"), filepath.Join(dir, "keys")
	c.Identity.BackendSigned, c.Extract.InProcess, c.Audit.Timeout = true, true, 300*time.Millisecond
	c.Quota.State = "off"            // one user asks hundreds of times
	c.Limits.Wait = 20 * time.Second // a part that stands still must show, not the queue before it
	documents := filepath.Join(dir, "documents")
	if err := os.MkdirAll(documents, 0o700); err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		text := fmt.Sprintf("The harbour crane number %d was mended in March.\n", i)
		if err := os.WriteFile(filepath.Join(documents, fmt.Sprintf("crane-%d.txt", i)), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := configs.Source{Name: "port", Type: "directory", Path: documents, Mapping: []configs.Mapping{{Set: map[string]any{"groups": []any{"staff"}}}}}
	c.Sources = []configs.Source{s}
	if err := local.Create(c.Keys, false); err != nil {
		t.Fatal(err)
	}
	backends, err := auth.OpenBackends(c.Keys)
	if err != nil {
		t.Fatal(err)
	}
	creds, err := backends.Add(auth.Backend{ID: "chat", Tenant: "default", Created: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	a, err := app.Open(context.Background(), c, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	src, err := app.OpenSource(context.Background(), s)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Pipeline.Run(context.Background(), src.Source, ingest.Options{Tenant: "default"}); err != nil {
		t.Fatal(err)
	}
	f, err := openFaces(a)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(f.public)
	t.Cleanup(server.Close)
	return a, caller{server.URL, creds.Key, creds.Assertion}
}

// TestNothingIsReleasedWithoutItsAuditEntry asks over HTTP while the audit disk
// is full, and while it stands still: no answer holds a passage, and each says
// why within its time limit. When the disk is well again the same service answers.
func TestNothingIsReleasedWithoutItsAuditEntry(t *testing.T) {
	var d auditDisk
	a, c := service(t, app.Options{AuditFile: d.open})
	const answer = "mended in March"
	if status, body := c.retrieve(t, "harbour crane"); status != http.StatusOK || !strings.Contains(body, answer) {
		t.Fatalf("before: %d %s", status, body)
	}
	var asked, released atomic.Int64
	ask := func(n int) {
		var group sync.WaitGroup
		for range 8 {
			group.Go(func() {
				for range n / 8 {
					status, body := c.retrieve(t, "harbour crane")
					asked.Add(1)
					if status == http.StatusOK || strings.Contains(body, answer) {
						released.Add(1)
					}
					if status != http.StatusServiceUnavailable || !strings.Contains(body, "audit-unavailable") {
						t.Errorf("got %d %s", status, body)
					}
				}
			})
		}
		group.Wait()
	}
	d.full.Store(true)
	ask(240)
	d.full.Store(false)
	if status, _ := c.retrieve(t, "harbour crane"); status != http.StatusOK {
		t.Errorf("after the disk had room again: %d", status)
	}
	wait := make(chan struct{})
	d.still.Store(&wait)
	ask(40)
	d.still.Store(nil)
	close(wait)
	if status, _ := c.retrieve(t, "harbour crane"); status != http.StatusOK {
		t.Errorf("after the disk moved again: %d", status)
	}
	if _, err := a.AuditLog.Reader().Verify(context.Background(), nil); err != nil {
		t.Error(err)
	}
	t.Logf("%d requests with the audit disk full or standing still, %d released", asked.Load(), released.Load())
}

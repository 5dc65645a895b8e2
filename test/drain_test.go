package test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/doorward/doorward/api"
	"github.com/doorward/doorward/api/auth"
	"github.com/doorward/doorward/policy"
)

// TestDrain ends a service under load, again and again: accepted requests are
// answered whole, streams finish or end with an explicit error, and it exits
// with 0 in time. DOORWARD_DRAINS sets how often (`make drain`: 200).
func TestDrain(t *testing.T) {
	trials := 3
	if n, err := strconv.Atoi(os.Getenv("DOORWARD_DRAINS")); err == nil {
		trials = n
	}
	dir := t.TempDir()
	config := strings.Replace(leakConfig, "sources:", "limits: {drain: 4s, notice: 200ms}\nsources:", 1)
	write(t, filepath.Join(dir, "doorward.yaml"), []byte(config))
	write(t, filepath.Join(dir, "documents", "crane.txt"), []byte("The harbour crane is repaired on Tuesdays."))
	must(t, dir, "keys", "init")
	must(t, dir, "ingest")
	b := register(t, dir, "chat")
	b.client = nil
	var finished, cut, answered, longest int64
	defer func() {
		if t.Failed() {
			return
		}
		audited := int64(strings.Count(must(t, dir, "audit", "show", "--event", "retrieve", "--last", "0", "--json"), `"outcome":"released"`))
		if audited != answered {
			t.Errorf("%d retrievals were accepted and %d answered", audited, answered)
		}
	}()
	for trial := range trials {
		d := drained(t, dir, b, trial%2 == 1)
		finished, cut, answered, longest = finished+d.finished, cut+d.cut, answered+d.answered, max(longest, d.took.Milliseconds())
	}
	t.Logf("%d trials: %d requests answered whole, %d streams finished, %d ended with an explicit error, 0 reset; longest drain %d ms", trials, answered, finished, cut, longest)
}

type drainage struct {
	answered, finished, cut int64
	took                    time.Duration
}

// drained is one trial. With stubborn, streams stay open until they are cut.
func drained(t *testing.T, dir string, b *backend, stubborn bool) drainage {
	t.Helper()
	cmd := exec.Command(doorward(t), "serve")
	cmd.Dir = dir
	said, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Process.Kill()
	lines := bufio.NewScanner(said)
	for lines.Scan() && !strings.HasPrefix(lines.Text(), "serving on ") {
	}
	url := strings.TrimPrefix(lines.Text(), "serving on ")
	go io.Copy(io.Discard, said)
	client := &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 32}}
	defer client.CloseIdleConnections()
	var d drainage
	var load, streams sync.WaitGroup
	stop, finish := make(chan bool), make(chan bool)
	var open atomic.Int32
	for range 4 {
		streams.Go(func() { b.drainStream(t, client, url, finish, &open, &d) })
	}
	for range 12_000 { // each has had the head of its answer: accepted
		if open.Load() == 4 {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	if open.Load() < 4 {
		t.Fatalf("only %d streams were accepted", open.Load())
	}
	for range 4 {
		load.Go(func() { b.drainLoad(t, client, url, stop, &d) })
	}
	time.Sleep(100 * time.Millisecond)
	started := time.Now()
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(300*time.Millisecond, func() {
		if !stubborn {
			close(finish)
		}
	})
	err = cmd.Wait()
	d.took = time.Since(started)
	close(stop)
	if stubborn {
		close(finish)
	}
	load.Wait()
	streams.Wait()
	if err != nil || d.took > 15*time.Second {
		t.Errorf("it ended after %v with %v", d.took, err)
	}
	return d
}

// drainLoad asks until it is stopped or the service is gone. A request that got
// the head of an answer must get all of it.
func (b *backend) drainLoad(t *testing.T, client *http.Client, url string, stop chan bool, d *drainage) {
	for {
		select {
		case <-stop:
			return
		default:
		}
		body, _ := json.Marshal(api.RetrieveRequest{Question: "when is the crane repaired?"})
		resp, err := client.Do(b.request(t, url+"/v1/retrieve", bytes.NewReader(body)))
		if err != nil {
			if !gone(err) {
				t.Errorf("a request broke: %v", err)
			}
			return
		}
		var r api.RetrieveResponse
		err = json.NewDecoder(resp.Body).Decode(&r)
		resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusServiceUnavailable {
			t.Errorf("an accepted request was answered with %d, %v", resp.StatusCode, err)
		}
		if resp.StatusCode == http.StatusOK {
			atomic.AddInt64(&d.answered, 1)
		}
	}
}

// gone: the listener was closed, or closed the connection before the request was
// read. Anything else is a broken promise.
func gone(err error) bool {
	// What Go's client says when a connection it was about to use was closed; it
	// has no name to compare with.
	if strings.Contains(err.Error(), "server closed idle connection") {
		return true
	}
	return errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, io.EOF)
}

func (b *backend) request(t *testing.T, url string, body io.Reader) *http.Request {
	s := policy.Subject{ID: "ann", Groups: []string{"staff"}, Tenant: b.tenant}
	s.Authn.Backend = b.id
	token, err := auth.Mint(b.assertion, "doorward", s, time.Now(), time.Minute)
	if err != nil {
		t.Error(err)
	}
	r, err := http.NewRequest("POST", url, body)
	if err != nil {
		t.Error(err)
	}
	r.Header.Set("Authorization", "Bearer "+b.key)
	r.Header.Set(auth.Header, token)
	r.Header.Set("Content-Type", "application/json")
	if strings.HasSuffix(url, "/stream") {
		r.Header.Set("Content-Type", "application/x-ndjson")
	}
	return r
}

// drainStream keeps a stream open until it may finish. Its last line must say
// how it ended.
func (b *backend) drainStream(t *testing.T, client *http.Client, url string, finish chan bool, open *atomic.Int32, d *drainage) {
	in, out := io.Pipe()
	go func() {
		io.WriteString(out, "{\"delta\":\"It is repaired. \"}\n")
		<-finish
		io.WriteString(out, "{\"delta\":\"On Tuesdays.\"}\n")
		out.Close()
	}()
	resp, err := client.Do(b.request(t, url+"/v1/output/stream", in))
	if err != nil {
		t.Errorf("a stream broke: %v", err)
		return
	}
	defer resp.Body.Close()
	var last struct {
		Delta string
		End   *struct{ Error string }
	}
	open.Add(1)
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		if err := json.Unmarshal(lines.Bytes(), &last); err != nil {
			t.Errorf("a line of a stream: %v", err)
		}
	}
	switch {
	case last.End == nil:
		t.Errorf("a stream was cut silently: %v", lines.Err())
	case last.End.Error != "":
		atomic.AddInt64(&d.cut, 1)
	default:
		atomic.AddInt64(&d.finished, 1)
	}
}

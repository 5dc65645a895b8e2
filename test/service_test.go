package test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/doorward/doorward/api"
	"github.com/doorward/doorward/policy"
)

const serviceConfig = `
tenant: acme
identity: {backend_signed: true}
listen: {public: "127.0.0.1:0", operator: "OPERATOR"}
quota: {user: {requests_per_minute: 1000000, passages_per_minute: 100000000, tokens_per_minute: 1000000000, concurrent: 1000}, coverage: 0, patterns: {respond: [alert]}}
limits: {concurrent: 64, queue: 64, wait: 5s}
log: {level: warn}
chunks: {max_tokens: 800}
sources:
  - {name: docs, type: jsonl, path: ./documents.jsonl, mapping: [{set: {groups: [staff]}}]}
`

// TestServiceRate measures secured queries a second over HTTP, for 20 passages of
// 1 KB each, with the durable audit log, and beside it, in turns and with the
// same client, the rate of a bare gin handler that takes the same request and
// sends the same answer. DOORWARD_SERVICE is how long (`make bench-service`).
//
// The program has all cores, and so has the client; the rate by processor time
// leaves the client's part, and what else runs on the machine, out.
func TestServiceRate(t *testing.T) {
	length := lengthOf(t, "DOORWARD_SERVICE", time.Second)
	clients := int(numberOf(t, "DOORWARD_SERVICE_CLIENTS", 16))
	documents := 200
	if length > 5*time.Second {
		documents = 2000
	}
	dir, operator := t.TempDir(), freeAddress(t)
	write(t, filepath.Join(dir, "doorward.yaml"), []byte(strings.Replace(serviceConfig, "OPERATOR", operator, 1)))
	write(t, filepath.Join(dir, "documents.jsonl"), kilobytes(documents))
	must(t, dir, "keys", "init")
	must(t, dir, "ingest")
	b := register(t, dir, "chat", "--operator")
	b.client = &http.Client{Timeout: time.Minute}
	call := &caller{backend: b}
	b.url, _ = serve(t, dir)
	first := call.twenty(t)
	bare := floor(t, first)
	turns := max(1, int(length/(4*time.Second)))
	turn := min(length/2, 2*time.Second)
	for warm := (rate{}); warm.done < 1200; { // plans of 200 users, every document once
		call.rate(t, b.url, clients, turn, operator, &warm)
		if t.Failed() || length < 5*time.Second {
			break
		}
	}
	profiled := call.profile(t, operator)
	var secured, gin rate
	for range turns {
		call.rate(t, b.url, clients, turn, operator, &secured)
		call.rate(t, bare, clients, turn, "", &gin)
	}
	profiled.Wait()
	slices.Sort(secured.took)
	slices.Sort(gin.took)
	fmt.Printf("%d turns of %v each, %d clients, %d documents; answers of %d bytes\n", turns, turn, clients, documents, len(first))
	fmt.Printf("%-34s %10.0f /s   p50 %6.1f ms   p99 %6.1f ms\n", "secured queries", secured.perSecond(), at(secured.took, .5), at(secured.took, .99))
	fmt.Printf("%-34s %10.0f /s   (%.2f ms of processor time each)\n", "the same by the service's own time", 2*float64(secured.done)/secured.cpu, 1000*secured.cpu/float64(secured.done))
	fmt.Printf("%-34s %10.0f /s   p50 %6.1f ms   p99 %6.1f ms\n", "gin's floor", gin.perSecond(), at(gin.took, .5), at(gin.took, .99))
	fmt.Printf("%-34s %10.3f\n", "secured / floor", secured.perSecond()/gin.perSecond())
	fmt.Printf("goal: 500 secured queries a second on two cores: %.0f %% of it\n", secured.perSecond()/5)
}

// profile writes ten seconds of the service's processor profile, or what
// DOORWARD_SERVICE_PPROF names (trace?seconds=2, allocs?seconds=10), to the file
// that DOORWARD_SERVICE_PROFILE names.
func (c *caller) profile(t *testing.T, operator string) *sync.WaitGroup {
	var wait sync.WaitGroup
	path := os.Getenv("DOORWARD_SERVICE_PROFILE")
	if path == "" {
		return &wait
	}
	what := cmp.Or(os.Getenv("DOORWARD_SERVICE_PPROF"), "profile?seconds=10")
	wait.Go(func() {
		olga := policy.Subject{ID: "olga", Roles: []string{"admin"}, Authn: policy.Authn{AMR: []string{"mfa"}}}
		status, body, err := c.do(context.Background(), olga, "GET", "http://"+operator+"/debug/pprof/"+what, nil)
		if err != nil || status != http.StatusOK {
			t.Errorf("profiling: %d, %v", status, err)
			return
		}
		if err := os.WriteFile(path, body, 0o600); err != nil {
			t.Error(err)
		}
	})
	return &wait
}

// kilobytes are n documents of a kilobyte, as JSON lines.
func kilobytes(n int) []byte {
	r := rand.New(rand.NewPCG(8, 8))
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	for i := range n {
		_ = e.Encode(map[string]any{"id": fmt.Sprintf("k%05d", i), "text": madeUp(r, 960)})
	}
	return out.Bytes()
}

// twentyOf asks for 20 passages of which all fit.
func twentyOf(r *rand.Rand) api.RetrieveRequest {
	return api.RetrieveRequest{Question: vocabulary[r.IntN(60)] + " " + vocabulary[r.IntN(60)] + " " + vocabulary[r.IntN(600)], TopK: 20, Budget: 20000}
}

// twenty is one answer, which must have 20 passages.
func (c *caller) twenty(t *testing.T) []byte {
	t.Helper()
	status, body, err := c.do(context.Background(), ann, "POST", c.url+"/v1/retrieve", twentyOf(rand.New(rand.NewPCG(1, 1))))
	var r api.RetrieveResponse
	if err := json.Unmarshal(body, &r); err != nil {
		t.Fatal(err)
	}
	if err != nil || status != http.StatusOK || len(r.Passages) != 20 {
		t.Fatalf("%d, %v, %d passages", status, err, len(r.Passages))
	}
	return body
}

// floor is a bare gin handler that reads a request and sends this answer. It runs
// in this process: a little worse for it, as it shares a runtime with the client.
func floor(t *testing.T, answer []byte) string {
	t.Helper()
	var value any
	if err := json.Unmarshal(answer, &value); err != nil {
		t.Fatal(err)
	}
	gin.SetMode(gin.ReleaseMode)
	g := gin.New()
	g.POST("/v1/retrieve", func(c *gin.Context) {
		var in api.RetrieveRequest
		if c.BindJSON(&in) == nil {
			c.JSON(http.StatusOK, value)
		}
	})
	s := httptest.NewServer(g)
	t.Cleanup(s.Close)
	return s.URL
}

// rate is what a number of turns gave.
type rate struct {
	done int
	shed int // refused with Retry-After
	wall time.Duration
	cpu  float64 // seconds of the service's processor time
	took []time.Duration
}

func (r rate) perSecond() float64 { return float64(r.done) / r.wall.Seconds() }

// written is a signed question of one of 200 users, as it goes over the line.
func (c *caller) written(t *testing.T, url string, r *rand.Rand) []byte {
	t.Helper()
	body, _ := json.Marshal(twentyOf(r))
	who := policy.Subject{ID: fmt.Sprintf("user%03d", r.IntN(200)), Groups: []string{"staff"}}
	req, err := c.signed(context.Background(), who, "POST", url+"/v1/retrieve", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := req.Write(&out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// rate asks for a turn with so many clients at once. Requests are signed and
// written before: an identity provider does the first, and both share the
// machine with the service here.
func (c *caller) rate(t *testing.T, url string, clients int, turn time.Duration, operator string, into *rate) {
	t.Helper()
	var ready [64][][]byte
	for i := range ready[:clients] {
		r := rand.New(rand.NewPCG(uint64(i), uint64(time.Now().UnixNano())))
		for range int(turn.Seconds()*2000)/clients + 8 {
			ready[i] = append(ready[i], c.written(t, url, r))
		}
	}
	before := c.processor(t, operator)
	var took times
	var group sync.WaitGroup
	var done, shed atomic.Int64
	started := time.Now()
	for _, list := range ready[:clients] {
		group.Go(func() {
			line, err := dialLine(url)
			if err != nil {
				t.Error(err)
				return
			}
			defer line.Close()
			for _, r := range list {
				if time.Since(started) > turn {
					return
				}
				begun := time.Now()
				a, err := line.ask(r)
				if err == nil && a.status == http.StatusServiceUnavailable && a.retry {
					shed.Add(1)
					time.Sleep(50 * time.Millisecond)
					continue
				}
				if err != nil || a.status != http.StatusOK || a.bytes < 20_000 {
					t.Errorf("status %d, %d bytes, %v", a.status, a.bytes, err)
					return
				}
				took.add(time.Since(begun))
				done.Add(1)
			}
		})
	}
	group.Wait()
	into.wall += time.Since(started)
	into.done += int(done.Load())
	into.shed += int(shed.Load())
	into.cpu += c.processor(t, operator) - before
	into.took = append(into.took, took.take()...)
}

// processor is the service's processor time so far, in seconds.
func (c *caller) processor(t *testing.T, operator string) float64 {
	t.Helper()
	if operator == "" {
		return 0
	}
	m, err := gauges(context.Background(), "http://"+operator)
	if err != nil {
		t.Fatal(err)
	}
	return m["process_cpu_seconds_total"]
}

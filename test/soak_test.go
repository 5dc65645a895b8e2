package test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
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

	"github.com/doorward/doorward/api"
	"github.com/doorward/doorward/policy"
)

const soakConfig = `
tenant: acme
identity: {backend_signed: true}
listen: {public: "127.0.0.1:0", operator: "OPERATOR", tls_cert: ./tls.crt, tls_key: ./tls.key}
policy: {dir: ./policy}
# Counted, so that what counting keeps is part of the soak, but never in the way.
quota: {user: {requests_per_minute: 100000, passages_per_minute: 1000000, tokens_per_minute: 100000000, concurrent: 1000}, coverage: 0, patterns: {respond: [alert]}}
gateway: {upstreams: [{models: ["test-*"], url: "UPSTREAM/v1", destination: internal}]}
erasure: {every: 1m}
index: {scrub: 10m}
sources:
  - {name: crm, type: push, mapping: [{match: "**", set: {groups: [staff]}}]}
`

// soak is a service that is used for a long time, and what was seen of it.
type soak struct {
	t        *testing.T
	dir      string
	url      string
	operator string
	call     *caller
	issuer   *authority
	docs     int // ids that are pushed again and again

	done   atomic.Int64
	once   atomic.Int64 // documents pushed to be erased
	errs   atomic.Int64
	mu     sync.Mutex
	kinds  map[string]int // done, by kind
	wrong  map[string]int // errors, by what
	asked  times          // retrieve alone, from when it was due
	reload map[string]int
	shed   atomic.Int64 // requests refused for lack of a place
	behind atomic.Int64 // requests left out because too many were under way
}

// TestSoak uses a service for a long time: questions, answers and streams,
// pushed, changed, deleted and erased documents at DOORWARD_SOAK_RATE requests a
// second, while policy, certificate and keys are replaced again and again.
// DOORWARD_SOAK says for how long (`make soak`: two hours); without it the test
// only shows that all of that works.
func TestSoak(t *testing.T) {
	length := lengthOf(t, "DOORWARD_SOAK", 4*time.Second)
	rate := numberOf(t, "DOORWARD_SOAK_RATE", 20)
	s := soaked(t)
	ctx, cancel := context.WithTimeout(context.Background(), length)
	defer cancel()
	watch := s.watch(ctx, length)
	var others sync.WaitGroup
	others.Go(func() { s.replace(ctx, min(2*time.Minute, length/4)) })
	s.load(ctx, rate)
	others.Wait()
	seen := <-watch
	s.report(length, rate, seen)
}

// soaked is the service with its first documents.
func soaked(t *testing.T) *soak {
	t.Helper()
	model := &forgetful{}
	upstream := httptest.NewServer(model)
	t.Cleanup(upstream.Close)
	s := &soak{t: t, dir: t.TempDir(), operator: freeAddress(t), issuer: newAuthority(t), docs: 300, kinds: map[string]int{}, wrong: map[string]int{}, reload: map[string]int{}}
	if os.Getenv("DOORWARD_SOAK") == "" {
		s.docs = 30
	}
	must(t, s.dir, "init")
	config := strings.NewReplacer("OPERATOR", s.operator, "UPSTREAM", upstream.URL).Replace(soakConfig)
	write(t, filepath.Join(s.dir, "doorward.yaml"), []byte(config))
	if _, err := s.issuer.issue(s.dir); err != nil {
		t.Fatal(err)
	}
	b := register(t, s.dir, "chat", "--scope", "retrieve,output,chat,ingest", "--source", "crm", "--operator")
	b.client = s.issuer.client()
	s.call = &caller{backend: b}
	s.url, _ = serve(t, s.dir)
	s.operator = "http://" + s.operator
	r := rand.New(rand.NewPCG(3, 4))
	for i := range s.docs {
		if err := s.push(context.Background(), r, fmt.Sprintf("d%04d", i)); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// load sends requests at the rate, whether or not the ones before are answered.
func (s *soak) load(ctx context.Context, rate float64) {
	var under sync.WaitGroup
	defer under.Wait()
	places := make(chan bool, 256)
	tick := time.NewTicker(time.Duration(float64(time.Second) / rate))
	defer tick.Stop()
	for n := uint64(0); ; n++ {
		var due time.Time
		select {
		case <-ctx.Done():
			return
		case due = <-tick.C:
		}
		select {
		case places <- true:
		default:
			s.behind.Add(1)
			continue
		}
		under.Go(func() {
			defer func() { <-places }()
			// What has begun is finished: it must not look like an error.
			s.one(context.WithoutCancel(ctx), rand.New(rand.NewPCG(n, 5)), due)
		})
	}
}

// one does one thing that callers do.
func (s *soak) one(ctx context.Context, r *rand.Rand, due time.Time) {
	kind, err := "retrieve", error(nil)
	switch n := r.IntN(100); {
	case n < 58:
		if _, err = s.retrieve(ctx, r); err == nil {
			s.asked.add(time.Since(due))
		}
	case n < 70:
		kind, err = "stream", s.stream(ctx, r)
	case n < 76:
		kind, err = "chat", s.chat(ctx, r)
	case n < 90:
		kind, err = "push", s.push(ctx, r, fmt.Sprintf("d%04d", r.IntN(s.docs)))
	case n < 94:
		kind, err = "attributes", s.attributes(ctx, r)
	case n < 97:
		kind, err = "delete", s.remove(ctx, r)
	default:
		kind, err = "erase", s.erase(ctx, r)
	}
	s.done.Add(1)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kinds[kind]++
	switch {
	case errors.Is(err, errShed):
		s.shed.Add(1) // by a machine that others keep busy too; it says when to come again
	case err != nil:
		s.err(kind, err)
	}
}

// err counts an error and shows it; s.mu is held.
func (s *soak) err(doing string, err error) {
	s.errs.Add(1)
	what := doing + ": " + err.Error()
	if s.wrong[what]++; s.wrong[what] == 1 {
		fmt.Printf("ERROR at %s: %s\n", time.Now().UTC().Format(time.TimeOnly), what)
	}
}

// errShed means that the service had no place for a request, and said so.
var errShed = errors.New("refused for lack of a place")

// person is one of 60 users: few enough that what is kept of each is soon full.
func person(r *rand.Rand) policy.Subject {
	return policy.Subject{ID: fmt.Sprintf("user%03d", r.IntN(60)), Groups: []string{"staff"}}
}

// want makes an unexpected status an error, without what was answered.
func want(status int, err error, good ...int) error {
	if err != nil || slices.Contains(good, status) {
		return err
	}
	if status == http.StatusServiceUnavailable {
		return errShed
	}
	return fmt.Errorf("status %d", status)
}

func (s *soak) retrieve(ctx context.Context, r *rand.Rand) (api.RetrieveResponse, error) {
	var out api.RetrieveResponse
	status, body, err := s.call.do(ctx, person(r), "POST", s.url+"/v1/retrieve", api.RetrieveRequest{Question: words(r, 4), TopK: 8, Format: "messages"})
	if err := want(status, err, http.StatusOK); err != nil {
		return out, err
	}
	return out, json.Unmarshal(body, &out)
}

// stream asks, and has an answer filtered while it is written.
func (s *soak) stream(ctx context.Context, r *rand.Rand) error {
	who := person(r)
	status, body, err := s.call.do(ctx, who, "POST", s.url+"/v1/retrieve", api.RetrieveRequest{Question: words(r, 3)})
	if err := want(status, err, http.StatusOK); err != nil {
		return err
	}
	var got api.RetrieveResponse
	if err := json.Unmarshal(body, &got); err != nil {
		return err
	}
	in, out := io.Pipe()
	go func() {
		for range 20 {
			data, _ := json.Marshal(map[string]string{"delta": words(r, 5) + " "})
			if _, err := out.Write(append(data, '\n')); err != nil {
				return
			}
		}
		out.Close()
	}()
	defer in.Close()
	req, err := s.call.signed(ctx, who, "POST", s.url+"/v1/output/stream", in)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-ndjson")
	req.Header.Set("Doorward-Context", got.ContextID)
	resp, err := s.call.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if err := want(resp.StatusCode, nil, http.StatusOK); err != nil {
		return err
	}
	var last struct{ End *struct{ Error string } }
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		if err := json.Unmarshal(lines.Bytes(), &last); err != nil {
			return err
		}
	}
	switch {
	case last.End == nil:
		return errors.New("ended silently")
	case last.End.Error != "":
		return errors.New("was cut")
	}
	return nil
}

// chat does the whole round through the gateway, streamed.
func (s *soak) chat(ctx context.Context, r *rand.Rand) error {
	status, body, err := s.call.do(ctx, person(r), "POST", s.url+"/v1/chat/completions", map[string]any{"model": "test-1", "stream": r.IntN(2) == 0,
		"messages": []any{map[string]any{"role": "user", "content": words(r, 4)}}})
	if err := want(status, err, http.StatusOK); err != nil {
		return err
	}
	if !strings.Contains(string(body), "finish_reason") {
		return errors.New("not an answer")
	}
	return nil
}

func (s *soak) push(ctx context.Context, r *rand.Rand, id string) error {
	d := map[string]any{"text": madeUp(r, 1000+r.IntN(3000))}
	if r.IntN(5) == 0 { // through an extractor's child
		d = map[string]any{"name": id + ".html", "text": "<h1>" + words(r, 3) + "</h1><p>" + madeUp(r, 2000) + "</p>"}
	}
	status, _, err := s.call.do(ctx, policy.Subject{}, "PUT", s.url+"/v1/documents/"+id, d)
	return want(status, err, http.StatusOK, http.StatusCreated)
}

func (s *soak) attributes(ctx context.Context, r *rand.Rand) error {
	group := []string{"staff", "sales"}[r.IntN(2)]
	status, _, err := s.call.do(ctx, policy.Subject{}, "PATCH", s.url+fmt.Sprintf("/v1/documents/d%04d/attributes", r.IntN(s.docs)), api.AttributesRequest{Attributes: map[string]any{"groups": []string{group, "staff"}}})
	return want(status, err, http.StatusOK, http.StatusNotFound, http.StatusConflict)
}

func (s *soak) remove(ctx context.Context, r *rand.Rand) error {
	status, _, err := s.call.do(ctx, policy.Subject{}, "DELETE", s.url+fmt.Sprintf("/v1/documents/d%04d", r.IntN(s.docs)), nil)
	return want(status, err, http.StatusNoContent, http.StatusOK, http.StatusNotFound)
}

// erase pushes a document of its own word, finds it, erases it, and finds it no
// more.
func (s *soak) erase(ctx context.Context, r *rand.Rand) error {
	n := s.once.Add(1)
	id, word := fmt.Sprintf("once%d", n), fmt.Sprintf("quorblefant%d", n)
	status, _, err := s.call.do(ctx, policy.Subject{}, "PUT", s.url+"/v1/documents/"+id, map[string]any{"text": "The " + word + " of " + madeUp(r, 500)})
	if err := want(status, err, http.StatusOK, http.StatusCreated); err != nil {
		return fmt.Errorf("pushing: %w", err)
	}
	found := func() (bool, error) {
		status, body, err := s.call.do(ctx, person(r), "POST", s.url+"/v1/retrieve", api.RetrieveRequest{Question: word})
		return strings.Contains(string(body), "The "+word), want(status, err, http.StatusOK)
	}
	if ok, err := found(); err != nil || !ok {
		return fmt.Errorf("before erasing: found %v, %w", ok, err)
	}
	operator := policy.Subject{ID: "olga", Roles: []string{"admin"}, Authn: policy.Authn{AMR: []string{"mfa"}}}
	status, _, err = s.call.do(ctx, operator, "POST", s.operator+"/v1/erasures", api.ErasureBody{Scope: "document", Target: "crm~:" + id, Reason: "soak"})
	if err := want(status, err, http.StatusCreated); err != nil {
		return fmt.Errorf("erasing: %w", err)
	}
	if ok, err := found(); err != nil || ok {
		return fmt.Errorf("after erasing: found %v, %w", ok, err)
	}
	return nil
}

// replace replaces policy, certificate and keys in turn until the context ends.
func (s *soak) replace(ctx context.Context, every time.Duration) {
	tick := time.NewTicker(every / 3)
	defer tick.Stop()
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		kind, err := "policy", error(nil)
		switch n % 3 {
		case 0:
			kind, err = "certificate", s.newCertificate()
		case 1:
			kind, err = "keys", s.call.rotate(s.t, s.dir, s.url, time.Minute)
		default:
			err = s.newPolicy(n)
		}
		s.mu.Lock()
		if s.reload[kind]++; err != nil && !errors.Is(err, errShed) {
			s.err("replacing "+kind, err)
		}
		s.mu.Unlock()
	}
}

func (s *soak) newCertificate() error {
	serial, err := s.issuer.issue(s.dir)
	if err != nil {
		return err
	}
	for range 200 {
		got, err := s.issuer.shown(strings.TrimPrefix(s.url, "https://"))
		if err == nil && got == serial {
			s.call.client.CloseIdleConnections()
			return nil
		}
		waitABit()
	}
	return errors.New("a new connection gets the old certificate")
}

// newPolicy writes the policy anew, and waits until answers name its revision.
func (s *soak) newPolicy(n int) error {
	revision := func() (string, error) {
		got, err := s.retrieve(context.Background(), rand.New(rand.NewPCG(uint64(n), 6)))
		return got.Policy, err
	}
	before, err := revision()
	if err != nil {
		return err
	}
	path := filepath.Join(s.dir, "policy", "access.rego")
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	body, _, _ := strings.Cut(string(text), "# written ")
	if err := os.WriteFile(path+".new", fmt.Appendf(nil, "%s# written %d times\nallow if input.document.owner == \"revision%d\"\n", body, n, n), 0o644); err != nil {
		return err
	}
	if err := os.Rename(path+".new", path); err != nil {
		return err
	}
	for range 400 {
		if now, err := revision(); err == nil && now != before {
			return nil
		} else if err != nil && !errors.Is(err, errShed) {
			return err
		}
		waitABit()
	}
	return errors.New("the new policy is not in force")
}

// forgetful is a model server that answers and remembers nothing.
type forgetful struct{ n atomic.Uint64 }

func (f *forgetful) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var in struct{ Stream bool }
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		http.Error(w, "no", http.StatusBadRequest)
		return
	}
	random := rand.New(rand.NewPCG(f.n.Add(1), 7))
	one := obedient{reply: func(map[string]any) []string {
		parts := make([]string, 12)
		for i := range parts {
			parts[i] = words(random, 3) + " "
		}
		return parts
	}}
	body, _ := json.Marshal(map[string]any{"stream": in.Stream})
	r.Body = io.NopCloser(strings.NewReader(string(body)))
	one.ServeHTTP(w, r)
}

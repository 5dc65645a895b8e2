package app_test

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/doorward/doorward/cmd/internal/app"
	"github.com/doorward/doorward/configs"
	"github.com/doorward/doorward/ingest"
	"github.com/doorward/doorward/policy/keys/local"
)

// poisoned is what the poisoning tests start from.
type poisoned struct {
	base      *store
	now       time.Time
	documents []string // of the trusted collection
	claims    []string // what is asked about
	history   []string // of the feed, so far
	next      []string // what the feed brings next
	other     []string // documents of another collection
	targets   int
	chosen    []attack
	per       []int // attackers' texts for each question
	perDay    int   // the feed's usual day
}

// newPoisoned takes in the collection and a week of the feed.
func newPoisoned(t *testing.T) *poisoned {
	t.Helper()
	p := &poisoned{now: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC), targets: 5, chosen: attacks[:1], per: []int{5}, perDay: 45}
	if os.Getenv("DOORWARD_POISONING") != "" {
		p.targets, p.chosen, p.per, p.perDay = 100, attacks, []int{1, 5, 10}, 60
		p.scifact(t)
	} else {
		p.made()
	}
	p.base = p.store(t)
	now := p.now
	a := p.base.openClock(t, &now)
	defer a.Close()
	if r, err := a.Ingest(t.Context(), p.base.source("papers"), ingest.Options{}); err != nil || r.Outcomes[ingest.Indexed] != len(p.documents) {
		t.Fatalf("%+v, %v", r, err)
	}
	for day := range len(p.history) / p.perDay {
		texts := map[string]string{}
		for i, text := range p.history[day*p.perDay : (day+1)*p.perDay] {
			texts[fmt.Sprintf("day%d-%d", day, i)] = text
		}
		writeFeed(t, p.base, texts)
		if _, err := a.Ingest(t.Context(), p.base.source("feed"), ingest.Options{}); err != nil {
			t.Fatal(err)
		}
		now = now.Add(24 * time.Hour)
	}
	p.now = now
	return p
}

// scifact: abstracts, the claims asked about them, and business documents.
func (p *poisoned) scifact(t *testing.T) {
	t.Helper()
	root := os.Getenv("DOORWARD_DATA")
	if root == "" {
		root = filepath.Join("..", "..", "..", "..", "shared", "data")
	}
	dir := filepath.Join(root, "retrieval")
	if _, err := os.Stat(dir); err != nil {
		t.Skip("set DOORWARD_DATA to the directory that holds retrieval/scifact")
	}
	docs := readTexts(t, filepath.Join(dir, "scifact", "corpus.jsonl.gz"))
	feed := 1200
	p.documents, p.history, p.next = docs[feed:], docs[:6*p.perDay], docs[6*p.perDay:feed]
	p.claims = readTexts(t, filepath.Join(dir, "scifact", "queries.jsonl.gz"))
	p.other = readTexts(t, filepath.Join(dir, "enterprisebench_acl", "corpus.jsonl.gz"))[:500]
}

func readTexts(t *testing.T, path string) []string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	lines := bufio.NewScanner(z)
	lines.Buffer(nil, 4<<20)
	for lines.Scan() {
		var d struct{ Title, Text string }
		if err := json.Unmarshal(lines.Bytes(), &d); err != nil {
			t.Fatal(err)
		}
		if text := strings.TrimSpace(d.Title + "\n" + d.Text); len(text) > 20 {
			out = append(out, text)
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

// made is a small collection of made-up words.
func (p *poisoned) made() {
	rng := rand.New(rand.NewPCG(11, 11))
	syllables := strings.Fields("ba ce di fo gu ha je ki lo mu na pe ri so tu va we xi yo zu")
	word := func(kind string, n int) string {
		return kind + syllables[n%20] + syllables[n/20%20] + syllables[n/400%20]
	}
	text := func(kind string, i, n int) string {
		var b strings.Builder
		for j := range n {
			k := 400 + rng.IntN(600)
			if j%6 == 0 {
				k = i * 3 % 400 // what it is about
			}
			b.WriteString(word(kind, k) + " ")
		}
		return b.String() + "today."
	}
	for i := range 40 {
		p.documents = append(p.documents, text("s", i, 60))
	}
	for i := range 60 {
		p.claims = append(p.claims, fmt.Sprintf("The %s of %s lowers %s in %s.", word("s", i*3%400), word("s", 400+rng.IntN(600)), word("s", 400+rng.IntN(600)), word("s", 400+rng.IntN(600))))
	}
	for i := range 6*p.perDay + 10*p.perDay {
		p.next = append(p.next, text("s", i, 60))
	}
	p.history, p.next = p.next[:6*p.perDay], p.next[6*p.perDay:]
	for i := range 100 {
		p.other = append(p.other, text("t", i, 60))
	}
}

// store has the collection and the feed as sources.
func (p *poisoned) store(t *testing.T) *store {
	t.Helper()
	dir := t.TempDir()
	text := "data: " + dir + "/data\nkeys: " + dir + "/keys\ntenant: acme\nquota: {state: \"off\"}\ncontain: {keep: 48h}\nsources:\n" +
		"  - {name: papers, type: jsonl, trust: internal, path: " + dir + "/papers.jsonl, mapping: [{set: {groups: [team]}}]}\n" +
		"  - {name: feed, type: jsonl, trust: untrusted, path: " + dir + "/feed.jsonl, mapping: [{set: {groups: [team]}}]}\n"
	if err := os.WriteFile(filepath.Join(dir, "doorward.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := local.Create(filepath.Join(dir, "keys"), false); err != nil {
		t.Fatal(err)
	}
	docs := map[string]string{}
	for i, d := range p.documents {
		docs[fmt.Sprint("paper-", i)] = d
	}
	writeLines(t, filepath.Join(dir, "papers.jsonl"), docs)
	return loadStore(t, dir)
}

// copy is the same data, under the policies shipped or under ones that look at no
// signal.
func (p *poisoned) copy(t *testing.T, signals bool) *store {
	t.Helper()
	s := p.base.copied(t)
	s.cfg.Sources = append([]configs.Source(nil), s.cfg.Sources...)
	s.cfg.Sources[1].Path = filepath.Join(s.dir, "feed.jsonl")
	if signals {
		return s
	}
	files, err := fs.Sub(configs.Policies, "policies/default")
	if err != nil {
		t.Fatal(err)
	}
	s.cfg.Policy.Dir = filepath.Join(s.dir, "policy")
	if err := os.CopyFS(s.cfg.Policy.Dir, files); err != nil {
		t.Fatal(err)
	}
	blind := "package doorward.ingest\n\nimport rego.v1\n\nactions := {\"secret\": \"redact\", \"pii\": \"redact\", \"URL\": \"pass\", \"injection\": \"strip\", \"hidden\": \"flag\", \"template\": \"neutralise\", \"egress\": \"flag\"}\n\nverdict := \"index\"\n"
	if err := os.WriteFile(filepath.Join(s.cfg.Policy.Dir, "ingest.rego"), []byte(blind), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(s.cfg.Policy.Dir, "ingest_test.rego")); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *store) source(name string) configs.Source {
	for _, c := range s.cfg.Sources {
		if c.Name == name {
			return c
		}
	}
	panic("no source " + name)
}

func writeFeed(t *testing.T, s *store, texts map[string]string) {
	t.Helper()
	writeLines(t, s.source("feed").Path, texts)
}

// writeLines writes documents in the order of their ids.
func writeLines(t *testing.T, path string, texts map[string]string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	e := json.NewEncoder(f)
	for _, id := range sorted(texts) {
		if err := e.Encode(map[string]string{"id": id, "text": texts[id]}); err != nil {
			t.Fatal(err)
		}
	}
}

// openAt opens the parts at a time, openClock with a clock that moves.
func (s *store) openAt(t *testing.T, now time.Time) *app.App {
	t.Helper()
	return s.openClock(t, &now)
}

func (s *store) openClock(t *testing.T, now *time.Time) *app.App {
	t.Helper()
	scanners, err := scannersOf()
	if err != nil {
		t.Fatal(err)
	}
	a, err := app.Open(t.Context(), s.cfg, app.Options{Scanners: scanners, Now: func() time.Time { return *now }})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

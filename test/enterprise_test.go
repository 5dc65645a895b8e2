package test

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/doorward/doorward/api"
	"github.com/doorward/doorward/policy"
)

// enterprise is a corpus whose documents carry access attributes, with people,
// known-item questions and published allow and deny cases.
type enterprise struct {
	acl     map[string]acl
	people  map[string]string // employee → department
	queries map[string]string
	wanted  map[string]string // query → document
	cases   []aclCase
}

type acl struct {
	Public      bool     `json:"public"`
	Users       []string `json:"users"`
	Departments []string `json:"departments"`
}

type aclCase struct {
	query, person, document string
	allow                   bool
}

// allows is the oracle: the published rule, written again by hand.
func (e *enterprise) allows(person, document string) bool {
	a := e.acl[document]
	return a.Public || slices.Contains(a.Users, person) || slices.Contains(a.Departments, e.people[person])
}

func loadEnterprise(t *testing.T, dir string) *enterprise {
	t.Helper()
	e := &enterprise{acl: map[string]acl{}, people: map[string]string{}, queries: map[string]string{}, wanted: map[string]string{}}
	jsonLines(t, filepath.Join(dir, "corpus.jsonl.gz"), func(d struct {
		ID       string `json:"_id"`
		Metadata struct{ ACL acl }
	}) {
		e.acl[d.ID] = d.Metadata.ACL
	})
	jsonLines(t, filepath.Join(dir, "principals.jsonl.gz"), func(p struct {
		EmpID      string `json:"emp_id"`
		Department string
	}) {
		e.people[p.EmpID] = p.Department
	})
	jsonLines(t, filepath.Join(dir, "queries.jsonl.gz"), func(q struct {
		ID   string `json:"_id"`
		Text string
	}) {
		e.queries[q.ID] = q.Text
	})
	for _, f := range tsv(t, filepath.Join(dir, "qrels.tsv")) {
		e.wanted[f[0]] = f[1]
	}
	for _, f := range tsv(t, filepath.Join(dir, "acl_cases.tsv")) {
		e.cases = append(e.cases, aclCase{f[0], f[1], f[2], f[3] == "allow"})
	}
	return e
}

func jsonLines[T any](t *testing.T, path string, each func(T)) {
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
	for d := json.NewDecoder(bufio.NewReader(z)); d.More(); {
		var v T
		if err := d.Decode(&v); err != nil {
			t.Fatal(err)
		}
		each(v)
	}
}

func tsv(t *testing.T, path string) (rows [][]string) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(strings.TrimSpace(string(data)), "\n")[1:] {
		rows = append(rows, strings.Split(line, "\t"))
	}
	return rows
}

// enterpriseConfig writes a configuration for the corpus into dir.
func enterpriseConfig(t *testing.T, dir, corpus, name, policies string) {
	t.Helper()
	template, err := os.ReadFile(filepath.Join("enterprise", "doorward.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	policyDir, err := filepath.Abs(filepath.Join("enterprise", policies))
	if err != nil {
		t.Fatal(err)
	}
	text := strings.NewReplacer("DATA", filepath.Join(dir, "data"), "KEYS", filepath.Join(dir, "keys"), "POLICY", policyDir, "CORPUS", corpus).Replace(string(template))
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestEnterprise takes the whole corpus in and asks every published case over
// HTTP. No denied document may appear in any answer, no allowed one may be
// refused by the check, and policy may not cost recall.
func TestEnterprise(t *testing.T) {
	corpus := dataDir(t, "retrieval", "enterprisebench_acl")
	if testing.Short() {
		t.Skip("takes a minute")
	}
	e := loadEnterprise(t, corpus)
	dir := t.TempDir()
	enterpriseConfig(t, dir, filepath.Join(corpus, "corpus.jsonl.gz"), "doorward.yaml", "policy")
	enterpriseConfig(t, dir, filepath.Join(corpus, "corpus.jsonl.gz"), "open.yaml", "open")
	must(t, dir, "keys", "init")
	t.Log(strings.TrimSpace(must(t, dir, "ingest")))
	b := register(t, dir, "bench")

	url, stop := serve(t, dir)
	b.url = url
	secured := e.ask(t, b, e.cases)
	stop()
	e.noneRefused(t, dir)
	t.Logf("%d cases over HTTP, top_k 50: %d denied documents shown, query p50 %.1f ms, p99 %.1f ms", len(e.cases), secured.leaked, secured.percentile(50), secured.percentile(99))

	var known []aclCase
	for _, c := range e.cases {
		if c.allow {
			known = append(known, c)
		}
	}
	url, stop = serve(t, dir, "-c", "open.yaml")
	b.url = url
	open := e.ask(t, b, known) // the others say nothing of recall
	stop()
	t.Logf("allowed known items:  with policy recall@10 %.4f nDCG@10 %.4f;  without policy recall@10 %.4f nDCG@10 %.4f", secured.recall, secured.ndcg, open.recall, open.ndcg)
	if secured.leaked > 0 {
		t.Errorf("%d denied documents were shown", secured.leaked)
	}
	if secured.recall < open.recall {
		t.Errorf("policy costs recall: %.4f with, %.4f without", secured.recall, open.recall)
	}
}

// asked is what came of all cases.
type asked struct {
	leaked       int // documents the person may not see, in any answer
	recall, ndcg float64
	millis       []float64
}

func (a asked) percentile(p int) float64 {
	s := slices.Sorted(slices.Values(a.millis))
	return s[min(len(s)-1, len(s)*p/100)]
}

func (e *enterprise) ask(t *testing.T, b *backend, cases []aclCase) asked {
	t.Helper()
	var a asked
	allowed := 0
	for _, c := range cases {
		s := policy.Subject{ID: c.person, Groups: []string{e.people[c.person]}}
		started := time.Now()
		r := b.retrieve(t, s, api.RetrieveRequest{Question: e.queries[c.query], TopK: 50})
		a.millis = append(a.millis, float64(time.Since(started).Microseconds())/1000)
		rank, seen := 0, map[string]bool{}
		for _, p := range r.Passages {
			if !e.allows(c.person, p.Document) {
				a.leaked++
			}
			if !seen[p.Document] {
				seen[p.Document] = true
				if p.Document == c.document {
					rank = len(seen)
				}
			}
		}
		if c.allow {
			allowed++
			if rank > 0 && rank <= 10 {
				a.recall++
				a.ndcg += 1 / math.Log2(float64(rank)+1)
			}
		}
	}
	a.recall /= float64(allowed)
	a.ndcg /= float64(allowed)
	return a
}

// noneRefused reads in the audit log that the check never dropped anything: the
// plan was exact.
func (e *enterprise) noneRefused(t *testing.T, dir string) {
	t.Helper()
	entries := 0
	for line := range strings.Lines(must(t, dir, "audit", "show", "--json", "-n", "0")) {
		var entry struct {
			Event, Outcome string
			Counts         map[string]int
		}
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			t.Fatal(err)
		}
		if entry.Event == "alarm" {
			t.Errorf("an alarm: %s", line)
		}
		if entry.Event != "retrieve" {
			continue
		}
		entries++
		for what, n := range entry.Counts {
			if strings.HasPrefix(what, "dropped") {
				t.Errorf("%s: %d", what, n)
			}
		}
	}
	if entries != len(e.cases) {
		t.Errorf("%d audit entries for %d retrievals", entries, len(e.cases))
	}
	fmt.Fprintln(os.Stderr, strings.TrimSpace(must(t, dir, "audit", "verify")))
}

package demo

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/doorward/doorward/cmd/internal/app"
	"github.com/doorward/doorward/ingest"
	"github.com/doorward/doorward/ingest/catalog"
	"github.com/doorward/doorward/policy"
	"github.com/doorward/doorward/policy/keys"
	"github.com/doorward/doorward/retrieval/embed"
	"github.com/doorward/doorward/retrieval/index"
)

// Config is what a demo needs. Fields are required unless they say otherwise.
type Config struct {
	Stage *Stage
	App   *app.App     // opened over Stage.Config
	API   http.Handler // over App
	View  *View        // nil shows nothing
	Model Model        // nil is Script
}

// show is one performance.
type show struct {
	Config
	result  *Result
	client  *client
	mayRead map[string]map[string]bool // person → documents
}

// Run gives the demo: ingest, proof, questions. It returns all it showed.
func Run(ctx context.Context, c Config) (*Result, error) {
	if c.Stage == nil || c.App == nil || c.API == nil {
		return nil, errors.New("running the demo: a part is missing")
	}
	if c.View == nil {
		c.View = silent()
	}
	if c.Model == nil {
		c.Model = Script{Pace: c.View.pace()}
	}
	s := &show{Config: c, mayRead: map[string]map[string]bool{}, result: &Result{
		People: People(), Questions: Questions(), Model: c.Model.Name(), MayRead: map[string][]string{}, Planted: map[string]int{}}}
	var err error
	if s.client, err = newClient(c.Stage, c.API); err != nil {
		return nil, fmt.Errorf("running the demo: %w", err)
	}
	defer s.client.stop()
	for _, act := range []func(context.Context) error{s.ingest, s.prove, s.survey, s.ask} {
		if err := act(ctx); err != nil {
			return nil, fmt.Errorf("running the demo: %w", err)
		}
	}
	c.View.matrix(s.result)
	return s.result, nil
}

// ingest takes the documents in.
func (s *show) ingest(ctx context.Context) error {
	src, err := app.OpenSource(ctx, s.Stage.Config.Sources[0])
	if err != nil {
		return err
	}
	defer src.Close()
	for key := range s.Stage.planted.secrets {
		kind, _, _ := strings.Cut(key, ":")
		s.result.Planted[kind]++
	}
	s.result.Planted["personal-data"] = len(s.Stage.planted.data)
	s.View.opening(s.result, s.Stage)
	total, err := count(ctx, src)
	if err != nil {
		return err
	}
	s.View.progress(0, total)
	report, err := s.App.Pipeline.Run(ctx, src.Source, ingest.Options{Tenant: Tenant, Progress: func(e ingest.Event) {
		s.result.Documents = append(s.result.Documents, documentOf(e))
		s.View.progress(len(s.result.Documents), total)
	}})
	if err != nil {
		return err
	}
	s.result.Seconds = seconds(report.Elapsed)
	s.View.ingested(s.result)
	return nil
}

// count walks a source without reading it.
func count(ctx context.Context, src ingest.Source) (n int, err error) {
	err = src.Walk(ctx, func(ingest.Item) error { n++; return nil })
	return n, err
}

func documentOf(e ingest.Event) Document {
	department, _, _ := strings.Cut(e.ID, ":")
	return Document{ID: e.ID, Department: department, Format: strings.TrimPrefix(path.Ext(e.ID), "."), Outcome: e.Outcome, Chunks: e.Chunks,
		Reasons: e.Reasons, Why: why[e.ID], Findings: e.Findings, Kinds: e.Kinds, Removed: e.Removed}
}

// why tells what was done to the documents that are held.
var why = map[string]string{
	"engineering:release-signing-key.txt":    "a private key is pasted into it; somebody has to see this and rotate the key",
	"engineering:supplier-page-ostrava.html": "a saved web page that gives orders to assistants in six places",
	"hr:payroll:bonus-run.csv":               "its attribute file opens it to all staff; the folder's rule is final and says payroll only",
	"legal:signed-frame-contract.docx":       "the upload broke off, so the file cannot be read to its end",
	"sales:brochure.md":                      "named as Markdown, but its bytes are a PDF",
	"sales:inbox:forwarded-notes.txt":        "nothing says who may read it, so nobody may",
}

// survey asks policy about every document for every person, as an operator may.
func (s *show) survey(ctx context.Context) error {
	snapshot, err := s.App.Policy.Snapshot()
	if err != nil {
		return err
	}
	var ids []string
	var facts []policy.Attributes
	err = s.App.Catalog.Live(ctx, Tenant, "", func(d catalog.Document) error {
		ids, facts = append(ids, d.ID), append(facts, d.Attributes)
		return nil
	})
	if err != nil {
		return err
	}
	for _, p := range s.result.People {
		decisions, err := snapshot.Check(ctx, p.Subject(), s.context(), facts)
		if err != nil {
			return err
		}
		allowed, list := map[string]bool{}, []string{}
		for i, d := range decisions {
			if d.Allow {
				allowed[ids[i]] = true
				list = append(list, ids[i])
			}
		}
		slices.Sort(list)
		s.mayRead[p.ID], s.result.MayRead[p.ID] = allowed, list
	}
	return nil
}

func (s *show) context() policy.Context {
	return policy.Context{Now: time.Now(), Destination: s.Stage.Destination, Action: "read"}
}

// ask puts every question as every person.
func (s *show) ask(ctx context.Context) error {
	s.View.asking(s.result)
	unrestricted := make([][]string, len(s.result.Questions))
	for i, q := range s.result.Questions {
		var err error
		if unrestricted[i], err = s.search(ctx, q); err != nil {
			return err
		}
		nobodys := 0
		for _, id := range unrestricted[i] {
			if !slices.ContainsFunc(s.result.People, func(p Person) bool { return s.mayRead[p.ID][id] }) {
				nobodys++
			}
		}
		s.result.Nobodys = append(s.result.Nobodys, nobodys)
	}
	live := 0
	for _, d := range s.result.Documents {
		if d.Outcome == ingest.Indexed {
			live++
		}
	}
	for i, p := range s.result.People {
		s.View.person(p, len(s.result.MayRead[p.ID]), live)
		for j := range s.result.Questions {
			if err := s.one(ctx, i, j, unrestricted[j]); err != nil {
				return err
			}
		}
	}
	return nil
}

// one asks one question as one person.
func (s *show) one(ctx context.Context, person, question int, unrestricted []string) error {
	p, q := s.result.People[person], s.result.Questions[question]
	reply, err := s.client.retrieve(ctx, p, q)
	if err != nil {
		return err
	}
	a := Answer{Person: p.ID, Question: q, Documents: []string{}, Stripped: map[string]int{}, Messages: reply.Messages, Usage: reply.Usage}
	for _, passage := range reply.Passages {
		if !slices.Contains(a.Documents, passage.Document) {
			a.Documents = append(a.Documents, passage.Document)
		}
		for _, r := range passage.Stripped {
			a.Stripped[r.Rule] += r.Count
		}
	}
	for _, id := range unrestricted {
		if !s.mayRead[p.ID][id] {
			a.Withheld++
		}
	}
	if _, scripted := s.Model.(Script); scripted {
		a.Misbehave = mischief[[2]int{person, question}].about
	}
	s.View.question(question, a, len(unrestricted), person == 0 && question == 0, s.result.Model)
	asked := Asked{Person: person, Question: question, Text: q, Reply: reply}
	var text strings.Builder
	end, err := s.client.filter(ctx, p, reply.ContextID,
		func(yield func(string) error) error { return s.Model.Answer(ctx, asked, yield) },
		func(delta string) { text.WriteString(delta); s.View.delta(delta) })
	if err != nil {
		return err
	}
	a.Text, a.Action, a.Filtered = text.String(), end.Action, end.Findings
	s.View.answered(a)
	s.result.Answers = append(s.result.Answers, a)
	return nil
}

// search finds what the same search would give without a policy. Only the demo
// asks so, of its own made-up documents.
func (s *show) search(ctx context.Context, question string) ([]string, error) {
	analyzer, err := embed.NewAnalyzer(embed.Config{})
	if err != nil {
		return nil, err
	}
	key, err := s.App.Keys.Derive(Tenant, keys.Terms)
	if err != nil {
		return nil, err
	}
	statistics, err := s.App.Index.Statistics(ctx, Tenant)
	if err != nil {
		return nil, err
	}
	hits, err := s.App.Index.Search(ctx, index.Query{Tenant: Tenant, Terms: analyzer.Query(key, statistics, question), Filter: policy.AllowAll(), Limit: unrestrictedLimit})
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, h := range hits {
		if !slices.Contains(ids, h.Document) {
			ids = append(ids, h.Document)
		}
	}
	return ids, nil
}

// unrestrictedLimit is how many passages the search without a policy takes.
const unrestrictedLimit = 16

package eval

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"text/tabwriter"
	"time"

	"github.com/doorward/doorward/policy"
	"github.com/doorward/doorward/policy/quota"
	"github.com/doorward/doorward/policy/quota/memory"
	"github.com/doorward/doorward/retrieval/index"
)

// ExtractionOptions set up a measurement of what walkers over a collection get.
type ExtractionOptions struct {
	Corpus    string // a data set in BEIR's layout; "": made up
	Documents int    // of the made-up corpus; 0: 10,000
	Sessions  int    // of ordinary users; 0: 1,000
	Users     int    // ordinary users who are followed for all Days; 0: 200
	Questions int    // of each walker in a day; 0: 2,000
	Days      int    // that patient walkers go on; 0: 7
	TopK      int    // 0: 8
	Seed      uint64
	Quota     quota.Config // the limits; Store is not used
	Progress  func(what string)
}

// ExtractionReport is what was measured.
type ExtractionReport struct {
	Documents int       `json:"documents"`
	Chunks    int       `json:"chunks"`
	Sessions  int       `json:"sessions"`
	Questions int       `json:"questions"` // of all ordinary sessions
	Longest   int       `json:"longest"`   // questions of the longest session
	Troubled  int       `json:"troubled"`  // ordinary sessions that were refused or slowed
	Alarmed   int       `json:"alarmed"`   // and those that raised an alarm
	Weeks     Weeks     `json:"weeks"`
	Walkers   []Walker  `json:"walkers"`
	Curve     []Balance `json:"curve"`
}

// Walker is what one way of extraction got.
type Walker struct {
	Name    string  `json:"name"`
	Off     float64 `json:"off"`     // share of the chunks in a day, without quotas
	On      float64 `json:"on"`      // with them
	Days    float64 `json:"days"`    // with them, going on day after day
	Asked   int     `json:"asked"`   // questions that were answered on the first day
	Stopped int     `json:"stopped"` // question at which the first refusal came; 0: none
}

// Balance is one setting of the quotas on the recorded questions: what walkers
// get against how many ordinary sessions notice.
type Balance struct {
	Coverage int       `json:"coverage"`
	Shrink   float64   `json:"shrink"`
	Troubled int       `json:"troubled"`
	Got      []float64 `json:"got"` // by walker, in a day
}

// Extraction lets simulated walkers and ordinary users ask a collection through
// the real search and the real quotas.
func Extraction(ctx context.Context, o ExtractionOptions) (ExtractionReport, error) {
	r, err := extraction(ctx, o)
	if err != nil {
		return r, fmt.Errorf("evaluating extraction: %w", err)
	}
	return r, nil
}

func extraction(ctx context.Context, o ExtractionOptions) (ExtractionReport, error) {
	for _, d := range []struct {
		v   *int
		def int
	}{{&o.Documents, 10_000}, {&o.Sessions, 1000}, {&o.Users, 200}, {&o.Questions, 2000}, {&o.Days, 7}, {&o.TopK, 8}} {
		if *d.v == 0 {
			*d.v = d.def
		}
	}
	h, err := newHall(ctx, o)
	if err != nil {
		return ExtractionReport{}, err
	}
	defer h.bench.close()
	r := ExtractionReport{Documents: len(h.set.corpus), Chunks: h.total, Sessions: o.Sessions}
	h.say("ordinary sessions")
	sessions, err := h.ordinary(ctx)
	if err != nil {
		return r, err
	}
	for _, s := range sessions {
		r.Questions += len(s)
		r.Longest = max(r.Longest, len(s))
	}
	h.say("ordinary users, day after day")
	if r.Weeks, err = h.weeks(ctx); err != nil {
		return r, err
	}
	var traces [][]step
	for _, w := range walkers {
		h.say(w.name)
		off, on, days, err := h.walk(ctx, w)
		if err != nil {
			return r, err
		}
		traces = append(traces, off.steps)
		r.Walkers = append(r.Walkers, Walker{Name: w.name, Off: h.share(len(off.got)), On: h.share(len(on.got)), Days: h.share(len(days.got)), Asked: on.answered, Stopped: on.stopped})
	}
	h.say("balances")
	if r.Troubled, r.Alarmed, err = replaySessions(ctx, o.Quota, sessions); err != nil {
		return r, err
	}
	r.Curve, err = h.curve(ctx, sessions, traces)
	return r, err
}

// hall is the collection behind its search, as everybody meets it.
type hall struct {
	o      ExtractionOptions
	bench  *retrievalBench
	set    *beirSet
	total  int // chunks
	sketch quota.Sketcher
	topics [][]int // documents by topic
}

func (h *hall) say(what string) {
	if h.o.Progress != nil {
		h.o.Progress(what)
	}
}

func (h *hall) share(chunks int) float64 { return float64(chunks) / float64(h.total) }

func newHall(ctx context.Context, o ExtractionOptions) (*hall, error) {
	h := &hall{o: o}
	var err error
	if o.Corpus != "" {
		h.set, err = readBEIR(o.Corpus, "")
	} else {
		h.set, h.topics = madeUp(o.Documents, o.Seed)
	}
	if err != nil {
		return nil, err
	}
	if h.bench, err = newRetrievalBench(RetrievalOptions{}); err != nil {
		return nil, err
	}
	h.say("index")
	if h.total, err = h.bench.fill(ctx, h.set); err != nil {
		h.bench.close()
		return nil, err
	}
	key := sha256.Sum256(h.bench.key)
	h.sketch, err = quota.NewSketcher(key[:])
	return h, err
}

// passage is one chunk that was given out.
type passage struct {
	id       string
	document string
	text     string
}

// search is the service's, for somebody who may read everything.
func (h *hall) search(ctx context.Context, question string) ([]passage, error) {
	terms := h.bench.analyzer.Query(h.bench.key, h.bench.stats, question)
	if len(terms) == 0 {
		return nil, nil
	}
	hits, err := h.bench.index.Search(ctx, index.Query{Tenant: evalTenant, Terms: terms, Filter: policy.AllowAll(), Limit: h.o.TopK})
	if err != nil {
		return nil, err
	}
	out := make([]passage, 0, len(hits))
	for _, x := range hits {
		d := h.set.byID[x.Document]
		text := d.Text
		if x.Ordinal < len(d.chunks) {
			text = d.chunks[x.Ordinal]
		}
		out = append(out, passage{x.ID, x.Document, text})
	}
	return out, nil
}

// step is one question as quotas see it, and what answering it would release.
type step struct {
	at       time.Duration // since the day began
	question quota.Sketch
	release  quota.Release
}

func (h *hall) step(at time.Duration, question string, given []passage) step {
	s := step{at: at, question: h.sketch.Text(question)}
	for _, p := range given {
		s.release.Chunks = append(s.release.Chunks, h.sketch.ID(p.id))
		s.release.Text.Add(h.sketch.Text(p.text))
		s.release.Passages++
		s.release.Tokens += len(p.text) / 4
	}
	return s
}

// morning is when every simulated day begins.
var morning = time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC)

// ask puts a step to the quotas.
func ask(ctx context.Context, k *quota.Keeper, user string, day int, s step) (refused string, slowed, alarmed bool, err error) {
	p, err := k.Enter(ctx, quota.Ask{Caller: quota.Caller{Tenant: evalTenant, Backend: "chat", User: user}, Now: morning.AddDate(0, 0, day).Add(s.at), Question: s.question})
	if err == nil {
		err = p.Spend(ctx, s.release)
		slowed = p.Delay > 0
	}
	alarmed = p != nil && p.Alarm != ""
	var r *quota.Refusal
	if errors.As(err, &r) {
		return r.Reason, slowed, alarmed, nil
	}
	return "", slowed, alarmed, err
}

func keeper(c quota.Config) (*quota.Keeper, error) {
	c.Store = &memory.Store{}
	return quota.New(c)
}

// replaySessions counts the ordinary sessions that notice a quota, and those
// that raise an alarm.
func replaySessions(ctx context.Context, c quota.Config, sessions [][]step) (troubled, alarmed int, err error) {
	k, err := keeper(c)
	if err != nil {
		return 0, 0, err
	}
	for i, session := range sessions {
		noticed, rang := false, false
		for _, s := range session {
			refused, slowed, alarm, err := ask(ctx, k, fmt.Sprint("user", i), 0, s)
			if err != nil {
				return 0, 0, err
			}
			noticed, rang = noticed || refused != "" || slowed, rang || alarm
		}
		if noticed {
			troubled++
		}
		if rang {
			alarmed++
		}
	}
	return troubled, alarmed, nil
}

// curve replays what was recorded under other settings.
func (h *hall) curve(ctx context.Context, sessions [][]step, traces [][]step) ([]Balance, error) {
	var out []Balance
	for _, coverage := range []int{100, 200, 300, 380, 500, 800} {
		for _, shrink := range []float64{0, h.o.Quota.Patterns.Shrink} {
			c := h.o.Quota
			c.User.Coverage, c.Patterns.Shrink = coverage, shrink
			b := Balance{Coverage: coverage, Shrink: shrink}
			var err error
			if b.Troubled, _, err = replaySessions(ctx, c, sessions); err != nil {
				return nil, err
			}
			for _, trace := range traces {
				k, err := keeper(c)
				if err != nil {
					return nil, err
				}
				got := map[uint64]bool{}
				for _, s := range trace {
					refused, _, _, err := ask(ctx, k, "walker", 0, s)
					if err != nil {
						return nil, err
					}
					if refused == "" {
						for _, c := range s.release.Chunks {
							got[c] = true
						}
					}
				}
				b.Got = append(b.Got, h.share(len(got)))
			}
			out = append(out, b)
		}
	}
	return out, nil
}

// Print writes the tables.
func (r ExtractionReport) Print(w io.Writer) error {
	fmt.Fprintf(w, "%d documents in %d chunks; %d ordinary sessions with %d questions, the longest %d\n\n", r.Documents, r.Chunks, r.Sessions, r.Questions, r.Longest)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "WALKER\tWITHOUT QUOTAS\tWITH, A DAY\tWITH, ALL DAYS\tANSWERED\tFIRST REFUSAL")
	for _, x := range r.Walkers {
		fmt.Fprintf(t, "%s\t%.1f %%\t%.2f %%\t%.2f %%\t%d\t%d\n", x.Name, 100*x.Off, 100*x.On, 100*x.Days, x.Asked, x.Stopped)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(w, "\nordinary sessions refused or slowed: %d of %d (%.2f %%); that raised an alarm: %d\n\n", r.Troubled, r.Sessions, 100*float64(r.Troubled)/float64(max(1, r.Sessions)), r.Alarmed)
	if x := r.Weeks; x.Users > 0 {
		fmt.Fprintf(w, "ordinary users followed for all days: %d with %d sessions and %d questions; refused or slowed at least once: %d (%.1f %%), on %d of their days; questions refused: %d (%.2f %%)\n\n",
			x.Users, x.Sessions, x.Questions, x.Troubled, 100*float64(x.Troubled)/float64(x.Users), x.Days, x.Refused, 100*float64(x.Refused)/float64(max(1, x.Questions)))
	}
	fmt.Fprint(t, "COVERAGE\tSHRINK\tTROUBLED")
	for _, x := range r.Walkers {
		fmt.Fprintf(t, "\t%s", x.Name)
	}
	fmt.Fprintln(t)
	for _, b := range r.Curve {
		fmt.Fprintf(t, "%d\t%.2f\t%d", b.Coverage, b.Shrink, b.Troubled)
		for _, g := range b.Got {
			fmt.Fprintf(t, "\t%.2f %%", 100*g)
		}
		fmt.Fprintln(t)
	}
	return t.Flush()
}

// rng is a stream of its own for each purpose, so that runs repeat.
func rng(seed uint64, purpose string) *rand.Rand {
	sum := sha256.Sum256([]byte(purpose))
	return rand.New(rand.NewPCG(seed, uint64(sum[0])<<8|uint64(sum[1])))
}

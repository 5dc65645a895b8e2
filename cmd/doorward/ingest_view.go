package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"text/tabwriter"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/doorward/doorward/cmd/internal/app"
	"github.com/doorward/doorward/configs"
	"github.com/doorward/doorward/ingest"
)

// typeOf is the type of source that reads a path, "" when none does.
func typeOf(path string, folder bool) string {
	if folder {
		return "directory"
	}
	name := strings.ToLower(filepath.Base(path))
	if plain, ok := strings.CutSuffix(name, ".gz"); ok && filepath.Ext(plain) != ".jsonl" && filepath.Ext(plain) != ".ndjson" {
		return ""
	}
	return map[string]string{".mbox": "mbox", ".mbx": "mbox", ".eml": "mbox", ".jsonl": "jsonl", ".ndjson": "jsonl"}[filepath.Ext(strings.TrimSuffix(name, ".gz"))]
}

// ingestView shows a run: a bar on a terminal, then a table.
type ingestView struct {
	c      *cobra.Command
	g      *global
	source string
	plan   bool
	file   *reportFile
	bar    *progressbar.ProgressBar
	total  atomic.Int64 // 0 while it is not known
	last   time.Time
	tally
	notes []ingest.Event
}

// tally counts what became of documents.
type tally struct {
	counts   map[ingest.Outcome]int
	reasons  map[ingest.Outcome]map[string]int // the first of each document
	findings map[string]int                    // rule → number
	removed  int
}

func newTally() tally {
	return tally{counts: map[ingest.Outcome]int{}, reasons: map[ingest.Outcome]map[string]int{}, findings: map[string]int{}}
}

func (t *tally) add(e ingest.Event) {
	t.counts[e.Outcome]++
	t.removed += e.Removed
	for rule, n := range e.Findings {
		t.findings[rule] += n
	}
	if len(e.Reasons) > 0 {
		if t.reasons[e.Outcome] == nil {
			t.reasons[e.Outcome] = map[string]int{}
		}
		t.reasons[e.Outcome][e.Reasons[0]]++
	}
}

// maxNotes bounds the list of held and failed documents that is printed.
const maxNotes = 200

var outcomes = []ingest.Outcome{ingest.Indexed, ingest.Unchanged, ingest.Reattribute, ingest.Quarantined, ingest.Rejected, ingest.Retired, ingest.Queued, ingest.Failed}

func newIngestView(c *cobra.Command, g *global, source string, plan bool, file *reportFile) *ingestView {
	v := &ingestView{c: c, g: g, source: source, plan: plan, file: file, tally: newTally()}
	if g.watched(c) {
		v.bar = progressbar.NewOptions64(-1, progressbar.OptionSetWriter(c.ErrOrStderr()), progressbar.OptionSetDescription(source),
			progressbar.OptionShowCount(), progressbar.OptionShowIts(), progressbar.OptionSetItsString("documents"), progressbar.OptionThrottle(100*time.Millisecond),
			progressbar.OptionSetPredictTime(true), progressbar.OptionClearOnFinish())
	}
	return v
}

// count finds out in the background how many documents there are, where that is
// cheap, so that the bar can say how long it will take.
func (v *ingestView) count(ctx context.Context, s configs.Source) {
	if v.bar == nil || s.Type != "directory" && s.Type != "git" {
		return
	}
	go func() {
		o, err := app.OpenSource(ctx, s)
		if err != nil {
			return
		}
		defer o.Close()
		n := int64(0)
		if o.Walk(ctx, func(ingest.Item) error { n++; return nil }) == nil {
			v.total.Store(n)
		}
	}()
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// reset begins counting anew.
func (v *ingestView) reset() { v.tally, v.notes = newTally(), nil }

func (v *ingestView) event(e ingest.Event) {
	v.add(e)
	v.advance()
	if len(e.Reasons) > 0 && len(v.notes) < maxNotes {
		v.notes = append(v.notes, e)
	}
	v.file.event(v.source, e)
	if v.g.json {
		json.NewEncoder(v.c.OutOrStdout()).Encode(eventJSON(v.source, e))
	} else if v.plan && e.Outcome != ingest.Unchanged {
		v.clear()
		fmt.Fprintf(v.c.OutOrStdout(), "  %-12s %s  %s\n", would[e.Outcome], orDash(e.ID), why(e))
	}
}

// advance moves the bar, with the counts by outcome beside it.
func (v *ingestView) advance() {
	if v.bar == nil {
		return
	}
	if n := v.total.Swap(0); n > 0 {
		v.bar.ChangeMax64(n)
	}
	if now := time.Now(); now.Sub(v.last) > 200*time.Millisecond {
		v.last = now
		var parts []string
		for _, o := range outcomes {
			if n := v.counts[o]; n > 0 {
				parts = append(parts, fmt.Sprintf("%d %s", n, o))
			}
		}
		v.bar.Describe(v.fits(v.source + ": " + strings.Join(parts, ", ")))
	}
	_ = v.bar.Add(1)
}

// fits cuts a description so that the bar stays on one line, else every redrawing
// leaves one behind.
func (v *ingestView) fits(s string) string {
	const rest = 46 // of count, rate and times
	f, ok := v.c.ErrOrStderr().(*os.File)
	if !ok {
		return s
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if room := max(width-rest, 12); err == nil && width > 0 && len(s) > room {
		return s[:room-1] + "…"
	}
	return s
}

func (v *ingestView) clear() {
	if v.bar != nil {
		_ = v.bar.Clear()
	}
}

// would says in a plan what a run would do.
var would = map[ingest.Outcome]string{ingest.Indexed: "index", ingest.Reattribute: "attributes", ingest.Quarantined: "quarantine",
	ingest.Rejected: "reject", ingest.Retired: "retire", ingest.Failed: "fail", ingest.Unchanged: "unchanged"}

// why gives the reasons for an outcome, or what is taken out on the way in.
func why(e ingest.Event) string {
	parts := slices.Clone(e.Reasons)
	if e.Err != nil {
		parts = append(parts, e.Err.Error())
	}
	if e.Outcome == ingest.Indexed {
		parts = append(parts, fmt.Sprintf("%d chunks", e.Chunks))
		if e.Removed > 0 {
			parts = append(parts, fmt.Sprintf("%d spans removed", e.Removed))
		}
	}
	if len(e.Findings) > 0 {
		var rules []string
		for _, rule := range slices.Sorted(maps.Keys(e.Findings)) {
			rules = append(rules, fmt.Sprintf("%s %d", rule, e.Findings[rule]))
		}
		parts = append(parts, "found "+strings.Join(rules, ", "))
	}
	return strings.Join(parts, "; ")
}

func eventJSON(source string, e ingest.Event) map[string]any {
	return map[string]any{"source": source, "document": e.ID, "outcome": e.Outcome, "bytes": e.Bytes,
		"chunks": e.Chunks, "removed": e.Removed, "reasons": orEmpty(e.Reasons), "findings": e.Findings, "kinds": e.Kinds, "error": errorText(e.Err)}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// summary is a run in numbers.
func (v *ingestView) summary(r ingest.Report) map[string]any {
	total, seconds := r.Documents(), max(r.Elapsed.Seconds(), 0.001)
	return map[string]any{"outcomes": r.Outcomes, "reasons": v.reasons, "findings": v.findings, "documents": total, "bytes": r.Bytes, "chunks": r.Chunks, "removed": v.removed,
		"seconds": seconds, "documents_per_second": float64(total) / seconds, "megabytes_per_second": float64(r.Bytes) / 1e6 / seconds, "plan": v.plan}
}

// done ends a run; with an error it shows what was done until then, if anything was.
func (v *ingestView) done(r ingest.Report, err error) {
	if v.bar != nil {
		_ = v.bar.Finish()
	}
	if err != nil && r.Documents() == 0 {
		return
	}
	v.file.summary(v.source, v.summary(r))
	out := v.c.OutOrStdout()
	if v.g.json {
		json.NewEncoder(out).Encode(map[string]any{"source": v.source, "report": v.summary(r)})
		return
	}
	total, seconds := r.Documents(), max(r.Elapsed.Seconds(), 0.001)
	verb := ""
	if v.plan {
		verb = "plan, nothing was changed: "
	}
	fmt.Fprintf(out, "%s: %s%d documents, %.1f MB read, %d chunks in %.1f s (%.0f documents/s, %.2f MB/s)\n", v.source, verb, total, float64(r.Bytes)/1e6, r.Chunks, seconds, float64(total)/seconds, float64(r.Bytes)/1e6/seconds)
	v.table(out)
	if v.plan || len(v.notes) == 0 {
		return
	}
	fmt.Fprintln(out, "\nNot indexed:")
	slices.SortStableFunc(v.notes, func(x, y ingest.Event) int { return strings.Compare(string(x.Outcome), string(y.Outcome)) })
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, e := range v.notes {
		fmt.Fprintf(w, "  %s\t%s\t%s\t%s\n", e.Outcome, filepath.Base(orDash(e.ID)), strings.Join(e.Reasons, ", "), errorText(e.Err))
	}
	w.Flush()
	if n := v.counts[ingest.Quarantined]; n > 0 {
		fmt.Fprintf(out, "\n%d held: see `doorward quarantine list`\n", n)
	}
}

// table prints outcomes, and under each its reasons.
func (v *ingestView) table(out io.Writer) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, o := range outcomes {
		n := v.counts[o]
		if n == 0 {
			continue
		}
		fmt.Fprintf(w, "  %s\t%d\t\n", o, n)
		list := slices.SortedFunc(maps.Keys(v.reasons[o]), func(x, y string) int {
			if d := v.reasons[o][y] - v.reasons[o][x]; d != 0 {
				return d
			}
			return strings.Compare(x, y)
		})
		for i, reason := range list {
			if i == 20 {
				fmt.Fprintf(w, "\t\t…%d further reasons\n", len(list)-i)
				break
			}
			fmt.Fprintf(w, "\t%d\t%s\n", v.reasons[o][reason], reason)
		}
	}
	if v.removed > 0 {
		fmt.Fprintf(w, "  spans removed\t%d\t\n", v.removed)
	}
	w.Flush()
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// reportFile is the JSON report of --report, written as the run goes, so that it
// takes no memory: {"plan", "documents": [...], "sources": {name: summary}}. Its
// zero value and nil write nothing.
type reportFile struct {
	mu      sync.Mutex
	file    *os.File
	w       *bufio.Writer
	first   bool
	sources map[string]any
	err     error
}

func openReport(path string, plan bool) (*reportFile, error) {
	if path == "" {
		return nil, nil
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, fmt.Errorf("writing the report: %w", err)
	}
	r := &reportFile{file: f, w: bufio.NewWriter(f), first: true, sources: map[string]any{}}
	_, r.err = fmt.Fprintf(r.w, "{\"plan\":%v,\"started\":%q,\n\"documents\":[", plan, time.Now().UTC().Format(time.RFC3339))
	return r, nil
}

func (r *reportFile) event(source string, e ingest.Event) {
	if r == nil || e.Outcome == ingest.Unchanged {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	data, err := json.Marshal(eventJSON(source, e))
	if err == nil && !r.first {
		_, err = r.w.WriteString(",")
	}
	r.first = false
	_, werr := r.w.Write(append([]byte("\n"), data...))
	r.err = errors.Join(r.err, err, werr)
}

func (r *reportFile) summary(source string, s map[string]any) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sources[source] = s
}

func (r *reportFile) close() error {
	if r == nil {
		return nil
	}
	data, err := json.Marshal(r.sources)
	_, werr := fmt.Fprintf(r.w, "\n],\n\"sources\":%s}\n", data)
	if err = errors.Join(r.err, err, werr, r.w.Flush(), r.file.Close()); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	return nil
}

// Package eval measures scanners on labelled texts: what they find, what they
// wrongly flag, how sure the figures are and how fast they came. It knows only
// [sanitize.Scanner]; which scanners are measured is the caller's choice.
//
// Cases are read from gzipped JSON lines. A report holds counts, rates and case
// ids; it never holds a text, a value or a query.
package eval

import (
	"bufio"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"time"

	"github.com/doorward/doorward/sanitize"
)

// ErrNoData means the directory holds no cases of the kind asked for.
var ErrNoData = errors.New("no evaluation data")

// Options say what is measured and against what.
type Options struct {
	// Scanner is measured.
	Scanner sanitize.Scanner
	// Views makes the readings of a text; nil scans it only as it stands.
	Views func(string) sanitize.Views
	// Beside are scanners whose time is added to a second throughput, all
	// together; their findings do not count.
	Beside []sanitize.Scanner
	// Anchor is another scanner run over the same texts in the same process, as
	// a measure of this machine's speed; it returns the number of its findings.
	// Nil leaves it out.
	Anchor func(text string) int
	// AnchorName is what the report calls it.
	AnchorName string
	// Misses is how many missed or wrongly flagged cases are listed; 0 lists
	// none, less than 0 all.
	Misses int
	// Clean overrides where documents assumed clean are read from, for the false
	// alarms of PII; empty looks for clean_*.jsonl.gz in the directory and in
	// its neighbour "secrets".
	Clean string
}

// Report is one evaluation.
type Report struct {
	Name    string   `json:"name"`
	Texts   int      `json:"texts"`
	Bytes   int      `json:"bytes"`
	Metrics []Metric `json:"metrics"`
	Tables  []Table  `json:"tables"`
	Misses  []Miss   `json:"misses,omitempty"`
	Notes   []string `json:"notes,omitempty"`
}

// Metric is a figure that a gate may ask for. Low and High bound its 95 %
// interval: Wilson's for a share of N cases, a bootstrap over texts otherwise;
// both are zero where neither applies.
type Metric struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
	Low   float64 `json:"low,omitempty"`
	High  float64 `json:"high,omitempty"`
	N     int     `json:"n,omitempty"`
}

// Table is a part of a report: one row for each family or type.
type Table struct {
	Title   string   `json:"title"`
	Columns []string `json:"columns"`
	Rows    []Row    `json:"rows"`
}

// Row is a line of a table; a NaN-free value below zero means "does not apply".
type Row struct {
	Name   string    `json:"name"`
	N      int       `json:"n"`
	Values []float64 `json:"values"`
}

// Miss names a case that was not as labelled, without any text of it.
type Miss struct {
	ID   string        `json:"id"`
	What string        `json:"what"` // "missed" or "wrong"
	Type string        `json:"type,omitempty"`
	Rule string        `json:"rule,omitempty"`
	Span sanitize.Span `json:"span"`
}

// none marks a value that does not apply.
const none = -1

// Metric returns a metric by name.
func (r Report) Metric(name string) (Metric, bool) {
	for _, m := range r.Metrics {
		if m.Name == name {
			return m, true
		}
	}
	return Metric{}, false
}

func (r *Report) add(m ...Metric) { r.Metrics = append(r.Metrics, m...) }

// miss lists a case while there is room.
func (r *Report) miss(o Options, m Miss) {
	if o.Misses < 0 || len(r.Misses) < o.Misses {
		r.Misses = append(r.Misses, m)
	}
}

// scan runs the scanner over one text, and those beside it and the anchor, and
// keeps the times.
func (s *speed) scan(ctx context.Context, o Options, text string) ([]sanitize.Finding, error) {
	views := o.Views
	if views == nil {
		views = sanitize.Plain
	}
	s.bytes += len(text)
	start := time.Now()
	v := views(text)
	found, err := o.Scanner.Scan(ctx, v)
	if err != nil {
		return nil, err
	}
	s.spent += time.Since(start)
	for _, b := range o.Beside {
		if _, err := b.Scan(ctx, v); err != nil {
			return nil, err
		}
	}
	s.all += time.Since(start)
	if o.Anchor != nil {
		start := time.Now()
		o.Anchor(text)
		s.anchor += time.Since(start)
	}
	return found, nil
}

// speed is the time spent over the bytes seen: by the scanner, with those
// beside it, and by the anchor. Building views counts for both of the first.
type speed struct {
	spent, all, anchor time.Duration
	bytes              int
}

// report adds throughput in MB/s per core, and the ratio to the anchor.
func (s *speed) report(r *Report, o Options) {
	rate := func(d time.Duration) float64 { return float64(s.bytes) / 1e6 / max(d.Seconds(), 1e-9) }
	r.Bytes = s.bytes
	r.add(Metric{Name: "throughput.mb_per_s", Value: rate(s.spent)})
	if len(o.Beside) > 0 {
		r.add(Metric{Name: "throughput.together_mb_per_s", Value: rate(s.all)})
	}
	if o.Anchor != nil {
		if len(o.Beside) > 0 {
			r.add(Metric{Name: "throughput.together_ratio", Value: float64(s.anchor) / max(float64(s.all), 1)})
		}
		r.add(Metric{Name: "throughput.anchor_mb_per_s", Value: rate(s.anchor)},
			Metric{Name: "throughput.ratio", Value: float64(s.anchor) / max(float64(s.spent), 1)})
		r.Notes = append(r.Notes, fmt.Sprintf("anchor: %s, on the same texts in the same process", o.AnchorName))
	}
}

// files returns the gzipped JSON lines below dir, or below dir/kind where that
// exists, so that both a kind's folder and the folder above it may be given.
func files(dir, kind string) ([]string, error) {
	if sub := filepath.Join(dir, kind); isDir(sub) {
		dir = sub
	}
	found, err := filepath.Glob(filepath.Join(dir, "*.jsonl.gz"))
	if err != nil || len(found) == 0 {
		return nil, fmt.Errorf("%w: %s holds no *.jsonl.gz of %s cases", ErrNoData, dir, kind)
	}
	sort.Strings(found)
	return found, nil
}

func isDir(path string) bool {
	i, err := os.Stat(path)
	return err == nil && i.IsDir()
}

// family names the cases of a file.
func family(path string) string { return strings.TrimSuffix(filepath.Base(path), ".jsonl.gz") }

// lines decodes each line of a gzipped file into a T. An error names the file
// and line, not what stands there.
func lines[T any](path string, each func(T) error) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("opening cases: %w", err)
	}
	defer f.Close()
	z, err := gzip.NewReader(bufio.NewReader(f))
	if err != nil {
		return fmt.Errorf("reading cases %s: %w", path, err)
	}
	d := json.NewDecoder(z)
	for n := 1; ; n++ {
		var v T
		switch err := d.Decode(&v); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("reading cases %s: case %d is not as expected (%T)", path, n, err)
		}
		if err := each(v); err != nil {
			return fmt.Errorf("%s case %d: %w", path, n, err)
		}
	}
}

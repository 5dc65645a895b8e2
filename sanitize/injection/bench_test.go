package injection

import (
	"bufio"
	"compress/gzip"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/doorward/doorward/sanitize/normalize"
)

// benignText is about 1 MiB of the evaluation data's benign documents, or
// repeated prose where the data are absent.
func benignText(b *testing.B) []string {
	dir := os.Getenv("DOORWARD_DATA")
	if dir == "" {
		dir = "../../../shared/data"
	}
	f, err := os.Open(filepath.Join(dir, "injection", "benign_docs.jsonl.gz"))
	if err != nil {
		return []string{strings.Repeat("The harbour opens at six in the morning, and boats wait outside the gate.\n", 14000)}
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		b.Fatal(err)
	}
	in := bufio.NewScanner(z)
	in.Buffer(nil, 1<<24)
	var out []string
	for n := 0; in.Scan() && n < 1<<20; {
		var c struct{ Text string }
		if err := json.Unmarshal(in.Bytes(), &c); err != nil {
			b.Fatal(err)
		}
		out = append(out, c.Text)
		n += len(c.Text)
	}
	return out
}

func BenchmarkScan(b *testing.B) {
	s, err := New(Config{})
	if err != nil {
		b.Fatal(err)
	}
	texts := benignText(b)
	n := 0
	for _, t := range texts {
		n += len(t)
	}
	b.SetBytes(int64(n))
	for b.Loop() {
		for _, t := range texts {
			if _, err := s.Scan(context.Background(), normalize.Build(t)); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// BenchmarkJoins scans the joins of 20 passages of 1 KB, cut where they may be
// cut inside a word, and beside it, as the anchor, once the bytes around the
// joins: medians and their ratio.
func BenchmarkJoins(b *testing.B) {
	s, err := New(Config{})
	if err != nil {
		b.Fatal(err)
	}
	all := strings.Join(benignText(b), "\n\n")
	for _, words := range []bool{false, true} {
		var text, around strings.Builder
		var joins []int
		for i := range 20 {
			p := all[i*3000 : i*3000+1000]
			if !words {
				p = p[strings.IndexByte(p, ' '):strings.LastIndexByte(p, ' ')]
			}
			p = strings.TrimSpace(strings.ToValidUTF8(p, ""))
			if i > 0 {
				joins = append(joins, text.Len())
				text.WriteString("\n\n")
				around.WriteString(p[:near.bytes])
			}
			text.WriteString(p)
			around.WriteString(p[len(p)-near.bytes:])
		}
		b.Run(map[bool]string{false: "between-words", true: "inside-words"}[words], func(b *testing.B) {
			var joined, scanned []time.Duration
			for b.Loop() {
				start := time.Now()
				if _, err := s.ScanJoins(context.Background(), text.String(), joins); err != nil {
					b.Fatal(err)
				}
				middle := time.Now()
				if _, err := s.Scan(context.Background(), normalize.Build(around.String())); err != nil {
					b.Fatal(err)
				}
				joined, scanned = append(joined, middle.Sub(start)), append(scanned, time.Since(middle))
			}
			slices.Sort(joined)
			slices.Sort(scanned)
			j, a := joined[len(joined)/2], scanned[len(scanned)/2]
			b.ReportMetric(float64(j.Microseconds())/1e3, "ms/joins")
			b.ReportMetric(float64(j)/float64(a), "x/scan")
		})
	}
}

package app_test

import (
	"bufio"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/doorward/doorward/cmd/internal/app"
	"github.com/doorward/doorward/configs"
	"github.com/doorward/doorward/ingest"
	"github.com/doorward/doorward/ingest/chunk"
	"github.com/doorward/doorward/ingest/signal"
	"github.com/doorward/doorward/ingest/source"
	"github.com/doorward/doorward/policy/keys"
	"github.com/doorward/doorward/policy/keys/local"
	"github.com/doorward/doorward/retrieval/embed"
	"github.com/doorward/doorward/sanitize/fingerprint"
)

// campaign skips a measurement unless asked for.
func campaign(t *testing.T, name string) int {
	n, err := strconv.Atoi(os.Getenv(name))
	if err != nil || n <= 0 {
		t.Skipf("a measurement: set %s to a number of documents", name)
	}
	return n
}

var plainWords = strings.Fields("budget printer holiday contract invoice server meeting harbour forest engine bridge letter garden policy window the of and a to in is was that for it with as on be at by this had not are but from or have an they which one you were all her she there would their we him been has when who will no more if out so up said what its about than into them can only other time new some could these two may first then do any like my now over such our man me even most made after also did many off before must through back years where much your way well down should because long each just state those people too mr how little good world make very year still see own work men day get here old life both between being under three never know same last another while us might great go come since against right came take used himself few house use place during high without again home around small however found mrs part school thought went say general once upon war")

// smallText is the i-th of very many short notes, no two alike: what is like many
// others a policy may hold.
func smallText(i int) string {
	rng := rand.New(rand.NewPCG(uint64(i), 9))
	var b strings.Builder
	fmt.Fprintf(&b, "Note %d.", i)
	for b.Len() < 120 {
		b.WriteString(" " + plainWords[rng.IntN(len(plainWords))])
	}
	return b.String() + "."
}

// plainTexts are n documents of about size bytes of prose: abstracts from the
// labelled data where it is there, else made of words.
func plainTexts(t testing.TB, n, size int) []string {
	t.Helper()
	var pieces []string
	root := os.Getenv("DOORWARD_DATA")
	if f, err := os.Open(filepath.Join(root, "retrieval", "scifact", "corpus.jsonl.gz")); err == nil && root != "" {
		defer f.Close()
		z, err := gzip.NewReader(f)
		if err != nil {
			t.Fatal(err)
		}
		for d := json.NewDecoder(z); ; {
			var r struct{ Title, Text string }
			if err := d.Decode(&r); err == io.EOF {
				break
			} else if err != nil {
				t.Fatal(err)
			}
			pieces = append(pieces, r.Title+"\n\n"+r.Text)
		}
	} else {
		t.Log("made-up words: set DOORWARD_DATA for prose")
		rng := rand.New(rand.NewPCG(3, 3))
		for range 2000 {
			var b strings.Builder
			for b.Len() < 1500 {
				b.WriteString(plainWords[rng.IntN(len(plainWords))])
				b.WriteString([]string{" ", " ", " ", " ", " ", " ", " ", ". ", ", "}[rng.IntN(9)])
			}
			pieces = append(pieces, b.String())
		}
	}
	rng := rand.New(rand.NewPCG(5, 5))
	out := make([]string, n)
	for i := range out {
		var b strings.Builder
		fmt.Fprintf(&b, "Note %d\n\n", i)
		for b.Len() < size {
			b.WriteString(pieces[rng.IntN(len(pieces))])
			b.WriteString("\n\n")
		}
		out[i] = b.String()[:min(b.Len(), size)]
		out[i] = strings.ToValidUTF8(out[i], "")
	}
	return out
}

// textStore is a store whose only source is a file of texts.
func textStore(t testing.TB, texts []string) *store {
	t.Helper()
	dir := t.TempDir()
	f, err := os.Create(filepath.Join(dir, "texts.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	w := bufio.NewWriter(f)
	e := json.NewEncoder(w)
	for i, text := range texts {
		if err := e.Encode(map[string]any{"id": fmt.Sprintf("d%07d", i), "text": text}); err != nil {
			t.Fatal(err)
		}
	}
	w.Flush()
	f.Close()
	config := "data: " + dir + "/data\nkeys: " + dir + "/keys\ntenant: acme\nsources:\n- {name: texts, type: jsonl, path: " + dir + "/texts.jsonl, mapping: [{set: {groups: [staff]}}]}\n- {name: push, type: push}\n"
	if err := os.WriteFile(filepath.Join(dir, "doorward.yaml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := local.Create(filepath.Join(dir, "keys"), false); err != nil {
		t.Fatal(err)
	}
	return loadStore(t, dir)
}

// spent is the processor time of this process.
func spent() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// perCore is a rate in MB/s of processor time, which another process's load
// changes little; the same on one core and on many.
func perCore(t testing.TB, mb float64, work func() error) float64 {
	t.Helper()
	runtime.GC()
	began := spent()
	if err := work(); err != nil {
		t.Fatal(err)
	}
	return mb / (spent() - began).Seconds()
}

// TestThroughput measures ingest, and beside it each of its steps alone. Rates
// per core are by processor time. SHA-256 is the anchor: it says what this
// machine did while it measured.
func TestThroughput(t *testing.T) {
	n := campaign(t, "DOORWARD_BENCH_INGEST")
	texts := plainTexts(t, n, 10_000)
	total := 0
	for _, x := range texts {
		total += len(x)
	}
	mb := float64(total) / 1e6
	s := textStore(t, texts)
	a := s.open(t)
	defer a.Close()
	say := func(what string, rate float64) { t.Logf("%-34s %8.2f MB/s per core", what, rate) }
	t.Logf("%d documents, %.1f MB, GOMAXPROCS %d", n, mb, runtime.GOMAXPROCS(0))
	say("anchor: SHA-256", perCore(t, 20*mb, func() error {
		for range 20 {
			for _, x := range texts {
				sha256.Sum256([]byte(x))
			}
		}
		return nil
	}))
	scan := steps(t, a, texts, mb, say)

	cpu := spent()
	report, err := a.Ingest(t.Context(), s.cfg.Sources[0], ingest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if report.Outcomes[ingest.Indexed] != n {
		t.Fatalf("outcomes %v", report.Outcomes)
	}
	whole := mb / (spent() - cpu).Seconds()
	say("whole: scan + chunk + index", whole)
	t.Logf("whole: %.2f of the scan alone, %.0f documents/s and %.2f MB/s by the clock, %d chunks", whole/scan, float64(n)/report.Elapsed.Seconds(), mb/report.Elapsed.Seconds(), report.Chunks)
	pushedRates(t, a, texts)
}

// steps measures each step of a document's way alone, one document after the
// other, after a first round over some that fills the caches of words. It
// returns the rate of the scan.
func steps(t *testing.T, a *app.App, texts []string, mb float64, say func(string, float64)) float64 {
	t.Helper()
	p := a.Pipeline
	key := func(purpose keys.Purpose) []byte {
		k, err := a.Keys.Derive("acme", purpose)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	profiler, err := signal.NewProfiler(key(keys.Signals))
	if err != nil {
		t.Fatal(err)
	}
	terms, protected := key(keys.Terms), key(keys.Protected)
	var rate float64
	for _, step := range []struct {
		name string
		run  func(text string) error
	}{
		{"scan alone", func(text string) error { _, err := p.Sanitizer.Scan(t.Context(), text); return err }},
		{"extract alone", func(text string) error {
			_, err := p.Extractor.Extract(t.Context(), ingest.Upload{Name: "d.txt", MediaType: "text/plain", Bytes: []byte(text)})
			return err
		}},
		{"signals alone", func(text string) error { profiler.Measure(text); return nil }},
		{"chunk alone", func(text string) error { _, err := chunk.Split(text, nil, p.Chunks); return err }},
		{"chunk + analyse", func(text string) error {
			list, err := chunk.Split(text, nil, p.Chunks)
			language := p.Analyzer.Language(text)
			for _, c := range list {
				p.Analyzer.Analyze(terms, embed.Document{Headings: c.Headings, Body: text[c.Start:c.End], Language: language})
			}
			return err
		}},
		{"fingerprints alone", func(text string) error { fingerprint.Of(protected, text); return nil }},
	} {
		each := func(list []string) error {
			for _, text := range list {
				if err := step.run(text); err != nil {
					return err
				}
			}
			return nil
		}
		if err := each(texts[:len(texts)/10]); err != nil {
			t.Fatal(err)
		}
		r := perCore(t, mb, func() error { return each(texts) })
		if say(step.name, r); rate == 0 {
			rate = r
		}
	}
	return rate
}

// pushedRates measures documents pushed one by one by several callers.
func pushedRates(t *testing.T, a *app.App, texts []string) {
	t.Helper()
	push, err := source.NewPush(source.PushConfig{Name: "push", Mapping: source.Mapping{Rules: []source.Rule{{Set: map[string]any{"groups": []any{"staff"}}}}}})
	if err != nil {
		t.Fatal(err)
	}
	one := func(ctx context.Context, i int) error {
		events, err := a.Pipeline.Push(ctx, []ingest.Item{push.Item(ingest.Pushed{ID: fmt.Sprintf("p%d", i), MediaType: "text/plain", Bytes: []byte(texts[i])})}, ingest.PushOptions{Tenant: "acme", Source: "push"})
		if err == nil && events[0].Outcome != ingest.Indexed {
			err = fmt.Errorf("outcome %s %v", events[0].Outcome, events[0].Reasons)
		}
		return err
	}
	first := 0
	for _, callers := range []int{1, 16, 64} {
		last := min(first+len(texts)/3, len(texts))
		if callers == 1 {
			last = len(texts) / 10
		}
		began, cpu := time.Now(), spent()
		var next atomic.Int64
		next.Store(int64(first))
		var group sync.WaitGroup
		for range callers {
			group.Go(func() {
				for i := next.Add(1) - 1; i < int64(last); i = next.Add(1) - 1 {
					if err := one(t.Context(), int(i)); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		group.Wait()
		t.Logf("pushed one by one, %2d callers: %6.0f documents/s acknowledged durably (%.0f by processor time per core)",
			callers, float64(last-first)/time.Since(began).Seconds(), float64(last-first)/(spent()-cpu).Seconds())
		first = last
	}
}

// TestUnchanged ingests a directory of many small files twice; the second time
// nothing is read.
func TestUnchanged(t *testing.T) {
	n := campaign(t, "DOORWARD_BENCH_UNCHANGED")
	s := textStore(t, []string{smallText(0)})
	root := filepath.Join(s.dir, "files")
	for i := range n {
		dir := filepath.Join(root, strconv.Itoa(i/1000))
		if i%1000 == 0 {
			if err := os.MkdirAll(dir, 0o700); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(filepath.Join(dir, strconv.Itoa(i)+".txt"), []byte(smallText(i)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	src := s.cfg.Sources[0]
	src.Type, src.Path, src.Name = "directory", root, "files"
	a := s.open(t)
	report, err := a.Ingest(t.Context(), src, ingest.Options{})
	indexed := report.Outcomes[ingest.Indexed]
	if err != nil || report.Documents() != n || indexed < n*99/100 { // words at random now and then look like something
		t.Fatalf("%v, %v", report.Outcomes, err)
	}
	t.Logf("first:  %d documents in %.1f s, %.0f documents/s", n, report.Elapsed.Seconds(), float64(n)/report.Elapsed.Seconds())
	for range 2 {
		cpu := spent()
		if report, err = a.Ingest(t.Context(), src, ingest.Options{Prune: true}); err != nil || report.Outcomes[ingest.Unchanged] != n || report.Bytes != 0 {
			t.Fatalf("%v, %d bytes read, %v", report.Outcomes, report.Bytes, err)
		}
		t.Logf("again:  %d documents unchanged in %.2f s (%.2f s of processor time), %d bytes read", n, report.Elapsed.Seconds(), (spent() - cpu).Seconds(), report.Bytes)
	}
	// A change of mapping reaches every document without reading one.
	src.Mapping = []configs.Mapping{{Set: map[string]any{"groups": []any{"staff", "hr"}}}}
	if report, err = a.Ingest(t.Context(), src, ingest.Options{}); err != nil || report.Outcomes[ingest.Reattribute] != indexed {
		t.Fatalf("%v, %d bytes read, %v", report.Outcomes, report.Bytes, err)
	}
	t.Logf("mapping: attributes of %d documents in %.2f s, %d bytes read", indexed, report.Elapsed.Seconds(), report.Bytes)
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	a = s.open(t)
	t.Logf("restart: %.2f s at %d chunks", time.Since(began).Seconds(), n)
	a.Close()
}

// TestRestart fills an index with chunks of ordinary size and opens it again. It
// is given a number of chunks.
func TestRestart(t *testing.T) {
	chunks := campaign(t, "DOORWARD_BENCH_RESTART")
	s := textStore(t, plainTexts(t, max(chunks/7, 1), 10_000)) // seven chunks each
	a := s.open(t)
	report, err := a.Ingest(t.Context(), s.cfg.Sources[0], ingest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("filled: %d documents, %d chunks, %.1f MB in %.1f s, %.2f MB/s by the clock", report.Documents(), report.Chunks, float64(report.Bytes)/1e6, report.Elapsed.Seconds(), float64(report.Bytes)/1e6/report.Elapsed.Seconds())
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		began, cpu := time.Now(), spent()
		a = s.open(t)
		t.Logf("restart: %.2f s, %.2f s of processor time, at %d chunks; %.0f MB resident", time.Since(began).Seconds(), (spent() - cpu).Seconds(), report.Chunks, resident(t)/1e6)
		if err := a.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestMillion ingests very many small documents and follows memory.
func TestMillion(t *testing.T) {
	n := campaign(t, "DOORWARD_BENCH_MILLION")
	s := textStore(t, []string{smallText(0)})
	f, err := os.Create(filepath.Join(s.dir, "texts.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	w := bufio.NewWriter(f)
	for i := range n {
		data, err := json.Marshal(map[string]any{"id": strconv.Itoa(i), "text": smallText(i)})
		if err != nil {
			t.Fatal(err)
		}
		w.Write(append(data, '\n'))
	}
	w.Flush()
	f.Close()
	a := s.open(t)
	defer a.Close()
	seen, every := 0, max(n/20, 1)
	type point struct{ documents, rss float64 }
	var points []point
	began := time.Now()
	report, err := a.Ingest(t.Context(), s.cfg.Sources[0], ingest.Options{Progress: func(ingest.Event) {
		if seen++; seen%every == 0 {
			points = append(points, point{float64(seen), resident(t)})
			t.Logf("%9d documents  %6.0f MB resident  %6.0f documents/s", seen, points[len(points)-1].rss/1e6, float64(seen)/time.Since(began).Seconds())
		}
	}})
	if err != nil || report.Documents() != n {
		t.Fatalf("%v, %v", report.Outcomes, err)
	}
	half := points[len(points)/2:]
	slope := 0.0
	if len(half) > 1 {
		slope = (half[len(half)-1].rss - half[0].rss) / (half[len(half)-1].documents - half[0].documents)
	}
	t.Logf("outcomes %v", report.Outcomes)
	t.Logf("%d documents in %.0f s, %.0f documents/s; in the second half memory grows by %.0f bytes a document", n, report.Elapsed.Seconds(), float64(n)/report.Elapsed.Seconds(), slope)
}

// resident is this process's resident size in bytes.
func resident(t testing.TB) float64 {
	data, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Skip("no /proc here")
	}
	pages, err := strconv.Atoi(strings.Fields(string(data))[1])
	if err != nil {
		t.Fatal(err)
	}
	return float64(pages * os.Getpagesize())
}

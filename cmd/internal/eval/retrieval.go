package eval

import (
	"context"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"time"

	"github.com/doorward/doorward/ingest/chunk"
	"github.com/doorward/doorward/policy"
	"github.com/doorward/doorward/retrieval/embed"
	"github.com/doorward/doorward/retrieval/index"
	"github.com/doorward/doorward/retrieval/index/sqlite"
)

// RetrievalIndex is what an evaluation fills and searches.
type RetrievalIndex interface {
	index.Reader
	index.Writer
	index.Epochs
}

// Authoriser connects an evaluation to a policy. Principals and metadata are
// lines of the data set as they stand.
type Authoriser interface {
	// Attributes normalises a document's metadata.
	Attributes(metadata map[string]any) (policy.Attributes, error)
	// Plan returns the filter for a principal, with its time bound.
	Plan(ctx context.Context, principal map[string]any) (policy.Filter, error)
	// Check decides documents for a principal by full evaluation.
	Check(ctx context.Context, principal map[string]any, docs []policy.Attributes) ([]bool, error)
}

// RetrievalOptions sets up an evaluation of search quality.
type RetrievalOptions struct {
	Qrels    string         // judgements; "": qrels.tsv in the directory
	Analysis embed.Config   // zero: the product's defaults
	Embedder embed.Embedder // nil: terms only
	Chunks   chunk.Config   // how documents are cut; nil Counter: four bytes a token, 512 tokens
	// Open returns the index to fill, empty and pinned as given; nil: SQLite in
	// a temporary directory.
	Open func(dir string, pins index.Pins) (RetrievalIndex, error)
	// Authoriser runs principals.jsonl and acl_cases.tsv through a policy; nil:
	// access is not evaluated.
	Authoriser Authoriser
	Resamples  int // of the bootstrap; 0: 2,000
	Depth      int // hits per query; 0: 100
}

// Interval is a mean with its 95 % bootstrap interval.
type Interval struct {
	Mean float64 `json:"mean"`
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

// RetrievalReport is what was measured.
type RetrievalReport struct {
	Documents int `json:"documents"`
	Chunks    int `json:"chunks"`
	Queries   int `json:"queries"` // with judgements

	NDCG10    Interval `json:"ndcg_at_10"`
	Recall10  Interval `json:"recall_at_10"`
	Recall100 Interval `json:"recall_at_100"`
	MRR       Interval `json:"mrr"`

	Ingest time.Duration `json:"ingest_ns"`
	P50    time.Duration `json:"latency_p50_ns"` // analysis and search of one query
	P99    time.Duration `json:"latency_p99_ns"`

	Access *AccessReport `json:"access,omitempty"`
}

// Retrieval ingests a data set in BEIR's layout (corpus.jsonl, queries.jsonl,
// either gzipped or not, and qrels.tsv) into a temporary index, searches it and
// scores the rankings. A document's rank is its best chunk's.
func Retrieval(ctx context.Context, dir string, o RetrievalOptions) (RetrievalReport, error) {
	r, err := retrieval(ctx, dir, o)
	if err != nil {
		return RetrievalReport{}, fmt.Errorf("evaluating retrieval on %s: %w", filepath.Base(dir), err)
	}
	return r, nil
}

func retrieval(ctx context.Context, dir string, o RetrievalOptions) (RetrievalReport, error) {
	set, err := readBEIR(dir, o.Qrels)
	if err != nil {
		return RetrievalReport{}, err
	}
	b, err := newRetrievalBench(o)
	if err != nil {
		return RetrievalReport{}, err
	}
	defer b.close()
	r := RetrievalReport{Documents: len(set.corpus)}
	began := time.Now()
	if r.Chunks, err = b.fill(ctx, set); err != nil {
		return r, err
	}
	r.Ingest = time.Since(began)
	if err := b.measure(ctx, set, &r); err != nil {
		return r, err
	}
	if o.Authoriser != nil {
		if r.Access, err = b.access(ctx, dir, set); err != nil {
			return r, err
		}
	}
	return r, nil
}

const (
	evalTenant  = "eval"
	evalVersion = "1"
)

// retrievalBench is one index under evaluation. Its term key is fixed: keys do not change
// rankings, and runs should repeat.
type retrievalBench struct {
	o        RetrievalOptions
	analyzer *embed.Analyzer
	index    RetrievalIndex
	key      []byte
	stats    *embed.Statistics
	attrs    map[string]policy.Attributes
	closers  []func()
}

func newRetrievalBench(o RetrievalOptions) (*retrievalBench, error) {
	if o.Resamples == 0 {
		o.Resamples = 2000
	}
	if o.Depth == 0 {
		o.Depth = 100
	}
	if o.Chunks.Counter == nil {
		o.Chunks = chunk.Config{MaxTokens: 512, Counter: quarter{}}
	}
	a, err := embed.NewAnalyzer(o.Analysis)
	if err != nil {
		return nil, err
	}
	b := &retrievalBench{o: o, analyzer: a, key: []byte("a fixed key for evaluations only"), attrs: map[string]policy.Attributes{}}
	pins := index.Pins{Analysis: a.Fingerprint()}
	if o.Embedder != nil {
		pins.Model, pins.Dimension = o.Embedder.Model(), o.Embedder.Dimension()
	}
	dir, err := os.MkdirTemp("", "doorward-eval-")
	if err != nil {
		return nil, err
	}
	b.closers = append(b.closers, func() { os.RemoveAll(dir) })
	if o.Open != nil {
		b.index, err = o.Open(dir, pins)
	} else {
		b.index, err = sqlite.Open(sqlite.Config{Path: filepath.Join(dir, "index.db"), Pins: &pins})
	}
	if err != nil {
		b.close()
		return nil, err
	}
	if c, ok := b.index.(io.Closer); ok {
		b.closers = append(b.closers, func() { c.Close() })
	}
	return b, nil
}

func (b *retrievalBench) close() {
	for _, c := range slices.Backward(b.closers) {
		c()
	}
}

// quarter counts a token for every four bytes.
type quarter struct{}

func (quarter) Count(text string) int { return (len(text) + 3) / 4 }

// fill ingests the corpus, then declares the epoch its rankings stand on.
func (b *retrievalBench) fill(ctx context.Context, set *beirSet) (chunks int, err error) {
	var batch []index.Chunk
	flush := func() error {
		if err := b.embed(ctx, set, batch); err != nil {
			return err
		}
		err := b.index.Put(ctx, evalTenant, batch)
		chunks += len(batch)
		batch = batch[:0]
		return err
	}
	for i := range set.corpus {
		cs, err := b.chunks(&set.corpus[i])
		if err != nil {
			return 0, err
		}
		if batch = append(batch, cs...); len(batch) >= 200 {
			if err := flush(); err != nil {
				return 0, err
			}
		}
	}
	if err := flush(); err != nil {
		return 0, err
	}
	b.stats, err = b.index.DeclareEpoch(ctx, evalTenant)
	return chunks, err
}

func (b *retrievalBench) chunks(d *beirRecord) ([]index.Chunk, error) {
	attrs := policy.Attributes{}
	if b.o.Authoriser != nil {
		var err error
		if attrs, err = b.o.Authoriser.Attributes(d.Metadata); err != nil {
			return nil, fmt.Errorf("document %s: %w", d.ID, err)
		}
		b.attrs[d.ID] = attrs
	}
	spans, err := chunk.Split(d.Text, nil, b.o.Chunks)
	if err != nil {
		return nil, fmt.Errorf("document %s: %w", d.ID, err)
	}
	language := b.analyzer.Language(d.Title + "\n" + d.Text)
	var out []index.Chunk
	for n, s := range spans {
		text := d.Text[s.Start:s.End]
		d.chunks = append(d.chunks, text)
		out = append(out, index.Chunk{
			ID: pointID(d.ID, n), Document: d.ID, Version: evalVersion, Ordinal: n, Attributes: attrs,
			Terms: b.analyzer.Analyze(b.key, embed.Document{Title: d.Title, Body: text, Language: language}),
		})
	}
	return out, nil
}

func (b *retrievalBench) embed(ctx context.Context, set *beirSet, batch []index.Chunk) error {
	if b.o.Embedder == nil {
		return nil
	}
	texts := make([]string, len(batch))
	for i, c := range batch {
		d := set.byID[c.Document]
		texts[i] = d.Title + "\n" + d.chunks[c.Ordinal]
	}
	vectors, err := b.o.Embedder.Embed(ctx, texts)
	if err != nil {
		return err
	}
	for i := range batch {
		batch[i].Vector = vectors[i]
	}
	return nil
}

// search returns documents, best first, for a query under a filter.
func (b *retrievalBench) search(ctx context.Context, text string, f policy.Filter, limit int) ([]string, time.Duration, error) {
	q := index.Query{Tenant: evalTenant, Filter: f, Limit: min(2*limit, index.MaxLimit)}
	if b.o.Embedder != nil {
		vs, err := b.o.Embedder.Embed(ctx, []string{text})
		if err != nil {
			return nil, 0, err
		}
		q.Vector = vs[0]
	}
	began := time.Now()
	q.Terms = b.analyzer.Query(b.key, b.stats, text)
	hits, err := b.index.Search(ctx, q)
	took := time.Since(began)
	var out []string
	for _, h := range hits {
		if !slices.Contains(out, h.Document) && len(out) < limit {
			out = append(out, h.Document)
		}
	}
	return out, took, err
}

func (b *retrievalBench) measure(ctx context.Context, set *beirSet, r *RetrievalReport) error {
	var ndcg, r10, r100, mrr []float64
	var took []time.Duration
	for _, q := range set.queries {
		rel := set.qrels[q.ID]
		if len(rel) == 0 {
			continue
		}
		docs, d, err := b.search(ctx, q.Text, policy.AllowAll(), b.o.Depth)
		if err != nil {
			return err
		}
		took = append(took, d)
		ndcg = append(ndcg, ndcgAt(docs, rel, 10))
		r10, r100 = append(r10, recallAt(docs, rel, 10)), append(r100, recallAt(docs, rel, 100))
		mrr = append(mrr, reciprocal(docs, rel))
	}
	if len(ndcg) == 0 {
		return fmt.Errorf("no query has judgements in the qrels file")
	}
	r.Queries = len(ndcg)
	for to, xs := range map[*Interval][]float64{&r.NDCG10: ndcg, &r.Recall10: r10, &r.Recall100: r100, &r.MRR: mrr} {
		*to = resampled(xs, b.o.Resamples)
	}
	slices.Sort(took)
	r.P50, r.P99 = took[len(took)/2], took[len(took)*99/100]
	return nil
}

// ndcgAt is trec_eval's: gain is the judged grade, discount log2(rank+1).
func ndcgAt(docs []string, rel map[string]int, k int) float64 {
	dcg, ideal := 0.0, 0.0
	for i, d := range docs[:min(k, len(docs))] {
		dcg += float64(rel[d]) / math.Log2(float64(i)+2)
	}
	var grades []int
	for _, g := range rel {
		grades = append(grades, g)
	}
	sort.Sort(sort.Reverse(sort.IntSlice(grades)))
	for i, g := range grades[:min(k, len(grades))] {
		ideal += float64(g) / math.Log2(float64(i)+2)
	}
	return dcg / ideal
}

func recallAt(docs []string, rel map[string]int, k int) float64 {
	n := 0
	for _, d := range docs[:min(k, len(docs))] {
		if rel[d] > 0 {
			n++
		}
	}
	return float64(n) / float64(len(rel))
}

func reciprocal(docs []string, rel map[string]int) float64 {
	for i, d := range docs {
		if rel[d] > 0 {
			return 1 / float64(i+1)
		}
	}
	return 0
}

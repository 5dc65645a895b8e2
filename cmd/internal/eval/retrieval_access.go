package eval

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"time"

	"github.com/doorward/doorward/policy"
)

// AccessReport is what a policy did on the data set's access cases.
type AccessReport struct {
	Cases        int `json:"cases"`
	WrongAllows  int `json:"wrong_allows"`
	WrongDenials int `json:"wrong_denials"`
	// Disagreements counts cases the filter and the full evaluation decided
	// differently.
	Disagreements int `json:"disagreements"`
	// Recall10 is over queries and the principals allowed to read an answer,
	// searching through their filters; Unfiltered is the same queries without.
	Recall10   Interval `json:"recall_at_10_filtered"`
	Unfiltered Interval `json:"recall_at_10_unfiltered"`
	// Leaks counts hits that the full evaluation denies: always 0, or a bug.
	Leaks int           `json:"leaks"`
	P50   time.Duration `json:"filtered_latency_p50_ns"`
}

// access runs acl_cases.tsv (query, principal, document, allow or deny) with
// principals.jsonl through the policy, both as a filter and as a full check.
func (b *retrievalBench) access(ctx context.Context, dir string, set *beirSet) (*AccessReport, error) {
	principals, err := b.principals(dir)
	if err != nil {
		return nil, err
	}
	cases, err := beirTable(filepath.Join(dir, "acl_cases.tsv"), 4)
	if err != nil {
		return nil, err
	}
	texts := map[string]string{}
	for _, q := range set.queries {
		texts[q.ID] = q.Text
	}
	r := &AccessReport{}
	var with, without []float64
	var took []time.Duration
	plain := map[string][]string{}
	for _, c := range cases {
		query, who, doc, want := c[0], principals[c[1]], c[2], c[3] == "allow"
		attrs, known := b.attrs[doc]
		if who == nil || !known {
			continue
		}
		filter, err := b.o.Authoriser.Plan(ctx, who)
		if err != nil {
			return nil, fmt.Errorf("principal %s: %w", c[1], err)
		}
		if err := b.judge(ctx, r, who, filter, attrs, want); err != nil {
			return nil, err
		}
		found, d, err := b.search(ctx, texts[query], filter, 10)
		if err != nil {
			return nil, err
		}
		took = append(took, d)
		if r.Leaks, err = b.leaks(ctx, r.Leaks, who, found); err != nil {
			return nil, err
		}
		if !want {
			if slices.Contains(found, doc) {
				r.Leaks++
			}
			continue
		}
		if plain[query] == nil {
			if plain[query], _, err = b.search(ctx, texts[query], policy.AllowAll(), 10); err != nil {
				return nil, err
			}
		}
		with, without = append(with, indicator(slices.Contains(found, doc))), append(without, indicator(slices.Contains(plain[query], doc)))
	}
	if len(with) > 0 {
		r.Recall10, r.Unfiltered = resampled(with, b.o.Resamples), resampled(without, b.o.Resamples)
		slices.Sort(took)
		r.P50 = took[len(took)/2]
	}
	return r, nil
}

func (b *retrievalBench) principals(dir string) (map[string]map[string]any, error) {
	lines, err := beirLines[map[string]any](dir, "principals.jsonl")
	if err != nil {
		return nil, err
	}
	out := map[string]map[string]any{}
	for _, l := range lines {
		for _, k := range []string{"id", "_id", "emp_id"} {
			if id, ok := l[k].(string); ok {
				out[id] = l
			}
		}
	}
	return out, nil
}

// judge decides one case both ways.
func (b *retrievalBench) judge(ctx context.Context, r *AccessReport, who map[string]any, f policy.Filter, attrs policy.Attributes, want bool) error {
	got, err := b.o.Authoriser.Check(ctx, who, []policy.Attributes{attrs})
	if err != nil {
		return err
	}
	if len(got) != 1 {
		return fmt.Errorf("%d decisions for one document", len(got))
	}
	r.Cases++
	switch {
	case got[0] && !want:
		r.WrongAllows++
	case !got[0] && want:
		r.WrongDenials++
	}
	if f.Match(attrs) != got[0] {
		r.Disagreements++
	}
	return nil
}

func (b *retrievalBench) leaks(ctx context.Context, so int, who map[string]any, docs []string) (int, error) {
	facts := make([]policy.Attributes, len(docs))
	for i, d := range docs {
		facts[i] = b.attrs[d]
	}
	if len(facts) == 0 {
		return so, nil
	}
	allowed, err := b.o.Authoriser.Check(ctx, who, facts)
	if err != nil {
		return so, err
	}
	for _, ok := range allowed {
		if !ok {
			so++
		}
	}
	return so, nil
}

func indicator(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// Print writes the report as a table.
func (r RetrievalReport) Print(w io.Writer) {
	line := func(name string, i Interval) {
		fmt.Fprintf(w, "%-14s %.4f  [%.4f, %.4f]\n", name, i.Mean, i.Low, i.High)
	}
	fmt.Fprintf(w, "%d documents in %d chunks, ingested in %v; %d queries (mean, 95 %% bootstrap interval)\n",
		r.Documents, r.Chunks, r.Ingest.Round(time.Millisecond), r.Queries)
	line("nDCG@10", r.NDCG10)
	line("Recall@10", r.Recall10)
	line("Recall@100", r.Recall100)
	line("MRR", r.MRR)
	fmt.Fprintf(w, "latency        p50 %v, p99 %v (analysis and search)\n", r.P50.Round(time.Microsecond), r.P99.Round(time.Microsecond))
	if a := r.Access; a != nil {
		fmt.Fprintf(w, "access         %d cases: %d wrong allows, %d wrong denials, %d filter/check disagreements, %d leaks\n",
			a.Cases, a.WrongAllows, a.WrongDenials, a.Disagreements, a.Leaks)
		line("  R@10 filtered", a.Recall10)
		line("  unfiltered", a.Unfiltered)
		fmt.Fprintf(w, "  latency      p50 %v under the filter\n", a.P50.Round(time.Microsecond))
	}
}

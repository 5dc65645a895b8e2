package retrieval

import (
	"context"
	"fmt"
	"hash/maphash"
	"slices"
	"strings"

	"github.com/doorward/doorward/policy"
	"github.com/doorward/doorward/retrieval/embed"
)

// Shape is how passages are chosen among the hits that may be released.
type Shape struct {
	// PerSource is the most passages from one source; 0 means any number. It
	// bounds what a single poisoned source can fill a prompt with.
	PerSource int
	// Share is the most of an answer's passages, 0 to 1, that one source may fill
	// for how far it is trusted; sources that are not in it may fill any part. At
	// least one passage is let in. It bounds a poisoned source further than
	// PerSource does, by its trust tier.
	Share map[string]float64
	// Diversity is how much sameness with better passages counts against one, 0
	// to 1 (maximal marginal relevance, Carbonell and Goldstein 1998); 0 keeps
	// the index's order.
	Diversity float64
}

// spare is how many hits are fetched per passage when some will be left out.
const spare = 4

// candidates is how many hits to ask the index for.
func (s *Service) candidates(tenant string, limit int) int {
	magnets := s.Magnets != nil && s.Magnet != AlarmMagnets && s.Magnets.Any(tenant)
	if s.Shape.keepsAll() && s.Reranker == nil && !magnets {
		return limit
	}
	return min(limit*spare, 4*MaxTopK)
}

// choose orders and thins what was proven: reranked, no text twice, no source
// beyond its share, no magnet first, diverse. All of it was allowed before it comes here, so no
// forbidden document can move what is chosen.
func (s *Service) choose(ctx context.Context, r Request, snapshot policy.Snapshot, list []proven, limit int, t *trace) ([]proven, error) {
	list, err := s.rerank(ctx, r, snapshot, list)
	if err != nil {
		return nil, err
	}
	list = s.Shape.cap(s.drawn(r, s.distinct(list), limit, t), limit)
	if s.Shape.Diversity > 0 {
		return diverse(list, limit, s.Shape.Diversity), nil
	}
	return list[:min(limit, len(list))], nil
}

// rerank asks the reranker, with those texts only that policy lets go where it
// runs; the others keep their places after them.
func (s *Service) rerank(ctx context.Context, r Request, snapshot policy.Snapshot, list []proven) ([]proven, error) {
	if s.Reranker == nil || len(list) < 2 {
		return list, nil
	}
	may, err := s.maySend(ctx, r, snapshot, list)
	if err != nil {
		return nil, err
	}
	var sent, kept []proven
	var texts []string
	for i, p := range list {
		if !may[i] {
			kept = append(kept, p)
			continue
		}
		sent, texts = append(sent, p), append(texts, p.chunk.Text)
	}
	if len(sent) < 2 {
		return list, nil
	}
	scores, err := s.Reranker.Rerank(ctx, r.Question, texts)
	if err != nil {
		return nil, fmt.Errorf("reranking: %w", err)
	}
	if len(scores) != len(sent) {
		return nil, fmt.Errorf("reranking: %d scores for %d passages", len(scores), len(sent))
	}
	order := make([]int, len(sent))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case scores[a] > scores[b]:
			return -1
		case scores[a] < scores[b]:
			return 1
		}
		return 0
	})
	out := make([]proven, 0, len(list))
	for _, i := range order {
		out = append(out, sent[i])
	}
	return append(out, kept...), nil
}

// maySend asks the access policy about the reranker's destination.
func (s *Service) maySend(ctx context.Context, r Request, snapshot policy.Snapshot, list []proven) ([]bool, error) {
	may := make([]bool, len(list))
	d, ok := s.Reranker.(embed.Destined)
	if !ok || d.Destination() == embed.Internal {
		for i := range may {
			may[i] = true
		}
		return may, nil
	}
	c := r.Context
	c.Destination = d.Destination()
	facts := make([]policy.Attributes, len(list))
	for i, p := range list {
		facts[i] = p.document.Attributes
	}
	decisions, err := snapshot.Check(ctx, r.Subject, c, facts)
	if err != nil || len(decisions) != len(list) {
		return nil, fmt.Errorf("checking what may be reranked: %w", orUnavailable(err))
	}
	for i, d := range decisions {
		may[i] = d.Allow
	}
	return may, nil
}

func orUnavailable(err error) error {
	if err == nil {
		return policy.ErrUnavailable
	}
	return err
}

// distinct drops passages whose text, but for case and blanks, came before.
func (s *Service) distinct(list []proven) []proven {
	seen := make(map[uint64]bool, len(list))
	out := list[:0] // nobody else has the list
	for _, p := range list {
		h := s.texts.like(p.chunk.Text)
		if !seen[h] {
			seen[h] = true
			out = append(out, p)
		}
	}
	return out
}

// keepsAll reports that nothing is left out but what stands twice.
func (s Shape) keepsAll() bool { return s.PerSource == 0 && s.Diversity == 0 && len(s.Share) == 0 }

// most is how many of limit passages a source may fill.
func (s Shape) most(source string, limit int) int {
	most := limit
	if s.PerSource > 0 {
		most = min(most, s.PerSource)
	}
	if share, ok := s.Share[source]; ok {
		most = min(most, max(1, int(share*float64(limit))))
	}
	return most
}

// cap leaves out what goes beyond its source's part of limit passages.
func (s Shape) cap(list []proven, limit int) []proven {
	if s.PerSource == 0 && len(s.Share) == 0 {
		return list
	}
	n := map[string]int{}
	out := list[:0:0]
	for _, p := range list {
		if n[p.document.Source]++; n[p.document.Source] <= s.most(p.document.Source, limit) {
			out = append(out, p)
		}
	}
	return out
}

// diverse picks by rank less likeness to what was picked before.
func diverse(list []proven, limit int, weight float64) []proven {
	words := make([]map[uint64]bool, len(list))
	for i, p := range list {
		words[i] = map[uint64]bool{}
		for _, w := range strings.Fields(strings.ToLower(p.chunk.Text)) {
			words[i][maphash.String(seed, w)] = true
		}
	}
	like := make([]float64, len(list)) // to the most similar one picked
	taken := make([]bool, len(list))
	var out []proven
	for len(out) < min(limit, len(list)) {
		best, score := -1, 0.0
		for i := range list {
			v := (1-weight)/float64(1+i) - weight*like[i]
			if !taken[i] && (best < 0 || v > score) {
				best, score = i, v
			}
		}
		taken[best] = true
		out = append(out, list[best])
		for i := range list {
			like[i] = max(like[i], jaccard(words[i], words[best]))
		}
	}
	return out
}

func jaccard(a, b map[uint64]bool) float64 {
	both := 0
	for w := range a {
		if b[w] {
			both++
		}
	}
	if both == 0 {
		return 0
	}
	return float64(both) / float64(len(a)+len(b)-both)
}

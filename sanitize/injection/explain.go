package injection

import (
	"encoding/binary"
	"math"
	"slices"
	"strconv"

	"github.com/doorward/doorward/sanitize"
)

// Reason is one thing that spoke for or against an instruction.
type Reason struct {
	// Name is a slot ("override-instructions"), a pair of slots, or for n-grams
	// the folded characters in quotes. It shows text of the document: for the
	// terminal of whoever may read the document, never for logs.
	Name string `json:"name"`
	// Weight is its share of the logit; above 0 speaks for an instruction.
	Weight float64 `json:"weight"`
}

// Explanation says how one run of blocks was judged.
type Explanation struct {
	sanitize.Span
	Layer   string   `json:"layer"` // plain, hidden, encoded, forged-turn
	Score   float64  `json:"score"`
	Rule    string   `json:"rule,omitempty"` // the strongest rule that holds
	Slots   []string `json:"slots,omitempty"`
	Reasons []Reason `json:"reasons,omitempty"` // strongest first, at most 20
}

// maxReasons bounds an explanation.
const maxReasons = 20

// Explain judges the views as Scan does and says of the strongest run of each
// view what decided, whether or not it passes the threshold. It is slow: for
// people, not for pipelines.
func (s *Scanner) Explain(v sanitize.Views) []Explanation {
	r := &reader{tables: s.tables, model: s.model, collect: true}
	var out []Explanation
	for i, w := range v.List {
		r.excerpt = i > 0
		units := r.read(w.Text, layerOf(w), changed(v.Source, w, i))
		s.weigh(r, units)
		singles := s.singles(nil, units)
		var best verdict
		for a := range units {
			for b := a + 1; b <= len(units) && b <= a+maxWindow; b++ {
				if x := s.window(units, singles, a, b); x.score > best.score {
					best = x
				}
			}
		}
		if best.to > best.from {
			out = append(out, s.explain(r, w, units, best))
		}
	}
	return out
}

func (s *Scanner) explain(r *reader, w sanitize.View, units []unit, v verdict) Explanation {
	e := Explanation{
		Span:  w.Source(sanitize.Span{Start: units[v.from].outerStart, End: units[v.to-1].outerEnd}),
		Layer: layerNames[v.layer], Score: v.score,
	}
	if v.rule != nil {
		e.Rule = v.rule.name
	}
	b := windowBits(units, v.from, v.to)
	for slot := range slotCount {
		if b[wordSlots+slot>>6]&(1<<(slot&63)) != 0 {
			e.Slots = append(e.Slots, slotName(slot))
		}
	}
	if s.model == nil {
		return e
	}
	weights := s.gramWeights(r, w.Text, units[v.from:v.to])
	b.each(v.layer, func(k int) {
		if d := float64(s.model.dense[k]) * s.model.denseScale; d != 0 {
			weights[denseName(k)] += d
		}
	})
	for name, weight := range weights {
		e.Reasons = append(e.Reasons, Reason{name, math.Round(weight*1e3) / 1e3})
	}
	slices.SortFunc(e.Reasons, func(a, b Reason) int {
		if d := math.Abs(b.Weight) - math.Abs(a.Weight); d != 0 {
			return int(math.Copysign(1, d))
		}
		if a.Name < b.Name {
			return -1
		}
		return 1
	})
	e.Reasons = e.Reasons[:min(maxReasons, len(e.Reasons))]
	return e
}

// gramWeights sums what each n-gram and word adds to the logit.
func (s *Scanner) gramWeights(r *reader, text string, units []unit) map[string]float64 {
	m := s.model
	charN, wordN := 0, 0
	for i := range units {
		charN += units[i].charN
		wordN += units[i].wordN
	}
	out := map[string]float64{}
	c, w := m.gramScale/math.Sqrt(float64(max(charN, 1))), m.gramScale/math.Sqrt(float64(max(wordN, 1)))
	for i := range units {
		f := &r.fold
		f.fold(text[units[i].start:units[i].end], s.tables.lex)
		for k := 0; k+3 <= f.n; k++ {
			x := binary.LittleEndian.Uint64(f.buf[k:])
			for n, h := range [...]uint32{gram3(x), gram4(x), gram5(x)} {
				out[`"`+string(f.buf[k:min(k+3+n, f.n)])+`"`] += float64(m.grams[h]) * c
			}
		}
		prev, before := uint32(1), ""
		for _, t := range f.tokens {
			word := string(f.buf[t.start:t.end])
			out["word "+word] += float64(m.grams[wordGram(t.hash)]) * w
			out["words "+before+" "+word] += float64(m.grams[pairGram(prev, t.hash)]) * w
			prev, before = t.hash, word
		}
	}
	return out
}

// denseName names a dense feature for people.
func denseName(k int) string {
	switch {
	case k < wordSlots*64:
		return "structure " + strconv.Itoa(k)
	case k < wordClasses*64:
		return slotName(k - wordSlots*64)
	case k < wordSkips*64:
		return "class " + strconv.Itoa(k-wordClasses*64)
	case k < pairBase:
		k -= wordSkips * 64
		return "class " + strconv.Itoa(k/classCount) + " then " + strconv.Itoa(k%classCount)
	case k < layerBase:
		k -= pairBase
		j := int((1 + math.Sqrt(float64(1+8*k))) / 2)
		for j*(j-1)/2 > k {
			j--
		}
		for (j+1)*j/2 <= k {
			j++
		}
		return slotName(k-j*(j-1)/2) + " & " + slotName(j)
	}
	k -= layerBase
	return slotName(k%slotCount) + " in " + layerNames[k/slotCount]
}

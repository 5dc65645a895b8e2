package train

import (
	"math"
	"slices"

	"github.com/doorward/doorward/sanitize/injection"
	"github.com/doorward/doorward/sanitize/normalize"
)

// Text is a case with its reading.
type Text struct {
	*Case
	Reading injection.Reading
}

// readAll reads every case through the views the scanner gets.
func readAll(cases []Case) ([]*Text, error) {
	r, err := injection.NewReader()
	if err != nil {
		return nil, err
	}
	out := make([]*Text, len(cases))
	for i := range cases {
		c := &cases[i]
		out[i] = &Text{Case: c, Reading: r.Read(normalize.Build(c.Text), c.Hidden)}
	}
	return out, nil
}

// familyExponent tempers large families: each counts as its size to this power.
const familyExponent = .5

// examplesOf labels the windows of the texts. A window is positive when its
// blocks lie in the injection, negative when none does, and left out between.
func examplesOf(texts []*Text) []example {
	size := map[string]float64{}
	for _, t := range texts {
		size[t.Label+t.group()]++
	}
	var out []example
	for _, t := range texts {
		w := math.Pow(size[t.Label+t.group()], familyExponent-1) * 12 * caseWeight(t.Case)
		out = append(out, t.examples(w)...)
	}
	return out
}

func (t *Text) group() string {
	if t.Attack != "" {
		return t.Family + "/" + t.Attack
	}
	return t.Family
}

// noisy are families many of whose positives are ordinary requests.
var noisy = []string{"cyberseceval", "deepset"}

// caseWeight: what cannot be told from an ordinary request teaches little.
func caseWeight(c *Case) float64 {
	if c.Weight > 0 {
		return c.Weight
	}
	switch {
	case c.Injection() && !c.Overt:
		return .2
	case c.Injection() && slices.Contains(noisy, c.Family):
		return .3
	case c.Kind == "security-quote":
		return .3
	case len(c.Kind) > 11 && c.Kind[:11] == "overdefense":
		return 1.2
	}
	return 1
}

func (t *Text) examples(weight float64) []example {
	r := &t.Reading
	inside := make([]float64, len(r.Blocks))
	total := 0.0
	for i := range r.Blocks {
		s := r.Blocks[i].Span
		n := t.Covered(s)
		if s.Len() > 0 {
			inside[i] = float64(n) / float64(s.Len())
		}
		total += float64(n)
	}
	var out []example
	best := 0.0
	for i := range r.Windows {
		w := &r.Windows[i]
		in, outside, bytes := 0, 0, 0.0
		for b := w.From; b < w.To; b++ {
			switch {
			case inside[b] >= .6:
				in++
				bytes += float64(r.Blocks[b].Span.Len())
			case inside[b] <= .05:
				outside++
			}
		}
		e := example{reading: r, window: w, weight: float32(weight)}
		switch {
		case in == w.To-w.From:
			e.label = 1
			e.weight = float32(bytes / max(total, 1))
			best = max(best, float64(e.weight))
		case outside == w.To-w.From:
			if t.Injection() {
				e.weight *= .5
			}
		default:
			continue
		}
		out = append(out, e)
	}
	for i := range out {
		if out[i].label == 1 {
			out[i].weight = float32(weight * math.Pow(float64(out[i].weight)/best, coverPower))
		}
	}
	return out
}

// coverPower weighs windows by the share of the injection they hold.
const coverPower = 1.0

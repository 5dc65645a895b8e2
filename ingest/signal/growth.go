package signal

import "slices"

// Growth is what accepted documents add to a baseline. Several processes may take
// in documents of one source at once; each adds its growth to what is there by
// then, so that none forgets what another accepted.
type Growth struct {
	documents, scored float64
	held              []float32 // for each bucket; nil: none
	sum, squares, odd float64   // of surprises, their squares, and documents beyond Off
	days              []Day
}

// Empty reports that nothing was accepted.
func (g *Growth) Empty() bool { return len(g.days) == 0 }

func (g *Growth) hold(p Profile) {
	if g.held == nil {
		g.held = make([]float32, buckets)
	}
	g.documents++
	for _, t := range p.Terms {
		g.held[t]++
	}
}

func (g *Growth) score(surprise, odd float64) {
	g.scored++
	g.sum += surprise
	g.squares += surprise * surprise
	g.odd += odd
}

// Grow adds what documents add. Beyond the baseline's memory everything fades alike.
func (b *Baseline) Grow(g *Growth) {
	if g.held != nil {
		if b.Held == nil {
			b.Held = make([]float32, buckets)
		}
		for i, n := range g.held {
			b.Held[i] += n
		}
		b.Documents += g.documents
		if b.Documents > memory {
			for i := range b.Held {
				b.Held[i] *= float32(memory / b.Documents)
			}
			b.Documents = memory
		}
	}
	if total := b.Scored + g.scored; g.scored > 0 {
		b.Mean = (b.Mean*b.Scored + g.sum) / total
		b.Square = (b.Square*b.Scored + g.squares) / total
		b.Odd = (b.Odd*b.Scored + g.odd) / total
		b.Scored = min(total, memory)
	}
	b.Days = addDays(b.Days, g.days)
}

// addDays adds counts up by day and keeps the latest.
func addDays(a, b []Day) []Day {
	out := slices.Clone(a)
	for _, d := range b {
		if i := slices.IndexFunc(out, func(o Day) bool { return o.Day == d.Day }); i >= 0 {
			out[i].Arrivals += d.Arrivals
		} else {
			out = append(out, d)
		}
	}
	slices.SortFunc(out, func(x, y Day) int { return int(x.Day - y.Day) })
	return out[max(0, len(out)-historyDays):]
}

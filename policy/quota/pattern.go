package quota

import (
	"math"
	"slices"
)

// Patterns says what the way a user asks leads to. Suspicion runs from 0 to 1.
type Patterns struct {
	// Shrink is the share of the coverage budget that is taken away at full
	// suspicion, and two thirds of that from who never comes back to what he
	// read; 0 leaves it whole.
	Shrink float64
	// At is the suspicion from which the responses below are made; 0: never.
	At float64
	// Alarm raises one alarm per user and day.
	Alarm bool
	// Slow delays answers, by SlowBy of the time it takes to read a page.
	Slow bool
	// StepUp demands a stronger sign-in; a user who has it is not suspected.
	StepUp *StepUp
	// Deny refuses to answer.
	Deny bool
}

// window is how many requests patterns are read from, least how many there must
// be.
const (
	window = 24
	least  = 12
)

// signs are what a way of asking is judged by, each from 0 to 1.
type signs struct {
	novelty float64 // share of the passages that were new to the user
	breadth float64 // the same of all of today's
	sweep   float64 // share of the requests that met nothing the user had seen
	quoting float64 // share of the questions that continue what was released
	drift   float64 // how far the words are from the usual ones
}

// suspicion weighs the signs. Ordinary users come back to what they have seen:
// their follow-ups meet the same passages. A sweep never does; a walk from
// passage to passage quotes them. Drift alone proves nothing, it tips the scales.
func (g signs) suspicion() float64 {
	s := max(ramp(g.sweep, .66, .86), ramp(g.quoting, .15, .4), ramp(g.novelty, .93, .98))
	return min(1, max(0, s+.2*(g.drift-.5)*s))
}

// broad weighs how little a user comes back to what he read. Nothing is wrong
// with that: it earns no alarm, only the smaller budget.
func (g signs) broad() float64 { return ramp(g.breadth, .74, .82) }

func ramp(v, from, to float64) float64 { return min(1, max(0, (v-from)/(to-from))) }

// signs reads the recent requests.
func (s *State) signs(usual *profile) signs {
	var g signs
	var released, fresh, apart, quotes, n int
	for _, q := range s.Recent {
		if q.New+q.Old == 0 {
			continue // found nothing, which says nothing
		}
		n++
		released += q.New + q.Old
		fresh += q.New
		if q.Old == 0 {
			apart++
		}
		if q.Quotes {
			quotes++
		}
	}
	if n < least {
		return g
	}
	if s.Released > 0 {
		g.breadth = float64(len(s.Seen)) / float64(s.Released)
	}
	g.novelty = float64(fresh) / float64(released)
	g.sweep = float64(apart) / float64(n)
	g.quoting = float64(quotes) / float64(n)
	g.drift = .5
	if p := s.Usual; p != nil && p.Weight >= 200 {
		usual = p
	}
	if usual != nil && usual.Weight >= 200 {
		g.drift = usual.drift(s.Recent)
	}
	return g
}

// quotes reports whether a question repeats what was released to its user.
func (s *State) quotes(q Sketch) bool {
	if len(q.Runs) < 2 {
		return false
	}
	hit := 0
	for _, r := range q.Runs {
		if slices.Contains(s.Runs, r) {
			hit++
		}
	}
	return hit >= 2 && 4*hit >= len(q.Runs)
}

// profile is a distribution of words over bins, forgetting slowly. A bin stands
// for many words, and none can be told from it.
type profile struct {
	Bins   [bins]float32 `json:"b"`
	Weight float32       `json:"w"`
}

const (
	bins = 64
	// heaviest is the weight at which older words begin to count less.
	heaviest = 4096
)

func (p *profile) add(words []uint32) {
	for _, w := range words {
		p.Bins[w%bins]++
		p.Weight++
	}
	if p.Weight > heaviest {
		for i := range p.Bins {
			p.Bins[i] /= 2
		}
		p.Weight /= 2
	}
}

// drift is how unusual the words are: 0 where they are likelier than chance, ½
// where they are what chance would pick, 1 where they avoid what is usual.
func (p *profile) drift(recent []asked) float64 {
	var sum float64
	n := 0
	for _, q := range recent {
		for _, w := range q.Words {
			share := (float64(p.Bins[w%bins]) + 1) / (float64(p.Weight) + bins)
			sum += math.Log2(share * bins)
			n++
		}
	}
	if n == 0 {
		return .5
	}
	return min(1, max(0, .5-sum/float64(n)))
}

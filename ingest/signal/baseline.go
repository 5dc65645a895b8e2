package signal

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"time"
)

// Bounds of a baseline.
const (
	historyDays  = 28
	minDays      = 3   // days with arrivals before a rate is known
	minDocuments = 200 // documents before usual terms are known
	memory       = 5000
	// Off is the number of standard deviations from which a document's words
	// count as unusual for its source.
	Off = 3.0
	// window is how many documents a share of unusual ones is taken over.
	window = 64
)

// Baseline is what a source usually sends. It is made of what was accepted only:
// a flood that was held does not become usual.
type Baseline struct {
	// Documents is how many documents it was made of, at most memory: older ones
	// fade as new ones come.
	Documents float64 `json:"documents"`
	// Held is, for each bucket of words, how many of them held one.
	Held []float32 `json:"held,omitempty"`
	// Mean and Square are of documents' surprise, at the time they came.
	Mean   float64 `json:"mean"`
	Square float64 `json:"square"`
	Scored float64 `json:"scored"`
	Odd    float64 `json:"odd"`  // share of documents beyond Off
	Days   []Day   `json:"days"` // oldest first
}

// Day counts the new and changed documents of one day that were accepted.
type Day struct {
	Day      int64 `json:"day"` // days since 1970, UTC
	Arrivals int   `json:"arrivals"`
}

// Encode and DecodeBaseline are its stored form.
func (b *Baseline) Encode() ([]byte, error) { return json.Marshal(b) }

// DecodeBaseline reads what Encode wrote; no bytes are an empty baseline.
func DecodeBaseline(data []byte) (*Baseline, error) {
	b := &Baseline{}
	if len(data) == 0 {
		return b, nil
	}
	if err := json.Unmarshal(data, b); err != nil || b.Held != nil && len(b.Held) != buckets {
		return nil, fmt.Errorf("reading a source's baseline: not one")
	}
	return b, nil
}

// surprise is how unusual a document's words are for the source, in bits per
// distinct word.
func (b *Baseline) surprise(p Profile) float64 {
	if len(p.Terms) == 0 || b.Held == nil {
		return 0
	}
	sum := 0.0
	for _, t := range p.Terms {
		sum -= math.Log2((float64(b.Held[t]) + 0.5) / (b.Documents + 1))
	}
	return sum / float64(len(p.Terms))
}

// Drift is how many standard deviations a document lies above what is usual;
// known is false while the source is too new to tell.
func (b *Baseline) Drift(p Profile) (z float64, known bool) {
	if b.Documents < minDocuments || b.Scored < minDocuments/2 || len(p.Terms) < 5 {
		return 0, false
	}
	spread := math.Sqrt(max(b.Square-b.Mean*b.Mean, 0.01))
	return (b.surprise(p) - b.Mean) / spread, true
}

// Usual is the median of the days before today on which something came; known is
// false while there were too few.
func (b *Baseline) Usual(today int64) (perDay float64, known bool) {
	var counts []int
	for _, d := range b.Days {
		if d.Day < today && d.Arrivals > 0 {
			counts = append(counts, d.Arrivals)
		}
	}
	if len(counts) < minDays {
		return 0, false
	}
	slices.Sort(counts)
	return float64(counts[len(counts)/2]), true
}

// Accept takes a document that was let in into what is usual, and into g, what was
// added.
func (b *Baseline) Accept(p Profile, at time.Time, g *Growth) {
	b.Days = addDays(b.Days, []Day{{dayOf(at), 1}})
	g.days = addDays(g.days, []Day{{dayOf(at), 1}})
	if len(p.Terms) < 5 {
		return
	}
	if b.Documents >= minDocuments/2 {
		b.score(p, g)
	}
	g.hold(p)
	if b.Held == nil {
		b.Held = make([]float32, buckets)
	}
	if b.Documents >= memory {
		const keep = 1 - 1.0/memory
		// Fade in steps, so that the cost of a document stays small.
		if b.Documents >= memory+memory/10 {
			fade := math.Pow(keep, memory/10)
			for i := range b.Held {
				b.Held[i] *= float32(fade)
			}
			b.Documents *= fade
		}
	}
	b.Documents++
	for _, t := range p.Terms {
		b.Held[t]++
	}
}

func (b *Baseline) score(p Profile, g *Growth) {
	s := b.surprise(p)
	odd := 0.0
	if z, known := b.Drift(p); known && z > Off {
		odd = 1
	}
	g.score(s, odd)
	b.Scored = min(b.Scored+1, memory)
	w := 1 / b.Scored
	b.Mean += (s - b.Mean) * w
	b.Square += (s*s - b.Square) * w
	b.Odd += (odd - b.Odd) * w
}

func (b *Baseline) today(day int64) int {
	if n := len(b.Days); n > 0 && b.Days[n-1].Day == day {
		return b.Days[n-1].Arrivals
	}
	return 0
}

func dayOf(t time.Time) int64 { return t.Unix() / 86400 }

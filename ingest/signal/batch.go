package signal

import (
	"math"
	"time"
)

// Signals are what policy is given of one document, as input.signals
// (configs/schemas/ingest.input.json).
type Signals struct {
	Duplicates Duplicates `json:"duplicates"`
	Rate       Rate       `json:"rate"`
	Drift      Drift      `json:"drift"`
	Stuffing   Stuffing   `json:"stuffing"`
	Magnet     Magnet     `json:"magnet"`
	// Generated: the text holds a mark that only answers made through this
	// service can hold.
	Generated bool `json:"generated"`
	// Labels is how many citation labels of this service's form it holds.
	Labels int `json:"labels"`
	// Batch is how many new or changed documents this run brought so far.
	Batch int `json:"batch"`
	// Signed: the connector's manifest was verified.
	Signed bool `json:"signed"`
}

// Duplicates counts documents that are like this one.
type Duplicates struct {
	Exact int `json:"exact"` // other indexed documents with the same bytes
	Near  int `json:"near"`  // other indexed documents with nearly the same words
	Batch int `json:"batch"` // documents of this run, before this one, with nearly the same words
}

// Rate compares today's arrivals of the source with its usual day.
type Rate struct {
	Known bool    `json:"known"`
	Today int     `json:"today"`
	Usual float64 `json:"usual"`
	Ratio float64 `json:"ratio"`
}

// Drift says how unusual the words are for the source.
type Drift struct {
	Known bool    `json:"known"`
	Score float64 `json:"score"` // standard deviations of this document
	Share float64 `json:"share"` // of the run's last documents that were beyond Off
	Usual float64 `json:"usual"` // the same share, as it usually is
	Seen  int     `json:"seen"`  // how many documents share was taken over
}

// Stuffing says how far a text is made to be found.
type Stuffing struct {
	Repetition float64 `json:"repetition"`
	Query      float64 `json:"query"`
}

// Magnet says how far the document, as it was before, draws questions.
type Magnet struct {
	Drawing bool    `json:"drawing"` // far more and more different ones than its peers
	Share   float64 `json:"share"`   // of this process's last questions for which it came up
	Times   float64 `json:"times"`   // its count over the mean of all documents that came up
}

// Map is s as policy input.
func (s Signals) Map() map[string]any {
	return map[string]any{
		"duplicates": map[string]any{"exact": s.Duplicates.Exact, "near": s.Duplicates.Near, "batch": s.Duplicates.Batch},
		"rate":       map[string]any{"known": s.Rate.Known, "today": s.Rate.Today, "usual": round(s.Rate.Usual), "ratio": round(s.Rate.Ratio)},
		"drift":      map[string]any{"known": s.Drift.Known, "score": round(s.Drift.Score), "share": round(s.Drift.Share), "usual": round(s.Drift.Usual), "seen": s.Drift.Seen},
		"stuffing":   map[string]any{"repetition": round(s.Stuffing.Repetition), "query": round(s.Stuffing.Query)},
		"magnet":     map[string]any{"drawing": s.Magnet.Drawing, "share": round(s.Magnet.Share), "times": round(s.Magnet.Times)},
		"generated":  s.Generated, "labels": s.Labels, "batch": s.Batch, "signed": s.Signed,
	}
}

func round(f float64) float64 { return math.Round(f*1000) / 1000 }

// maxBatch bounds how many documents of a run are remembered for finding
// duplicates among them; beyond it they are forgotten and counted anew. A source
// that is pushed into has a run without end: this is what it costs, about a
// kilobyte each.
const maxBatch = 1024

// Batch measures the documents of one run of one source, in order. It is not
// safe for concurrent use.
type Batch struct {
	baseline *Baseline
	day      int64
	arrivals int
	odd      []bool // of the last window documents
	bands    [Bands]map[int64][]int32
	seen     []Signature
}

// NewBatch starts a run over what its source usually sends.
func NewBatch(b *Baseline, now time.Time) *Batch {
	out := &Batch{baseline: b, day: dayOf(now)}
	out.forget()
	return out
}

func (b *Batch) forget() {
	b.seen = nil
	for i := range b.bands {
		b.bands[i] = map[int64][]int32{}
	}
}

// Add measures the next new or changed document.
func (b *Batch) Add(p Profile) Signals {
	b.arrivals++
	s := Signals{Batch: b.arrivals, Stuffing: Stuffing{p.Repetition, p.Query}, Duplicates: Duplicates{Batch: b.duplicates(p.Signature)}}
	s.Rate.Today = b.baseline.today(b.day) + b.arrivals
	if usual, known := b.baseline.Usual(b.day); known {
		s.Rate.Known, s.Rate.Usual, s.Rate.Ratio = true, usual, float64(s.Rate.Today)/max(usual, 1)
	}
	if z, known := b.baseline.Drift(p); known {
		s.Drift.Known, s.Drift.Score, s.Drift.Usual = true, z, b.baseline.Odd
		if b.odd = append(b.odd, z > Off); len(b.odd) > window {
			b.odd = b.odd[1:]
		}
	}
	odd := 0
	for _, o := range b.odd {
		if o {
			odd++
		}
	}
	if s.Drift.Seen = len(b.odd); s.Drift.Seen > 0 {
		s.Drift.Share = float64(odd) / float64(len(b.odd))
	}
	return s
}

// maxAlike bounds how many documents of one bucket are compared.
const maxAlike = 256

func (b *Batch) duplicates(s Signature) int {
	if len(b.seen) >= maxBatch {
		b.forget()
	}
	alike := map[int32]bool{}
	for band, bucket := range s.Bands() {
		list := b.bands[band][bucket]
		for _, i := range list[max(0, len(list)-maxAlike):] {
			if !alike[i] && b.seen[i].Likeness(s) >= Near {
				alike[i] = true
			}
		}
		b.bands[band][bucket] = append(list, int32(len(b.seen)))
	}
	b.seen = append(b.seen, s)
	return len(alike)
}

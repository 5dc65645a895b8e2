package redteam

import (
	"errors"
	"fmt"
	"io"
	"strings"
)

// ErrGate means a promise was not kept.
var ErrGate = errors.New("red team gate missed")

// MaxBenign is the largest share of benign texts that may be flagged.
const MaxBenign = .005

// Item is the result of one technique.
type Item struct {
	ID          int    `json:"id"`
	Class       string `json:"class"` // D: must hold always; H: published
	Stage       string `json:"stage"`
	Name        string `json:"name"`
	Tried       int    `json:"tried"`
	Flagged     int    `json:"flagged"`
	Neutralised int    `json:"neutralised"`
	Refused     int    `json:"refused"`
	Missed      []int  `json:"missed,omitempty"` // numbers of the mutations
	Elsewhere   string `json:"elsewhere,omitempty"`
}

// Rate is the share that was flagged, neutralised or refused.
func (i Item) Rate() float64 {
	if i.Tried == 0 {
		return 0
	}
	return float64(i.Tried-len(i.Missed)) / float64(i.Tried)
}

// Report of a run.
type Report struct {
	Scanner   string `json:"scanner"` // revision
	Mutations int    `json:"mutations"`
	Seed      uint64 `json:"seed"`
	Items     []Item `json:"items"`
	// Deterministic counts class D techniques that were tried, and those of them
	// with no miss; Elsewhere those of class D another suite answers for.
	Deterministic int `json:"deterministic"`
	Held          int `json:"held"`
	Elsewhere     int `json:"elsewhere"`
	// Heuristic is the mean rate of the class H techniques.
	Heuristic float64 `json:"heuristic"`
	// Benign texts scanned and flagged, and which.
	Benign        int      `json:"benign"`
	BenignFlagged []string `json:"benign_flagged,omitempty"`
}

func (r *Report) sum() {
	n := 0
	for _, i := range r.Items {
		switch {
		case i.Class == "D" && i.Tried == 0:
			r.Elsewhere++
		case i.Class == "D":
			r.Deterministic++
			if len(i.Missed) == 0 {
				r.Held++
			}
		case i.Tried > 0:
			n++
			r.Heuristic += i.Rate()
		}
	}
	r.Heuristic /= float64(max(n, 1))
}

// Gate fails with [ErrGate] when a class D technique had a miss or too many
// benign texts were flagged.
func (r *Report) Gate() error {
	var bad []string
	for _, i := range r.Items {
		if i.Class == "D" && len(i.Missed) > 0 {
			bad = append(bad, fmt.Sprintf("technique %d (%s): %d of %d missed", i.ID, i.Name, len(i.Missed), i.Tried))
		}
	}
	if r.Benign > 0 && float64(len(r.BenignFlagged)) > MaxBenign*float64(r.Benign) {
		bad = append(bad, fmt.Sprintf("%d of %d benign texts flagged: %s", len(r.BenignFlagged), r.Benign, strings.Join(r.BenignFlagged, ", ")))
	}
	if len(bad) > 0 {
		return fmt.Errorf("%w: %s", ErrGate, strings.Join(bad, "; "))
	}
	return nil
}

// Write prints the report for people.
func (r *Report) Write(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%3s %s %s %-52s %5s %5s %5s %5s %6s\n", "#", "c", "s", "technique", "tried", "flag", "neut", "ref", "rate")
	for _, i := range r.Items {
		if i.Tried == 0 {
			fmt.Fprintf(&b, "%3d %s %s %-52s %s\n", i.ID, i.Class, i.Stage, i.Name, "elsewhere: "+i.Elsewhere)
			continue
		}
		note := ""
		if i.Class == "D" && len(i.Missed) > 0 {
			note = "  MISSED"
		}
		fmt.Fprintf(&b, "%3d %s %s %-52s %5d %5d %5d %5d %5.0f%%%s\n", i.ID, i.Class, i.Stage, i.Name, i.Tried, i.Flagged, i.Neutralised, i.Refused, 100*i.Rate(), note)
	}
	fmt.Fprintf(&b, "\nclass D: %d of %d techniques held in all %d mutations (%d more are tested elsewhere)\n", r.Held, r.Deterministic, r.Mutations, r.Elsewhere)
	fmt.Fprintf(&b, "class H: %.0f %% on average\n", 100*r.Heuristic)
	fmt.Fprintf(&b, "benign: %d of %d texts flagged %s\n", len(r.BenignFlagged), r.Benign, strings.Join(r.BenignFlagged, ", "))
	_, err := io.WriteString(w, b.String())
	return err
}

package rego

import (
	"context"
	"sync/atomic"

	"github.com/doorward/doorward/policy"
)

// Difference is what a candidate policy would have done otherwise. It carries
// counts and hashes, not documents.
type Difference struct {
	Subject   string          `json:"subject"`
	Live      policy.Revision `json:"live"`
	Candidate policy.Revision `json:"candidate"`
	Checked   int             `json:"checked"`         // documents that the live policy was asked about
	Appear    int             `json:"appear"`          // of these, allowed by the candidate alone
	Vanish    int             `json:"vanish"`          // of these, allowed by the live policy alone
	Error     string          `json:"error,omitempty"` // the candidate failed where the live policy did not
}

// Shadow is a [policy.Source] that answers by the live policy, and asks a
// candidate the same questions beside it. The candidate's answers are reported
// where they differ, and affect nothing: not the answer, not its time, not its
// errors.
type Shadow struct {
	live      policy.Source
	candidate policy.Source
	report    func(Difference)
	slots     chan struct{}
	skipped   atomic.Int64
}

// NewShadow returns a source that compares. report is called from other
// goroutines, for differences only.
func NewShadow(live, candidate policy.Source, report func(Difference)) *Shadow {
	return &Shadow{live: live, candidate: candidate, report: report, slots: make(chan struct{}, 2)}
}

// Skipped is how many comparisons were left out because two were running.
func (s *Shadow) Skipped() int64 { return s.skipped.Load() }

// Snapshot returns the live snapshot, watched.
func (s *Shadow) Snapshot() (policy.Snapshot, error) {
	live, err := s.live.Snapshot()
	if err != nil {
		return nil, err
	}
	candidate, err := s.candidate.Snapshot()
	if err != nil {
		return live, nil
	}
	return &shadowed{Snapshot: live, candidate: candidate, shadow: s}, nil
}

type shadowed struct {
	policy.Snapshot
	candidate policy.Snapshot
	shadow    *Shadow
}

// Check answers by the live policy, then compares in the background.
func (s *shadowed) Check(ctx context.Context, sub policy.Subject, c policy.Context, docs []policy.Attributes) ([]policy.Decision, error) {
	got, err := s.Snapshot.Check(ctx, sub, c, docs)
	if err != nil {
		return got, err
	}
	select {
	case s.shadow.slots <- struct{}{}:
	default:
		s.shadow.skipped.Add(1)
		return got, nil
	}
	allowed := make([]bool, len(got))
	for i := range got {
		allowed[i] = got[i].Allow
	}
	go func() {
		defer func() { <-s.shadow.slots }()
		s.compare(context.WithoutCancel(ctx), sub, c, docs, allowed)
	}()
	return got, nil
}

func (s *shadowed) compare(ctx context.Context, sub policy.Subject, c policy.Context, docs []policy.Attributes, live []bool) {
	d := Difference{Subject: sub.ID, Live: s.Revision(), Candidate: s.candidate.Revision(), Checked: len(docs)}
	got, err := s.candidate.Check(ctx, sub, c, docs)
	if err != nil {
		d.Error = err.Error()
	}
	for i := range got {
		switch {
		case got[i].Allow && !live[i]:
			d.Appear++
		case !got[i].Allow && live[i]:
			d.Vanish++
		}
	}
	if d.Appear+d.Vanish > 0 || d.Error != "" {
		s.shadow.report(d)
	}
}

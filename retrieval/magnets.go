package retrieval

import (
	"context"

	"github.com/doorward/doorward/policy/audit"
)

// MagnetAct says what becomes of a passage whose document draws far more
// questions than its peers. Every act raises an alarm when a document begins to.
type MagnetAct int

// Acts; the zero value is the strictest.
const (
	HoldMagnets  MagnetAct = iota // they are not given out
	MagnetsLast                   // they come after everything else that was found
	AlarmMagnets                  // nothing
)

// drawn counts what came up for this question and puts magnets in their place.
// All of it was allowed before it comes here. What is counted is the order before
// that, so that a magnet put last is one for as long as it draws.
func (s *Service) drawn(r Request, list []proven, limit int, t *trace) []proven {
	if s.Magnets == nil || len(list) == 0 {
		return list
	}
	var up []string
	for _, p := range list[:min(limit, len(list))] {
		up = append(up, p.document.ID)
	}
	_, fresh := s.Magnets.Observe(r.Subject.Tenant, r.Subject.ID, r.Question, up)
	t.magnets = append(t.magnets, fresh...)
	if s.Magnet == AlarmMagnets || !s.Magnets.Any(r.Subject.Tenant) {
		return list
	}
	var first, last []proven
	for _, p := range list {
		if s.Magnets.Standing(r.Subject.Tenant, p.document.ID).Magnet {
			last = append(last, p)
			continue
		}
		first = append(first, p)
	}
	if s.Magnet == MagnetsLast {
		t.count("magnets_last", len(last))
		return append(first, last...)
	}
	t.count("dropped_magnet", len(last))
	return first
}

// magnetAlarm is the entry that names documents which began to draw too many
// questions.
func (s *Service) magnetAlarm(ctx context.Context, e audit.Entry, t *trace) audit.Entry {
	e.Event, e.Outcome, e.Documents, e.Counts, e.Reason = "alarm", "magnet", t.magnets, nil, "found for far more questions than its peers"
	s.Log.WarnContext(ctx, "retrieval magnet", "documents", t.magnets, "request", e.Request)
	return e
}

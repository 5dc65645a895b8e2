package ingest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/doorward/doorward/ingest/catalog"
	"github.com/doorward/doorward/ingest/signal"
	"github.com/doorward/doorward/policy"
	"github.com/doorward/doorward/policy/audit"
	"github.com/doorward/doorward/sanitize"
)

// Review is what a reviewer is shown of a held document, made on demand from its
// sealed bytes and never stored. Every finding is masked wherever it would show.
type Review struct {
	Document  string          `json:"document"`
	Source    string          `json:"source"`
	URI       string          `json:"uri,omitempty"`
	MediaType string          `json:"media_type,omitempty"`
	Bytes     int             `json:"bytes"`
	Received  time.Time       `json:"received"`
	Assignee  string          `json:"assignee,omitempty"`
	Batch     string          `json:"batch,omitempty"`
	Submitter string          `json:"submitter,omitempty"`
	Connector string          `json:"connector,omitempty"`
	Sequence  int64           `json:"sequence,omitempty"`
	Live      string          `json:"live,omitempty"` // the version that is live meanwhile
	Reasons   []string        `json:"reasons"`        // why it was held
	Signals   *signal.Signals `json:"signals,omitempty"`
	// Attributes as they would be; AttributeError says why there are none.
	Attributes     policy.Attributes `json:"attributes,omitempty"`
	AttributeError string            `json:"attribute_error,omitempty"`
	Unreadable     string            `json:"unreadable,omitempty"` // why no text could be had
	// Now is what the rules in force would do: index, quarantine or reject.
	Now        string         `json:"now"`
	NowReasons []string       `json:"now_reasons,omitempty"`
	Findings   []Reviewed     `json:"findings"`
	Notes      []catalog.Note `json:"notes,omitempty"`
}

// Reviewed is one finding in its surroundings.
type Reviewed struct {
	ID      string  `json:"id"` // good for these very bytes
	Kind    string  `json:"kind"`
	Type    string  `json:"type,omitempty"`
	Rule    string  `json:"rule"`
	Score   float64 `json:"score"`
	Hidden  bool    `json:"hidden,omitempty"` // in text that readers do not see; dropped in any case
	Line    int     `json:"line"`
	Length  int     `json:"length"` // bytes
	Action  string  `json:"action"` // policy's
	Context string  `json:"context"`
}

// ErrFinding means an id that is none of the document's findings.
var ErrFinding = errors.New("the document has no such finding")

// looked is a held document as a reviewer looks at it.
type looked struct {
	w          *work
	o          judgeOptions
	attributes policy.Attributes
	found      findings
	actions    sanitize.Actions
	ids        []string // of the visible findings, then of the hidden ones
}

// look reads and scans a held document again, as far as it can be.
func (p *Pipeline) look(ctx context.Context, tenant, id string) (*looked, *Review, error) {
	w, o, err := p.again(ctx, tenant, id, judgeOptions{})
	if err != nil {
		return nil, nil, err
	}
	a := w.arrival
	if a.State != catalog.Held {
		return nil, nil, fmt.Errorf("reviewing: %w: the document is %s", catalog.ErrState, a.State)
	}
	l := &looked{w: w, o: o}
	r := &Review{Document: a.ID, Source: a.Source, URI: a.URI, MediaType: a.MediaType, Bytes: len(a.Bytes), Received: a.Received, Assignee: a.Assignee,
		Batch: a.Batch, Submitter: a.Submitter, Connector: a.Connector, Sequence: a.Sequence, Live: w.known.Version, Reasons: a.Reasons, Signals: a.Signals,
		Now: policy.Quarantine.String(), Findings: []Reviewed{}}
	if l.attributes, err = p.attributes(a.Source, a.Claimed); err != nil {
		r.AttributeError = explainAttributes(err)
	}
	r.Attributes = l.attributes
	read := p.extract(ctx, w)
	if read.err != nil {
		r.Unreadable = p.Extractor.Reason(read.err)
		return l, r, nil
	}
	if l.found, err = p.scan(ctx, w, read.Extracted); err != nil {
		r.Unreadable = "scan"
		return l, r, nil
	}
	l.ids = identify(a.Content, l.found)
	l.actions, err = p.decide(ctx, w, o, l.attributes, l.found)
	var no *refusal
	switch {
	case err == nil:
		r.Now = policy.Index.String()
	case errors.As(err, &no):
		r.NowReasons = no.reasons
		if no.state == catalog.Rejected {
			r.Now = policy.Reject.String()
		}
	default:
		return nil, nil, err
	}
	l.actions = w.actions
	return l, r, ctx.Err()
}

// identify names findings: by what and where they are in these very bytes.
func identify(content string, f findings) []string {
	name := func(n int, g sanitize.Finding, hidden bool) string {
		sum := sha256.Sum256(fmt.Appendf(nil, "%q%q%q%d,%d,%v,%d", content, g.Kind, g.Rule, g.Start, g.End, hidden, n))
		return hex.EncodeToString(sum[:5])
	}
	var ids []string
	for _, g := range f.visible {
		ids = append(ids, name(0, g, false))
	}
	for i, g := range f.hidden {
		ids = append(ids, name(i, g, true))
	}
	return ids
}

// Review shows a held document to a reviewer. The caller has asked policy and
// audited it.
func (p *Pipeline) Review(ctx context.Context, tenant, id string) (Review, error) {
	l, r, err := p.look(ctx, tenant, id)
	if err != nil {
		return Review{}, err
	}
	if l.w.read == nil {
		return *r, nil
	}
	mask := newMask(l.w.read.Text, l.found.visible)
	for i, g := range slices.Concat(l.found.visible, l.found.hidden) {
		r.Findings = append(r.Findings, Reviewed{ID: l.ids[i], Kind: string(g.Kind), Type: g.Type, Rule: g.Rule, Score: g.Score, Hidden: i >= len(l.found.visible),
			Line: mask.line(g.Start), Length: g.Len(), Action: l.actions.For(g).String(), Context: mask.around(g.Span)})
	}
	return *r, nil
}

// Revealed is a finding as it stands in the document.
type Revealed struct {
	ID   string `json:"id"`
	Kind string `json:"kind"`
	Rule string `json:"rule"`
	Text string `json:"text"` // with what does not print written as code points
}

// Reveal shows one finding's own text. It is an act of its own: the caller has
// asked policy and audited who and why.
func (p *Pipeline) Reveal(ctx context.Context, tenant, id, finding string) (Revealed, error) {
	l, _, err := p.look(ctx, tenant, id)
	if err != nil {
		return Revealed{}, err
	}
	i := slices.Index(l.ids, finding)
	if i < 0 {
		return Revealed{}, fmt.Errorf("revealing: %w", ErrFinding)
	}
	if n := len(l.found.visible); i >= n {
		g := l.found.hidden[i-n]
		return Revealed{ID: finding, Kind: string(g.Kind), Rule: g.Rule, Text: printable(l.found.texts[i-n])}, nil
	}
	g := l.found.visible[i]
	return Revealed{ID: finding, Kind: string(g.Kind), Rule: g.Rule, Text: printable(l.w.read.Text[g.Start:g.End])}, nil
}

// RescanOptions say which held documents are judged again.
type RescanOptions struct {
	Query catalog.HeldQuery
	// All: also those that were judged under the rules in force.
	All bool
	// Plan changes nothing and says what would become of each.
	Plan     bool
	Progress func(Event)
}

// Rescan judges held documents again, by the rules in force: what they would let
// in today goes in, the others stay with the reasons of today. What a person, an
// order or a manifest holds stays held.
func (p *Pipeline) Rescan(ctx context.Context, o RescanOptions) (Report, error) {
	started := p.Now()
	var report Report
	snapshot, err := p.Policy.Snapshot()
	if err != nil {
		return report, fmt.Errorf("judging: %w", err)
	}
	revision := p.revision(snapshot)
	for q := o.Query; ; {
		page, err := p.Catalog.Held(ctx, q)
		if err != nil {
			return report, err
		}
		for _, a := range page.Held {
			if a.Revision == revision && !o.All {
				continue
			}
			e, err := p.rescan(ctx, a, o.Plan)
			if errors.Is(err, catalog.ErrNotFound) {
				continue // reviewed or replaced meanwhile
			}
			if err != nil {
				return report, err
			}
			if report.Add(e); o.Progress != nil {
				o.Progress(e)
			}
		}
		if q.After = page.Next; q.After == "" {
			report.Elapsed = p.Now().Sub(started)
			return report, nil
		}
	}
}

func (p *Pipeline) rescan(ctx context.Context, a catalog.Arrival, plan bool) (Event, error) {
	w, options, err := p.again(ctx, a.Tenant, a.ID, judgeOptions{})
	if err != nil || w.arrival.State != catalog.Held {
		return Event{}, errors.Join(err, stateError(w))
	}
	p.judge(ctx, w, options)
	if err := ctx.Err(); err != nil || plan {
		return w.event, err
	}
	return w.event, p.settle(ctx, []*work{w}, options.revision)
}

func stateError(w *work) error {
	if w == nil {
		return nil
	}
	return catalog.ErrNotFound
}

// again makes a received document ready to be judged once more, as its source
// handed it over.
func (p *Pipeline) again(ctx context.Context, tenant, id string, o judgeOptions) (*work, judgeOptions, error) {
	snapshot, err := p.Policy.Snapshot()
	if err != nil {
		return nil, o, fmt.Errorf("judging: %w", err)
	}
	a, err := p.Catalog.Arrival(ctx, tenant, id)
	if err != nil {
		return nil, o, err
	}
	known, err := p.Catalog.Known(ctx, tenant, []string{id})
	if err != nil {
		return nil, o, err
	}
	if o.contained, err = p.orders(ctx); err != nil {
		return nil, o, err
	}
	o.snapshot, o.revision = snapshot, p.revision(snapshot)
	w := &work{tenant: tenant, arrival: a, claimed: p.claimed(a.Source, a.Claimed, a.Manifest), known: known[id], event: Event{ID: id, Bytes: int64(len(a.Bytes))}}
	if i := slices.IndexFunc(a.Reasons, func(r string) bool { return strings.HasPrefix(r, "manifest:") }); i >= 0 && !o.released {
		w.refused = a.Reasons[i] // the statement was not kept, and is not made true by time
	}
	if a.State == catalog.Rejected {
		return w, o, nil
	}
	return w, o, p.measureAlone(ctx, w)
}

func heldIDs(list []catalog.Arrival) []string {
	out := make([]string, len(list))
	for i, a := range list {
		out[i] = a.ID
	}
	return out
}

// Expire discards what was received before a time and is still held: its bytes
// and key are gone. Nothing is ever released by time. What is, or claims to
// be, under legal hold is passed over. plan changes nothing; the documents are returned.
func (p *Pipeline) Expire(ctx context.Context, tenant string, before time.Time, plan bool) ([]string, error) {
	var gone []string
	for q := (catalog.HeldQuery{Tenant: tenant, Before: before}); ; {
		page, err := p.Catalog.Held(ctx, q)
		if err != nil {
			return gone, err
		}
		onHold, err := p.Holds.Held(ctx, tenant, heldIDs(page.Held))
		if err != nil {
			return gone, err
		}
		for _, h := range page.Held {
			if onHold[h.ID] {
				continue
			}
			if gone = append(gone, h.ID); plan {
				continue
			}
			e := audit.Entry{Event: "admin", Outcome: "expire", Tenant: tenant, Documents: []string{h.ID}, Reason: "held too long"}
			if err := p.Audit.Append(ctx, e); err != nil {
				return gone, fmt.Errorf("expiring: %w", err)
			}
			if err := p.Catalog.Discard(ctx, tenant, h.ID, "expired"); err != nil && !errors.Is(err, catalog.ErrState) {
				return gone, err
			}
		}
		if q.After = page.Next; q.After == "" {
			return gone, nil
		}
	}
}

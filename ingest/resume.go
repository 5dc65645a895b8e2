package ingest

import (
	"context"
	"errors"
	"fmt"

	"github.com/doorward/doorward/ingest/catalog"
	"github.com/doorward/doorward/policy/audit"
)

// WorkerDied is the reason of documents that are held because processes died of
// them.
const WorkerDied = "worker_died"

// HoldAfter is how many processes a document may cost by itself before it is held.
const HoldAfter = 5

// resume judges a document that a stopped process received. One that processes go on
// dying of would end every process that starts after them: it is held instead.
func (p *Pipeline) resume(ctx context.Context, a catalog.Arrival) error {
	r := catalog.Ref{Tenant: a.Tenant, Document: a.ID}
	lost, err := p.Catalog.Risk(ctx, r)
	if err != nil {
		return err
	}
	if lost >= HoldAfter {
		p.Log.WarnContext(ctx, "processes died with a document: it is held", "document", a.ID, "processes", lost)
		if a, err = p.Catalog.Arrival(ctx, a.Tenant, a.ID); err != nil {
			return err
		}
		return p.holdUnread(ctx, a, WorkerDied)
	}
	if _, err := p.rejudge(ctx, a.Tenant, a.ID, false); err != nil {
		// It was not the document: this process lives.
		return errors.Join(err, p.Catalog.Spare(context.WithoutCancel(ctx), r))
	}
	return nil
}

// holdUnread puts a received document into quarantine without looking at it.
func (p *Pipeline) holdUnread(ctx context.Context, a catalog.Arrival, reason string) error {
	u, err := p.Unread([]catalog.Arrival{a}, reason)
	if err != nil {
		return err
	}
	if err := p.Audit.Append(ctx, u.Entries...); err != nil {
		return fmt.Errorf("holding a document: %w", err)
	}
	return p.Catalog.Hold(ctx, u.Judgements)
}

// Unread is what holding documents that nobody looked at takes, in order: entries to
// append, then judgements to store.
type Unread struct {
	Entries    []audit.Entry
	Judgements []catalog.Judgement
	Events     []Event
}

// Unread has received documents held for a reason. They are judged when their bytes
// or the rules change, or a reviewer has them scanned, not with every ingest.
func (p *Pipeline) Unread(arrivals []catalog.Arrival, reason string) (u Unread, err error) {
	snapshot, err := p.Policy.Snapshot()
	if err != nil {
		return u, fmt.Errorf("holding documents: %w", err)
	}
	revision, reasons := p.revision(snapshot), []string{reason}
	for _, a := range arrivals {
		u.Entries = append(u.Entries, audit.Entry{Event: "ingest", Outcome: string(Quarantined), Tenant: a.Tenant, Documents: []string{a.ID}, Reason: reason})
		u.Judgements = append(u.Judgements, catalog.Judgement{Ref: catalog.Ref{Tenant: a.Tenant, Document: a.ID}, State: catalog.Held,
			Revision: revision, Claimed: p.claimed(a.Source, a.Claimed, a.Manifest), Reasons: reasons})
		u.Events = append(u.Events, Event{ID: a.ID, Outcome: Quarantined, Bytes: int64(len(a.Bytes)), Reasons: reasons})
	}
	return u, nil
}

package ingest

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/doorward/doorward/ingest/catalog"
	"github.com/doorward/doorward/policy/contain"
)

// begin finds out from where a source is to be read.
func (r *run) begin(ctx context.Context, src Source) error {
	follower, ok := src.(Follower)
	if !ok || r.o.Settings == "" {
		return nil
	}
	r.follower = follower
	if r.o.Full {
		return nil
	}
	var err error
	r.since, err = r.p.Catalog.Cursor(ctx, r.o.Tenant, r.source, r.settings())
	return err
}

// settings is all that must be the same for a cursor to stand for what is known:
// the source's own and the pipeline's revision.
func (r *run) settings() string { return r.o.Settings + "/" + r.revision }

// read gives what the source has, or what changed since the last reading.
func (r *run) read(ctx context.Context, src Source, fn func(Item) error) error {
	if r.follower == nil {
		return src.Walk(ctx, fn)
	}
	changes := func(c Change) error {
		if c.Deleted && c.Err == nil {
			r.deleted = append(r.deleted, c.ID)
			return nil
		}
		return fn(c.Item)
	}
	var err error
	if r.next, err = r.follower.Changes(ctx, r.since, changes); r.since != "" && errors.Is(err, ErrCursor) {
		r.since = ""
		r.next, err = r.follower.Changes(ctx, "", changes)
	}
	if r.since == "" && errors.Is(err, ErrCursor) { // it cannot tell changes at all
		r.follower = nil
		return src.Walk(ctx, fn)
	}
	return err
}

// vanished retires what the source says is gone and, after a full reading and
// where asked to, what it did not give any more.
// Nothing of a source that an order stops is retired; it is asked again when the
// order is lifted.
func (r *run) vanished(ctx context.Context) error {
	orders, err := r.p.orders(ctx)
	if err != nil {
		return err
	}
	if orders.Document(contain.Origin{Tenant: r.o.Tenant, Source: r.source, Submitter: r.o.Submitter}) != nil {
		r.contains = true
		return nil
	}
	refs, err := r.gone(ctx)
	if err != nil || len(refs) == 0 {
		return err
	}
	err = r.p.retireAs(ctx, refs, catalog.Retired, "gone from its source", "", func() error { return r.p.Catalog.Prune(ctx, refs, r.batch) })
	if err != nil {
		return err
	}
	for _, ref := range refs {
		r.done(Event{ID: ref.Document, Outcome: Retired})
	}
	return nil
}

// gone lists what is to be retired, also beside a [PruneError].
func (r *run) gone(ctx context.Context) ([]catalog.Ref, error) {
	refs, err := r.saidDeleted(ctx)
	if err != nil {
		return nil, err
	}
	var unlikely error
	if r.o.Prune && r.since == "" {
		more, known, err := r.unseen(ctx)
		if err != nil {
			return nil, err
		}
		if !r.o.PruneAll && tooMany(len(more), known, len(r.seen)) {
			unlikely = &PruneError{Source: r.source, Gone: len(more), Known: known}
		}
		refs = append(refs, more...)
	}
	refs, err = r.p.unheld(ctx, refs) // a legal hold keeps what its source has no more
	return refs, errors.Join(err, unlikely)
}

// pruneFew documents may always be gone from a source that has others.
const pruneFew = 20

// tooMany: more likely than that so many documents were removed is that the store
// is not there, not mounted, or another one. It is so when the source has nothing at
// all any more, and when half or more of what is known of it is gone; that counts
// what this run brought.
func tooMany(gone, known, seen int) bool {
	return gone > 0 && (seen == 0 || gone > pruneFew && 2*gone >= known)
}

// PruneError means that so many documents are gone from a source that none was
// retired.
type PruneError struct {
	Source      string
	Gone, Known int // documents
}

func (e *PruneError) Error() string {
	return fmt.Sprintf("pruning source %s: %d of its %d documents are not there any more, which is unusual, so none was retired: see whether the store is the right one and all there", e.Source, e.Gone, e.Known)
}

// saidDeleted are the documents that the source says are gone.
func (r *run) saidDeleted(ctx context.Context) ([]catalog.Ref, error) {
	if len(r.deleted) == 0 {
		return nil, nil
	}
	known, err := r.p.Catalog.Known(ctx, r.o.Tenant, r.deleted)
	if err != nil {
		return nil, err
	}
	var refs []catalog.Ref
	for _, id := range r.deleted {
		k, ok := known[id]
		if ok && k.Source == r.source && k.State != catalog.Retired && k.State != catalog.Erased && !r.seen.has(id) {
			refs = append(refs, catalog.Ref{Tenant: r.o.Tenant, Document: id})
		}
	}
	return refs, nil
}

// unseen are the documents that the source did not give, and how many are known of
// it. There are none after a walk in which some document could not be identified.
func (r *run) unseen(ctx context.Context) (refs []catalog.Ref, known int, err error) {
	if r.unnamed {
		return nil, 0, fmt.Errorf("pruning source %s: a document could not be identified, so none was retired: mend the errors above and run again", r.source)
	}
	gone := func(id string) {
		if known++; !r.seen.has(id) {
			refs = append(refs, catalog.Ref{Tenant: r.o.Tenant, Document: id})
		}
	}
	if err := r.p.Catalog.LiveIDs(ctx, r.o.Tenant, r.source, gone); err != nil {
		return nil, 0, err
	}
	err = r.p.Catalog.Arrivals(ctx, r.o.Tenant, catalog.Held, func(a catalog.Arrival) error {
		if a.Source == r.source {
			gone(a.ID)
		}
		return nil
	})
	return refs, known, err
}

// remember keeps where this reading ended. After a failure, or while the source is
// contained, it does not, so that
// the next one comes past the same documents again.
func (r *run) remember(ctx context.Context) error {
	if r.follower == nil || r.next == "" || r.next == r.since || r.contains || r.report.Outcomes[Failed] > 0 {
		return nil
	}
	return r.p.Catalog.SetCursor(ctx, r.o.Tenant, r.source, r.settings(), r.next)
}

// idSet remembers ids in 16 bytes each.
type idSet map[[16]byte]struct{}

func idKey(id string) [16]byte {
	sum := sha256.Sum256([]byte(id))
	return [16]byte(sum[:16])
}

func (s idSet) add(id string)      { s[idKey(id)] = struct{}{} }
func (s idSet) has(id string) bool { _, ok := s[idKey(id)]; return ok }

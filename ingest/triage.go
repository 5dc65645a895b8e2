package ingest

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/doorward/doorward/ingest/catalog"
	"github.com/doorward/doorward/ingest/receipt"
)

// triage settles what needs no work: failures, and documents that are unchanged
// or changed in their attributes only.
func (r *run) triage(ctx context.Context, batch []*work) error {
	ids := make([]string, 0, len(batch))
	for _, w := range batch {
		ids = append(ids, w.item.ID)
	}
	known, err := r.p.Catalog.Known(ctx, r.o.Tenant, ids)
	if err != nil {
		return err
	}
	erased, err := r.p.Catalog.Erased(ctx, r.o.Tenant, ids)
	if err != nil {
		return err
	}
	if err := r.readMarks(ctx, ids); err != nil {
		return err
	}
	inBatch := map[string]bool{}
	var differ []*work
	for _, w := range batch {
		w.known = known[w.item.ID]
		if w.item.Err != nil {
			w.item.Attributes = nil // unusable ones must not be found again after a restart
		}
		w.claimed = r.p.claimed(r.source, w.item.Attributes, w.item.Manifest)
		switch {
		case w.item.ID == "" || w.item.Open == nil:
			w.fail(orUnreadable(w.item.Err))
		case !ValidID(w.item.ID):
			w.event.ID = "" // not repeated where ids are shown and logged
			w.fail(fmt.Errorf("%w: the source gave a document id that is not [A-Za-z0-9._~:-]{1,200}", ErrMalformed))
		case inBatch[w.item.ID]:
			w.fail(ErrDuplicate)
		case erased[w.item.ID]:
			w.fail(ErrErased)
			w.event.Outcome = Rejected
		case r.overdue(w):
			w.fail(ErrExpired)
			w.event.Outcome = Rejected
		case w.known.Source != "" && w.known.Source != r.source && w.known.State != catalog.Retired:
			w.fail(fmt.Errorf("%w: the id belongs to source %q", ErrDuplicate, w.known.Source))
		case w.known.State != catalog.Retired && w.known.Fingerprint != "" && w.known.Fingerprint == w.item.Fingerprint && r.same(w):
			w.event.Outcome = Unchanged
		default:
			differ = append(differ, w)
		}
		inBatch[w.item.ID] = true
	}
	return r.triageDiffering(ctx, differ)
}

// triageDiffering goes on with documents that are new or differ. Only for them
// does it matter whether something holds what is there.
func (r *run) triageDiffering(ctx context.Context, list []*work) error {
	if len(list) == 0 {
		return nil
	}
	ids := make([]string, len(list))
	for i, w := range list {
		ids[i] = w.item.ID
	}
	held, err := r.p.Holds.HeldLive(ctx, r.o.Tenant, ids)
	if err != nil {
		return err
	}
	for _, w := range list {
		if err := r.differs(ctx, w); err != nil {
			return err
		}
		if held[w.item.ID] && w.event.Outcome == "" && w.reattr == nil {
			w.fail(catalog.ErrLegalHold) // what is there must not be replaced
		}
	}
	return nil
}

// differs handles a document that is new or differs. Where only its attributes
// do, its bytes are not read.
func (r *run) differs(ctx context.Context, w *work) error {
	k := w.known
	if !r.p.signs(r.source) && k.State == catalog.Live && k.Fingerprint != "" && k.Fingerprint == w.item.Fingerprint && k.Revision == r.revision && w.item.Err == nil {
		if err := r.reattribute(ctx, w); err != nil || w.reattr != nil {
			return err
		}
	}
	return r.take(ctx, w)
}

// same: judged under the revision in force, with the same claims.
func (r *run) same(w *work) bool {
	return (w.known.Revision == r.revision || w.known.Revision == catalog.Final) && w.known.Claimed == w.claimed
}

// behind says what of an item the catalog does not have yet, as far as can be
// told without reading it; "" when nothing.
func (r *run) behind(it Item, known catalog.Known) string {
	switch {
	case it.Open == nil:
		return "" // cannot be ingested either
	case known.State == "" || known.State == catalog.Retired:
		return "not ingested"
	case known.Source != r.source:
		return "its id belongs to another source"
	case known.Fingerprint != "" && it.Fingerprint != "" && known.Fingerprint != it.Fingerprint:
		return "changed in its source"
	case it.Err == nil && known.Claimed != r.p.claimed(r.source, it.Attributes, it.Manifest):
		return "attributes changed in its source"
	}
	return ""
}

func orUnreadable(err error) error {
	if err == nil {
		return ErrUnreadable
	}
	return err
}

func (w *work) fail(err error) {
	w.event.Outcome, w.event.Err, w.event.Reasons = Failed, err, []string{failure(err)}
}

// failure classes a source's error in one word.
func failure(err error) string {
	for _, c := range []struct {
		err  error
		word string
	}{{ErrUnreadable, "unreadable"}, {ErrTooLarge, "too_large"}, {ErrNotRegular, "not_regular"}, {ErrMalformed, "malformed"}, {ErrDuplicate, "duplicate"}, {ErrAttributes, "no_acl"}, {ErrErased, "erased"}, {ErrExpired, "expired"}, {catalog.ErrLegalHold, "legal_hold"}} {
		if errors.Is(err, c.err) {
			return c.word
		}
	}
	return "failed"
}

// take takes the bytes and decides between unchanged, attributes only and new.
func (r *run) take(ctx context.Context, w *work) error {
	data, err := readItem(ctx, w.item, r.p.MaxBytes)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		w.fail(err)
		return nil
	}
	w.event.Bytes = int64(len(data))
	key, err := r.p.Keys.Derive(r.o.Tenant, ContentPurpose)
	if err != nil {
		return err
	}
	w.arrival = catalog.Arrival{
		Tenant: r.o.Tenant, ID: w.item.ID, Source: r.source, Name: w.item.Name, URI: w.item.URI, MediaType: w.item.MediaType,
		Content: receipt.Hash(key, data), Fingerprint: w.item.Fingerprint, Claimed: w.item.Attributes, Bytes: data, Received: r.p.Now(),
		Provenance: catalog.Provenance{Batch: r.batch, Submitter: r.submitter(w)},
	}
	if w.known.Content == w.arrival.Content && w.known.Revision == catalog.Final && w.known.State == catalog.Rejected {
		w.event.Outcome, w.touched = Unchanged, w.known.Fingerprint != w.item.Fingerprint // a person refused these very bytes
		return nil
	}
	if w.known.State == catalog.Retired || w.known.Content != w.arrival.Content || w.known.Revision != r.revision {
		r.verify(w)
		return nil
	}
	if w.known.Claimed == w.claimed {
		w.event.Outcome, w.touched = Unchanged, w.known.Fingerprint != w.item.Fingerprint
		return nil
	}
	r.verify(w)
	switch {
	case w.refused != "":
	case w.known.State == catalog.Live && w.item.Err == nil:
		return r.reattribute(ctx, w)
	}
	return nil
}

// ContentPurpose derives the key that content hashes and receipts use.
const ContentPurpose = "content"

// maxExpected is how much room is made at first for what a source says an item has.
const maxExpected = 1 << 20

func readItem(ctx context.Context, it Item, limit int64) ([]byte, error) {
	if it.Size > limit {
		return nil, fmt.Errorf("%w: %d bytes, the limit is %d", ErrTooLarge, it.Size, limit)
	}
	f, err := it.Open(ctx)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := readExpected(io.LimitReader(f, limit+1), int(max(it.Size, 0)))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("%w: over %d bytes", ErrTooLarge, limit)
	}
	return data, nil
}

// readExpected reads to the end of what is said to have so many bytes. Where that is
// true, no more room is kept than they take: the bytes stay until the document is
// settled. Where it is not, room is only ever made for four times what has come.
func readExpected(f io.Reader, expected int) ([]byte, error) {
	b := make([]byte, 0, min(expected, maxExpected)+1) // one more, to see the end
	for {
		n, err := f.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		if err == io.EOF {
			return b, nil
		}
		if err != nil {
			return nil, err
		}
		switch {
		case len(b) < cap(b):
		case len(b) <= expected:
			b = append(make([]byte, 0, min(expected, 4*len(b))+1), b...)
		default:
			b = append(b, 0)[:len(b)]
		}
	}
}

// reattribute prepares a change of attributes alone: a new receipt and new
// payload for the same version, nothing scanned or embedded again.
func (r *run) reattribute(ctx context.Context, w *work) error {
	attributes, err := r.p.attributes(r.source, w.item.Attributes)
	if err != nil {
		return nil // judged in full: it will be held, and the live version withdrawn
	}
	docs, err := r.p.Catalog.Documents(ctx, r.o.Tenant, []string{w.item.ID})
	if err != nil {
		return err
	}
	d, ok := docs[w.item.ID]
	if !ok {
		return nil
	}
	if w.reattr, err = r.p.newReceipt(d, attributes, w.claimed, w.item.Fingerprint); err != nil {
		return err
	}
	w.reattr.Provenance = catalog.Provenance{Batch: r.batch, Submitter: r.submitter(w)}
	w.event.Version = d.Version
	w.event.Outcome = Reattribute
	return nil
}

package ingest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/doorward/doorward/ingest/catalog"
	"github.com/doorward/doorward/ingest/receipt"
	"github.com/doorward/doorward/policy"
	"github.com/doorward/doorward/policy/audit"
	"github.com/doorward/doorward/policy/keys"
	"github.com/doorward/doorward/retrieval/index"
)

// Erasures is the catalog's part of erasing.
type Erasures interface {
	Holding(ctx context.Context, tenant, source string) ([]string, error)
	Erase(ctx context.Context, tenant string, documents []string, mayReturn bool) (catalog.Gone, error)
	AllowReturn(ctx context.Context, tenant string, documents []string) error
	StartErasure(ctx context.Context, e catalog.Erasure) (catalog.Erasure, bool, error)
	FinishErasure(ctx context.Context, tenant, id string, receipt []byte) error
	UnfinishedErasures(ctx context.Context) ([]catalog.Erasure, error)
	Erasure(ctx context.Context, tenant, id string) (catalog.Erasure, error)
	Shrink(ctx context.Context) error
}

// ProvableLog is an audit log that proves its entries.
type ProvableLog interface {
	// Record appends an entry and returns its index.
	Record(ctx context.Context, e audit.Entry) (uint64, error)
	// Prove returns an inclusion proof of an entry, JSON, waiting for the
	// checkpoint that covers it.
	Prove(ctx context.Context, index uint64) (json.RawMessage, error)
}

// EraserConfig is what erasing needs beside the pipeline.
type EraserConfig struct {
	Pipeline *Pipeline // required
	Erasures Erasures  // required
	Holds    *Holds    // required
	Log      ProvableLog
	// Subjects are the attributes that name a person, for erasing by subject.
	Subjects []string
	// Keep is how long documents of a source are kept that do not say it
	// themselves, see [Config].Retain.
	Keep map[string]time.Duration
	// Copies does away with copies that are kept beside, such as an index from
	// before the last reindex; nil: there are none.
	Copies func(ctx context.Context) error
	// Forget makes the audit log's names of a person unlinkable; nil: not possible.
	Forget func(ctx context.Context, tenant, subject string) error
}

// Eraser erases documents for good.
type Eraser struct{ EraserConfig }

// NewEraser checks the configuration.
func NewEraser(c EraserConfig) (*Eraser, error) {
	if c.Pipeline == nil || c.Erasures == nil || c.Holds == nil || c.Log == nil {
		return nil, errors.New("making eraser: a part is missing")
	}
	return &Eraser{c}, nil
}

// ErrErased means a document was erased and may not come back.
var ErrErased = errors.New("was erased and may not come back; `doorward erase --document ID --allow-return` lets it")

// ErrExpired means a document's time was over before it came.
var ErrExpired = errors.New("its retention (erasure.retain) is over: its source should remove it, or give it another time")

// ErrNothing means an erasure found nothing to erase.
var ErrNothing = errors.New("nothing to erase")

// ErasureRequest is what to erase, for whom and why.
type ErasureRequest struct {
	Tenant   string // required
	Scope    catalog.Scope
	Target   string // id of a document, name of a source, id of a person; "" for expired
	Reason   string
	By       string        // who asked, as the audit log names people
	Policy   string        // revision that allowed it
	Key      string        // idempotency key, may be ""
	Within   time.Duration // for a plan: also what expires so soon
	SkipHeld bool          // leave documents on hold; otherwise one of them refuses the whole
	Return   bool          // the documents may be taken in again
}

// ErasurePlan is what a request would erase.
type ErasurePlan struct {
	Documents []string `json:"documents"`
	Held      []string `json:"held"` // kept by a legal hold
}

// Plan finds the documents a request means.
func (e *Eraser) Plan(ctx context.Context, r ErasureRequest) (ErasurePlan, error) {
	p := ErasurePlan{Documents: []string{}, Held: []string{}}
	found, err := e.find(ctx, r)
	if err != nil {
		return p, fmt.Errorf("planning an erasure: %w", err)
	}
	held, err := e.Holds.Held(ctx, r.Tenant, found)
	if err != nil {
		return p, fmt.Errorf("planning an erasure: %w", err)
	}
	for _, id := range found {
		if held[id] {
			p.Held = append(p.Held, id)
		} else {
			p.Documents = append(p.Documents, id)
		}
	}
	return p, nil
}

// find lists the ids of the documents a request means, whatever state they are in.
func (e *Eraser) find(ctx context.Context, r ErasureRequest) ([]string, error) {
	switch r.Scope {
	case catalog.ByDocument:
		all, err := e.Pipeline.Catalog.Known(ctx, r.Tenant, []string{r.Target})
		if err != nil {
			return nil, err
		}
		if _, ok := all[r.Target]; ok {
			return []string{r.Target}, nil
		}
		return e.received(ctx, r.Tenant, func(a catalog.Arrival) bool { return a.ID == r.Target })
	case catalog.BySource:
		if r.Target == "" {
			return nil, fmt.Errorf("%w: no source named", ErrNothing)
		}
		return e.Erasures.Holding(ctx, r.Tenant, r.Target)
	case catalog.BySubject:
		return e.matching(ctx, r.Tenant, func(_ string, _ time.Time, a policy.Attributes) bool { return names(a, e.Subjects, r.Target) })
	case catalog.ByExpiry:
		now := e.Pipeline.Now().Add(r.Within)
		return e.matching(ctx, r.Tenant, func(source string, since time.Time, a policy.Attributes) bool {
			return e.expired(source, since, a, now)
		})
	}
	return nil, fmt.Errorf("%w: the scope %q is not document, source, subject or expired", ErrNothing, r.Scope)
}

// matching lists live and waiting documents by their attributes.
func (e *Eraser) matching(ctx context.Context, tenant string, match func(source string, since time.Time, a policy.Attributes) bool) ([]string, error) {
	var ids []string
	err := e.Pipeline.Catalog.Live(ctx, tenant, "", func(d catalog.Document) error {
		if match(d.Source, d.Received, d.Attributes) {
			ids = append(ids, d.ID)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	waiting, err := e.received(ctx, tenant, func(a catalog.Arrival) bool {
		return match(a.Source, a.Received, claimedBy(e.Pipeline.Schema, a))
	})
	return slices.Compact(slices.Sorted(slices.Values(append(ids, waiting...)))), err
}

// received lists waiting arrivals that match, opened.
func (e *Eraser) received(ctx context.Context, tenant string, match func(catalog.Arrival) bool) ([]string, error) {
	var ids []string
	err := waiting(ctx, e.Pipeline.Catalog, tenant, nil, func(a catalog.Arrival) {
		if match(a) {
			ids = append(ids, a.ID)
		}
	})
	return ids, err
}

// names reports whether one of the attributes is, or contains, the person.
func names(a policy.Attributes, attributes []string, subject string) bool {
	if subject == "" {
		return false
	}
	for _, path := range attributes {
		v, _ := a.Lookup(path)
		if v == subject {
			return true
		}
		if list, ok := v.([]any); ok && slices.Contains(list, any(subject)) {
			return true
		}
	}
	return false
}

// expired reports whether a document's time is over: by its own attribute, or
// else by its source's rule.
func (e *Eraser) expired(source string, since time.Time, a policy.Attributes, now time.Time) bool {
	if t, ok := e.Pipeline.keptUntil(a); ok {
		return now.Unix() >= t
	}
	keep, ok := e.Keep[source]
	return ok && keep > 0 && !now.Before(since.Add(keep))
}

// keptUntil is until when a document's own attribute keeps it, in epoch seconds.
func (p *Pipeline) keptUntil(a policy.Attributes) (int64, bool) {
	if p.Retain == "" {
		return 0, false
	}
	until, _ := a.Lookup(p.Retain)
	t, ok := until.(int64)
	return t, ok
}

// overdue reports whether a document that is not here claims to be kept until a
// time that is over. Taken in, it could be found until the next retention; what is
// on legal hold is taken in.
func (r *run) overdue(w *work) bool {
	if w.known.State == catalog.Live || w.known.State == catalog.Held || w.item.Err != nil {
		return false // retention has that
	}
	a, err := r.p.Schema.Normalize(w.item.Attributes)
	if err != nil {
		return false // it is held for that
	}
	t, ok := r.p.keptUntil(a)
	return ok && r.p.Now().Unix() >= t && (r.p.Holds == nil || !flagged(a, r.p.Holds.Attribute))
}

// Erase erases what a request means and returns the receipt, JSON of
// [ErasureReceipt]. Repeating it under the same idempotency key returns the same
// receipt. From its return on nothing of the documents can be found or read.
func (e *Eraser) Erase(ctx context.Context, r ErasureRequest) (catalog.Erasure, error) {
	plan, err := e.Plan(ctx, r)
	if err != nil {
		return catalog.Erasure{}, err
	}
	key, err := e.keyed(r.Tenant, "request", r.Key)
	if err != nil {
		return catalog.Erasure{}, err
	}
	if len(plan.Held) > 0 && !r.SkipHeld {
		e.refused(ctx, r, plan.Held)
		return catalog.Erasure{}, fmt.Errorf("erasing: %w: %d of %d documents; lift the hold first, or leave them out", catalog.ErrLegalHold, len(plan.Held), len(plan.Held)+len(plan.Documents))
	}
	id := newErasureID()
	started, fresh, err := e.Erasures.StartErasure(ctx, catalog.Erasure{Tenant: r.Tenant, ID: id, Key: key, Order: catalog.Order{
		Scope: r.Scope, Target: r.Target, Reason: r.Reason, By: r.By, Policy: r.Policy, Items: plan.Documents, Return: r.Return}})
	switch {
	case err != nil:
		return started, err
	case !fresh && started.State == catalog.ErasedDone:
		return started, nil
	}
	return e.carryOut(ctx, started)
}

// refused audits that a legal hold won.
func (e *Eraser) refused(ctx context.Context, r ErasureRequest, held []string) {
	entry := audit.Entry{Event: "erase", Outcome: "refused", Tenant: r.Tenant, Subject: r.By, Policy: r.Policy, Documents: held, Reason: "legal_hold"}
	if err := e.Pipeline.Audit.Append(ctx, entry); err != nil {
		e.Pipeline.Log.ErrorContext(ctx, "auditing a refused erasure", "error", err)
	}
}

func newErasureID() string {
	var b [12]byte
	rand.Read(b[:])
	return "er-" + hex.EncodeToString(b[:])
}

// keyed is a keyed hash for the register of erasures; "" stays "".
func (e *Eraser) keyed(tenant, what, value string) (string, error) {
	if value == "" {
		return "", nil
	}
	key, err := e.Pipeline.Keys.Derive(tenant, keys.Erasure)
	if err != nil {
		return "", fmt.Errorf("erasing: %w", err)
	}
	return receipt.Hash(key, []byte(what+"\x00"+value))[:40], nil
}

// Recover carries on the erasures that a stopped process left.
func (e *Eraser) Recover(ctx context.Context) error {
	list, err := e.Erasures.UnfinishedErasures(ctx)
	if err != nil {
		return err
	}
	for _, one := range list {
		if _, err := e.carryOut(ctx, one); err != nil {
			return err
		}
	}
	return nil
}

// carryOut erases what an order lists. Every step may be repeated.
func (e *Eraser) carryOut(ctx context.Context, x catalog.Erasure) (catalog.Erasure, error) {
	p, o := e.Pipeline, x.Order
	ctx = context.WithoutCancel(ctx) // begun is finished
	entry := audit.Entry{Event: "erase", Outcome: "started", Tenant: x.Tenant, Subject: o.By, Policy: o.Policy, Documents: o.Items, Reason: string(o.Scope), Request: x.ID}
	if err := p.Audit.Append(ctx, entry); err != nil {
		return x, fmt.Errorf("erasing: %w", err)
	}
	gone, err := e.Erasures.Erase(ctx, x.Tenant, o.Items, o.Return)
	if err != nil {
		return x, err
	}
	if err := p.work(ctx); err != nil {
		return x, err
	}
	if err := e.Erasures.Shrink(ctx); err != nil {
		return x, err
	}
	if e.Copies != nil {
		if err := e.Copies(ctx); err != nil {
			return x, fmt.Errorf("erasing: %w", err)
		}
	}
	shredded := false
	if s, ok := p.Index.(index.Eraser); ok {
		err := s.Shred(ctx)
		if shredded = err == nil; err != nil {
			p.Log.ErrorContext(ctx, "the index could not be told to shred what was erased", "error", err)
		}
	}
	forgotten := false
	if o.Scope == catalog.BySubject && e.Forget != nil {
		if err := e.Forget(ctx, x.Tenant, o.Target); err != nil {
			return x, fmt.Errorf("erasing: %w", err)
		}
		forgotten = true
	}
	return e.conclude(ctx, x, gone, shredded, forgotten)
}

// conclude signs the receipt, proves it and keeps it.
func (e *Eraser) conclude(ctx context.Context, x catalog.Erasure, gone catalog.Gone, shredded, forgotten bool) (catalog.Erasure, error) {
	o := x.Order
	r := ErasureReceipt{Format: receiptFormat, ID: x.ID, Tenant: x.Tenant, Scope: o.Scope, Policy: o.Policy, Gone: gone, IndexShredded: shredded,
		NamesForgotten: forgotten, MayReturn: o.Return, Requested: x.Started.Unix(), Erased: e.Pipeline.Now().Unix(), Documents: []string{}}
	var err error
	if r.Target, err = e.keyed(x.Tenant, "target", o.Target); err != nil {
		return x, err
	}
	for _, id := range o.Items {
		name, err := e.keyed(x.Tenant, "document", id)
		if err != nil {
			return x, err
		}
		r.Documents = append(r.Documents, name)
	}
	signed, err := r.sign(e.Pipeline.Signer)
	if err != nil {
		return x, err
	}
	entry := audit.Entry{Event: "erase", Outcome: "erased", Tenant: x.Tenant, Subject: o.By, Policy: o.Policy, Reason: signed.mark(), Request: x.ID,
		Counts: map[string]int{"documents": len(o.Items), "chunks": gone.Chunks, "arrivals": gone.Arrivals}}
	at, err := e.Log.Record(ctx, entry)
	if err != nil {
		return x, fmt.Errorf("erasing: %w", err)
	}
	if signed.Proof, err = e.Log.Prove(ctx, at); err != nil {
		return x, fmt.Errorf("erasing: proving the receipt: %w", err)
	}
	data, err := json.Marshal(signed)
	if err != nil {
		return x, fmt.Errorf("erasing: %w", err)
	}
	if err := e.Erasures.FinishErasure(ctx, x.Tenant, x.ID, data); err != nil {
		return x, err
	}
	x.State, x.Receipt, x.Finished = catalog.ErasedDone, data, e.Pipeline.Now()
	return x, nil
}

// receiptFormat names the fields a receipt has.
const receiptFormat = "doorward-erasure-1"

// AllowReturn lets an erased document be taken in again; it is audited first.
func (e *Eraser) AllowReturn(ctx context.Context, tenant, document, by string) error {
	entry := audit.Entry{Event: "erase", Outcome: "may-return", Tenant: tenant, Subject: by, Documents: []string{document}}
	if err := e.Pipeline.Audit.Append(ctx, entry); err != nil {
		return fmt.Errorf("allowing a document to return: %w", err)
	}
	return e.Erasures.AllowReturn(ctx, tenant, []string{document})
}

// Status returns an erasure.
func (e *Eraser) Status(ctx context.Context, tenant, id string) (catalog.Erasure, error) {
	return e.Erasures.Erasure(ctx, tenant, id)
}

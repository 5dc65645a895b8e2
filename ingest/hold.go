package ingest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/doorward/doorward/ingest/catalog"
	"github.com/doorward/doorward/policy"
	"github.com/doorward/doorward/policy/audit"
)

// HoldStore keeps legal holds.
type HoldStore interface {
	AddLegalHold(ctx context.Context, h catalog.LegalHold) error
	LiftLegalHold(ctx context.Context, tenant, id, by string, at time.Time) error
	LegalHolds(ctx context.Context, tenant string, all bool) ([]catalog.LegalHold, error)
}

// HeldDocuments is what is known of documents that may be on hold.
type HeldDocuments interface {
	Known(ctx context.Context, tenant string, ids []string) (map[string]catalog.Known, error)
	Documents(ctx context.Context, tenant string, ids []string) (map[string]catalog.Document, error)
}

// Holds says which documents a legal hold keeps: those an order names by id,
// source or person, and those whose own attribute says so.
type Holds struct {
	Store     HoldStore
	Documents HeldDocuments
	Audit     audit.Log
	Attribute string   // of documents, true when on hold; "" for none
	Subjects  []string // attributes that name a person
	Now       func() time.Time
}

// Add puts a hold in force; it is audited first.
func (h *Holds) Add(ctx context.Context, order catalog.LegalHold) (catalog.LegalHold, error) {
	if order.Tenant == "" || order.Target == "" || order.Scope != catalog.ByDocument && order.Scope != catalog.BySource && order.Scope != catalog.BySubject {
		return order, fmt.Errorf("adding a legal hold: %w: say which document, source or person", catalog.ErrState)
	}
	var b [6]byte
	rand.Read(b[:])
	order.ID, order.Added = "hold-"+hex.EncodeToString(b[:]), h.Now()
	e := audit.Entry{Event: "hold", Outcome: "added", Tenant: order.Tenant, Subject: order.By, Reason: string(order.Scope), Request: order.ID}
	if order.Scope == catalog.ByDocument {
		e.Documents = []string{order.Target}
	}
	if err := h.Audit.Append(ctx, e); err != nil {
		return order, fmt.Errorf("adding a legal hold: %w", err)
	}
	return order, h.Store.AddLegalHold(ctx, order)
}

// Lift ends a hold; it is audited first.
func (h *Holds) Lift(ctx context.Context, tenant, id, by string) error {
	if err := h.Audit.Append(ctx, audit.Entry{Event: "hold", Outcome: "lifted", Tenant: tenant, Subject: by, Request: id}); err != nil {
		return fmt.Errorf("lifting a legal hold: %w", err)
	}
	return h.Store.LiftLegalHold(ctx, tenant, id, by, h.Now())
}

// Held returns those of the documents that a legal hold keeps.
func (h *Holds) Held(ctx context.Context, tenant string, ids []string) (map[string]bool, error) {
	out := map[string]bool{}
	if h == nil || len(ids) == 0 {
		return out, nil
	}
	orders, err := h.Store.LegalHolds(ctx, tenant, false)
	if err != nil {
		return nil, err
	}
	documents, err := h.Documents.Documents(ctx, tenant, ids)
	if err != nil {
		return nil, err
	}
	known := map[string]catalog.Known{}
	if len(orders) > 0 {
		if known, err = h.Documents.Known(ctx, tenant, ids); err != nil {
			return nil, err
		}
	}
	for _, id := range ids {
		d, live := documents[id]
		out[id] = live && flagged(d.Attributes, h.Attribute)
		for _, o := range orders {
			switch o.Scope {
			case catalog.ByDocument:
				out[id] = out[id] || o.Target == id
			case catalog.BySource:
				out[id] = out[id] || o.Target == known[id].Source
			case catalog.BySubject:
				out[id] = out[id] || live && names(d.Attributes, h.Subjects, o.Target)
			}
		}
	}
	return out, nil
}

func flagged(a policy.Attributes, path string) bool {
	v, ok := a.Lookup(path)
	on, is := v.(bool)
	return path != "" && ok && is && on
}

// refuseHeld is an error when a legal hold keeps one of the documents.
func (p *Pipeline) refuseHeld(ctx context.Context, tenant string, ids []string) error {
	held, err := p.Holds.Held(ctx, tenant, ids)
	if err != nil {
		return err
	}
	n := 0
	for _, on := range held {
		if on {
			n++
		}
	}
	if n > 0 {
		return fmt.Errorf("%w: %d of %d documents", catalog.ErrLegalHold, n, len(ids))
	}
	return nil
}

// unheld leaves out what a legal hold keeps.
func (p *Pipeline) unheld(ctx context.Context, refs []catalog.Ref) ([]catalog.Ref, error) {
	var out []catalog.Ref
	byTenant := map[string][]string{}
	for _, r := range refs {
		byTenant[r.Tenant] = append(byTenant[r.Tenant], r.Document)
	}
	for tenant, ids := range byTenant {
		held, err := p.Holds.Held(ctx, tenant, ids)
		if err != nil {
			return nil, err
		}
		for _, id := range ids {
			if !held[id] {
				out = append(out, catalog.Ref{Tenant: tenant, Document: id})
			}
		}
	}
	return out, nil
}

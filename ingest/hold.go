package ingest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
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
	Arrivals(ctx context.Context, tenant string, state catalog.State, yield func(catalog.Arrival) error) error
	Arrival(ctx context.Context, tenant, id string) (catalog.Arrival, error)
}

// Holds says which documents a legal hold keeps: those an order names by id,
// source or person, and those whose own attribute says so. Of a waiting document
// the attributes are those its source claims.
type Holds struct {
	Store     HoldStore
	Documents HeldDocuments
	Audit     audit.Log
	Schema    policy.Schema
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

// Held returns those of the documents that a legal hold keeps, live or waiting.
func (h *Holds) Held(ctx context.Context, tenant string, ids []string) (map[string]bool, error) {
	out, orders, err := h.held(ctx, tenant, ids)
	if err != nil || h == nil || len(ids) == 0 {
		return out, err
	}
	err = waiting(ctx, h.Documents, tenant, ids, func(a catalog.Arrival) {
		out[a.ID] = out[a.ID] || h.keeps(orders, a.ID, a.Source, claimedBy(h.Schema, a))
	})
	return out, err
}

// HeldLive returns those of the documents whose live version a legal hold keeps.
func (h *Holds) HeldLive(ctx context.Context, tenant string, ids []string) (map[string]bool, error) {
	out, _, err := h.held(ctx, tenant, ids)
	return out, err
}

func (h *Holds) held(ctx context.Context, tenant string, ids []string) (map[string]bool, []catalog.LegalHold, error) {
	out := map[string]bool{}
	if h == nil || len(ids) == 0 {
		return out, nil, nil
	}
	orders, err := h.Store.LegalHolds(ctx, tenant, false)
	if err != nil {
		return nil, nil, err
	}
	documents, err := h.Documents.Documents(ctx, tenant, ids)
	if err != nil {
		return nil, nil, err
	}
	known := map[string]catalog.Known{}
	if len(orders) > 0 {
		if known, err = h.Documents.Known(ctx, tenant, ids); err != nil {
			return nil, nil, err
		}
	}
	for _, id := range ids {
		out[id] = h.keeps(orders, id, known[id].Source, documents[id].Attributes)
	}
	return out, orders, nil
}

// keeps reports whether an order or its own attribute keeps one document.
func (h *Holds) keeps(orders []catalog.LegalHold, id, source string, a policy.Attributes) bool {
	if flagged(a, h.Attribute) {
		return true
	}
	for _, o := range orders {
		switch o.Scope {
		case catalog.ByDocument:
			if o.Target == id {
				return true
			}
		case catalog.BySource:
			if o.Target == source {
				return true
			}
		case catalog.BySubject:
			if names(a, h.Subjects, o.Target) {
				return true
			}
		}
	}
	return false
}

// waiting yields those of the documents that wait, opened: not judged yet, or held
// in quarantine. ids nil means all.
func waiting(ctx context.Context, from HeldDocuments, tenant string, ids []string, yield func(catalog.Arrival)) error {
	wanted := map[string]bool{}
	for _, id := range ids {
		wanted[id] = true
	}
	var list []string
	for _, state := range []catalog.State{catalog.Received, catalog.Held} {
		err := from.Arrivals(ctx, tenant, state, func(a catalog.Arrival) error {
			if ids == nil || wanted[a.ID] {
				list = append(list, a.ID)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	for _, id := range list {
		switch a, err := from.Arrival(ctx, tenant, id); {
		case errors.Is(err, catalog.ErrNotFound): // judged meanwhile
		case err != nil:
			return err
		default:
			yield(a)
		}
	}
	return nil
}

// claimedBy are the attributes that a waiting document's source claims, as far as they
// can be read.
func claimedBy(s policy.Schema, a catalog.Arrival) policy.Attributes {
	claimed, err := s.Normalize(a.Claimed)
	if err != nil {
		return policy.Attributes(a.Claimed)
	}
	return claimed
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

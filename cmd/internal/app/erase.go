package app

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/doorward/doorward/ingest"
	"github.com/doorward/doorward/ingest/catalog"
	"github.com/doorward/doorward/policy/audit"
	"github.com/doorward/doorward/policy/audit/tlog"
)

// openEraser puts erasing together, over the pipeline.
func (a *App) openEraser(context.Context) (err error) {
	c := a.Config.Erasure
	a.Eraser, err = ingest.NewEraser(ingest.EraserConfig{Pipeline: a.Pipeline, Erasures: a.Catalog, Holds: a.Holds, Log: provable{a.AuditLog, a.Metrics},
		Subjects: c.Subjects, Keep: c.Keep, Copies: a.dropPrevious})
	return err
}

// dropPrevious removes the index from before the last reindex, which still has
// what is being erased.
func (a *App) dropPrevious(ctx context.Context) error {
	p, err := a.pointer()
	if err != nil || p.Previous == "" {
		return err
	}
	previous := p.Previous
	p.Previous = ""
	if err := a.point(p); err != nil {
		return err
	}
	return a.drop(ctx, previous)
}

// holds says what a legal hold keeps.
func (a *App) holds() *ingest.Holds {
	c := a.Config.Erasure
	return &ingest.Holds{Store: a.Catalog, Documents: a.Catalog, Audit: a.Audit, Schema: a.Schema, Attribute: c.Hold, Subjects: c.Subjects, Now: a.now}
}

// Retain erases what has expired, again and again until the context ends.
func (a *App) Retain(ctx context.Context, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		if _, err := a.EraseExpired(ctx, "retention"); err != nil && ctx.Err() == nil {
			a.Log.Error("erasing expired documents", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// EraseExpired erases every tenant's expired documents; those on legal hold stay.
func (a *App) EraseExpired(ctx context.Context, by string) ([]catalog.Erasure, error) {
	tenants, err := a.Catalog.Tenants(ctx)
	if err != nil {
		return nil, err
	}
	var done []catalog.Erasure
	for _, tenant := range tenants {
		r := ingest.ErasureRequest{Tenant: tenant, Scope: catalog.ByExpiry, By: by, SkipHeld: true, Return: true}
		plan, err := a.Eraser.Plan(ctx, r)
		if err != nil {
			return done, err
		}
		if len(plan.Documents) == 0 {
			continue
		}
		e, err := a.Eraser.Erase(ctx, r)
		if err != nil {
			return done, err
		}
		a.Log.InfoContext(ctx, "expired documents erased", "tenant", tenant, "documents", len(plan.Documents), "on_hold", len(plan.Held), "erasure", e.ID)
		done = append(done, e)
	}
	return done, nil
}

// provable is the audit log as erasing needs it.
type provable struct {
	log *tlog.Log
	m   *Metrics
}

func (p provable) Record(ctx context.Context, e audit.Entry) (at uint64, err error) {
	err = counted{recorder{p.log, &at}, p.m}.Append(ctx, e)
	return at, err
}

// recorder remembers where its entry went.
type recorder struct {
	log *tlog.Log
	at  *uint64
}

func (r recorder) Append(ctx context.Context, entries ...audit.Entry) (err error) {
	*r.at, err = r.log.Record(ctx, entries...)
	return err
}

func (p provable) Prove(ctx context.Context, at uint64) (json.RawMessage, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if err := p.log.Published(ctx, at); err != nil {
		return nil, err
	}
	proof, err := p.log.Reader().Inclusion(ctx, at)
	if err != nil {
		return nil, err
	}
	return json.Marshal(proof)
}

// CheckErasure verifies a receipt of erasure with public keys alone, and returns
// what it says and the index of its audit entry.
func CheckErasure(data []byte, v tlog.Verifier) (ingest.ErasureReceipt, uint64, error) {
	var s ingest.SignedErasure
	if err := json.Unmarshal(data, &s); err != nil {
		return ingest.ErasureReceipt{}, 0, fmt.Errorf("reading receipt of erasure: it is not JSON as `doorward erase` prints it")
	}
	var p tlog.Inclusion
	if err := json.Unmarshal(s.Proof, &p); err != nil {
		return ingest.ErasureReceipt{}, 0, fmt.Errorf("reading receipt of erasure: its proof is not JSON")
	}
	if err := p.Check(v); err != nil {
		return ingest.ErasureReceipt{}, 0, err
	}
	var e audit.Entry
	if err := json.Unmarshal(p.Entry, &e); err != nil {
		return ingest.ErasureReceipt{}, 0, fmt.Errorf("reading receipt of erasure: its audit entry is not JSON")
	}
	r, err := s.Check(v, e)
	return r, p.Index, err
}

package relational

import (
	"context"
	"time"

	"github.com/doorward/doorward/ingest/catalog"
	"github.com/doorward/doorward/policy/contain"
)

var _ contain.Store = (*Catalog)(nil)

// Orders implements [contain.Store].
func (c *Catalog) Orders(ctx context.Context) ([]contain.Order, error) {
	return c.orders(ctx, `where lifted = 0`)
}

// AllOrders returns a tenant's orders, lifted ones too, newest first, and those
// for every tenant.
func (c *Catalog) AllOrders(ctx context.Context, tenant string) ([]contain.Order, error) {
	return c.orders(ctx, `where tenant = ? or tenant = ''`, tenant)
}

func (c *Catalog) orders(ctx context.Context, where string, args ...any) ([]contain.Order, error) {
	var out []contain.Order
	err := each(ctx, c.db, func(r Rows) error {
		var o contain.Order
		var created, lifted int64
		if err := r.Scan(&o.Tenant, &o.ID, &o.Scope, &o.Target, &o.Reason, &o.By, &created, &lifted, &o.LiftedBy, &o.LiftReason); err != nil {
			return err
		}
		if o.Created = time.Unix(created, 0).UTC(); lifted > 0 {
			o.Lifted = time.Unix(lifted, 0).UTC()
		}
		out = append(out, o)
		return nil
	}, `select tenant, id, scope, target, reason, who, created, lifted, lifted_by, lift_reason from containments `+where+` order by created desc, id`, args...)
	if err != nil {
		return nil, unavailable("reading containment orders", err)
	}
	return out, nil
}

// Contain implements [contain.Store].
func (c *Catalog) Contain(ctx context.Context, o contain.Order) error {
	return c.update(ctx, "containing", func(tx Tx) error {
		return tx.Queue(ctx, `insert into containments (tenant, id, scope, target, reason, who, created, lifted, lifted_by, lift_reason) values (?, ?, ?, ?, ?, ?, ?, 0, '', '')`,
			o.Tenant, o.ID, string(o.Scope), o.Target, o.Reason, o.By, o.Created.Unix())
	})
}

// Lift implements [contain.Store]; an order that is not in force is
// [catalog.ErrState].
func (c *Catalog) Lift(ctx context.Context, tenant, id, by, reason string, at time.Time) error {
	return c.update(ctx, "lifting", func(tx Tx) error {
		n, err := tx.Exec(ctx, `update containments set lifted = ?, lifted_by = ?, lift_reason = ? where (tenant = ? or tenant = '') and id = ? and lifted = 0`, at.Unix(), by, reason, tenant, id)
		if err != nil {
			return err
		}
		if n != 1 {
			return catalog.ErrState
		}
		return nil
	})
}

// Affected counts what an order of a document's scope would stop: live documents
// and held arrivals.
func (c *Catalog) Affected(ctx context.Context, tenant string, scope contain.Scope, target string) (live, held int, err error) {
	columns := map[contain.Scope]string{contain.Batch: "batch", contain.Source: "source", contain.Submitter: "submitter", contain.Tenant: "tenant"}
	column, ok := columns[scope]
	if !ok {
		return 0, 0, nil
	}
	err = one(ctx, c.db, `select count(*) from documents where tenant = ? and state = 'live' and `+column+` = ?`, []any{tenant, target}, &live)
	if err == nil {
		err = one(ctx, c.db, `select count(*) from arrivals where tenant = ? and state = 'held' and `+column+` = ?`, []any{tenant, target}, &held)
	}
	if err != nil {
		return 0, 0, unavailable("counting what is contained", err)
	}
	return live, held, nil
}

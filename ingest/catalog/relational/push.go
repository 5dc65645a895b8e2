package relational

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/doorward/doorward/ingest/catalog"
)

// Claim takes an idempotency key for one request. It returns the answer where the
// same request was answered before, and [catalog.ErrMismatch] where the key was
// used for another.
func (c *Catalog) Claim(ctx context.Context, r catalog.Request) (*catalog.Answer, error) {
	var hash string
	a := &catalog.Answer{}
	err := failed("claiming an idempotency key", c.db.Update(ctx, []int64{lock(r.Tenant, r.Backend+"\x00"+r.Key)}, func(tx Tx) error {
		if _, err := tx.Exec(ctx, `insert into answers (tenant, backend, key, hash, status, body, at) values (?, ?, ?, ?, 0, ?, ?)
			on conflict (tenant, backend, key) do nothing`, r.Tenant, r.Backend, r.Key, r.Hash, empty(), c.now().Unix()); err != nil {
			return err
		}
		return one(ctx, tx, answerOf, []any{r.Tenant, r.Backend, r.Key}, &hash, &a.Status, &a.Body)
	}))
	switch {
	case err != nil:
		return nil, err
	case hash != r.Hash:
		return nil, catalog.ErrMismatch
	case a.Status == 0:
		return nil, nil
	}
	return a, nil
}

const answerOf = `select hash, status, body from answers where tenant = ? and backend = ? and key = ?`

// Answer keeps what a claimed request was answered, and returns what is kept: the
// first answer stays.
func (c *Catalog) Answer(ctx context.Context, r catalog.Request, a catalog.Answer) (catalog.Answer, error) {
	var kept catalog.Answer
	var hash string
	err := failed("keeping an answer", c.db.Update(ctx, []int64{lock(r.Tenant, r.Backend+"\x00"+r.Key)}, func(tx Tx) error {
		if _, err := tx.Exec(ctx, `update answers set status = ?, body = ? where tenant = ? and backend = ? and key = ? and hash = ? and status = 0`,
			a.Status, a.Body, r.Tenant, r.Backend, r.Key, r.Hash); err != nil {
			return err
		}
		return one(ctx, tx, answerOf, []any{r.Tenant, r.Backend, r.Key}, &hash, &kept.Status, &kept.Body)
	}))
	if err == nil && hash != r.Hash {
		err = catalog.ErrMismatch
	}
	return kept, err
}

// ForgetAnswers forgets what was asked before a time: an idempotency key is good
// for a while only.
func (c *Catalog) ForgetAnswers(ctx context.Context, before time.Time) error {
	return c.update(ctx, "forgetting answers", func(tx Tx) error {
		_, err := tx.Exec(ctx, `delete from answers where at < ?`, before.Unix())
		return err
	})
}

// PutDelivery stores a delivery, or its outcomes.
func (c *Catalog) PutDelivery(ctx context.Context, b catalog.Delivery) error {
	documents, err := json.Marshal(b.Documents)
	if err != nil {
		return err
	}
	finished := int64(0)
	if !b.Finished.IsZero() {
		finished = b.Finished.Unix()
	}
	return failed("storing a delivery", c.db.Update(ctx, []int64{lock(b.Tenant, "delivery\x00"+b.ID)}, func(tx Tx) error {
		_, err := tx.Exec(ctx, `insert into deliveries (tenant, id, source, backend, created, finished, documents) values (?, ?, ?, ?, ?, ?, ?)
			on conflict (tenant, id) do update set finished = excluded.finished, documents = excluded.documents`,
			b.Tenant, b.ID, b.Source, b.Backend, b.Created.Unix(), finished, []byte(documents))
		return err
	}))
}

const deliveryColumns = `select tenant, id, source, backend, created, finished, documents from deliveries where tenant = ? and source = ?`

func scanDelivery(r Rows) (catalog.Delivery, error) {
	var b catalog.Delivery
	var created, finished int64
	var documents []byte
	if err := r.Scan(&b.Tenant, &b.ID, &b.Source, &b.Backend, &created, &finished, &documents); err != nil {
		return b, err
	}
	b.Created = time.Unix(created, 0).UTC()
	if finished > 0 {
		b.Finished = time.Unix(finished, 0).UTC()
	}
	return b, json.Unmarshal(documents, &b.Documents)
}

// Delivery returns one delivery of a source.
func (c *Catalog) Delivery(ctx context.Context, tenant, source, id string) (catalog.Delivery, error) {
	var b catalog.Delivery
	found := false
	err := each(ctx, c.db, func(r Rows) (err error) {
		found = true
		b, err = scanDelivery(r)
		return err
	}, deliveryColumns+` and id = ?`, tenant, source, id)
	switch {
	case err != nil:
		return b, unavailable("reading a delivery", err)
	case !found:
		return b, catalog.ErrNotFound
	}
	return b, nil
}

// Deliveries returns a source's deliveries, newest first, from the one before an id;
// "" begins with the newest.
func (c *Catalog) Deliveries(ctx context.Context, tenant, source, before string, limit int) ([]catalog.Delivery, error) {
	var out []catalog.Delivery
	err := each(ctx, c.db, func(r Rows) error {
		b, err := scanDelivery(r)
		out = append(out, b)
		return err
	}, deliveryColumns+` and (? = '' or id < ?) order by id desc limit ?`, tenant, source, before, before, limit)
	if err != nil {
		return nil, unavailable("listing deliveries", err)
	}
	return out, nil
}

// Standings says where documents of a source stand, by id: an arrival that waits
// or was refused before the version that is live. What is gone is left out.
func (c *Catalog) Standings(ctx context.Context, q catalog.Standings) ([]catalog.Document, error) {
	if q.Limit <= 0 {
		q.Limit = 1000
	}
	where, args := ` and tenant = ? and source = ? and id > ?`, []any{q.Tenant, q.Source, q.After}
	if q.IDs != nil {
		list, err := c.list(q.IDs)
		if err != nil {
			return nil, unavailable("listing documents", err)
		}
		where, args = where+" and "+c.in("id"), append(args, list)
	}
	where += ` order by id limit ?`
	args = append(args, q.Limit)
	found := map[string]catalog.Document{}
	err := each(ctx, c.db, func(r Rows) error {
		d, err := c.scanDocument(r)
		found[d.ID] = d
		return err
	}, documentColumns+` where state = 'live'`+where, args...)
	if err == nil {
		err = each(ctx, c.db, func(r Rows) error {
			a, err := scanArrival(r)
			d := found[a.ID]
			d.Tenant, d.ID, d.Source, d.State, d.Reasons, d.Findings, d.Updated = a.Tenant, a.ID, a.Source, a.State, a.Reasons, a.Findings, a.Received
			if d.Received.IsZero() {
				d.Received = a.Received
			}
			found[a.ID] = d
			return err
		}, `select `+arrivalColumns+` from arrivals where 1 = 1`+where, args...)
	}
	if err != nil {
		return nil, unavailable("listing documents", err)
	}
	return page(found, q.Limit), nil
}

// page is the first documents by id.
func page(found map[string]catalog.Document, limit int) []catalog.Document {
	ids := make([]string, 0, len(found))
	for id := range found {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	out := make([]catalog.Document, 0, min(limit, len(ids)))
	for _, id := range ids[:min(limit, len(ids))] {
		out = append(out, found[id])
	}
	return out
}

// Cursor returns where the last reading of a source ended, "" when it must be
// read from the beginning: it was never read to an end, or was read under other
// settings.
func (c *Catalog) Cursor(ctx context.Context, tenant, source, settings string) (string, error) {
	var cursor string
	err := one(ctx, c.db, `select cursor from cursors where tenant = ? and source = ? and settings = ?`, []any{tenant, source, settings}, &cursor)
	if errors.Is(err, catalog.ErrNotFound) {
		return "", nil
	}
	if err != nil {
		return "", unavailable("reading a cursor", err)
	}
	return cursor, nil
}

// SetCursor keeps where a reading of a source ended.
func (c *Catalog) SetCursor(ctx context.Context, tenant, source, settings, cursor string) error {
	return failed("keeping a cursor", c.db.Update(ctx, []int64{lock(tenant, "cursor\x00"+source)}, func(tx Tx) error {
		_, err := tx.Exec(ctx, `insert into cursors (tenant, source, settings, cursor, updated) values (?, ?, ?, ?, ?)
			on conflict (tenant, source) do update set settings = excluded.settings, cursor = excluded.cursor, updated = excluded.updated`,
			tenant, source, settings, cursor, c.now().Unix())
		return err
	}))
}

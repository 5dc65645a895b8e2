package relational

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/doorward/doorward/ingest/catalog"
	"github.com/doorward/doorward/ingest/receipt"
	"github.com/doorward/doorward/policy/keys"
)

//go:embed erase.sql
var eraseSchema string

// Erase takes documents out with everything kept about them, in one transaction:
// keys and texts, waiting arrivals, fingerprints, signatures, notes, lineage and
// what batches kept. The index is owed their erasure. Unless they may return,
// keyed hashes of their ids are kept, and under these they do not come back.
func (c *Catalog) Erase(ctx context.Context, tenant string, documents []string, mayReturn bool) (catalog.Gone, error) {
	var gone catalog.Gone
	names, err := c.tombstones(tenant, documents)
	if err != nil {
		return gone, failed("erasing", err)
	}
	if mayReturn {
		names = nil
	}
	refs := make([]catalog.Ref, 0, len(documents))
	for _, d := range documents {
		refs = append(refs, catalog.Ref{Tenant: tenant, Document: d})
	}
	defer func() { c.decoded.forget(); c.intended.forget(); c.hot.forget() }()
	err = c.updateDocuments(ctx, "erasing", refs, func(tx Tx) error {
		gone = catalog.Gone{}
		list, err := c.list(documents)
		if err != nil {
			return err
		}
		for _, t := range []struct {
			count *int
			of    string // table, column of the document's id, and more
		}{
			{&gone.Chunks, `chunks where tenant = ? and ` + c.in("document")},
			{&gone.Versions, `versions where tenant = ? and ` + c.in("document")},
			{&gone.Documents, `documents where tenant = ? and state = 'live' and ` + c.in("id")},
			{nil, `documents where tenant = ? and ` + c.in("id")},
			{&gone.Arrivals, `arrivals where tenant = ? and ` + c.in("id")},
			{&gone.Prints, `prints where tenant = ? and ` + c.in("document")},
			{&gone.Prints, `printed where tenant = ? and ` + c.in("document")},
			{&gone.Others, `signatures where tenant = ? and ` + c.in("document")},
			{&gone.Others, `notes where tenant = ? and ` + c.in("document")},
			{&gone.Others, `lineage where tenant = ? and ` + c.in("document")},
			{&gone.Others, `replaced where tenant = ? and ` + c.in("document")},
			{&gone.Others, `manifests where tenant = ? and ` + c.in("document")},
			{nil, `tasks where tenant = ? and ` + c.in("document")},
		} {
			n, err := tx.Exec(ctx, `delete from `+t.of, tenant, list)
			if err != nil {
				return err
			}
			if t.count != nil {
				*t.count += int(n)
			}
		}
		if err := forgetDeliveries(ctx, tx, tenant, documents); err != nil {
			return err
		}
		for _, r := range refs {
			if err := owe(ctx, tx, catalog.Task{Ref: r, Op: catalog.EraseOp}); err != nil {
				return err
			}
		}
		for _, name := range names {
			if err := tx.Queue(ctx, `insert into tombstones (tenant, name, at) values (?, ?, ?) on conflict do nothing`, tenant, name, c.now().Unix()); err != nil {
				return err
			}
		}
		return nil
	})
	return gone, err
}

// forgetDeliveries takes documents out of what deliveries remember, and forgets
// all answers to requests, which may speak of them: whoever repeats such a request
// has it carried out again, which changes nothing.
func forgetDeliveries(ctx context.Context, tx Tx, tenant string, documents []string) error {
	if err := tx.Queue(ctx, `delete from answers where tenant = ? and status <> 0`, tenant); err != nil {
		return err
	}
	changed := map[string][]byte{}
	err := each(ctx, tx, func(r Rows) error {
		var id string
		var data []byte
		var list []catalog.Delivered
		if err := r.Scan(&id, &data); err != nil {
			return err
		}
		if err := json.Unmarshal(data, &list); err != nil {
			return err
		}
		kept := slices.DeleteFunc(slices.Clone(list), func(d catalog.Delivered) bool { return slices.Contains(documents, d.Document) })
		if len(kept) == len(list) {
			return nil
		}
		var err error
		changed[id], err = json.Marshal(kept)
		return err
	}, `select id, documents from deliveries where tenant = ? and finished > 0`, tenant)
	for id, data := range changed {
		if err == nil {
			err = tx.Queue(ctx, `update deliveries set documents = ? where tenant = ? and id = ?`, data, tenant, id)
		}
	}
	return err
}

// Holding lists the ids of all documents of a source, live, waiting or retired;
// source "" means all.
func (c *Catalog) Holding(ctx context.Context, tenant, source string) ([]string, error) {
	ids, err := column[string](ctx, c.db, `select id from documents where tenant = ? and (? = '' or source = ?)
		union select id from arrivals where tenant = ? and (? = '' or source = ?) order by 1`, tenant, source, source, tenant, source, source)
	if err != nil {
		return nil, unavailable("listing documents", err)
	}
	return ids, nil
}

// tombstones are the keyed hashes of ids.
func (c *Catalog) tombstones(tenant string, documents []string) ([]string, error) {
	key, err := c.keys.Derive(tenant, keys.Erasure)
	if err != nil {
		return nil, err
	}
	out := make([]string, 0, len(documents))
	for _, d := range documents {
		out = append(out, receipt.Hash(key, []byte("tombstone\x00"+d)))
	}
	return out, nil
}

// Erased returns those of the documents that were erased and may not return.
func (c *Catalog) Erased(ctx context.Context, tenant string, documents []string) (map[string]bool, error) {
	out, err := c.erased(ctx, c.db, tenant, documents)
	if err != nil {
		return nil, unavailable("reading tombstones", err)
	}
	return out, nil
}

func (c *Catalog) erased(ctx context.Context, q Querier, tenant string, documents []string) (map[string]bool, error) {
	names, err := c.tombstones(tenant, documents)
	if err != nil {
		return nil, err
	}
	list, err := c.list(names)
	if err != nil {
		return nil, err
	}
	found, err := column[string](ctx, q, `select name from tombstones where tenant = ? and `+c.in("name"), tenant, list)
	out := map[string]bool{}
	for i, n := range names {
		out[documents[i]] = slices.Contains(found, n)
	}
	return out, err
}

// refuseErased keeps what was erased from coming back through a run that had
// read it before.
func (c *Catalog) refuseErased(ctx context.Context, tx Tx, refs []catalog.Ref) error {
	for tenant, documents := range byTenant(refs) {
		gone, err := c.erased(ctx, tx, tenant, documents)
		if err != nil {
			return err
		}
		for _, yes := range gone {
			if yes {
				return fmt.Errorf("%w: a document was erased meanwhile; run again", catalog.ErrState)
			}
		}
	}
	return nil
}

// AllowReturn forgets tombstones, so that the documents may be taken in again.
func (c *Catalog) AllowReturn(ctx context.Context, tenant string, documents []string) error {
	names, err := c.tombstones(tenant, documents)
	if err != nil {
		return failed("allowing documents to return", err)
	}
	list, err := c.list(names)
	if err != nil {
		return err
	}
	return c.updateBeside(ctx, "allowing documents to return", func(tx Tx) error {
		return tx.Queue(ctx, `delete from tombstones where tenant = ? and `+c.in("name"), tenant, list)
	})
}

// holdFacts is the sealed part of a legal hold.
type holdFacts struct {
	Target string `json:"target"`
	Reason string `json:"reason"`
}

// AddLegalHold puts a hold in force.
func (c *Catalog) AddLegalHold(ctx context.Context, h catalog.LegalHold) error {
	sealed, err := c.sealedRow(h.Tenant, holdFacts{h.Target, h.Reason}, "hold", h.Tenant, h.ID)
	if err != nil {
		return err
	}
	return c.update(ctx, "adding a legal hold", func(tx Tx) error {
		return tx.Queue(ctx, `insert into holds (tenant, id, scope, sealed, who, added, lifted, lift_by) values (?, ?, ?, ?, ?, ?, 0, '')`,
			h.Tenant, h.ID, string(h.Scope), sealed, h.By, h.Added.Unix())
	})
}

// LiftLegalHold ends a hold; one that is not in force is [catalog.ErrState].
func (c *Catalog) LiftLegalHold(ctx context.Context, tenant, id, by string, at time.Time) error {
	return c.update(ctx, "lifting a legal hold", func(tx Tx) error {
		n, err := tx.Exec(ctx, `update holds set lifted = ?, lift_by = ? where tenant = ? and id = ? and lifted = 0`, at.Unix(), by, tenant, id)
		if err == nil && n != 1 {
			err = catalog.ErrState
		}
		return err
	})
}

// LegalHolds lists a tenant's holds, newest first; lifted ones too if all.
func (c *Catalog) LegalHolds(ctx context.Context, tenant string, all bool) ([]catalog.LegalHold, error) {
	var out []catalog.LegalHold
	var sealed [][]byte
	where := ` and lifted = 0`
	if all {
		where = ``
	}
	err := each(ctx, c.db, func(r Rows) error {
		h := catalog.LegalHold{Tenant: tenant}
		var added, lifted int64
		var box []byte
		if err := r.Scan(&h.ID, &h.Scope, &box, &h.By, &added, &lifted, &h.LiftBy); err != nil {
			return err
		}
		if h.Added = time.Unix(added, 0).UTC(); lifted > 0 {
			h.Lifted = time.Unix(lifted, 0).UTC()
		}
		out, sealed = append(out, h), append(sealed, box)
		return nil
	}, `select id, scope, sealed, who, added, lifted, lift_by from holds where tenant = ?`+where+` order by added desc, id`, tenant)
	for i := range out {
		var f holdFacts
		err = errors.Join(err, c.openRow(tenant, sealed[i], &f, "hold", tenant, out[i].ID))
		out[i].Target, out[i].Reason = f.Target, f.Reason
	}
	if err != nil {
		return nil, unavailable("reading legal holds", err)
	}
	return out, nil
}

// StartErasure records an order before it is carried out. When one with the same
// idempotency key is there already it returns that one, and started is false.
func (c *Catalog) StartErasure(ctx context.Context, e catalog.Erasure) (was catalog.Erasure, started bool, err error) {
	sealed, err := c.sealedRow(e.Tenant, e.Order, "erasure", e.Tenant, e.ID)
	if err != nil {
		return was, false, err
	}
	request := e.Key
	if request == "" {
		request = e.ID
	}
	err = c.update(ctx, "starting an erasure", func(tx Tx) error {
		started = false
		ids, err := column[string](ctx, tx, `select id from erasures where tenant = ? and request = ?`, e.Tenant, request)
		if err != nil || len(ids) > 0 {
			if len(ids) > 0 {
				e.ID = ids[0]
			}
			return err
		}
		started = true
		return tx.Queue(ctx, `insert into erasures (tenant, id, request, state, sealed, receipt, started, finished) values (?, ?, ?, ?, ?, ?, ?, 0)`,
			e.Tenant, e.ID, request, string(catalog.Erasing), sealed, empty(), c.now().Unix())
	})
	if err != nil {
		return was, false, err
	}
	was, err = c.Erasure(ctx, e.Tenant, e.ID)
	return was, started, err
}

// FinishErasure keeps the receipt and forgets the order.
func (c *Catalog) FinishErasure(ctx context.Context, tenant, id string, receipt []byte) error {
	return c.update(ctx, "finishing an erasure", func(tx Tx) error {
		n, err := tx.Exec(ctx, `update erasures set state = ?, sealed = ?, receipt = ?, finished = ? where tenant = ? and id = ?`,
			string(catalog.ErasedDone), empty(), receipt, c.now().Unix(), tenant, id)
		if err == nil && n != 1 {
			err = catalog.ErrNotFound
		}
		return err
	})
}

// Erasure returns one erasure.
func (c *Catalog) Erasure(ctx context.Context, tenant, id string) (catalog.Erasure, error) {
	list, err := c.erasures(ctx, `where tenant = ? and id = ?`, tenant, id)
	if err == nil && len(list) == 0 {
		err = catalog.ErrNotFound
	}
	if err != nil {
		return catalog.Erasure{}, failed("reading an erasure", err)
	}
	return list[0], nil
}

// UnfinishedErasures lists those to be carried on.
func (c *Catalog) UnfinishedErasures(ctx context.Context) ([]catalog.Erasure, error) {
	list, err := c.erasures(ctx, `where state = 'running'`)
	return list, failed("reading erasures", err)
}

func (c *Catalog) erasures(ctx context.Context, where string, args ...any) ([]catalog.Erasure, error) {
	var out []catalog.Erasure
	var boxes [][]byte
	err := each(ctx, c.db, func(r Rows) error {
		var e catalog.Erasure
		var box []byte
		var started, finished int64
		if err := r.Scan(&e.Tenant, &e.ID, &e.Key, &e.State, &box, &e.Receipt, &started, &finished); err != nil {
			return err
		}
		if e.Started = time.Unix(started, 0).UTC(); finished > 0 {
			e.Finished = time.Unix(finished, 0).UTC()
		}
		out, boxes = append(out, e), append(boxes, box)
		return nil
	}, `select tenant, id, request, state, sealed, receipt, started, finished from erasures `+where+` order by started, id`, args...)
	for i := range out {
		if len(boxes[i]) > 0 && err == nil {
			err = c.openRow(out[i].Tenant, boxes[i], &out[i].Order, "erasure", out[i].Tenant, out[i].ID)
		}
	}
	return out, err
}

// Shrinker is a database that can make deleted bytes disappear from its files.
type Shrinker interface {
	Shrink(ctx context.Context) error
}

// Shrink makes what was erased disappear from the database's files, as far as
// the database can.
func (c *Catalog) Shrink(ctx context.Context) error {
	s, ok := c.db.(Shrinker)
	if !ok {
		return nil
	}
	return failed("shrinking the catalog", s.Shrink(ctx))
}

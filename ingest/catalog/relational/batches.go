package relational

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/doorward/doorward/ingest/catalog"
	"github.com/doorward/doorward/ingest/receipt"
)

// StartBatch records that a run began.
func (c *Catalog) StartBatch(ctx context.Context, b catalog.Batch) error {
	return c.update(ctx, "starting a batch", func(tx Tx) error {
		return tx.Queue(ctx, `insert into batches (tenant, id, source, submitter, started, finished, state, counts) values (?, ?, ?, ?, ?, ?, ?, '{}')
			on conflict (tenant, id) do update set state = excluded.state, finished = excluded.finished`, b.Tenant, b.ID, b.Source, b.Submitter, b.Started.Unix(), c.now().Unix(), string(catalog.Running))
	})
}

// BeatBatch records that a run is alive: while it runs, finished is when it was
// last heard of.
func (c *Catalog) BeatBatch(ctx context.Context, tenant, id string) error {
	return c.update(ctx, "a batch's sign of life", func(tx Tx) error {
		return tx.Queue(ctx, `update batches set finished = ? where tenant = ? and id = ? and state = 'running'`, c.now().Unix(), tenant, id)
	})
}

// InterruptBatch records that a run ended before it was done.
func (c *Catalog) InterruptBatch(ctx context.Context, tenant, id string) error {
	return c.interrupt(ctx, `tenant = ? and id = ?`, tenant, id)
}

// InterruptBatches records that no run is alive any more, of any tenant: the process
// that they ran in has ended. What is pushed within one hour has no run of its own.
func (c *Catalog) InterruptBatches(ctx context.Context) error { return c.interrupt(ctx, `1 = 1`) }

func (c *Catalog) interrupt(ctx context.Context, which string, args ...any) error {
	return c.update(ctx, "interrupting batches", func(tx Tx) error {
		return tx.Queue(ctx, `update batches set state = case when id like 'push-%' then 'finished' else 'interrupted' end where state = 'running' and `+which, args...)
	})
}

// FinishBatch records that it ended, and what it did.
func (c *Catalog) FinishBatch(ctx context.Context, tenant, id string, counts map[string]int) error {
	text, err := jsonText(counts)
	if err != nil {
		return err
	}
	return c.update(ctx, "finishing a batch", func(tx Tx) error {
		return tx.Queue(ctx, `update batches set state = ?, finished = ?, counts = ? where tenant = ? and id = ? and state = 'running'`,
			string(catalog.Finished), c.now().Unix(), text, tenant, id)
	})
}

// Batches lists a tenant's runs, newest first, limit at most; id "" lists all.
func (c *Catalog) Batches(ctx context.Context, tenant, id string, limit int) ([]catalog.Batch, error) {
	var out []catalog.Batch
	err := each(ctx, c.db, func(r Rows) error {
		var b catalog.Batch
		var started, finished int64
		var counts string
		if err := r.Scan(&b.Tenant, &b.ID, &b.Source, &b.Submitter, &started, &finished, &b.State, &counts, &b.Restorable); err != nil {
			return err
		}
		b.Started = time.Unix(started, 0).UTC()
		switch {
		case b.State == catalog.Running && c.now().Sub(time.Unix(finished, 0)) > catalog.BatchLease:
			b.State = catalog.Interrupted
		case b.State != catalog.Running && b.State != catalog.Interrupted && finished > 0:
			b.Finished = time.Unix(finished, 0).UTC()
		}
		out = append(out, b)
		return json.Unmarshal([]byte(counts), &out[len(out)-1].Counts)
	}, `select tenant, id, source, submitter, started, finished, state, counts,
			(select count(*) from replaced r where r.tenant = batches.tenant and r.batch = batches.id and r.wrote <> '`+pruned+`')
		from batches where tenant = ? and (? = '' or id = ?) order by started desc, id desc limit ?`, tenant, id, id, min(max(limit, 1), catalog.MaxPage))
	if err != nil {
		return nil, unavailable("listing batches", err)
	}
	return out, nil
}

// live is a document's row, as it is kept while it can be put back.
type live struct {
	Source      string `json:"source"`
	Version     string `json:"version"`
	MediaType   string `json:"media_type"`
	Content     string `json:"content"`
	Fingerprint string `json:"fingerprint"`
	Revision    string `json:"revision"`
	Claimed     string `json:"claimed"`
	Attributes  string `json:"attributes"`
	Receipt     []byte `json:"receipt"`
	Findings    string `json:"findings"`
	Facts       []byte `json:"facts"`
	Batch       string `json:"batch"`
	Submitter   string `json:"submitter"`
	Updated     int64  `json:"updated"`

	id string
}

const liveColumns = `select id, source, version, media_type, content, fingerprint, revision, claimed, attributes, receipt, findings, facts, batch, submitter, updated
	from documents where tenant = ? and state = 'live' and `

func scanLive(r Rows) (l live, err error) {
	err = r.Scan(&l.id, &l.Source, &l.Version, &l.MediaType, &l.Content, &l.Fingerprint, &l.Revision, &l.Claimed, &l.Attributes, &l.Receipt, &l.Findings, &l.Facts, &l.Batch, &l.Submitter, &l.Updated)
	return l, err
}

// liveRows reads what is live of documents, by tenant and document.
func (c *Catalog) liveRows(ctx context.Context, tx Tx, refs []catalog.Ref) (map[string]live, error) {
	out := map[string]live{}
	if c.keep <= 0 {
		return out, nil
	}
	for tenant, documents := range byTenant(refs) {
		list, err := c.list(documents)
		if err != nil {
			return nil, err
		}
		err = each(ctx, tx, func(r Rows) error {
			l, err := scanLive(r)
			out[tenant+"\x00"+l.id] = l
			return err
		}, liveColumns+c.in("id"), tenant, list)
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// remember keeps what a batch is about to write over: nothing (a zero was), or a
// live row. It reports whether anything can be put back.
func (c *Catalog) remember(ctx context.Context, tx Tx, batch string, r catalog.Ref, was live, wrote string) (bool, error) {
	if c.keep <= 0 || batch == "" {
		return false, nil
	}
	sealed := empty()
	if was.Version != "" {
		var err error
		if sealed, err = c.sealedRow(r.Tenant, was, "replaced", r.Tenant, r.Document); err != nil {
			return false, err
		}
	}
	return true, tx.Queue(ctx, `insert into replaced (tenant, batch, document, version, was, wrote, at) values (?, ?, ?, ?, ?, ?, ?)`,
		r.Tenant, batch, r.Document, was.Version, sealed, wrote, c.now().Unix())
}

// keepVersion takes a version out of the index and keeps it for a while.
func keepVersion(ctx context.Context, tx Tx, r catalog.Ref) error {
	if err := tx.Queue(ctx, `update versions set state = 'kept' where tenant = ? and document = ? and version = ?`, r.Tenant, r.Document, r.Version); err != nil {
		return err
	}
	return owe(ctx, tx, catalog.Task{Ref: r, Op: catalog.RetireOp})
}

// entry is one row of replaced.
type entry struct {
	seq                      int64
	document, version, wrote string
	was                      []byte
	now                      live // the document as it is
	there                    bool
}

// UndoBatch puts back what a batch replaced and takes out what it brought, at
// most limit documents at a time, newest first; more says to call again. What
// was changed since by somebody else is left as it is.
func (c *Catalog) UndoBatch(ctx context.Context, tenant, batch string, limit int) (done []catalog.Undo, more bool, err error) {
	err = c.update(ctx, "rolling back a batch", func(tx Tx) error {
		done = nil
		entries, err := c.entries(ctx, tx, tenant, batch, limit)
		if err != nil {
			return err
		}
		more = len(entries) == limit
		for _, e := range entries {
			u, err := c.undo(ctx, tx, tenant, e)
			if err != nil {
				return err
			}
			done = append(done, u)
			if err := tx.Queue(ctx, `delete from replaced where seq = ?`, e.seq); err != nil {
				return err
			}
		}
		if more {
			return nil
		}
		return tx.Queue(ctx, `update batches set state = ? where tenant = ? and id = ?`, string(catalog.RolledBack), tenant, batch)
	})
	return done, more, err
}

// PlanUndo says what UndoBatch would do.
func (c *Catalog) PlanUndo(ctx context.Context, tenant, batch string) ([]catalog.Undo, error) {
	var out []catalog.Undo
	entries, err := c.entries(ctx, c.db, tenant, batch, 1<<30)
	if err != nil {
		return nil, unavailable("planning a roll-back", err)
	}
	for _, e := range entries {
		u, err := c.planned(ctx, c.db, tenant, e)
		if err != nil {
			return nil, unavailable("planning a roll-back", err)
		}
		out = append(out, u)
	}
	return out, nil
}

func (c *Catalog) entries(ctx context.Context, q Querier, tenant, batch string, limit int) ([]entry, error) {
	var out []entry
	var documents []string
	err := each(ctx, q, func(r Rows) error {
		var e entry
		err := r.Scan(&e.seq, &e.document, &e.version, &e.wrote, &e.was)
		out, documents = append(out, e), append(documents, e.document)
		return err
	}, `select seq, document, version, wrote, was from replaced where tenant = ? and batch = ? order by seq desc limit ?`, tenant, batch, limit)
	if err != nil {
		return nil, err
	}
	list, err := c.list(documents)
	if err != nil {
		return nil, err
	}
	now := map[string]live{}
	err = each(ctx, q, func(r Rows) error {
		l, err := scanLive(r)
		now[l.id] = l
		return err
	}, liveColumns+c.in("id"), tenant, list)
	for i := range out {
		out[i].now, out[i].there = now[out[i].document], now[out[i].document].Version != ""
	}
	return out, err
}

// planned says what becomes of one document.
func (c *Catalog) planned(ctx context.Context, q Querier, tenant string, e entry) (catalog.Undo, error) {
	u := catalog.Undo{Document: e.document, Did: "skipped", Why: "changed since"}
	if e.wrote == pruned {
		u.Why = catalog.WhyPruned
		return u, nil
	}
	if !e.there {
		u.Why = "gone since"
		return u, nil
	}
	var signed receipt.Signed
	if err := json.Unmarshal(e.now.Receipt, &signed); err != nil {
		return u, err
	}
	switch {
	case signed.ID() != e.wrote:
	case e.version == "":
		u.Did, u.Why = "retired", ""
	default:
		var n int
		err := one(ctx, q, `select count(*) from versions where tenant = ? and document = ? and version = ?`, []any{tenant, e.document, e.version}, &n)
		if err != nil {
			return u, err
		}
		if u.Why = "text is gone"; n == 1 {
			u.Did, u.Version, u.Why = "restored", e.version, ""
		}
	}
	return u, nil
}

// undo does what planned says.
func (c *Catalog) undo(ctx context.Context, tx Tx, tenant string, e entry) (catalog.Undo, error) {
	u, err := c.planned(ctx, tx, tenant, e)
	if err != nil {
		return u, err
	}
	ref := catalog.Ref{Tenant: tenant, Document: e.document}
	switch u.Did {
	case "retired":
		return u, c.takeOut(ctx, tx, []catalog.Ref{ref}, catalog.Retired)
	case "restored":
		return u, c.putBack(ctx, tx, ref, e)
	}
	return u, nil
}

// putBack makes the version before live again.
func (c *Catalog) putBack(ctx context.Context, tx Tx, r catalog.Ref, e entry) error {
	var was live
	if err := c.openRow(r.Tenant, e.was, &was, "replaced", r.Tenant, r.Document); err != nil {
		return err
	}
	err := tx.Queue(ctx, `update documents set source = ?, version = ?, media_type = ?, content = ?, fingerprint = ?, revision = ?, claimed = ?, attributes = ?,
		receipt = ?, findings = ?, facts = ?, batch = ?, submitter = ?, updated = ? where tenant = ? and id = ?`,
		was.Source, was.Version, was.MediaType, was.Content, was.Fingerprint, was.Revision, was.Claimed, was.Attributes,
		was.Receipt, was.Findings, was.Facts, was.Batch, was.Submitter, was.Updated, r.Tenant, r.Document)
	if err != nil {
		return err
	}
	var signed receipt.Signed
	if err := json.Unmarshal(was.Receipt, &signed); err != nil {
		return err
	}
	attributes, err := decodeAttributes(was.Attributes)
	if err != nil {
		return err
	}
	r.Version = was.Version
	if was.Version == e.now.Version { // attributes alone were changed
		if err := renewLineage(ctx, tx, r, signed); err != nil {
			return err
		}
		return owe(ctx, tx, catalog.Task{Ref: r, Op: catalog.AttributesOp, Attributes: attributes, Receipt: signed.ID()})
	}
	return c.swapVersions(ctx, tx, r, e.now.Version)
}

// swapVersions takes the live version out for the kept one that r names.
func (c *Catalog) swapVersions(ctx context.Context, tx Tx, r catalog.Ref, out string) error {
	bad := catalog.Ref{Tenant: r.Tenant, Document: r.Document, Version: out}
	var wanted int // by an older batch that may still be rolled back
	if err := one(ctx, tx, `select count(*) from replaced where tenant = ? and document = ? and version = ?`, []any{r.Tenant, r.Document, out}, &wanted); err != nil {
		return err
	}
	away := retireVersion
	if wanted > 0 {
		away = keepVersion
	}
	if err := away(ctx, tx, bad); err != nil {
		return err
	}
	if err := tx.Queue(ctx, `update versions set state = 'live' where tenant = ? and document = ? and version = ?`, r.Tenant, r.Document, r.Version); err != nil {
		return err
	}
	now := c.now().Unix()
	if err := endLineage(ctx, tx, r, now); err != nil {
		return err
	}
	if err := tx.Queue(ctx, `update lineage set ended = 0 where tenant = ? and document = ? and version = ?`, r.Tenant, r.Document, r.Version); err != nil {
		return err
	}
	stored := row{ref: r}
	if err := one(ctx, tx, `select key, record from versions where tenant = ? and document = ? and version = ?`, []any{r.Tenant, r.Document, r.Version}, &stored.key, &stored.record); err != nil {
		return err
	}
	v, err := c.record(stored)
	if err != nil {
		return err
	}
	for _, table := range []string{"prints", "printed", "signatures"} {
		if err := tx.Queue(ctx, `delete from `+table+` where tenant = ? and document = ?`, r.Tenant, r.Document); err != nil {
			return err
		}
	}
	if err := errors.Join(c.putPrints(ctx, tx, v), putSignature(ctx, tx, v)); err != nil {
		return err
	}
	return owe(ctx, tx, catalog.Task{Ref: r, Op: catalog.PutOp})
}

// Settle gives up what a batch replaced, so that it cannot be rolled back any
// more.
func (c *Catalog) Settle(ctx context.Context, tenant, batch string) error {
	return c.update(ctx, "settling a batch", func(tx Tx) error {
		n, err := tx.Exec(ctx, `update batches set state = ? where tenant = ? and id = ? and state <> 'rolled_back'`, string(catalog.Settled), tenant, batch)
		if err != nil {
			return err
		}
		if n != 1 {
			return catalog.ErrNotFound
		}
		if err := tx.Queue(ctx, `delete from replaced where tenant = ? and batch = ?`, tenant, batch); err != nil {
			return err
		}
		return c.sweep(ctx, tx)
	})
}

// Purge gives up what was replaced longer ago than versions are kept. It returns
// the number of versions whose text and key are gone by it.
func (c *Catalog) Purge(ctx context.Context) (n int, err error) {
	before := c.now().Add(-c.keep).Unix()
	var old int
	if err := one(ctx, c.db, `select count(*) from replaced where at < ?`, []any{before}, &old); err != nil {
		return 0, unavailable("purging", err)
	}
	if old == 0 {
		return 0, nil
	}
	err = c.update(ctx, "purging", func(tx Tx) error {
		if err := tx.Queue(ctx, `delete from replaced where at < ?`, before); err != nil {
			return err
		}
		return c.sweep(ctx, tx)
	})
	return old, err
}

// sweep drops kept versions that no batch can bring back any more.
func (c *Catalog) sweep(ctx context.Context, tx Tx) error {
	var gone []catalog.Ref
	err := each(ctx, tx, func(r Rows) error {
		var ref catalog.Ref
		err := r.Scan(&ref.Tenant, &ref.Document, &ref.Version)
		gone = append(gone, ref)
		return err
	}, `select tenant, document, version from versions where state = 'kept' and not exists
		(select 1 from replaced r where r.tenant = versions.tenant and r.document = versions.document and r.version = versions.version)`)
	if err != nil {
		return err
	}
	for _, r := range gone {
		if err := dropVersion(ctx, tx, r); err != nil {
			return err
		}
	}
	return nil
}

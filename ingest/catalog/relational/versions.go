package relational

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/doorward/doorward/ingest/catalog"
	"github.com/doorward/doorward/policy"
	"github.com/doorward/doorward/policy/keys"
	"github.com/doorward/doorward/sanitize"
)

// passage is the sealed part of a chunk.
type passage struct {
	Span     sanitize.Span      `json:"span"`
	Headings []string           `json:"headings,omitempty"`
	Tokens   int                `json:"tokens"`
	Text     string             `json:"text,omitempty"` // in what was sealed before; now behind it
	Findings []sanitize.Finding `json:"findings,omitempty"`
	Removed  map[string]int     `json:"removed,omitempty"`
	Scanner  string             `json:"scanner"`
}

// sealPassage seals a chunk.
func sealPassage(s keys.Sealer, tenant string, ch catalog.Chunk) ([]byte, error) {
	return sealWith(s, passage{Span: ch.Span, Headings: ch.Headings, Tokens: ch.Tokens, Findings: ch.Findings, Removed: ch.Removed, Scanner: ch.Scanner}, []byte(ch.Text), "chunk", tenant, ch.ID)
}

// sealRecord seals a version without its chunks.
func sealRecord(s keys.Sealer, v catalog.Version) ([]byte, error) {
	prints := v.Prints.Bytes()
	v.Chunks, v.Prints = nil, nil
	return sealWith(s, v, prints, "record", v.Tenant, v.Document, v.Version)
}

// Intend stores versions with all their chunks before any of it is indexed.
func (c *Catalog) Intend(ctx context.Context, versions []catalog.Version) error {
	refs := make([]catalog.Ref, len(versions))
	for i, v := range versions {
		refs[i] = v.Ref
	}
	return c.updateDocuments(ctx, "storing versions", refs, func(tx Tx) error {
		if err := c.refuseErased(ctx, tx, refs); err != nil {
			return err
		}
		before, err := c.there(ctx, tx, refs)
		if err != nil {
			return err
		}
		for _, v := range versions {
			if before[v.Ref] { // an intent of an interrupted run
				if err := dropVersion(ctx, tx, v.Ref); err != nil {
					return err
				}
			}
			if err := c.intend(ctx, tx, v); err != nil {
				return err
			}
			before[v.Ref] = true
		}
		return c.stay(ctx, tx, refs)
	})
}

// stay keeps the index from losing versions that are stored again while it is owed
// their removal: that they are gone by then, or go while they are put there, since
// whoever carries out what is owed may have begun. So their removal is owed no
// more, and that they are put there is owed once they are live.
func (c *Catalog) stay(ctx context.Context, tx Tx, refs []catalog.Ref) error {
	for tenant, documents := range byTenant(refs) {
		list, err := c.list(documents)
		if err != nil {
			return err
		}
		if err := tx.Queue(ctx, `insert into tasks (tenant, document, version, op, attributes, receipt)
			select distinct v.tenant, v.document, v.version, 'put', 'null', '' from versions v where v.tenant = ? and `+c.in("v.document")+` and v.state = 'next' and exists
			(select 1 from tasks t where t.tenant = v.tenant and t.document = v.document and (t.op = 'retire' and t.version = v.version or t.op = 'erase'))`, tenant, list); err != nil {
			return err
		}
		if err := tx.Queue(ctx, `delete from tasks where tenant = ? and `+c.in("document")+` and op = 'retire' and exists
			(select 1 from versions v where v.tenant = tasks.tenant and v.document = tasks.document and v.version = tasks.version and v.state = 'next')`, tenant, list); err != nil {
			return err
		}
	}
	return nil
}

func (c *Catalog) intend(ctx context.Context, tx Tx, v catalog.Version) error {
	sealer, key, err := c.keys.NewDocument(v.Tenant, v.Document)
	if err != nil {
		return err
	}
	chunks := v.Chunks
	v.Chunks, v.Prints = nil, v.Prints.Sorted()
	record, err := sealRecord(sealer, v)
	if err != nil {
		return err
	}
	if err := tx.Queue(ctx, `insert into versions (tenant, document, version, state, key, record) values (?, ?, ?, 'next', ?, ?)`,
		v.Tenant, v.Document, v.Version, key, record); err != nil {
		return err
	}
	c.intended.put(v, record)
	for _, ch := range chunks {
		sealed, err := sealPassage(sealer, v.Tenant, ch.Chunk)
		if err != nil {
			return err
		}
		if err := tx.Queue(ctx, insertChunk,
			v.Tenant, ch.ID, v.Document, v.Version, ch.Ordinal, sealed, encodeTerms(ch.Terms), encodeVector(ch.Vector)); err != nil {
			return err
		}
	}
	return nil
}

// insertChunk also replaces a chunk that belongs to no version, which only damage
// leaves.
const insertChunk = `insert into chunks (tenant, id, document, version, ordinal, sealed, terms, vector) values (?, ?, ?, ?, ?, ?, ?, ?)
	on conflict (tenant, id) do update set document = excluded.document, version = excluded.version, ordinal = excluded.ordinal,
		sealed = excluded.sealed, terms = excluded.terms, vector = excluded.vector`

// there are those of some versions that are stored.
func (c *Catalog) there(ctx context.Context, tx Tx, refs []catalog.Ref) (map[catalog.Ref]bool, error) {
	out := map[catalog.Ref]bool{}
	for tenant, documents := range byTenant(refs) {
		list, err := c.list(documents)
		if err != nil {
			return nil, err
		}
		err = each(ctx, tx, func(r Rows) error {
			ref := catalog.Ref{Tenant: tenant}
			err := r.Scan(&ref.Document, &ref.Version)
			out[ref] = true
			return err
		}, `select document, version from versions where tenant = ? and `+c.in("document"), tenant, list)
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

func dropVersion(ctx context.Context, tx Tx, r catalog.Ref) error {
	if err := tx.Queue(ctx, `delete from vectors where tenant = ? and id in (select id from chunks where tenant = ? and document = ? and version = ?)`,
		r.Tenant, r.Tenant, r.Document, r.Version); err != nil {
		return err
	}
	if err := tx.Queue(ctx, `delete from chunks where tenant = ? and document = ? and version = ?`, r.Tenant, r.Document, r.Version); err != nil {
		return err
	}
	return tx.Queue(ctx, `delete from versions where tenant = ? and document = ? and version = ?`, r.Tenant, r.Document, r.Version)
}

// Commit makes intended versions live in one transaction: from then on they may
// be released. The version before is owed a retirement in the index and loses
// text and key, at once or when its batch can no longer be rolled back; the
// arrival that was judged loses its bytes and key.
func (c *Catalog) Commit(ctx context.Context, refs []catalog.Ref) error {
	return c.CommitWith(ctx, refs, func(Tx) error { return nil })
}

// CommitWith is Commit with something else that happens in the same transaction,
// last.
func (c *Catalog) CommitWith(ctx context.Context, refs []catalog.Ref, also func(Tx) error) error {
	return c.updateDocuments(ctx, "committing versions", refs, func(tx Tx) error {
		stored, err := c.stored(ctx, tx, refs)
		if err != nil {
			return err
		}
		before, err := c.liveRows(ctx, tx, refs)
		if err != nil {
			return err
		}
		gone, err := c.gone(ctx, tx, refs)
		if err != nil {
			return err
		}
		for _, r := range refs {
			name := r.Tenant + "\x00" + r.Document
			switch {
			case gone[name] && slices.ContainsFunc(stored[name], func(s row) bool { return s.ref == r && s.state != string(catalog.Intent) }):
				// Another job made this very version live.
			case gone[name]:
				err = retireVersion(ctx, tx, r)
			default:
				err = c.commit(ctx, tx, r, stored[name], before[name])
			}
			if err != nil {
				return err
			}
		}
		return also(tx)
	})
}

// gone are the documents whose arrival does not belong to this catalog's job
// any more, by tenant and document. Without a job there are none.
func (c *Catalog) gone(ctx context.Context, tx Tx, refs []catalog.Ref) (map[string]bool, error) {
	if c.job == "" {
		return nil, nil
	}
	out := map[string]bool{}
	for tenant, documents := range byTenant(refs) {
		list, err := c.list(documents)
		if err != nil {
			return nil, err
		}
		mine, err := column[string](ctx, tx, `select id from arrivals where tenant = ? and job = ? and `+c.in("id"), tenant, c.job, list)
		if err != nil {
			return nil, err
		}
		for _, d := range documents {
			if !slices.Contains(mine, d) {
				out[tenant+"\x00"+d] = true
			}
		}
	}
	return out, nil
}

// row is a version as it is stored.
type row struct {
	ref         catalog.Ref
	state       string
	key, record []byte
}

// stored reads all versions of documents, by tenant and document.
func (c *Catalog) stored(ctx context.Context, tx Tx, refs []catalog.Ref) (map[string][]row, error) {
	out := map[string][]row{}
	for tenant, documents := range byTenant(refs) {
		list, err := c.list(documents)
		if err != nil {
			return nil, err
		}
		err = each(ctx, tx, func(r Rows) error {
			v := row{ref: catalog.Ref{Tenant: tenant}}
			if err := r.Scan(&v.ref.Document, &v.ref.Version, &v.state, &v.key, &v.record); err != nil {
				return err
			}
			name := tenant + "\x00" + v.ref.Document
			out[name] = append(out[name], v)
			return nil
		}, `select document, version, state, key, record from versions where tenant = ? and `+c.in("document"), tenant, list)
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (c *Catalog) commit(ctx context.Context, tx Tx, r catalog.Ref, stored []row, before live) error {
	i := slices.IndexFunc(stored, func(s row) bool { return s.ref == r })
	if i < 0 {
		return catalog.ErrNotFound
	}
	v, err := c.record(stored[i])
	if err != nil {
		return err
	}
	if err := c.putDocument(ctx, tx, v); err != nil {
		return err
	}
	if len(stored) > 1 || stored[i].state != string(catalog.Intent) { // else nothing is kept beside the document
		if err := clearBeside(ctx, tx, r, c.now().Unix()); err != nil {
			return err
		}
	}
	if err := errors.Join(c.putPrints(ctx, tx, v), putSignature(ctx, tx, v), c.putLineage(ctx, tx, v)); err != nil {
		return err
	}
	restorable, err := c.remember(ctx, tx, v.Batch, r, before, v.Receipt.ID())
	if err != nil {
		return err
	}
	for _, old := range stored {
		if old.ref == r || old.state == "kept" {
			continue
		}
		away := retireVersion
		if restorable && old.state == "live" {
			away = keepVersion
		}
		if err := away(ctx, tx, old.ref); err != nil {
			return err
		}
	}
	if err := tx.Queue(ctx, `update versions set state = 'live' where tenant = ? and document = ? and version = ?`, r.Tenant, r.Document, r.Version); err != nil {
		return err
	}
	// Not one of other bytes, or that arrived meanwhile: it is still to be judged.
	return tx.Queue(ctx, `delete from arrivals where tenant = ? and id = ? and content = ? and (job = ? or state <> 'received')`,
		r.Tenant, r.Document, v.Content, c.job)
}

// clearBeside drops what is kept of a document's live version beside it, and ends
// that version's lineage.
func clearBeside(ctx context.Context, tx Tx, r catalog.Ref, now int64) error {
	for _, table := range []string{"prints", "printed", "signatures"} {
		if err := tx.Queue(ctx, `delete from `+table+` where tenant = ? and document = ?`, r.Tenant, r.Document); err != nil {
			return err
		}
	}
	return endLineage(ctx, tx, r, now)
}

// record opens a stored version, without its chunks.
func (c *Catalog) record(s row) (catalog.Version, error) {
	if v, ok := c.intended.get(s.ref, s.record); ok {
		return v, nil
	}
	var v catalog.Version
	sealer, err := c.keys.Document(s.ref.Tenant, s.ref.Document, s.key)
	if err != nil {
		return v, err
	}
	prints, err := openWith(sealer, s.record, &v, "record", s.ref.Tenant, s.ref.Document, s.ref.Version)
	if err != nil {
		return v, err
	}
	if len(prints) > 0 {
		if v.Prints, err = catalog.PrintsOf(prints); err != nil {
			return v, err
		}
	}
	v.Attributes, err = canonical(v.Attributes)
	return v, err
}

func (c *Catalog) putDocument(ctx context.Context, tx Tx, v catalog.Version) error {
	attributes, err := jsonText(v.Attributes)
	if err != nil {
		return err
	}
	signed, err := json.Marshal(v.Receipt)
	if err != nil {
		return err
	}
	findings, err := jsonText(v.Findings)
	if err != nil {
		return err
	}
	wrapper, err := c.keys.Wrapper(v.Tenant)
	if err != nil {
		return err
	}
	sealed, err := sealJSON(wrapper, facts{URI: v.URI, Title: v.Title}, "document", v.Tenant, v.Document)
	if err != nil {
		return err
	}
	now := c.now().Unix()
	return tx.Queue(ctx, `insert into documents
		(tenant, id, source, state, version, media_type, content, fingerprint, revision, claimed, attributes, receipt, findings, facts, received, updated, batch, submitter)
		values (?, ?, ?, 'live', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		on conflict (tenant, id) do update set source = excluded.source, state = excluded.state, version = excluded.version,
			media_type = excluded.media_type, content = excluded.content, fingerprint = excluded.fingerprint, revision = excluded.revision,
			claimed = excluded.claimed, attributes = excluded.attributes, receipt = excluded.receipt, findings = excluded.findings,
			facts = excluded.facts, updated = excluded.updated, batch = excluded.batch, submitter = excluded.submitter`,
		v.Tenant, v.Document, v.Source, v.Version, v.MediaType, v.Content, v.Fingerprint, v.Revision, v.Claimed,
		attributes, signed, findings, sealed, now, now, v.Batch, v.Submitter)
}

// SetAttributes replaces a live document's attributes and receipt. From its
// return on, every check uses the new ones; the index is owed the change.
func (c *Catalog) SetAttributes(ctx context.Context, v catalog.Version) error {
	return c.updateDocuments(ctx, "changing attributes", []catalog.Ref{v.Ref}, func(tx Tx) error {
		attributes, err := jsonText(v.Attributes)
		if err != nil {
			return err
		}
		signed, err := json.Marshal(v.Receipt)
		if err != nil {
			return err
		}
		before, err := c.liveRows(ctx, tx, []catalog.Ref{v.Ref})
		if err != nil {
			return err
		}
		if was := before[v.Tenant+"\x00"+v.Document]; was.Version == v.Version && v.Version != "" {
			if _, err := c.remember(ctx, tx, v.Batch, v.Ref, was, v.Receipt.ID()); err != nil {
				return err
			}
		}
		n, err := tx.Exec(ctx, `update documents set attributes = ?, receipt = ?, claimed = ?, fingerprint = ?, updated = ?
			where tenant = ? and id = ? and state = 'live' and version = ?`,
			attributes, signed, v.Claimed, v.Fingerprint, c.now().Unix(), v.Tenant, v.Document, v.Version)
		if err != nil {
			return err
		}
		if n != 1 {
			return catalog.ErrState
		}
		if err := renewLineage(ctx, tx, v.Ref, v.Receipt); err != nil {
			return err
		}
		return owe(ctx, tx, catalog.Task{Ref: v.Ref, Op: catalog.AttributesOp, Attributes: v.Attributes, Receipt: v.Receipt.ID()})
	})
}

// SetFingerprints records by what documents are told to be unchanged from now on,
// after they were read and their bytes, Content, found as they were. One that has
// changed meanwhile is left alone.
func (c *Catalog) SetFingerprints(ctx context.Context, list []catalog.Arrival) error {
	refs := make([]catalog.Ref, len(list))
	for i, a := range list {
		refs[i] = catalog.Ref{Tenant: a.Tenant, Document: a.ID}
	}
	return c.updateDocuments(ctx, "recording fingerprints", refs, func(tx Tx) error {
		for _, a := range list {
			for _, table := range []string{"documents", "arrivals"} {
				if err := tx.Queue(ctx, `update `+table+` set fingerprint = ? where tenant = ? and id = ? and content = ?`, a.Fingerprint, a.Tenant, a.ID, a.Content); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

func decodeAttributes(data string) (policy.Attributes, error) {
	var a policy.Attributes
	if err := unmarshalExact(data, &a); err != nil {
		return nil, fmt.Errorf("reading attributes: %w", err)
	}
	return canonical(a)
}

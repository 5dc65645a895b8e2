package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/doorward/doorward/ingest/catalog"
	"github.com/doorward/doorward/policy"
	"github.com/doorward/doorward/sanitize"
)

// passage is the sealed part of a chunk.
type passage struct {
	Span     sanitize.Span      `json:"span"`
	Headings []string           `json:"headings,omitempty"`
	Tokens   int                `json:"tokens"`
	Text     string             `json:"text"`
	Findings []sanitize.Finding `json:"findings,omitempty"`
	Removed  map[string]int     `json:"removed,omitempty"`
	Scanner  string             `json:"scanner"`
}

// Intend stores versions with all their chunks before any of it is indexed.
func (c *Catalog) Intend(ctx context.Context, versions []catalog.Version) error {
	return c.update(ctx, "storing versions", func(tx *sql.Tx) error {
		for _, v := range versions {
			if err := c.intend(ctx, tx, v); err != nil {
				return err
			}
		}
		return nil
	})
}

func (c *Catalog) intend(ctx context.Context, tx *sql.Tx, v catalog.Version) error {
	if err := dropVersion(ctx, tx, v.Ref); err != nil { // an intent of an interrupted run
		return err
	}
	sealer, key, err := c.keys.NewDocument(v.Tenant, v.Document)
	if err != nil {
		return err
	}
	chunks := v.Chunks
	v.Chunks = nil
	record, err := sealJSON(sealer, v, "record", v.Tenant, v.Document, v.Version)
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `insert into versions values (?, ?, ?, ?, ?, ?)`,
		v.Tenant, v.Document, v.Version, catalog.Intent, key, record); err != nil {
		return err
	}
	insert, err := tx.PrepareContext(ctx, `insert into chunks values (?, ?, ?, ?, ?, ?, ?, ?)`)
	if err != nil {
		return err
	}
	defer insert.Close()
	for _, ch := range chunks {
		p := passage{ch.Span, ch.Headings, ch.Tokens, ch.Text, ch.Findings, ch.Removed, ch.Scanner}
		sealed, err := sealJSON(sealer, p, "chunk", v.Tenant, ch.ID)
		if err != nil {
			return err
		}
		if _, err := insert.ExecContext(ctx, v.Tenant, ch.ID, v.Document, v.Version, ch.Ordinal, sealed,
			encodeTerms(ch.Terms), encodeVector(ch.Vector)); err != nil {
			return err
		}
	}
	return nil
}

func dropVersion(ctx context.Context, tx *sql.Tx, r catalog.Ref) error {
	if _, err := tx.ExecContext(ctx, `delete from chunks where tenant = ? and document = ? and version = ?`, r.Tenant, r.Document, r.Version); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `delete from versions where tenant = ? and document = ? and version = ?`, r.Tenant, r.Document, r.Version)
	return err
}

// Commit makes intended versions live in one transaction: from then on they may
// be released. The version before loses text and key at once and is owed a
// retirement in the index; the arrival loses its bytes and key.
func (c *Catalog) Commit(ctx context.Context, refs []catalog.Ref) error {
	return c.update(ctx, "committing versions", func(tx *sql.Tx) error {
		for _, r := range refs {
			if err := c.commit(ctx, tx, r); err != nil {
				return err
			}
		}
		return nil
	})
}

func (c *Catalog) commit(ctx context.Context, tx *sql.Tx, r catalog.Ref) error {
	v, err := c.version(ctx, tx, r)
	if err != nil {
		return err
	}
	if err := c.putDocument(ctx, tx, v); err != nil {
		return err
	}
	if err := putPrints(ctx, tx, v); err != nil {
		return err
	}
	rows, err := tx.QueryContext(ctx, `select version from versions where tenant = ? and document = ? and version <> ?`, r.Tenant, r.Document, r.Version)
	if err != nil {
		return err
	}
	old, err := collect[string](rows)
	if err != nil {
		return err
	}
	for _, version := range old {
		if err := retireVersion(ctx, tx, catalog.Ref{Tenant: r.Tenant, Document: r.Document, Version: version}); err != nil {
			return err
		}
	}
	if _, err := tx.ExecContext(ctx, `update versions set state = ? where tenant = ? and document = ? and version = ?`, catalog.Live, r.Tenant, r.Document, r.Version); err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `delete from arrivals where tenant = ? and id = ?`, r.Tenant, r.Document)
	return err
}

// version reads an intended or live version's record back.
func (c *Catalog) version(ctx context.Context, q querier, r catalog.Ref) (catalog.Version, error) {
	var v catalog.Version
	var key, record []byte
	err := q.QueryRowContext(ctx, `select key, record from versions where tenant = ? and document = ? and version = ?`, r.Tenant, r.Document, r.Version).Scan(&key, &record)
	if errors.Is(err, sql.ErrNoRows) {
		return v, catalog.ErrNotFound
	}
	if err != nil {
		return v, err
	}
	sealer, err := c.keys.Document(r.Tenant, r.Document, key)
	if err != nil {
		return v, err
	}
	if err := openJSON(sealer, record, &v, "record", r.Tenant, r.Document, r.Version); err != nil {
		return v, err
	}
	v.Attributes, err = canonical(v.Attributes)
	return v, err
}

func (c *Catalog) putDocument(ctx context.Context, tx *sql.Tx, v catalog.Version) error {
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
	_, err = tx.ExecContext(ctx, `insert into documents
		(tenant, id, source, state, version, media_type, content, fingerprint, revision, claimed, attributes, receipt, findings, facts, received, updated)
		values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		on conflict (tenant, id) do update set source = excluded.source, state = excluded.state, version = excluded.version,
			media_type = excluded.media_type, content = excluded.content, fingerprint = excluded.fingerprint, revision = excluded.revision,
			claimed = excluded.claimed, attributes = excluded.attributes, receipt = excluded.receipt, findings = excluded.findings,
			facts = excluded.facts, updated = excluded.updated`,
		v.Tenant, v.Document, v.Source, catalog.Live, v.Version, v.MediaType, v.Content, v.Fingerprint, v.Revision, v.Claimed,
		attributes, signed, findings, sealed, now, now)
	return err
}

// putPrints replaces a document's fingerprints.
func putPrints(ctx context.Context, tx *sql.Tx, v catalog.Version) error {
	if _, err := tx.ExecContext(ctx, `delete from prints where tenant = ? and document = ?`, v.Tenant, v.Document); err != nil {
		return err
	}
	if len(v.Prints) == 0 {
		return nil
	}
	insert, err := tx.PrepareContext(ctx, `insert or ignore into prints values (?, ?, ?)`)
	if err != nil {
		return err
	}
	defer insert.Close()
	for _, p := range v.Prints {
		if _, err := insert.ExecContext(ctx, v.Tenant, int64(p), v.Document); err != nil {
			return err
		}
	}
	return nil
}

// retireVersion forgets a version's text and key, and owes the index its removal.
func retireVersion(ctx context.Context, tx *sql.Tx, r catalog.Ref) error {
	if err := dropVersion(ctx, tx, r); err != nil {
		return err
	}
	return owe(ctx, tx, catalog.Task{Ref: r, Op: catalog.RetireOp})
}

func owe(ctx context.Context, tx *sql.Tx, t catalog.Task) error {
	attributes, err := jsonText(t.Attributes)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `insert into tasks (tenant, document, version, op, attributes, receipt) values (?, ?, ?, ?, ?, ?)`,
		t.Tenant, t.Document, t.Version, t.Op, attributes, t.Receipt)
	return err
}

// Retire takes documents out: text and keys are gone at once, nothing of them
// is released from now on, and the index is owed their removal. An arrival
// waiting for the same document goes with it.
func (c *Catalog) Retire(ctx context.Context, refs []catalog.Ref, state catalog.State) error {
	return c.update(ctx, "retiring documents", func(tx *sql.Tx) error {
		for _, r := range refs {
			if err := c.takeOut(ctx, tx, r, state); err != nil {
				return err
			}
			if _, err := tx.ExecContext(ctx, `delete from arrivals where tenant = ? and id = ?`, r.Tenant, r.Document); err != nil {
				return err
			}
		}
		return nil
	})
}

// Withdraw retires what is live of documents and keeps their waiting arrivals.
func (c *Catalog) Withdraw(ctx context.Context, refs []catalog.Ref) error {
	return c.update(ctx, "withdrawing documents", func(tx *sql.Tx) error {
		for _, r := range refs {
			if err := c.takeOut(ctx, tx, r, catalog.Retired); err != nil {
				return err
			}
		}
		return nil
	})
}

func (c *Catalog) takeOut(ctx context.Context, tx *sql.Tx, r catalog.Ref, state catalog.State) error {
	rows, err := tx.QueryContext(ctx, `select version from versions where tenant = ? and document = ?`, r.Tenant, r.Document)
	if err != nil {
		return err
	}
	versions, err := collect[string](rows)
	if err != nil {
		return err
	}
	for _, v := range versions {
		if err := retireVersion(ctx, tx, catalog.Ref{Tenant: r.Tenant, Document: r.Document, Version: v}); err != nil {
			return err
		}
	}
	if _, err := tx.ExecContext(ctx, `delete from prints where tenant = ? and document = ?`, r.Tenant, r.Document); err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `update documents set state = ?, version = '', receipt = x'', facts = x'', attributes = '{}', findings = '{}', updated = ?
		where tenant = ? and id = ?`, state, c.now().Unix(), r.Tenant, r.Document)
	return err
}

// SetAttributes replaces a live document's attributes and receipt. From its
// return on, every check uses the new ones; the index is owed the change.
func (c *Catalog) SetAttributes(ctx context.Context, v catalog.Version) error {
	return c.update(ctx, "changing attributes", func(tx *sql.Tx) error {
		attributes, err := jsonText(v.Attributes)
		if err != nil {
			return err
		}
		signed, err := json.Marshal(v.Receipt)
		if err != nil {
			return err
		}
		res, err := tx.ExecContext(ctx, `update documents set attributes = ?, receipt = ?, claimed = ?, fingerprint = ?, updated = ?
			where tenant = ? and id = ? and state = ? and version = ?`,
			attributes, signed, v.Claimed, v.Fingerprint, c.now().Unix(), v.Tenant, v.Document, catalog.Live, v.Version)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n != 1 {
			return errors.Join(catalog.ErrState, err)
		}
		return owe(ctx, tx, catalog.Task{Ref: v.Ref, Op: catalog.AttributesOp, Attributes: v.Attributes, Receipt: v.Receipt.ID()})
	})
}

// Tasks returns the index work still owed, oldest first, with the numbers Done
// takes.
func (c *Catalog) Tasks(ctx context.Context) ([]catalog.Task, []int64, error) {
	rows, err := c.read.QueryContext(ctx, `select seq, tenant, document, version, op, attributes, receipt from tasks order by seq`)
	if err != nil {
		return nil, nil, unavailable("reading tasks", err)
	}
	defer rows.Close()
	var tasks []catalog.Task
	var seqs []int64
	for rows.Next() {
		var t catalog.Task
		var seq int64
		var attributes string
		if err := rows.Scan(&seq, &t.Tenant, &t.Document, &t.Version, &t.Op, &attributes, &t.Receipt); err != nil {
			return nil, nil, unavailable("reading tasks", err)
		}
		if t.Attributes, err = decodeAttributes(attributes); err != nil {
			return nil, nil, unavailable("reading tasks", err)
		}
		tasks, seqs = append(tasks, t), append(seqs, seq)
	}
	if err := rows.Err(); err != nil {
		return nil, nil, unavailable("reading tasks", err)
	}
	return tasks, seqs, nil
}

// Done forgets tasks that were carried out.
func (c *Catalog) Done(ctx context.Context, seqs []int64) error {
	return c.update(ctx, "finishing tasks", func(tx *sql.Tx) error {
		for _, s := range seqs {
			if _, err := tx.ExecContext(ctx, `delete from tasks where seq = ?`, s); err != nil {
				return err
			}
		}
		return nil
	})
}

// querier is what *sql.DB and *sql.Tx share.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

func collect[T any](rows *sql.Rows) ([]T, error) {
	defer rows.Close()
	var list []T
	for rows.Next() {
		var v T
		if err := rows.Scan(&v); err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, rows.Err()
}

func decodeAttributes(data string) (policy.Attributes, error) {
	var a policy.Attributes
	if err := unmarshalExact(data, &a); err != nil {
		return nil, fmt.Errorf("reading attributes: %w", err)
	}
	return canonical(a)
}

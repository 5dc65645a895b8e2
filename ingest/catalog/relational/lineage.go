package relational

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/doorward/doorward/ingest/catalog"
	"github.com/doorward/doorward/ingest/receipt"
)

// origin is the sealed part of a lineage row, lineageFacts the plain one.
type origin struct {
	URI      string          `json:"uri,omitempty"`
	Manifest json.RawMessage `json:"manifest,omitempty"`
}

type lineageFacts struct {
	Source    string         `json:"source"`
	Submitter string         `json:"submitter,omitempty"`
	Content   string         `json:"content"`
	Connector string         `json:"connector,omitempty"`
	Sequence  int64          `json:"sequence,omitempty"`
	Verdict   string         `json:"verdict,omitempty"`
	Scanner   string         `json:"scanner,omitempty"`
	Policy    string         `json:"policy,omitempty"`
	ReceiptBy string         `json:"receipt_key,omitempty"`
	Chunks    int            `json:"chunks"`
	Findings  map[string]int `json:"findings,omitempty"`
	Erased    bool           `json:"erased,omitempty"`
}

// putLineage records a version that becomes live; those before it must have ended,
// see [clearBeside].
func (c *Catalog) putLineage(ctx context.Context, tx Tx, v catalog.Version) error {
	now := c.now().Unix()
	sealed, err := c.sealedRow(v.Tenant, origin{v.URI, json.RawMessage(v.Manifest)}, "lineage", v.Tenant, v.Document, v.Version)
	if err != nil {
		return err
	}
	r := v.Receipt
	facts, err := jsonText(lineageFacts{Source: v.Source, Submitter: v.Submitter, Content: v.Content, Connector: v.Connector, Sequence: v.Sequence,
		Verdict: r.Verdict, Scanner: r.Scanner, Policy: r.Policy, ReceiptBy: r.KeyID, Chunks: len(r.Chunks), Findings: v.Findings})
	if err != nil {
		return err
	}
	return tx.Queue(ctx, `insert into lineage (tenant, document, version, batch, receipt, origin, facts, recorded, ended) values (?, ?, ?, ?, ?, ?, ?, ?, 0)
		on conflict (tenant, document, version) do update set batch = excluded.batch, receipt = excluded.receipt, origin = excluded.origin,
			facts = excluded.facts, recorded = excluded.recorded, ended = 0`,
		v.Tenant, v.Document, v.Version, v.Batch, r.ID(), sealed, facts, now)
}

// renewLineage has a live version's lineage name the receipt that covers it from
// now on: after a change of attributes, a re-scan or a roll-back of either.
func renewLineage(ctx context.Context, tx Tx, r catalog.Ref, signed receipt.Signed) error {
	var text string
	err := one(ctx, tx, `select facts from lineage where tenant = ? and document = ? and version = ?`, []any{r.Tenant, r.Document, r.Version}, &text)
	if errors.Is(err, catalog.ErrNotFound) {
		return nil // it came in before there was lineage
	}
	if err != nil {
		return err
	}
	var f lineageFacts
	if err := json.Unmarshal([]byte(text), &f); err != nil {
		return err
	}
	f.Verdict, f.Scanner, f.Policy, f.ReceiptBy = signed.Verdict, signed.Scanner, signed.Policy, signed.KeyID
	if text, err = jsonText(f); err != nil {
		return err
	}
	return tx.Queue(ctx, `update lineage set receipt = ?, facts = ? where tenant = ? and document = ? and version = ?`, signed.ID(), text, r.Tenant, r.Document, r.Version)
}

// endLineage ends what was live of a document.
func endLineage(ctx context.Context, tx Tx, r catalog.Ref, now int64) error {
	return tx.Queue(ctx, `update lineage set ended = ? where tenant = ? and document = ? and ended = 0`, now, r.Tenant, r.Document)
}

// eraseLineage leaves keyed hashes only of where a document came from.
func eraseLineage(ctx context.Context, tx Tx, r catalog.Ref) error {
	type kept struct{ version, facts string }
	var rows []kept
	err := each(ctx, tx, func(r Rows) error {
		var k kept
		err := r.Scan(&k.version, &k.facts)
		rows = append(rows, k)
		return err
	}, `select version, facts from lineage where tenant = ? and document = ?`, r.Tenant, r.Document)
	if err != nil {
		return err
	}
	for _, k := range rows {
		var f lineageFacts
		if err := json.Unmarshal([]byte(k.facts), &f); err != nil {
			return err
		}
		facts, err := jsonText(lineageFacts{Source: f.Source, Content: f.Content, Verdict: f.Verdict, Scanner: f.Scanner, Policy: f.Policy, ReceiptBy: f.ReceiptBy, Chunks: f.Chunks, Erased: true})
		if err != nil {
			return err
		}
		if err := tx.Queue(ctx, `update lineage set origin = ?, facts = ? where tenant = ? and document = ? and version = ?`, empty(), facts, r.Tenant, r.Document, k.version); err != nil {
			return err
		}
	}
	for _, table := range []string{"notes", "manifests"} {
		if err := tx.Queue(ctx, `delete from `+table+` where tenant = ? and document = ?`, r.Tenant, r.Document); err != nil {
			return err
		}
	}
	return nil
}

// Lineage returns every version of a document that was ever live, newest first.
func (c *Catalog) Lineage(ctx context.Context, tenant, document string) ([]catalog.Lineage, error) {
	return c.lineage(ctx, tenant, `document = ?`, document)
}

// LineageOf returns the versions with a name, of whatever documents.
func (c *Catalog) LineageOf(ctx context.Context, tenant, version string) ([]catalog.Lineage, error) {
	return c.lineage(ctx, tenant, `version = ?`, version)
}

func (c *Catalog) lineage(ctx context.Context, tenant, where string, value string) ([]catalog.Lineage, error) {
	var out []catalog.Lineage
	err := each(ctx, c.db, func(r Rows) error {
		l := catalog.Lineage{Tenant: tenant, State: catalog.Live}
		var sealed []byte
		var facts string
		var recorded, ended int64
		if err := r.Scan(&l.Document, &l.Version, &l.Batch, &l.Receipt, &sealed, &facts, &recorded, &ended); err != nil {
			return err
		}
		var f lineageFacts
		if err := json.Unmarshal([]byte(facts), &f); err != nil {
			return err
		}
		l.Source, l.Submitter, l.Content, l.Connector, l.Sequence = f.Source, f.Submitter, f.Content, f.Connector, f.Sequence
		l.Verdict, l.Scanner, l.Policy, l.ReceiptBy, l.Chunks, l.Findings = f.Verdict, f.Scanner, f.Policy, f.ReceiptBy, f.Chunks, f.Findings
		if l.Recorded = time.Unix(recorded, 0).UTC(); ended > 0 {
			l.Ended, l.State = time.Unix(ended, 0).UTC(), catalog.Retired
		}
		if f.Erased {
			l.State = catalog.Erased
		}
		if len(sealed) > 0 {
			var o origin
			if err := c.openRow(tenant, sealed, &o, "lineage", tenant, l.Document, l.Version); err != nil {
				return err
			}
			l.URI, l.Manifest = o.URI, o.Manifest
		}
		out = append(out, l)
		return nil
	}, `select document, version, batch, receipt, origin, facts, recorded, ended from lineage where tenant = ? and `+where+` order by recorded desc, version`, tenant, value)
	if err != nil {
		return nil, unavailable("reading lineage", err)
	}
	return out, nil
}

// ChunkOwner returns which stored version a chunk belongs to.
func (c *Catalog) ChunkOwner(ctx context.Context, tenant, chunk string) (catalog.Ref, error) {
	r := catalog.Ref{Tenant: tenant}
	err := one(ctx, c.db, `select document, version from chunks where tenant = ? and id = ?`, []any{tenant, chunk}, &r.Document, &r.Version)
	if err != nil && !errors.Is(err, catalog.ErrNotFound) {
		return r, unavailable("looking for a chunk", err)
	}
	return r, err
}

// ChunkIDs lists the stored chunks of a version, in order.
func (c *Catalog) ChunkIDs(ctx context.Context, r catalog.Ref) ([]string, error) {
	ids, err := column[string](ctx, c.db, `select id from chunks where tenant = ? and document = ? and version = ? order by ordinal`, r.Tenant, r.Document, r.Version)
	if err != nil {
		return nil, unavailable("listing chunks", err)
	}
	return ids, nil
}

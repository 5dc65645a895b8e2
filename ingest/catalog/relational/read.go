package relational

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/doorward/doorward/ingest/catalog"
	"github.com/doorward/doorward/policy"
)

// list makes a list argument for [Catalog.in].
func (c *Catalog) list(values any) (any, error) { return c.db.Dialect().List(values) }

// in is the condition that a column is one of a list.
func (c *Catalog) in(column string) string { return c.db.Dialect().In(column) }

// Documents implements [catalog.Reader].
func (c *Catalog) Documents(ctx context.Context, tenant string, ids []string) (map[string]catalog.Document, error) {
	out := make(map[string]catalog.Document, len(ids))
	version, holds, err := c.hot.at(ctx, c.db)
	if err != nil {
		return nil, unavailable("reading documents", err)
	}
	if holds {
		if ids = held(c.hot, hotDocuments, version, tenant, ids, out); len(ids) == 0 {
			return out, nil
		}
	}
	list, err := c.list(ids)
	if err != nil {
		return nil, unavailable("reading documents", err)
	}
	err = each(ctx, c.db, func(r Rows) error {
		d, raw, err := scanRow(r)
		if err == nil {
			d, err = c.decoded.of(d, raw, c.decode)
		}
		if err == nil && holds {
			hold(c.hot, hotDocuments, version, tenant, d.ID, d, hotOverhead+raw.size())
		}
		out[d.ID] = d
		return err
	}, c.documents, tenant, list)
	if err != nil {
		return nil, unavailable("reading documents", err)
	}
	return out, nil
}

const documentColumns = `select tenant, id, source, state, version, media_type, content, attributes, receipt, findings, facts, received, updated, batch, submitter from documents`

// rawDocument is what of a document's row must be decoded.
type rawDocument struct {
	attributes, findings string
	signed, sealed       []byte
}

func scanRow(rows Rows) (d catalog.Document, raw rawDocument, err error) {
	var received, updated int64
	err = rows.Scan(&d.Tenant, &d.ID, &d.Source, &d.State, &d.Version, &d.MediaType, &d.Content, &raw.attributes, &raw.signed, &raw.findings, &raw.sealed, &received, &updated, &d.Batch, &d.Submitter)
	d.Received, d.Updated = time.Unix(received, 0).UTC(), time.Unix(updated, 0).UTC()
	return d, raw, err
}

func (c *Catalog) scanDocument(rows Rows) (catalog.Document, error) {
	d, raw, err := scanRow(rows)
	if err != nil {
		return d, err
	}
	return c.decode(d, raw)
}

// decode reads the rest of a document from what its row holds.
func (c *Catalog) decode(d catalog.Document, raw rawDocument) (_ catalog.Document, err error) {
	if d.Attributes, err = decodeAttributes(raw.attributes); err != nil {
		return d, err
	}
	if err := json.Unmarshal([]byte(raw.findings), &d.Findings); err != nil {
		return d, err
	}
	if d.State != catalog.Live {
		return d, nil
	}
	if err := json.Unmarshal(raw.signed, &d.Receipt); err != nil {
		return d, err
	}
	wrapper, err := c.keys.Wrapper(d.Tenant)
	if err != nil {
		return d, err
	}
	var f facts
	if err := openJSON(wrapper, raw.sealed, &f, "document", d.Tenant, d.ID); err != nil {
		return d, err
	}
	d.URI, d.Title = f.URI, f.Title
	return d, nil
}

// Open implements [catalog.Reader].
func (c *Catalog) Open(ctx context.Context, tenant string, ids []string) (map[string]catalog.Chunk, error) {
	out := make(map[string]catalog.Chunk, len(ids))
	version, holds, err := c.hot.at(ctx, c.db)
	if err != nil {
		return nil, unavailable("reading chunks", err)
	}
	if holds {
		if ids = held(c.hot, hotChunks, version, tenant, ids, out); len(ids) == 0 {
			return out, nil
		}
	}
	list, err := c.list(ids)
	if err != nil {
		return nil, unavailable("reading chunks", err)
	}
	err = each(ctx, c.db, func(r Rows) error {
		var ch catalog.Chunk
		var sealed, key []byte
		if err := r.Scan(&ch.ID, &ch.Document, &ch.Version, &ch.Ordinal, &sealed, &key); err != nil {
			return err
		}
		if err := c.unseal(tenant, &ch, sealed, key); err != nil {
			return err
		}
		if holds {
			hold(c.hot, hotChunks, version, tenant, ch.ID, ch, hotOverhead+len(ch.Text))
		}
		out[ch.ID] = ch
		return nil
	}, c.open, tenant, list)
	if err != nil {
		return nil, unavailable("opening chunks", err)
	}
	return out, nil
}

func (c *Catalog) unseal(tenant string, ch *catalog.Chunk, sealed, key []byte) error {
	sealer, err := c.keys.Document(tenant, ch.Document, key)
	if err != nil {
		return err
	}
	var p passage
	text, err := openWith(sealer, sealed, &p, "chunk", tenant, ch.ID)
	if err != nil {
		return err
	}
	if text != nil {
		p.Text = string(text)
	}
	ch.Span, ch.Headings, ch.Tokens, ch.Text = p.Span, p.Headings, p.Tokens, p.Text
	ch.Findings, ch.Removed, ch.Scanner = p.Findings, p.Removed, p.Scanner
	return nil
}

// Known returns what is known of documents, for telling changed from unchanged.
func (c *Catalog) Known(ctx context.Context, tenant string, ids []string) (map[string]catalog.Known, error) {
	list, err := c.list(ids)
	if err != nil {
		return nil, unavailable("reading documents", err)
	}
	out := make(map[string]catalog.Known, len(ids))
	for _, q := range []string{
		`select id, source, content, fingerprint, revision, state, claimed, version from documents where tenant = ? and ` + c.in("id"),
		// A waiting arrival is newer than the live version, unless it was never judged.
		`select id, source, content, fingerprint, revision, state, claimed, '' from arrivals where tenant = ? and state <> 'received' and ` + c.in("id"),
	} {
		err := each(ctx, c.db, func(r Rows) error {
			var id string
			var k catalog.Known
			if err := r.Scan(&id, &k.Source, &k.Content, &k.Fingerprint, &k.Revision, &k.State, &k.Claimed, &k.Version); err != nil {
				return err
			}
			if live := out[id]; live.State == catalog.Live {
				k.Version = live.Version // held: the version before stays live
			}
			out[id] = k
			return nil
		}, q, tenant, list)
		if err != nil {
			return nil, unavailable("reading documents", err)
		}
	}
	return out, nil
}

// Intents returns the versions that were stored but not committed, with their
// chunks, for recovery.
func (c *Catalog) Intents(ctx context.Context) ([]catalog.Version, error) {
	var refs []catalog.Ref
	err := each(ctx, c.db, func(rows Rows) error {
		var r catalog.Ref
		if err := rows.Scan(&r.Tenant, &r.Document, &r.Version); err != nil {
			return err
		}
		refs = append(refs, r)
		return nil
	}, `select tenant, document, version from versions where state = 'next' order by 1, 2, 3`)
	if err != nil {
		return nil, unavailable("reading intents", err)
	}
	var out []catalog.Version
	for _, r := range refs {
		v, err := c.Version(ctx, r)
		if errors.Is(err, catalog.ErrNotFound) {
			continue // finished by another process since
		}
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

// Version returns one stored version with its chunks.
func (c *Catalog) Version(ctx context.Context, r catalog.Ref) (catalog.Version, error) {
	stored := row{ref: r}
	err := one(ctx, c.db, `select key, record from versions where tenant = ? and document = ? and version = ?`,
		[]any{r.Tenant, r.Document, r.Version}, &stored.key, &stored.record)
	if errors.Is(err, catalog.ErrNotFound) {
		return catalog.Version{}, failed("reading version", err)
	}
	if err != nil {
		return catalog.Version{}, unavailable("reading version", err)
	}
	v, err := c.record(stored)
	if err != nil {
		return v, unavailable("opening version", err)
	}
	err = each(ctx, c.db, func(rows Rows) error {
		ch := catalog.StoredChunk{Chunk: catalog.Chunk{Document: r.Document, Version: r.Version}}
		var sealed, terms, vector []byte
		if err := rows.Scan(&ch.ID, &ch.Ordinal, &sealed, &terms, &vector); err != nil {
			return err
		}
		if err := c.unseal(r.Tenant, &ch.Chunk, sealed, stored.key); err != nil {
			return err
		}
		var err error
		ch.Terms, err = decodeTerms(terms)
		ch.Vector = decodeVector(vector)
		v.Chunks = append(v.Chunks, ch)
		return err
	}, `select id, ordinal, sealed, terms, vector from chunks where tenant = ? and document = ? and version = ? order by ordinal`, r.Tenant, r.Document, r.Version)
	if err != nil {
		return v, unavailable("reading version", err)
	}
	return v, nil
}

// Live calls yield for every live document of a tenant, by id; source "" means
// all sources.
func (c *Catalog) Live(ctx context.Context, tenant, source string, yield func(catalog.Document) error) error {
	var stopped error // yield's own, given back as it is
	err := each(ctx, c.db, func(r Rows) error {
		d, err := c.scanDocument(r)
		if err != nil {
			return err
		}
		stopped = yield(d)
		return stopped
	}, documentColumns+` where tenant = ? and state = 'live' and (? = '' or source = ?) order by id`, tenant, source, source)
	if err != nil && stopped == nil {
		return unavailable("listing documents", err)
	}
	return stopped
}

// LiveIDs is Live for the ids alone, in no order: nothing is opened or decoded, which
// is most of what reading a document costs.
func (c *Catalog) LiveIDs(ctx context.Context, tenant, source string, yield func(id string)) error {
	err := each(ctx, c.db, func(r Rows) error {
		var id string
		if err := r.Scan(&id); err != nil {
			return err
		}
		yield(id)
		return nil
	}, `select id from documents where tenant = ? and state = 'live' and (? = '' or source = ?)`, tenant, source, source)
	if err != nil {
		return unavailable("listing documents", err)
	}
	return nil
}

// Tenants lists the tenants that have documents or arrivals.
func (c *Catalog) Tenants(ctx context.Context) ([]string, error) {
	list, err := column[string](ctx, c.db, `select tenant from documents union select tenant from arrivals order by 1`)
	if err != nil {
		return nil, unavailable("listing tenants", err)
	}
	return list, nil
}

func unmarshalExact(data string, v any) error {
	d := json.NewDecoder(strings.NewReader(data))
	d.UseNumber() // integers stay integers
	return d.Decode(v)
}

// canonical turns decoded JSON back into normalised attributes: integers are
// int64 again.
func canonical(a policy.Attributes) (policy.Attributes, error) {
	for k, v := range a {
		c, err := canonicalValue(v)
		if err != nil {
			return nil, err
		}
		a[k] = c
	}
	return a, nil
}

func canonicalValue(v any) (any, error) {
	switch v := v.(type) {
	case json.Number:
		return v.Int64()
	case float64: // through a sealed record, which is decoded without UseNumber
		return int64(v), nil
	case []any:
		for i := range v {
			c, err := canonicalValue(v[i])
			if err != nil {
				return nil, err
			}
			v[i] = c
		}
	case map[string]any:
		for k := range v {
			c, err := canonicalValue(v[k])
			if err != nil {
				return nil, err
			}
			v[k] = c
		}
	}
	return v, nil
}

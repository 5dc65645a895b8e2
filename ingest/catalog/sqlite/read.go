package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/doorward/doorward/ingest/catalog"
	"github.com/doorward/doorward/policy"
	"github.com/doorward/doorward/sanitize/fingerprint"
)

// Documents implements [catalog.Reader].
func (c *Catalog) Documents(ctx context.Context, tenant string, ids []string) (map[string]catalog.Document, error) {
	out := make(map[string]catalog.Document, len(ids))
	list, err := jsonText(ids)
	if err != nil {
		return nil, unavailable("reading documents", err)
	}
	rows, err := c.documents.QueryContext(ctx, tenant, list)
	if err != nil {
		return nil, unavailable("reading documents", err)
	}
	defer rows.Close()
	for rows.Next() {
		d, err := c.scanDocument(rows)
		if err != nil {
			return nil, unavailable("reading documents", err)
		}
		out[d.ID] = d
	}
	if err := rows.Err(); err != nil {
		return nil, unavailable("reading documents", err)
	}
	return out, nil
}

const documentColumns = `select tenant, id, source, state, version, media_type, content, attributes, receipt, findings, facts, received, updated from documents`

const documentsByID = documentColumns + ` where tenant = ? and state = 'live' and id in (select value from json_each(?))`

const chunksByID = `select c.id, c.document, c.version, c.ordinal, c.sealed, v.key from chunks c
	join versions v on v.tenant = c.tenant and v.document = c.document and v.version = c.version and v.state = 'live'
	where c.tenant = ? and c.id in (select value from json_each(?))`

func (c *Catalog) scanDocument(rows *sql.Rows) (catalog.Document, error) {
	var d catalog.Document
	var attributes, findings string
	var signed, sealed []byte
	var received, updated int64
	err := rows.Scan(&d.Tenant, &d.ID, &d.Source, &d.State, &d.Version, &d.MediaType, &d.Content, &attributes, &signed, &findings, &sealed, &received, &updated)
	if err != nil {
		return d, err
	}
	d.Received, d.Updated = time.Unix(received, 0).UTC(), time.Unix(updated, 0).UTC()
	if d.Attributes, err = decodeAttributes(attributes); err != nil {
		return d, err
	}
	if err := json.Unmarshal([]byte(findings), &d.Findings); err != nil {
		return d, err
	}
	if d.State != catalog.Live {
		return d, nil
	}
	if err := json.Unmarshal(signed, &d.Receipt); err != nil {
		return d, err
	}
	wrapper, err := c.keys.Wrapper(d.Tenant)
	if err != nil {
		return d, err
	}
	var f facts
	if err := openJSON(wrapper, sealed, &f, "document", d.Tenant, d.ID); err != nil {
		return d, err
	}
	d.URI, d.Title = f.URI, f.Title
	return d, nil
}

// Open implements [catalog.Reader].
func (c *Catalog) Open(ctx context.Context, tenant string, ids []string) (map[string]catalog.Chunk, error) {
	list, err := jsonText(ids)
	if err != nil {
		return nil, unavailable("reading chunks", err)
	}
	rows, err := c.open.QueryContext(ctx, tenant, list)
	if err != nil {
		return nil, unavailable("reading chunks", err)
	}
	defer rows.Close()
	out := make(map[string]catalog.Chunk, len(ids))
	for rows.Next() {
		var ch catalog.Chunk
		var sealed, key []byte
		if err := rows.Scan(&ch.ID, &ch.Document, &ch.Version, &ch.Ordinal, &sealed, &key); err != nil {
			return nil, unavailable("reading chunks", err)
		}
		if err := c.unseal(tenant, &ch, sealed, key); err != nil {
			return nil, unavailable("opening chunks", err)
		}
		out[ch.ID] = ch
	}
	if err := rows.Err(); err != nil {
		return nil, unavailable("reading chunks", err)
	}
	return out, nil
}

func (c *Catalog) unseal(tenant string, ch *catalog.Chunk, sealed, key []byte) error {
	sealer, err := c.keys.Document(tenant, ch.Document, key)
	if err != nil {
		return err
	}
	var p passage
	if err := openJSON(sealer, sealed, &p, "chunk", tenant, ch.ID); err != nil {
		return err
	}
	ch.Span, ch.Headings, ch.Tokens, ch.Text = p.Span, p.Headings, p.Tokens, p.Text
	ch.Findings, ch.Removed, ch.Scanner = p.Findings, p.Removed, p.Scanner
	return nil
}

// Owners returns, for each print, the live protected documents that keep it. It
// is what the output filter asks (sanitize/output.Protected).
func (c *Catalog) Owners(ctx context.Context, tenant string, prints []fingerprint.Print) ([][]string, error) {
	keys := make([]int64, len(prints))
	for i, p := range prints {
		keys[i] = int64(p)
	}
	list, err := jsonText(keys)
	if err != nil {
		return nil, unavailable("reading fingerprints", err)
	}
	rows, err := c.read.QueryContext(ctx, `select print, document from prints where tenant = ? and print in (select value from json_each(?)) order by 1, 2`, tenant, list)
	if err != nil {
		return nil, unavailable("reading fingerprints", err)
	}
	defer rows.Close()
	owners := map[int64][]string{}
	for rows.Next() {
		var print int64
		var document string
		if err := rows.Scan(&print, &document); err != nil {
			return nil, unavailable("reading fingerprints", err)
		}
		owners[print] = append(owners[print], document)
	}
	if err := rows.Err(); err != nil {
		return nil, unavailable("reading fingerprints", err)
	}
	out := make([][]string, len(prints))
	for i, k := range keys {
		out[i] = owners[k]
	}
	return out, nil
}

// Known returns what is known of documents, for telling changed from unchanged.
func (c *Catalog) Known(ctx context.Context, tenant string, ids []string) (map[string]catalog.Known, error) {
	list, err := jsonText(ids)
	if err != nil {
		return nil, unavailable("reading documents", err)
	}
	out := make(map[string]catalog.Known, len(ids))
	for _, q := range []string{
		`select id, source, content, fingerprint, revision, state, claimed, version from documents where tenant = ? and id in (select value from json_each(?))`,
		// A waiting arrival is newer than the live version, unless it was never judged.
		`select id, source, content, fingerprint, revision, state, claimed, '' from arrivals where tenant = ? and state <> 'received' and id in (select value from json_each(?))`,
	} {
		rows, err := c.read.QueryContext(ctx, q, tenant, list)
		if err != nil {
			return nil, unavailable("reading documents", err)
		}
		for rows.Next() {
			var id string
			var k catalog.Known
			if err := rows.Scan(&id, &k.Source, &k.Content, &k.Fingerprint, &k.Revision, &k.State, &k.Claimed, &k.Version); err != nil {
				rows.Close()
				return nil, unavailable("reading documents", err)
			}
			if live := out[id]; live.State == catalog.Live {
				k.Version = live.Version // held: the version before stays live
			}
			out[id] = k
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			return nil, unavailable("reading documents", err)
		}
	}
	return out, nil
}

// Intents returns the versions that were stored but not committed, with their
// chunks, for recovery.
func (c *Catalog) Intents(ctx context.Context) ([]catalog.Version, error) {
	rows, err := c.read.QueryContext(ctx, `select tenant || char(0) || document || char(0) || version from versions where state = 'intent' order by 1`)
	if err != nil {
		return nil, unavailable("reading intents", err)
	}
	names, err := collect[string](rows)
	if err != nil {
		return nil, unavailable("reading intents", err)
	}
	var out []catalog.Version
	for _, n := range names {
		p := strings.SplitN(n, "\x00", 3)
		v, err := c.Version(ctx, catalog.Ref{Tenant: p[0], Document: p[1], Version: p[2]})
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

// Version returns one stored version with its chunks.
func (c *Catalog) Version(ctx context.Context, r catalog.Ref) (catalog.Version, error) {
	v, err := c.version(ctx, c.read, r)
	if err != nil {
		return v, unavailable("reading version", err)
	}
	rows, err := c.read.QueryContext(ctx, `select c.id, c.ordinal, c.sealed, c.terms, c.vector, v.key from chunks c
		join versions v on v.tenant = c.tenant and v.document = c.document and v.version = c.version
		where c.tenant = ? and c.document = ? and c.version = ? order by c.ordinal`, r.Tenant, r.Document, r.Version)
	if err != nil {
		return v, unavailable("reading version", err)
	}
	defer rows.Close()
	for rows.Next() {
		ch := catalog.StoredChunk{Chunk: catalog.Chunk{Document: r.Document, Version: r.Version}}
		var sealed, terms, vector, key []byte
		if err := rows.Scan(&ch.ID, &ch.Ordinal, &sealed, &terms, &vector, &key); err != nil {
			return v, unavailable("reading version", err)
		}
		if err := c.unseal(r.Tenant, &ch.Chunk, sealed, key); err != nil {
			return v, unavailable("opening version", err)
		}
		ch.Terms, ch.Vector = decodeTerms(terms), decodeVector(vector)
		v.Chunks = append(v.Chunks, ch)
	}
	if err := rows.Err(); err != nil {
		return v, unavailable("reading version", err)
	}
	return v, nil
}

// Live calls yield for every live document of a tenant, by id; source "" means
// all sources.
func (c *Catalog) Live(ctx context.Context, tenant, source string, yield func(catalog.Document) error) error {
	rows, err := c.read.QueryContext(ctx, documentColumns+` where tenant = ? and state = 'live' and (? = '' or source = ?) order by id`, tenant, source, source)
	if err != nil {
		return unavailable("listing documents", err)
	}
	defer rows.Close()
	for rows.Next() {
		d, err := c.scanDocument(rows)
		if err != nil {
			return unavailable("listing documents", err)
		}
		if err := yield(d); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return unavailable("listing documents", err)
	}
	return nil
}

// Tenants lists the tenants that have documents or arrivals.
func (c *Catalog) Tenants(ctx context.Context) ([]string, error) {
	rows, err := c.read.QueryContext(ctx, `select tenant from documents union select tenant from arrivals order by 1`)
	if err != nil {
		return nil, unavailable("listing tenants", err)
	}
	list, err := collect[string](rows)
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

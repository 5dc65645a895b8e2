package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"time"

	"github.com/doorward/doorward/ingest/catalog"
)

// facts are what is sealed beside an arrival's or a document's row.
type facts struct {
	Name      string         `json:"name,omitempty"`
	URI       string         `json:"uri,omitempty"`
	MediaType string         `json:"media_type,omitempty"`
	Title     string         `json:"title,omitempty"`
	Claimed   map[string]any `json:"claimed,omitempty"`
}

// Receive seals and stores arrivals before anything is done with them. An
// arrival replaces an earlier one of the same document.
func (c *Catalog) Receive(ctx context.Context, arrivals []catalog.Arrival) error {
	return c.update(ctx, "receiving documents", func(tx *sql.Tx) error {
		for _, a := range arrivals {
			if err := c.receive(ctx, tx, a); err != nil {
				return err
			}
		}
		return nil
	})
}

func (c *Catalog) receive(ctx context.Context, tx *sql.Tx, a catalog.Arrival) error {
	sealer, key, err := c.keys.NewDocument(a.Tenant, a.ID)
	if err != nil {
		return err
	}
	sealed, err := sealer.Seal(a.Bytes, associated([]string{"bytes", a.Tenant, a.ID}))
	if err != nil {
		return err
	}
	f := facts{Name: a.Name, URI: a.URI, MediaType: a.MediaType, Title: a.Title, Claimed: a.Claimed}
	sealedFacts, err := sealJSON(sealer, f, "facts", a.Tenant, a.ID)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `insert or replace into arrivals
		(tenant, id, source, state, content, fingerprint, revision, claimed, key, facts, sealed, reasons, findings, received)
		values (?, ?, ?, ?, ?, ?, '', '', ?, ?, ?, '[]', '{}', ?)`,
		a.Tenant, a.ID, a.Source, catalog.Received, a.Content, a.Fingerprint, key, sealedFacts, sealed, a.Received.Unix())
	return err
}

// Hold moves received arrivals to held or rejected. A rejected one loses its
// bytes and key.
func (c *Catalog) Hold(ctx context.Context, judgements []catalog.Judgement) error {
	return c.update(ctx, "holding documents", func(tx *sql.Tx) error {
		for _, j := range judgements {
			if err := hold(ctx, tx, j); err != nil {
				return err
			}
		}
		return nil
	})
}

func hold(ctx context.Context, tx *sql.Tx, j catalog.Judgement) error {
	reasons, err := jsonText(j.Reasons)
	if err != nil {
		return err
	}
	findings, err := jsonText(j.Findings)
	if err != nil {
		return err
	}
	res, err := tx.ExecContext(ctx, `update arrivals set state = ?, revision = ?, claimed = ?, reasons = ?, findings = ?
		where tenant = ? and id = ?`, j.State, j.Revision, j.Claimed, reasons, findings, j.Tenant, j.Document)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n != 1 {
		return errors.Join(catalog.ErrNotFound, err)
	}
	if j.State == catalog.Rejected {
		_, err = tx.ExecContext(ctx, `update arrivals set key = x'', sealed = x'', facts = x'' where tenant = ? and id = ?`, j.Tenant, j.Document)
	}
	return err
}

// Arrivals calls yield for arrivals in a state, oldest first, without their
// bytes; [Catalog.Arrival] has them. tenant "" means all.
func (c *Catalog) Arrivals(ctx context.Context, tenant string, state catalog.State, yield func(catalog.Arrival) error) error {
	rows, err := c.read.QueryContext(ctx, `select tenant, id, source, state, content, fingerprint, revision, reasons, findings, received
		from arrivals where state = ? and (? = '' or tenant = ?) order by received, tenant, id`, state, tenant, tenant)
	if err != nil {
		return unavailable("listing arrivals", err)
	}
	var list []catalog.Arrival
	for rows.Next() {
		a, err := scanArrival(rows)
		if err != nil {
			rows.Close()
			return unavailable("listing arrivals", err)
		}
		list = append(list, a)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return unavailable("listing arrivals", err)
	}
	for _, a := range list {
		if err := yield(a); err != nil {
			return err
		}
	}
	return nil
}

func scanArrival(row interface{ Scan(...any) error }, more ...any) (catalog.Arrival, error) {
	var a catalog.Arrival
	var reasons, findings string
	var received int64
	err := row.Scan(append([]any{&a.Tenant, &a.ID, &a.Source, &a.State, &a.Content, &a.Fingerprint, &a.Revision, &reasons, &findings, &received}, more...)...)
	if err != nil {
		return a, err
	}
	a.Received = time.Unix(received, 0).UTC()
	return a, errors.Join(json.Unmarshal([]byte(reasons), &a.Reasons), json.Unmarshal([]byte(findings), &a.Findings))
}

// Arrival returns one arrival with its bytes unsealed.
func (c *Catalog) Arrival(ctx context.Context, tenant, id string) (catalog.Arrival, error) {
	var key, sealedFacts, sealed []byte
	row := c.read.QueryRowContext(ctx, `select tenant, id, source, state, content, fingerprint, revision, reasons, findings, received, key, facts, sealed
		from arrivals where tenant = ? and id = ?`, tenant, id)
	a, err := scanArrival(row, &key, &sealedFacts, &sealed)
	if errors.Is(err, sql.ErrNoRows) {
		return a, catalog.ErrNotFound
	}
	if err != nil {
		return a, unavailable("reading arrival", err)
	}
	if a.State == catalog.Rejected {
		return a, nil
	}
	sealer, err := c.keys.Document(tenant, id, key)
	if err != nil {
		return a, unavailable("opening arrival", err)
	}
	var f facts
	if err := openJSON(sealer, sealedFacts, &f, "facts", tenant, id); err != nil {
		return a, unavailable("opening arrival", err)
	}
	a.Name, a.URI, a.MediaType, a.Title, a.Claimed = f.Name, f.URI, f.MediaType, f.Title, f.Claimed
	if a.Bytes, err = sealer.Open(sealed, associated([]string{"bytes", tenant, id})); err != nil {
		return a, unavailable("opening arrival", err)
	}
	return a, nil
}

// Discard shreds a held arrival and keeps that it was rejected.
func (c *Catalog) Discard(ctx context.Context, tenant, id, reason string) error {
	return c.update(ctx, "discarding", func(tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, `update arrivals set state = ?, key = x'', sealed = x'', facts = x'', reasons = json_insert(reasons, '$[#]', ?)
			where tenant = ? and id = ? and state = ?`, catalog.Rejected, reason, tenant, id, catalog.Held)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n != 1 {
			return errors.Join(catalog.ErrState, err)
		}
		return nil
	})
}

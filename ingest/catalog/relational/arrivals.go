package relational

import (
	"context"
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

	Manifest  json.RawMessage `json:"manifest,omitempty"` // arrivals only
	Connector string          `json:"connector,omitempty"`
	Sequence  int64           `json:"sequence,omitempty"`
}

// Receive seals and stores arrivals before anything is done with them. An
// arrival replaces an earlier one of the same document.
func (c *Catalog) Receive(ctx context.Context, arrivals []catalog.Arrival) error {
	return c.ReceiveJob(ctx, arrivals, func(Tx) (string, error) { return "", nil })
}

// ReceiveJob is Receive, marking the arrivals with the job that name makes in
// the same transaction: whoever works on the job, and nobody else, judges them.
func (c *Catalog) ReceiveJob(ctx context.Context, arrivals []catalog.Arrival, name func(Tx) (string, error)) error {
	refs := make([]catalog.Ref, len(arrivals))
	for i, a := range arrivals {
		refs[i] = catalog.Ref{Tenant: a.Tenant, Document: a.ID}
	}
	return c.updateDocuments(ctx, "receiving documents", refs, func(tx Tx) error {
		if err := c.refuseErased(ctx, tx, refs); err != nil {
			return err
		}
		job, err := name(tx)
		if err != nil {
			return err
		}
		brought, err := c.brought(ctx, tx, refs)
		if err != nil {
			return err
		}
		if err := c.clearArrivals(ctx, tx, refs); err != nil {
			return err
		}
		seen := map[catalog.Ref]bool{}
		for i, a := range arrivals {
			if seen[refs[i]] { // the last one stays
				if err := c.clearArrivals(ctx, tx, refs[i:i+1]); err != nil {
					return err
				}
			}
			seen[refs[i]] = true
			first := a.Batch
			if was, held := brought[refs[i]]; held && was.content == a.Content {
				first = was.batch
			}
			if err := c.receive(ctx, tx, a, job, first); err != nil {
				return err
			}
		}
		return nil
	})
}

// broughtBy is the content of a held arrival and the batch that brought it.
type broughtBy struct{ content, batch string }

// brought reads which batch brought what is held of documents: one that only brings
// the same bytes once more does not make them its own, and its roll-back leaves them.
func (c *Catalog) brought(ctx context.Context, q Querier, refs []catalog.Ref) (map[catalog.Ref]broughtBy, error) {
	out := map[catalog.Ref]broughtBy{}
	for tenant, documents := range byTenant(refs) {
		list, err := c.list(documents)
		if err != nil {
			return nil, err
		}
		err = each(ctx, q, func(r Rows) error {
			ref, by := catalog.Ref{Tenant: tenant}, broughtBy{}
			err := r.Scan(&ref.Document, &by.content, &by.batch)
			out[ref] = by
			return err
		}, `select id, content, brought from arrivals where tenant = ? and state = 'held' and `+c.in("id"), tenant, list)
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// clearArrivals drops the arrivals of documents, of which most have none.
func (c *Catalog) clearArrivals(ctx context.Context, tx Tx, refs []catalog.Ref) error {
	for tenant, documents := range byTenant(refs) {
		list, err := c.list(documents)
		if err != nil {
			return err
		}
		if err := tx.Queue(ctx, `delete from arrivals where tenant = ? and `+c.in("id"), tenant, list); err != nil {
			return err
		}
	}
	return nil
}

func (c *Catalog) receive(ctx context.Context, tx Tx, a catalog.Arrival, job, brought string) error {
	sealer, key, err := c.keys.NewDocument(a.Tenant, a.ID)
	if err != nil {
		return err
	}
	sealed, err := sealer.Seal(a.Bytes, associated([]string{"bytes", a.Tenant, a.ID}))
	if err != nil {
		return err
	}
	f := facts{Name: a.Name, URI: a.URI, MediaType: a.MediaType, Title: a.Title, Claimed: a.Claimed,
		Manifest: a.Manifest, Connector: a.Connector, Sequence: a.Sequence}
	sealedFacts, err := sealJSON(sealer, f, "facts", a.Tenant, a.ID)
	if err != nil {
		return err
	}
	return tx.Queue(ctx, `insert into arrivals
		(tenant, id, source, state, content, fingerprint, revision, claimed, key, facts, sealed, reasons, findings, received, batch, brought, submitter, job)
		values (?, ?, ?, ?, ?, ?, '', '', ?, ?, ?, '[]', '{}', ?, ?, ?, ?, ?)`,
		a.Tenant, a.ID, a.Source, string(catalog.Received), a.Content, a.Fingerprint, key, sealedFacts, sealed, a.Received.Unix(), a.Batch, brought, a.Submitter, job)
}

// Hold moves received arrivals to held or rejected. A rejected one loses its
// bytes and key.
func (c *Catalog) Hold(ctx context.Context, judgements []catalog.Judgement) error {
	refs := make([]catalog.Ref, len(judgements))
	for i, j := range judgements {
		refs[i] = j.Ref
	}
	return c.updateDocuments(ctx, "holding documents", refs, func(tx Tx) error {
		for _, j := range judgements {
			if err := c.hold(ctx, tx, j); err != nil {
				return err
			}
		}
		return nil
	})
}

func (c *Catalog) hold(ctx context.Context, tx Tx, j catalog.Judgement) error {
	reasons, err := jsonText(j.Reasons)
	if err != nil {
		return err
	}
	findings, err := jsonText(j.Findings)
	if err != nil {
		return err
	}
	signals := ""
	if j.Signals != nil {
		if signals, err = jsonText(j.Signals); err != nil {
			return err
		}
	}
	n, err := tx.Exec(ctx, `update arrivals set state = ?, revision = ?, claimed = ?, reasons = ?, findings = ?, signals = ?
		where tenant = ? and id = ? and (? = '' or job = ?)`, string(j.State), j.Revision, j.Claimed, reasons, findings, signals, j.Tenant, j.Document, c.job, c.job)
	if err != nil {
		return err
	}
	if n != 1 && c.job != "" {
		return nil // arrived anew or retired meanwhile
	}
	if n != 1 {
		return catalog.ErrNotFound
	}
	if err := c.takeBack(ctx, tx, j.Ref); err != nil || j.State != catalog.Rejected {
		return err
	}
	return shred(ctx, tx, j.Ref)
}

// takeBack forgets versions of a document that were stored and are not live: whoever
// finishes what others left must not publish what is held now.
func (c *Catalog) takeBack(ctx context.Context, tx Tx, r catalog.Ref) error {
	stored, err := c.stored(ctx, tx, []catalog.Ref{r})
	if err != nil {
		return err
	}
	for _, v := range stored[r.Tenant+"\x00"+r.Document] {
		if v.state != string(catalog.Intent) {
			continue
		}
		if err := retireVersion(ctx, tx, v.ref); err != nil {
			return err
		}
	}
	return nil
}

// shred forgets an arrival's bytes, facts and key.
func shred(ctx context.Context, tx Tx, r catalog.Ref) error {
	return tx.Queue(ctx, `update arrivals set key = ?, sealed = ?, facts = ? where tenant = ? and id = ?`,
		empty(), empty(), empty(), r.Tenant, r.Document)
}

// Arrivals calls yield for arrivals in a state, oldest first, without their
// bytes; [Catalog.Arrival] has them. tenant "" means all.
func (c *Catalog) Arrivals(ctx context.Context, tenant string, state catalog.State, yield func(catalog.Arrival) error) error {
	var list []catalog.Arrival
	err := each(ctx, c.db, func(r Rows) error {
		a, err := scanArrival(r)
		list = append(list, a)
		return err
	}, `select `+arrivalColumns+`
		from arrivals where state = ? and (? = '' or tenant = ?) order by received, tenant, id`, string(state), tenant, tenant)
	if err != nil {
		return unavailable("listing arrivals", err)
	}
	for _, a := range list {
		if err := yield(a); err != nil {
			return err
		}
	}
	return nil
}

const arrivalColumns = `tenant, id, source, state, content, fingerprint, revision, reasons, findings, received, batch, submitter, assignee, signals`

func scanArrival(row Rows, more ...any) (catalog.Arrival, error) {
	var a catalog.Arrival
	var reasons, findings, signals string
	var received int64
	err := row.Scan(append([]any{&a.Tenant, &a.ID, &a.Source, &a.State, &a.Content, &a.Fingerprint, &a.Revision, &reasons, &findings, &received,
		&a.Batch, &a.Submitter, &a.Assignee, &signals}, more...)...)
	if err != nil {
		return a, err
	}
	if signals != "" {
		if err := json.Unmarshal([]byte(signals), &a.Signals); err != nil {
			return a, err
		}
	}
	a.Received = time.Unix(received, 0).UTC()
	return a, errors.Join(json.Unmarshal([]byte(reasons), &a.Reasons), json.Unmarshal([]byte(findings), &a.Findings))
}

// Arrival returns one arrival with its bytes unsealed.
func (c *Catalog) Arrival(ctx context.Context, tenant, id string) (catalog.Arrival, error) {
	var key, sealedFacts, sealed []byte
	var a catalog.Arrival
	found := false
	err := each(ctx, c.db, func(r Rows) (err error) {
		found = true
		a, err = scanArrival(r, &key, &sealedFacts, &sealed)
		return err
	}, `select `+arrivalColumns+`, key, facts, sealed
		from arrivals where tenant = ? and id = ?`, tenant, id)
	if err != nil {
		return a, unavailable("reading arrival", err)
	}
	if !found {
		return a, catalog.ErrNotFound
	}
	if a.State == catalog.Rejected {
		return a, nil
	}
	if err := c.openArrival(&a, key, sealedFacts, sealed); err != nil {
		return a, unavailable("opening arrival", err)
	}
	return a, nil
}

func (c *Catalog) openArrival(a *catalog.Arrival, key, sealedFacts, sealed []byte) error {
	sealer, err := c.keys.Document(a.Tenant, a.ID, key)
	if err != nil {
		return err
	}
	var f facts
	if err := openJSON(sealer, sealedFacts, &f, "facts", a.Tenant, a.ID); err != nil {
		return err
	}
	a.Name, a.URI, a.MediaType, a.Title, a.Claimed = f.Name, f.URI, f.MediaType, f.Title, f.Claimed
	a.Manifest, a.Connector, a.Sequence = f.Manifest, f.Connector, f.Sequence
	a.Bytes, err = sealer.Open(sealed, associated([]string{"bytes", a.Tenant, a.ID}))
	return err
}

// JobArrivals returns the arrivals of a job that are still to be judged, with their
// bytes. One that arrived anew meanwhile belongs to its new job.
func (c *Catalog) JobArrivals(ctx context.Context, name string) ([]catalog.Arrival, error) {
	var list []catalog.Arrival
	err := each(ctx, c.db, func(r Rows) error {
		var key, sealedFacts, sealed []byte
		a, err := scanArrival(r, &key, &sealedFacts, &sealed)
		if err != nil {
			return err
		}
		if err := c.openArrival(&a, key, sealedFacts, sealed); err != nil {
			return err
		}
		list = append(list, a)
		return nil
	}, `select `+arrivalColumns+`, key, facts, sealed
		from arrivals where job = ? and job <> '' and state = 'received' order by tenant, id`, name)
	if err != nil {
		return nil, unavailable("reading a job", err)
	}
	return list, nil
}

// Discard shreds a held arrival and keeps that it was rejected, for good: the
// same bytes are not judged again when rules change.
func (c *Catalog) Discard(ctx context.Context, tenant, id, reason string) error {
	ref := catalog.Ref{Tenant: tenant, Document: id}
	return c.updateDocuments(ctx, "discarding", []catalog.Ref{ref}, func(tx Tx) error {
		var text string
		err := one(ctx, tx, `select reasons from arrivals where tenant = ? and id = ? and state = 'held'`, []any{tenant, id}, &text)
		if errors.Is(err, catalog.ErrNotFound) {
			return catalog.ErrState
		}
		if err != nil {
			return err
		}
		var reasons []string
		if err := json.Unmarshal([]byte(text), &reasons); err != nil {
			return err
		}
		if text, err = jsonText(append(reasons, reason)); err != nil {
			return err
		}
		if err := tx.Queue(ctx, `update arrivals set state = 'rejected', revision = ?, reasons = ? where tenant = ? and id = ?`, catalog.Final, text, tenant, id); err != nil {
			return err
		}
		return shred(ctx, tx, ref)
	})
}

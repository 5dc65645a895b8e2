package relational

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/doorward/doorward/ingest/catalog"
	"github.com/doorward/doorward/policy/keys"
)

// Held lists one page of a tenant's held arrivals, oldest first, without their
// bytes.
func (c *Catalog) Held(ctx context.Context, q catalog.HeldQuery) (catalog.HeldPage, error) {
	limit := q.Limit
	if limit <= 0 {
		limit = catalog.DefaultPage
	}
	limit = min(limit, catalog.MaxPage)
	query := `select ` + arrivalColumns + ` from arrivals where tenant = ? and state = 'held'`
	args := []any{q.Tenant}
	where := func(condition string, values ...any) {
		query += " and " + condition
		args = append(args, values...)
	}
	if q.Source != "" {
		where("source = ?", q.Source)
	}
	if q.Batch != "" {
		where("brought = ?", q.Batch)
	}
	if q.Reason != "" {
		where(`reasons like ? escape '!'`, "%"+likeText(q.Reason)+"%")
	}
	switch q.Assignee {
	case "":
	case "-":
		where("assignee = ''")
	default:
		where("assignee = ?", q.Assignee)
	}
	if !q.Before.IsZero() {
		where("received < ?", q.Before.Unix())
	}
	if q.After != "" {
		received, id, err := readCursor(q.After)
		if err != nil {
			return catalog.HeldPage{}, err
		}
		where("(received > ? or received = ? and id > ?)", received, received, id)
	}
	var page catalog.HeldPage
	err := each(ctx, c.db, func(r Rows) error {
		a, err := scanArrival(r)
		page.Held = append(page.Held, a)
		return err
	}, query+` order by received, id limit `+strconv.Itoa(limit+1), args...)
	if err != nil {
		return catalog.HeldPage{}, unavailable("listing quarantine", err)
	}
	if len(page.Held) > limit {
		page.Held = page.Held[:limit]
		last := page.Held[limit-1]
		page.Next = strconv.FormatInt(last.Received.Unix(), 36) + "." + last.ID
	}
	return page, nil
}

// likeText escapes what like gives a meaning; reasons are JSON, so that quotes
// inside them are too.
func likeText(s string) string {
	data, _ := json.Marshal(s)
	return strings.NewReplacer("!", "!!", "%", "!%", "_", "!_").Replace(strings.Trim(string(data), `"`))
}

func readCursor(s string) (received int64, id string, err error) {
	at, id, ok := strings.Cut(s, ".")
	received, err = strconv.ParseInt(at, 36, 64)
	if !ok || err != nil || id == "" {
		return 0, "", fmt.Errorf("listing quarantine: %w: the cursor is not one this list gave", catalog.ErrCursor)
	}
	return received, id, nil
}

// HeldCounts sums up a tenant's quarantine at a time.
func (c *Catalog) HeldCounts(ctx context.Context, tenant string, now time.Time) (catalog.HeldCounts, error) {
	out := catalog.HeldCounts{Sources: map[string]int{}, Reasons: map[string]int{}, Assignees: map[string]int{}, Ages: map[string]int{}}
	err := each(ctx, c.db, func(r Rows) error {
		var source, assignee, text string
		var received int64
		if err := r.Scan(&source, &assignee, &text, &received); err != nil {
			return err
		}
		var reasons []string
		if err := json.Unmarshal([]byte(text), &reasons); err != nil {
			return err
		}
		at := time.Unix(received, 0).UTC()
		if out.Total++; out.Oldest.IsZero() {
			out.Oldest = at
		}
		if assignee == "" {
			assignee = "-"
		}
		out.Sources[source]++
		out.Assignees[assignee]++
		out.Ages[age(now.Sub(at))]++
		for _, reason := range reasons {
			out.Reasons[reason]++
		}
		return nil
	}, `select source, assignee, reasons, received from arrivals where tenant = ? and state = 'held' order by received`, tenant)
	if err != nil {
		return out, unavailable("counting quarantine", err)
	}
	return out, nil
}

func age(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d < day:
		return "day"
	case d < 7*day:
		return "week"
	case d < 30*day:
		return "month"
	}
	return "older"
}

// Assign says who looks after a held arrival; "" nobody.
func (c *Catalog) Assign(ctx context.Context, tenant, id, assignee string, n catalog.Note) error {
	ref := catalog.Ref{Tenant: tenant, Document: id}
	return c.updateDocuments(ctx, "assigning", []catalog.Ref{ref}, func(tx Tx) error {
		changed, err := tx.Exec(ctx, `update arrivals set assignee = ? where tenant = ? and id = ? and state = 'held'`, assignee, tenant, id)
		if err != nil {
			return err
		}
		if changed != 1 {
			return catalog.ErrState
		}
		return c.note(ctx, tx, tenant, id, n)
	})
}

// AddNote keeps a reviewer's note about a document.
func (c *Catalog) AddNote(ctx context.Context, tenant, id string, n catalog.Note) error {
	return c.updateDocuments(ctx, "noting", []catalog.Ref{{Tenant: tenant, Document: id}}, func(tx Tx) error { return c.note(ctx, tx, tenant, id, n) })
}

func (c *Catalog) note(ctx context.Context, tx Tx, tenant, id string, n catalog.Note) error {
	wrapper, err := c.keys.Wrapper(tenant)
	if err != nil {
		return err
	}
	sealed, err := wrapper.Seal([]byte(n.Note), associated([]string{"note", tenant, id}))
	if err != nil {
		return err
	}
	return tx.Queue(ctx, `insert into notes (tenant, document, at, who, act, note) values (?, ?, ?, ?, ?, ?)`, tenant, id, n.At.Unix(), n.Who, n.Act, sealed)
}

// Notes returns what was said about a document, oldest first.
func (c *Catalog) Notes(ctx context.Context, tenant, id string) ([]catalog.Note, error) {
	wrapper, err := c.keys.Wrapper(tenant)
	if err != nil {
		return nil, err
	}
	var out []catalog.Note
	err = each(ctx, c.db, func(r Rows) error {
		var n catalog.Note
		var at int64
		var sealed []byte
		if err := r.Scan(&at, &n.Who, &n.Act, &sealed); err != nil {
			return err
		}
		text, err := wrapper.Open(sealed, associated([]string{"note", tenant, id}))
		if err != nil {
			return err
		}
		n.At, n.Note = time.Unix(at, 0).UTC(), string(text)
		out = append(out, n)
		return nil
	}, `select at, who, act, note from notes where tenant = ? and document = ? order by seq`, tenant, id)
	if err != nil {
		return nil, unavailable("reading notes", err)
	}
	return out, nil
}

// sealedRow seals v under the tenant for a row's name.
func (c *Catalog) sealedRow(tenant string, v any, belongs ...string) ([]byte, error) {
	wrapper, err := c.keys.Wrapper(tenant)
	if err != nil {
		return nil, err
	}
	return sealJSON(wrapper, v, belongs...)
}

func (c *Catalog) openRow(tenant string, sealed []byte, v any, belongs ...string) error {
	wrapper, err := c.keys.Wrapper(tenant)
	if err != nil {
		return err
	}
	if err := openJSON(wrapper, sealed, v, belongs...); err != nil && !errors.Is(err, keys.ErrSealed) {
		return fmt.Errorf("reading a sealed row: %w", err)
	} else {
		return err
	}
}

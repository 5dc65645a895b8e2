package source

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/doorward/doorward/ingest"
)

// SQLConfig describes documents that a query returns, one in each row.
type SQLConfig struct {
	// Name is the source's name; required.
	Name string
	// DB is the open database, whatever its driver; required. Give it an account
	// that may only read.
	DB *sql.DB
	// Query returns all documents; required. Its order is the walk's order, so it
	// should have one. The columns named by Fields make the document; all
	// columns are fields for Mapping.
	Query string
	// Changes returns the rows changed since a cursor, given as its only
	// parameter, oldest first; "" when changes cannot be told. It returns the
	// columns of Query, the cursor column, and the deleted column if there is
	// one.
	Changes string
	// Cursor is the column of Changes with the next cursor, for example a
	// sequence number or a time; it is written as text. Required with Changes.
	Cursor string
	// First is the cursor a first reading starts from, for example "0".
	First string
	// Deleted is a column of Changes that is true where a row is gone; "" for
	// none.
	Deleted string
	// Fields say which column holds what; see JSONLinesConfig.Fields. The
	// attributes column holds JSON.
	Fields Fields
	// JSON are further columns that hold JSON, to reach into by Mapping.
	JSON []string
	// MaxBytes is the largest text; 0 means 16 MiB.
	MaxBytes int64
	// Mapping makes attributes.
	Mapping Mapping
	// Prefix goes before every document id.
	Prefix string
	// URI goes before the row's own id to make the item's URI; "" means
	// "sql:NAME/".
	URI string
}

// SQL reads documents from a database. The text is read with its row, so Open
// touches the database no more; one row is held in memory at a time.
type SQL struct {
	config SQLConfig
	mapper Mapper
}

// NewSQL checks the settings; the query is first run by Walk.
func NewSQL(c SQLConfig) (*SQL, error) {
	if err := checkName(c.Name); err != nil {
		return nil, err
	}
	switch {
	case c.DB == nil:
		return nil, fmt.Errorf("%w: source %s has no database", ErrConfig, c.Name)
	case c.Query == "":
		return nil, fmt.Errorf("%w: source %s has no query", ErrConfig, c.Name)
	case c.Changes != "" && c.Cursor == "":
		return nil, fmt.Errorf("%w: source %s has a query for changes but no cursor column", ErrConfig, c.Name)
	case c.Prefix != "" && !ingest.ValidID(c.Prefix):
		return nil, fmt.Errorf("%w: the prefix of source %s has characters ids do not have", ErrConfig, c.Name)
	}
	if c.MaxBytes == 0 {
		c.MaxBytes = 16 << 20
	}
	if c.URI == "" {
		c.URI = "sql:" + c.Name + "/"
	}
	if c.Fields.Attributes == "" {
		c.Fields.Attributes = "attributes"
	}
	m, err := NewMapper(c.Mapping)
	if err != nil {
		return nil, err
	}
	return &SQL{config: c, mapper: m}, nil
}

// Name is the source's name.
func (s *SQL) Name() string { return s.config.Name }

// Walk gives one item for each row that is not marked as deleted.
func (s *SQL) Walk(ctx context.Context, fn func(ingest.Item) error) error {
	seen := idSet{}
	return s.rows(ctx, s.config.Query, nil, func(row map[string]any, number int) error {
		if s.config.Deleted != "" && truth(row[s.config.Deleted]) {
			return nil
		}
		it := s.item(row, number)
		if !seen.add(it.ID) {
			it.Open, it.Err = nil, fmt.Errorf("%w: row %d", ingest.ErrDuplicate, number)
		}
		return fn(it)
	})
}

// Changes gives the rows changed since a cursor.
func (s *SQL) Changes(ctx context.Context, since string, fn func(ingest.Change) error) (string, error) {
	if s.config.Changes == "" {
		return "", fmt.Errorf("%w: source %s has no query for changes", ingest.ErrCursor, s.config.Name)
	}
	if since == "" {
		since = s.config.First
	}
	next := since
	err := s.rows(ctx, s.config.Changes, []any{since}, func(row map[string]any, number int) error {
		cursor, ok := row[s.config.Cursor]
		if !ok || cursor == nil {
			return fmt.Errorf("%w: row %d has no cursor in column %q", ingest.ErrSource, number, s.config.Cursor)
		}
		c := ingest.Change{Deleted: s.config.Deleted != "" && truth(row[s.config.Deleted])}
		if c.Deleted {
			c.Item = s.gone(row, number)
		} else {
			c.Item = s.item(row, number)
		}
		if err := fn(c); err != nil {
			return err
		}
		next = fmt.Sprint(cursor)
		return nil
	})
	return next, err
}

// rows runs a query and gives its rows as fields.
func (s *SQL) rows(ctx context.Context, query string, args []any, fn func(map[string]any, int) error) error {
	rows, err := s.config.DB.QueryContext(ctx, query, args...)
	if err != nil {
		return s.failed(ctx, "running the query", err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return s.failed(ctx, "reading the columns", err)
	}
	for i, c := range columns {
		if slices.Contains(columns[:i], c) {
			return fmt.Errorf("%w: the query has two columns %q", ingest.ErrSource, c)
		}
	}
	values, into := make([]any, len(columns)), make([]any, len(columns))
	for i := range values {
		into[i] = &values[i]
	}
	for number := 1; rows.Next(); number++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := rows.Scan(into...); err != nil {
			return s.failed(ctx, "reading a row", err)
		}
		row := make(map[string]any, len(columns))
		for i, c := range columns {
			row[c] = plainColumn(values[i])
		}
		if err := fn(row, number); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return s.failed(ctx, "reading rows", err)
	}
	return nil
}

// failed wraps a driver's error. A driver's own words may quote values, so
// only its kind is kept.
func (s *SQL) failed(ctx context.Context, doing string, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return fmt.Errorf("%w: %s failed with %T", ingest.ErrSource, doing, err)
}

// plainColumn turns a driver's value into one of the types records have.
func plainColumn(v any) any {
	switch v := v.(type) {
	case []byte:
		return string(v)
	case time.Time:
		return v.UTC().Format(time.RFC3339Nano)
	case int32:
		return int64(v)
	case float32:
		return float64(v)
	}
	return v
}

func truth(v any) bool {
	switch v := v.(type) {
	case bool:
		return v
	case int64:
		return v != 0
	case string:
		return v == "t" || v == "true" || v == "1" || v == "y" || v == "yes"
	}
	return false
}

// item makes an item of one row.
func (s *SQL) item(row map[string]any, number int) ingest.Item {
	it := ingest.Item{URI: fmt.Sprintf("%s#%d", s.config.URI, number), Size: -1}
	fail := func(err error) ingest.Item {
		it.Open, it.Err = nil, fmt.Errorf("%w: row %d: %w", ingest.ErrMalformed, number, err)
		return it
	}
	jsonErr := s.parseJSON(row)
	rec, err := readRecord(row, s.config.Fields)
	if rec.id != "" {
		var idErr error
		if it.ID, idErr = recordID(s.config.Prefix, rec.id); idErr != nil {
			return fail(idErr)
		}
		it.URI = s.config.URI + rec.id
	}
	if err == nil {
		err = jsonErr
	}
	if err != nil {
		return fail(err)
	}
	if rec.uri != "" {
		it.URI = rec.uri
	}
	if int64(len(rec.text)) > s.config.MaxBytes {
		it.Err = fmt.Errorf("%w: row %d has %d bytes of text, the limit is %d", ingest.ErrTooLarge, number, len(rec.text), s.config.MaxBytes)
		return it
	}
	rec.fill(&it)
	it.Attributes, it.Err = s.mapper.Map(Facts{Source: s.config.Name, Path: rec.id, Fields: row}, rec.attributes)
	return it
}

// gone makes the item of a deleted row, of which only the id need be there.
func (s *SQL) gone(row map[string]any, number int) ingest.Item {
	names := s.config.Fields
	names.Text = "-"
	rec, _ := readRecord(row, names)
	it := ingest.Item{URI: s.config.URI + rec.id, Size: -1}
	if rec.id == "" {
		it.Err = fmt.Errorf("%w: row %d: a deleted row without an id", ingest.ErrMalformed, number)
		return it
	}
	it.ID, it.Err = recordID(s.config.Prefix, rec.id)
	return it
}

// parseJSON replaces the JSON columns by what they hold.
func (s *SQL) parseJSON(row map[string]any) error {
	for _, c := range append([]string{s.config.Fields.Attributes}, s.config.JSON...) {
		text, ok := row[c].(string)
		if !ok {
			continue
		}
		object, err := parseRecord([]byte(text))
		if err == nil {
			row[c] = object
			continue
		}
		var list []any
		if json.Unmarshal([]byte(text), &list) != nil {
			return fmt.Errorf("the column %q is not JSON", c)
		}
		row[c] = list
	}
	return nil
}

// digest is a short hash for fingerprints.
func digest(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

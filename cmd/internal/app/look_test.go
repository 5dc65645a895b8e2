package app_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/doorward/doorward/cmd/internal/app"
	"github.com/doorward/doorward/ingest/catalog"
	"github.com/doorward/doorward/ingest/catalog/postgres"
	"github.com/doorward/doorward/ingest/catalog/relational"
	catalogsqlite "github.com/doorward/doorward/ingest/catalog/sqlite"
	"github.com/doorward/doorward/ingest/receipt"
	"github.com/doorward/doorward/policy/keys/local"
	"github.com/doorward/doorward/retrieval/index"
	"github.com/doorward/doorward/retrieval/index/qdrant"
)

// looker reads catalog and index from outside, while other processes may be writing
// them or after they were killed, and holds points against receipts. It asks the
// same questions of a catalog in SQLite and of one in PostgreSQL.
type looker struct {
	catalog  *relational.Catalog
	points   func(ctx context.Context) ([]point, error)
	verifier receipt.Verifier
	scanner  string
	tenant   string
	valid    map[string]string // receipts found good: signature → id
	close    func()
}

// look opens a looker; close it. valid, if not nil, is what an earlier one found.
func (s *store) look(t testing.TB, valid map[string]string) *looker {
	t.Helper()
	verifier, err := local.OpenVerifier(s.cfg.Keys)
	if err != nil {
		t.Fatal(err)
	}
	scanners, err := scannersOf()
	if err != nil {
		t.Fatal(err)
	}
	if valid == nil {
		valid = map[string]string{}
	}
	l := &looker{verifier: verifier, scanner: scanners.Sanitizer.Revision(), tenant: s.cfg.Tenant, valid: valid}
	if s.cfg.Catalog.Type == "postgres" {
		s.lookShared(t, l)
		return l
	}
	ring, err := local.Open(local.Config{Dir: s.cfg.Keys, Tenants: filepath.Join(s.cfg.Data, "keys")})
	if err != nil {
		t.Fatal(err)
	}
	if l.catalog, err = catalogsqlite.Open(t.Context(), catalogsqlite.Config{Dir: s.cfg.Data, Keys: ring}); err != nil {
		t.Fatal(err)
	}
	db := s.db(t, "index.db", true) // the index itself belongs to one process
	l.points = func(ctx context.Context) ([]point, error) { return filePoints(ctx, db, s.cfg.Tenant) }
	l.close = func() { db.Close(); l.catalog.Close() }
	return l
}

// lookShared looks at a catalog in PostgreSQL and an index in Qdrant.
func (s *store) lookShared(t testing.TB, l *looker) {
	t.Helper()
	url, err := os.ReadFile(s.cfg.Catalog.Postgres.URLFile)
	if err != nil {
		t.Fatal(err)
	}
	db, err := postgres.Connect(t.Context(), postgres.Config{URL: strings.TrimSpace(string(url)), Connections: 4})
	if err != nil {
		t.Fatal(err)
	}
	ring, err := local.Open(local.Config{Dir: s.cfg.Keys, Store: relational.Secrets{DB: db}})
	if err != nil {
		t.Fatal(err)
	}
	if l.catalog, err = relational.New(t.Context(), db, relational.Config{Keys: ring}); err != nil {
		t.Fatal(err)
	}
	schema, err := app.DocumentSchema(s.cfg)
	if err != nil {
		t.Fatal(err)
	}
	q := s.cfg.Index.Qdrant
	x, err := qdrant.Open(t.Context(), qdrant.Config{Address: q.Address, Collection: q.Collection, Schema: schema})
	if err != nil {
		t.Fatal(err)
	}
	once := func(ctx context.Context) (out []point, err error) {
		err = x.Scroll(ctx, s.cfg.Tenant, func(c index.Chunk) error {
			out = append(out, point{c.ID, c.Document, c.Version, c.Receipt, c.Ordinal})
			return nil
		})
		return out, err
	}
	l.points = func(ctx context.Context) (out []point, err error) {
		for { // on a busy machine an answer may come too late, and the next is waited for
			if out, err = once(ctx); !errors.Is(err, index.ErrUnavailable) || ctx.Err() != nil {
				return out, err
			}
			select {
			case <-ctx.Done():
			case <-time.After(100 * time.Millisecond):
			}
		}
	}
	l.close = func() { x.Close(); l.catalog.Close() }
}

type point struct {
	id, document, version, receipt string
	ordinal                        int
}

func filePoints(ctx context.Context, db *sql.DB, tenant string) (out []point, err error) {
	rows, err := db.QueryContext(ctx, `select id, document, version, receipt, ordinal from points where tenant = ?`, tenant)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var p point
		if err := rows.Scan(&p.id, &p.document, &p.version, &p.receipt, &p.ordinal); err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, rows.Err()
}

// stored is what the catalog says.
type stored struct {
	state    map[string]string // of documents
	live     map[string]string // document → live version
	receipts map[string]string // document → id of a valid receipt for its live version
	held     map[string]bool
	versions map[[2]string]string // document and version → state
	owed     map[[2]string]bool   // to be retired; version "" is all of the document
	changing map[string]bool      // attributes owed to the index
	chunks   map[[2]string]int
}

// stored reads the catalog, one table after the other: in between things change, so
// that what looks wrong is looked at again. Tables are read in the order in which a
// version leaves the one and enters the next.
func (l *looker) stored(ctx context.Context, chunks bool) (*stored, error) {
	s := &stored{state: map[string]string{}, live: map[string]string{}, receipts: map[string]string{}, held: map[string]bool{},
		versions: map[[2]string]string{}, owed: map[[2]string]bool{}, changing: map[string]bool{}, chunks: map[[2]string]int{}}
	type reading struct {
		query string
		take  func(relational.Rows) error
	}
	list := []reading{
		{`select document, version, state from versions where tenant = ? and state = 'next'`, func(r relational.Rows) error {
			var d, v, state string
			err := r.Scan(&d, &v, &state)
			s.versions[[2]string{d, v}] = state
			return err
		}},
		{`select id, state, version, receipt from documents where tenant = ?`, func(r relational.Rows) error {
			var id, state, version string
			var signed []byte
			if err := r.Scan(&id, &state, &version, &signed); err != nil {
				return err
			}
			s.state[id] = state
			if state == string(catalog.Live) {
				s.live[id] = version
				s.receipts[id] = l.receipt(id, version, signed)
			}
			return nil
		}},
		{`select document, version, op from tasks where tenant = ?`, func(r relational.Rows) error {
			var d, v, op string
			err := r.Scan(&d, &v, &op)
			if op == string(catalog.RetireOp) {
				s.owed[[2]string{d, v}] = true
			} else {
				s.changing[d] = true
			}
			return err
		}},
		{`select id, state from arrivals where tenant = ?`, func(r relational.Rows) error {
			var id, state string
			err := r.Scan(&id, &state)
			s.held[id] = state == string(catalog.Held) || state == string(catalog.Rejected)
			return err
		}},
	}
	if chunks {
		list = append(list, reading{`select document, version, count(*) from chunks where tenant = ? group by document, version`, func(r relational.Rows) error {
			var d, v string
			var n int
			err := r.Scan(&d, &v, &n)
			s.chunks[[2]string{d, v}] = n
			return err
		}})
	}
	for _, q := range list {
		rows, err := l.catalog.DB().Query(ctx, q.query, l.tenant)
		if err != nil {
			return nil, err
		}
		for rows.Next() {
			if err := q.take(rows); err != nil {
				rows.Close()
				return nil, err
			}
		}
		rows.Close()
		if err := rows.Err(); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// receipt is the id of a document's receipt if its signature holds and it was
// made by the scanner in force; "" otherwise.
func (l *looker) receipt(id, version string, signed []byte) string {
	if known, ok := l.valid[string(signed)]; ok {
		return known
	}
	var r receipt.Signed
	good := ""
	if json.Unmarshal(signed, &r) == nil && r.Verify(l.verifier, l.tenant, id, version) == nil && r.Scanner == l.scanner {
		good = r.ID()
	}
	l.valid[string(signed)] = good
	return good
}

// uncovered are the points that neither a valid receipt covers nor the index is
// owed the removal of.
func (l *looker) uncovered(ctx context.Context, points []point, s *stored) (out []point) {
	for _, p := range points {
		v := [2]string{p.document, p.version}
		switch {
		case s.owed[v] || s.owed[[2]string{p.document, ""}]:
		case s.live[p.document] == p.version && (s.receipts[p.document] == p.receipt || s.receipts[p.document] != "" && s.changing[p.document]):
		case s.versions[v] == string(catalog.Intent) && l.intended(ctx, p):
		default:
			out = append(out, p)
		}
	}
	return out
}

// intended reports whether an intended version's own receipt covers a point.
func (l *looker) intended(ctx context.Context, p point) bool {
	key := p.document + "\x00" + p.version
	id, ok := l.valid[key]
	if !ok {
		v, err := l.catalog.Version(ctx, catalog.Ref{Tenant: l.tenant, Document: p.document, Version: p.version})
		if err != nil {
			return false
		}
		signed, _ := json.Marshal(v.Receipt)
		id = l.receipt(p.document, p.version, signed)
		l.valid[key] = id
	}
	return id != "" && id == p.receipt
}

// scroll looks at all points and then at the catalog, again and again until ctx
// ends. A point that is not covered is looked at once more: it may have been
// removed, or its version committed, in between. It returns how often it looked
// and what it saw that must not be.
func (l *looker) scroll(ctx context.Context, every time.Duration) (looks int, bad []string) {
	for ctx.Err() == nil {
		if again, err := l.violations(ctx); err != nil {
			if ctx.Err() == nil {
				bad = append(bad, err.Error())
			}
		} else {
			bad = append(bad, again...)
			looks++
		}
		select {
		case <-ctx.Done():
		case <-time.After(every):
		}
	}
	return looks, bad
}

func (l *looker) violations(ctx context.Context) ([]string, error) {
	points, err := l.points(ctx)
	if err != nil {
		return nil, err
	}
	s, err := l.stored(ctx, false)
	if err != nil {
		return nil, err
	}
	first := l.uncovered(ctx, points, s)
	if len(first) == 0 {
		return nil, nil
	}
	if points, err = l.points(ctx); err != nil {
		return nil, err
	}
	if s, err = l.stored(ctx, false); err != nil {
		return nil, err
	}
	before := map[string]bool{}
	for _, p := range first {
		before[p.id+p.version] = true
	}
	var bad []string
	for _, p := range l.uncovered(ctx, points, s) {
		if before[p.id+p.version] {
			bad = append(bad, fmt.Sprintf("point %s of %s@%s has no valid receipt", p.id, p.document, p.version))
		}
	}
	return bad, nil
}

// check holds what was acknowledged against catalog and index, at rest.
func (l *looker) check(t testing.TB, acked map[string]string) {
	t.Helper()
	points, err := l.points(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s, err := l.stored(t.Context(), true)
	if err != nil {
		t.Fatal(err)
	}
	// Workers may be about to remove what was replaced: what is wrong stays wrong.
	bad, err := l.violations(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range bad {
		t.Errorf("unscanned or phantom: %s", b)
	}
	have := map[[2]string]int{}
	for _, p := range points {
		have[[2]string{p.document, p.version}]++
	}
	for id, outcome := range acked {
		switch outcome {
		case "retired":
			if s.state[id] != string(catalog.Retired) {
				t.Errorf("lost acknowledgement: %s was retired and is %q", id, s.state[id])
			}
		case "quarantined", "rejected":
			if !s.held[id] {
				t.Errorf("lost acknowledgement: %s was %s", id, outcome)
			}
		case "indexed", "unchanged", "attributes":
			if outcome == "unchanged" && s.held[id] {
				continue
			}
			v := [2]string{id, s.live[id]}
			if s.receipts[id] == "" || s.chunks[v] == 0 || have[v] != s.chunks[v] {
				t.Errorf("lost acknowledgement: %s (%s): state %q, receipt %q, %d chunks, %d points", id, outcome, s.state[id], s.receipts[id], s.chunks[v], have[v])
			}
		default:
			t.Errorf("%s: %s", id, outcome)
		}
	}
	places := map[point]bool{}
	for _, p := range points {
		if p.document == "" || p.version == "" || p.receipt == "" || p.ordinal < 0 {
			t.Errorf("malformed point %s", p.id)
		}
		place := point{document: p.document, version: p.version, ordinal: p.ordinal}
		if places[place] {
			t.Errorf("duplicate point %s of %s@%s", p.id, p.document, p.version)
		}
		places[place] = true
	}
}

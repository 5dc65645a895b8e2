package app_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/doorward/doorward/ingest/catalog"
	catalogsqlite "github.com/doorward/doorward/ingest/catalog/sqlite"
	"github.com/doorward/doorward/ingest/receipt"
	"github.com/doorward/doorward/policy/keys"
	"github.com/doorward/doorward/policy/keys/local"
)

// looker reads a store's files from outside, while another process may be
// writing them or after it was killed, and holds points against receipts.
type looker struct {
	catalog  *sql.DB
	index    *sql.DB
	records  recorded // unseals intended versions
	ring     keys.Ring
	verifier receipt.Verifier
	scanner  string
	tenant   string
	valid    map[string]string // receipts found good: signature → id
	close    func()
}

type recorded interface {
	Version(ctx context.Context, r catalog.Ref) (catalog.Version, error)
	Close() error
}

func (s *store) look(t testing.TB) *looker {
	t.Helper()
	ring, err := local.Open(local.Config{Dir: s.cfg.Keys, Tenants: filepath.Join(s.cfg.Data, "keys")})
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := local.OpenVerifier(s.cfg.Keys)
	if err != nil {
		t.Fatal(err)
	}
	scanners, err := scannersOf()
	if err != nil {
		t.Fatal(err)
	}
	records, err := catalogsqlite.Open(t.Context(), catalogsqlite.Config{Dir: s.cfg.Data, Keys: ring})
	if err != nil {
		t.Fatal(err)
	}
	l := &looker{catalog: s.db(t, "catalog.db", true), index: s.db(t, "index.db", true), records: records, ring: ring, verifier: verifier,
		scanner: scanners.Sanitizer.Revision(), tenant: s.cfg.Tenant, valid: map[string]string{}}
	l.close = func() { l.catalog.Close(); l.index.Close(); l.records.Close() }
	return l
}

type point struct{ id, document, version, receipt string }

// stored is what the catalog says at one moment.
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

func (l *looker) points() (out []point, err error) {
	rows, err := l.index.Query(`select id, document, version, receipt from points where tenant = ?`, l.tenant)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var p point
		if err := rows.Scan(&p.id, &p.document, &p.version, &p.receipt); err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, rows.Err()
}

// stored reads the catalog in one transaction.
func (l *looker) stored(ctx context.Context) (*stored, error) {
	tx, err := l.catalog.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return nil, err
	}
	defer tx.Rollback()
	s := &stored{state: map[string]string{}, live: map[string]string{}, receipts: map[string]string{}, held: map[string]bool{},
		versions: map[[2]string]string{}, owed: map[[2]string]bool{}, changing: map[string]bool{}, chunks: map[[2]string]int{}}
	for query, take := range map[string]func(*sql.Rows) error{
		`select id, state, version, receipt from documents`: func(r *sql.Rows) error {
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
		},
		`select id, state, '', x'' from arrivals`: func(r *sql.Rows) error {
			var id, state, version string
			var none []byte
			err := r.Scan(&id, &state, &version, &none)
			s.held[id] = state == string(catalog.Held) || state == string(catalog.Rejected)
			return err
		},
		`select document, version, state from versions`: func(r *sql.Rows) error {
			var d, v, state string
			err := r.Scan(&d, &v, &state)
			s.versions[[2]string{d, v}] = state
			return err
		},
		`select document, version, op from tasks`: func(r *sql.Rows) error {
			var d, v, op string
			err := r.Scan(&d, &v, &op)
			if op == string(catalog.RetireOp) {
				s.owed[[2]string{d, v}] = true
			} else {
				s.changing[d] = true
			}
			return err
		},
		`select document, version, count(*) from chunks group by 1, 2`: func(r *sql.Rows) error {
			var d, v string
			var n int
			err := r.Scan(&d, &v, &n)
			s.chunks[[2]string{d, v}] = n
			return err
		},
	} {
		rows, err := tx.QueryContext(ctx, query)
		if err != nil {
			return nil, err
		}
		for rows.Next() {
			if err := take(rows); err != nil {
				rows.Close()
				return nil, err
			}
		}
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
		v, err := l.records.Version(ctx, catalog.Ref{Tenant: l.tenant, Document: p.document, Version: p.version})
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
	points, err := l.points()
	if err != nil {
		return nil, err
	}
	s, err := l.stored(ctx)
	if err != nil {
		return nil, err
	}
	first := l.uncovered(ctx, points, s)
	if len(first) == 0 {
		return nil, nil
	}
	if points, err = l.points(); err != nil {
		return nil, err
	}
	if s, err = l.stored(ctx); err != nil {
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
	points, err := l.points()
	if err != nil {
		t.Fatal(err)
	}
	s, err := l.stored(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range l.uncovered(t.Context(), points, s) {
		t.Errorf("unscanned or phantom: point %s of %s@%s", p.id, p.document, p.version)
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
	for query, what := range map[string]string{
		`select count(*) from (select 1 from points group by tenant, document, version, ordinal having count(*) > 1)`: "duplicate points",
		`select count(*) from points where document = '' or version = '' or ordinal < 0 or receipt = ''`:              "malformed points",
	} {
		var n int
		if err := l.index.QueryRow(query).Scan(&n); err != nil || n > 0 {
			t.Errorf("%d %s, %v", n, what, err)
		}
	}
}

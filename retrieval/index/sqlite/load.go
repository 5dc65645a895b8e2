package sqlite

import (
	"cmp"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/doorward/doorward/retrieval/embed"
	"github.com/doorward/doorward/retrieval/index"
)

// pin compares the stored pins with the configured ones; an empty index takes
// the configured ones over.
func (x *Index) pin() error {
	meta := map[string]string{}
	rows, err := x.write.Query("SELECT key, CAST(value AS TEXT) FROM meta")
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var k, v string
		if err := rows.Scan(&k, &v); err != nil {
			return err
		}
		meta[k] = v
	}
	if err := rows.Err(); err != nil {
		return err
	}
	rows.Close()
	if f, ok := meta["format"]; ok && f != formatVersion && f != "1" {
		return fmt.Errorf("%w: file format %s, this version reads %s; run `doorward reindex`", index.ErrMismatch, f, formatVersion)
	}
	x.changes, _ = strconv.ParseInt(meta["changes"], 10, 64)
	stored := index.Pins{Analysis: meta["analysis"], Model: meta["model"]}
	stored.Dimension, _ = strconv.Atoi(meta["dimension"])
	var filled bool
	if err := x.write.QueryRow("SELECT EXISTS (SELECT 1 FROM points)").Scan(&filled); err != nil {
		return err
	}
	if x.cfg.Pins == nil {
		x.pins = stored
		_, err := x.write.Exec("UPDATE meta SET value = ? WHERE key = 'format'", formatVersion)
		return err
	}
	x.pins = *x.cfg.Pins
	if filled {
		if err := x.pins.Check(stored); err != nil {
			return err
		}
		_, err := x.write.Exec("UPDATE meta SET value = ? WHERE key = 'format'", formatVersion)
		return err
	}
	tx, err := x.write.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback()
	for k, v := range map[string]string{
		"format": formatVersion, "analysis": x.pins.Analysis, "model": x.pins.Model,
		"dimension": strconv.Itoa(x.pins.Dimension), "changes": strconv.FormatInt(x.changes, 10),
	} {
		if _, err := tx.Exec("INSERT INTO meta VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value", k, v); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// load opens the segments and makes a tail of the points none of them has.
func (x *Index) load() error {
	if err := x.loadSegments(); err != nil {
		return err
	}
	young, err := x.compare()
	if err != nil {
		return err
	}
	if err := x.loadTails(young); err != nil {
		return err
	}
	return x.loadStatistics()
}

// loadTails makes tails of the points of some rows, in order of them. Where a segment
// was damaged, others stand behind its points: such a tail becomes a segment of its
// own, so that a tenant's parts stay ascending.
func (x *Index) loadTails(young []int64) (err error) {
	readErr := x.eachPoint(young, func(tenant string, p point) bool {
		t := x.corpusOrNew(tenant)
		if err = x.closeGap(tenant, t, p.pk); err != nil {
			return false
		}
		if err = t.put([]point{p}); err != nil {
			return false
		}
		if len(t.young.pks) >= t.flushAt {
			x.settle(tenant, t)
		}
		x.count(t)
		x.boundTails()
		return true
	})
	if err = errors.Join(readErr, err); err != nil {
		return err
	}
	for name, t := range x.corpora {
		if err := x.closeGap(name, t, math.MaxInt64); err != nil {
			return err
		}
		slices.SortFunc(t.segments, byRow)
	}
	return nil
}

// closeGap makes a segment of a tail that another segment would stand behind if the
// tail went on with a row.
func (x *Index) closeGap(tenant string, t *corpus, row int64) error {
	n := len(t.young.pks)
	stands := func(s *part) bool { return t.young.pks[n-1] < s.pks[0] && s.pks[0] < row }
	if n == 0 || !slices.ContainsFunc(t.segments, stands) {
		return nil
	}
	defer x.count(t)
	if err := x.flush(tenant, t); err != nil {
		return fmt.Errorf("making a damaged segment anew: %w", err)
	}
	return nil
}

func byRow(a, b *part) int { return cmp.Compare(a.pks[0], b.pks[0]) }

// loadSegments opens what is listed and forgets, listed or not, what is not as it
// was written.
func (x *Index) loadSegments() error {
	records, err := x.records()
	if err != nil {
		return err
	}
	known := map[string]bool{}
	bad := map[string]bool{} // tenants whose segments overlap, after a listing whose outcome was unknown
	for _, r := range records {
		p, err := openSegment(x.segmentPath(r.name), r, x.pins.Dimension, true)
		if err != nil {
			if err := x.unlist(r.name); err != nil {
				return err
			}
			continue
		}
		known[x.segmentPath(r.name)] = true
		t := x.corpusOrNew(r.tenant)
		t.segments = append(t.segments, p)
	}
	for tenant, t := range x.corpora {
		slices.SortFunc(t.segments, byRow)
		for i := 1; i < len(t.segments); i++ {
			last := t.segments[i-1].pks
			bad[tenant] = bad[tenant] || t.segments[i].pks[0] <= last[len(last)-1]
		}
		if !bad[tenant] {
			continue
		}
		for _, p := range t.segments {
			s := p.body.(*segment)
			if err := x.unlist(s.record.name); err != nil {
				return err
			}
			s.discard(x)
		}
		t.segments = nil
	}
	files, err := filepath.Glob(globEscape(x.cfg.Path) + "-*.seg")
	if err != nil {
		return err
	}
	for _, f := range files {
		if !known[f] {
			x.remove(f)
			x.at("removed")
		}
	}
	return nil
}

// globEscape makes a path a pattern for itself.
func globEscape(path string) string {
	if filepath.Separator == '\\' {
		return path // where patterns cannot be escaped
	}
	return strings.NewReplacer("\\", "\\\\", "*", "\\*", "?", "\\?", "[", "\\[").Replace(path)
}

func (x *Index) records() (out []record, err error) {
	rows, err := x.write.Query("SELECT name, tenant, size, sum, tainted FROM segments")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var r record
		var sum int64
		if err := rows.Scan(&r.name, &r.tenant, &r.size, &sum, &r.tainted); err != nil {
			return nil, err
		}
		r.sum = uint32(sum)
		if !segmentName.MatchString(r.name) {
			return nil, fmt.Errorf("%w: the list of segments; run `doorward reindex`", errCodec)
		}
		out = append(out, r)
	}
	return out, rows.Err()
}

// segmentName is what a listed segment may be called: never a path.
var segmentName = regexp.MustCompile(`^[0-9a-f]{32}$`)

func (x *Index) unlist(name string) error {
	_, err := x.write.Exec("DELETE FROM segments WHERE name = ?", name)
	x.at("unlisted")
	return err
}

// compare buries the segments' points the file has no more and returns the rows
// that are in no segment, ascending.
func (x *Index) compare() (young []int64, err error) {
	for _, t := range x.corpora {
		for _, p := range t.segments {
			x.row = max(x.row, p.pks[len(p.pks)-1])
			for i := range p.pks {
				p.dead.set(uint32(i))
			}
			p.deaths = len(p.pks)
		}
	}
	rows, err := x.read.Query("SELECT tenant, pk FROM points")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var name sql.RawBytes
	var pk int64
	for rows.Next() {
		if err := rows.Scan(&name, &pk); err != nil {
			return nil, err
		}
		x.row = max(x.row, pk)
		t := x.corpora[string(name)]
		if t == nil || !t.revive(pk) {
			young = append(young, pk)
		}
	}
	slices.Sort(young)
	return young, rows.Err()
}

// revive marks the slot of a row that the file still has.
func (t *corpus) revive(pk int64) bool {
	for _, p := range t.segments {
		if n, ok := p.find(pk); ok {
			p.dead[n>>6] &^= 1 << (n & 63)
			p.deaths--
			return true
		}
	}
	return false
}

// eachPoint yields the points of rows given in ascending order. Rows that lie
// close together are read at once.
func (x *Index) eachPoint(pks []int64, yield func(tenant string, p point) bool) error {
	const gap = 16
	for len(pks) > 0 {
		n := 1
		for n < len(pks) && pks[n]-pks[n-1] <= gap {
			n++
		}
		if more, err := x.eachOf(pks[:n], yield); err != nil || !more {
			return err
		}
		pks = pks[n:]
	}
	return nil
}

func (x *Index) eachOf(pks []int64, yield func(tenant string, p point) bool) (more bool, err error) {
	rows, err := x.read.Query("SELECT pk, tenant, "+pointColumns+" FROM points WHERE pk BETWEEN ? AND ? ORDER BY pk", pks[0], pks[len(pks)-1])
	if err != nil {
		return false, err
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		var pk int64
		p, err := scanPoint(rows, &pk, &name)
		if err != nil {
			return false, err
		}
		if pk != pks[0] { // a segment has it
			continue
		}
		p.pk, pks = pk, pks[1:]
		if !yield(name, p) {
			return false, nil
		}
	}
	return true, rows.Err()
}

func (x *Index) loadStatistics() error {
	rows, err := x.write.Query("SELECT tenant, statistics FROM epochs")
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		var b []byte
		if err := rows.Scan(&name, &b); err != nil {
			return err
		}
		st := &embed.Statistics{}
		if err := st.UnmarshalBinary(b); err != nil {
			return fmt.Errorf("reading statistics: %w; run `doorward reindex`", err)
		}
		x.corpusOrNew(name).statistics = st
	}
	return rows.Err()
}

func (x *Index) corpusOrNew(name string) *corpus {
	x.mu.Lock()
	defer x.mu.Unlock()
	t := x.corpora[name]
	if t == nil {
		t = newCorpus(x.pins.Dimension, x.tailSlots)
		x.corpora[name] = t
	}
	return t
}

const pointColumns = "id, document, version, ordinal, receipt, attributes, terms, vector"

// scanPoint reads pointColumns, after any leading columns given.
func scanPoint(rows *sql.Rows, leading ...any) (point, error) {
	var p point
	var terms, vector sql.RawBytes
	dest := append(leading, &p.id, &p.document, &p.version, &p.ordinal, &p.receipt, &p.attributes, &terms, &vector)
	if err := rows.Scan(dest...); err != nil {
		return p, err
	}
	p.terms = append([]byte(nil), terms...)
	var err error
	p.vector, err = decodeVector(vector)
	return p, err
}

func isNoRows(err error) bool { return errors.Is(err, sql.ErrNoRows) }

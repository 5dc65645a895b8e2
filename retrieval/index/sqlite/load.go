package sqlite

import (
	"database/sql"
	"errors"
	"fmt"
	"strconv"

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
	if f, ok := meta["format"]; ok && f != formatVersion {
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
		return nil
	}
	x.pins = *x.cfg.Pins
	if filled {
		return x.pins.Check(stored)
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

// batch is consecutive points of one tenant.
type batch struct {
	tenant string
	points []point
}

// loadBatch is how many points are filed at once: the more, the less often each
// term's list is looked for. Their postings take some 8 MB, four times.
const loadBatch = 2048

// load builds the corpora from the file. Reading rows, taking them apart and filing
// their postings take about as long, so each has a goroutine.
func (x *Index) load() error {
	batches := make(chan batch, 2)
	quit := make(chan struct{})
	defer close(quit)
	var readErr error
	go func() {
		defer close(batches)
		var next batch
		send := func() bool {
			select {
			case batches <- next:
				next = batch{}
				return true
			case <-quit:
				return false
			}
		}
		readErr = x.eachPoint(func(tenant string, p point) bool {
			if len(next.points) > 0 && (next.tenant != tenant || len(next.points) == loadBatch) && !send() {
				return false
			}
			next.tenant = tenant
			next.points = append(next.points, p)
			return true
		})
		send()
	}()
	filed := newFiler()
	for next := range batches {
		if len(next.points) == 0 {
			continue
		}
		t, b := x.corpusOrNew(next.tenant), <-filed.idle
		first, err := t.gather(next.points, b)
		if err != nil {
			filed.wait()
			return err
		}
		b.order()
		filed.work <- filing{b, &t.postings, first}
	}
	filed.wait()
	if readErr != nil {
		return readErr
	}
	return x.loadStatistics()
}

// eachPoint yields all stored points in the order they were first put.
func (x *Index) eachPoint(yield func(tenant string, p point) bool) error {
	rows, err := x.read.Query("SELECT tenant, " + pointColumns + " FROM points ORDER BY pk")
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		p, err := scanPoint(rows, &name)
		if err != nil {
			return err
		}
		if !yield(name, p) {
			return nil
		}
	}
	return rows.Err()
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
		t = newCorpus(x.pins.Dimension)
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

package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc64"
	"math"
	"slices"
	"strings"

	driversqlite "modernc.org/sqlite"
)

// Every row that no seal or receipt proves has a checksum, kept by triggers in the
// table sums: a disk that flips a bit of it is found out. Checksums are against
// disks, not people: who can write the file can write them, too. What people could
// gain from is under keys: texts, receipts, hashes.

// sumFunction is the checksum in SQL: of its arguments, their types and lengths.
const sumFunction = "doorward_sum"

var errSumFunction = driversqlite.RegisterFunction(sumFunction, &driversqlite.FunctionImpl{
	NArgs: -1, Deterministic: true, VolatileArgs: true,
	Scalar: func(_ *driversqlite.FunctionContext, args []driver.Value) (driver.Value, error) {
		return sum(args), nil
	},
})

var crc = crc64.MakeTable(crc64.ECMA)

// sum notices every change of a single bit, for it is a CRC.
func sum(values []driver.Value) int64 {
	var h uint64
	var head [9]byte
	add := func(kind byte, n uint64, data []byte) {
		head[0] = kind
		binary.LittleEndian.PutUint64(head[1:], n)
		h = crc64.Update(crc64.Update(h, crc, head[:]), crc, data)
	}
	for _, v := range values {
		switch v := v.(type) {
		case nil:
			add('n', 0, nil)
		case int64:
			add('i', uint64(v), nil)
		case float64:
			add('f', math.Float64bits(v), nil)
		case string:
			add('t', uint64(len(v)), []byte(v))
		case []byte:
			add('b', uint64(len(v)), v)
		default:
			add('?', 0, nil)
		}
	}
	return int64(h)
}

const sumsTable = `create table if not exists sums (
  of  text not null,                       -- a table
  row text not null,                       -- its primary key there
  sum integer not null,
  primary key (of, row)
) strict, without rowid`

// proved are tables without checksums: receipts and seals cover chunks and versions,
// and nothing is written to prints any more.
var proved = []string{"sums", "chunks", "versions", "prints"}

// summed is a table whose rows have checksums.
type summed struct {
	name    string
	columns []string
	key     []string
}

// unsummed are columns whose seal is opened by every inspection, and which are large.
var unsummed = map[string]string{"arrivals": "sealed"}

// transient is a condition for rows that last only while they are worked on.
func (s summed) lasting(of string) string {
	if s.name == "arrivals" {
		return of + "state <> 'received'"
	}
	return "1"
}

func (s summed) row(of string) string {
	parts := make([]string, len(s.key))
	for i, k := range s.key {
		parts[i] = of + k
	}
	return strings.Join(parts, " || char(31) || ")
}

func (s summed) sum(of string, columns int) string {
	var parts []string
	for _, c := range s.columns[:columns] {
		if unsummed[s.name] != c {
			parts = append(parts, of+c)
		}
	}
	return sumFunction + "(" + strings.Join(parts, ", ") + ")"
}

// triggers keep the checksums, as they were when the table had so many columns.
func (s summed) triggers(columns int) map[string]string {
	put := fmt.Sprintf("begin insert into sums (of, row, sum) values ('%s', %s, %s) on conflict (of, row) do update set sum = excluded.sum; end", s.name, s.row("new."), s.sum("new.", columns))
	out := map[string]string{}
	for _, on := range []string{"insert", "update"} {
		name := "sum_" + s.name + "_" + on
		out[name] = fmt.Sprintf("CREATE TRIGGER %s after %s on %s when %s %s", name, on, s.name, s.lasting("new."), put)
	}
	name := "sum_" + s.name + "_delete"
	out[name] = fmt.Sprintf("CREATE TRIGGER %s after delete on %s when %s begin delete from sums where of = '%s' and row = %s; end", name, s.name, s.lasting("old."), s.name, s.row("old."))
	return out
}

// summedTables are all tables that have checksums, or should.
func summedTables(ctx context.Context, q queryer) ([]summed, error) {
	rows, err := q.QueryContext(ctx, `select m.name, c.name, c.pk from sqlite_master m, pragma_table_info(m.name) c
		where m.type = 'table' and m.name not like 'sqlite%' order by m.name, c.cid`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []summed
	for rows.Next() {
		var table, column string
		var pk int
		if err := rows.Scan(&table, &column, &pk); err != nil {
			return nil, err
		}
		if slices.Contains(proved, table) {
			continue
		}
		if len(out) == 0 || out[len(out)-1].name != table {
			out = append(out, summed{name: table})
		}
		s := &out[len(out)-1]
		s.columns = append(s.columns, column)
		if pk > 0 {
			s.key = append(s.key, column)
		}
	}
	return out, rows.Err()
}

type queryer interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// stored are the triggers in the file, by name.
func storedTriggers(ctx context.Context, q queryer) (map[string]string, error) {
	rows, err := q.QueryContext(ctx, `select name, sql from sqlite_master where type = 'trigger'`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := map[string]string{}
	for rows.Next() {
		var name, text string
		if err := rows.Scan(&name, &text); err != nil {
			return nil, err
		}
		out[name] = text
	}
	return out, rows.Err()
}

// triggerState is how a table's triggers in the file relate to those it should have.
type triggerState int

const (
	current triggerState = iota
	older                // missing, or of when the table had fewer columns
	damaged
)

func (s summed) state(stored map[string]string) triggerState {
	matches := func(columns int) bool {
		for name, text := range s.triggers(columns) {
			if stored[name] != text {
				return false
			}
		}
		return true
	}
	if matches(len(s.columns)) {
		return current
	}
	there := 0
	for name := range s.triggers(len(s.columns)) {
		if _, ok := stored[name]; ok {
			there++
		}
	}
	if there == 0 {
		return older
	}
	for n := range s.columns {
		if n > 0 && matches(n) {
			return older
		}
	}
	return damaged
}

// keepSums makes the triggers that a new or older file lacks, and the checksums.
// Triggers that are damaged are left for an inspection to find.
func (d *DB) keepSums(ctx context.Context) error {
	list, err := lacking(ctx, d.Read, older)
	if err != nil || len(list) == 0 {
		return err
	}
	t, err := d.Write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer t.Rollback()
	if list, err = lacking(ctx, t, older); err != nil {
		return err
	}
	if err := makeSums(ctx, t, list); err != nil {
		return err
	}
	return t.Commit()
}

// lacking are the tables whose triggers are in a state.
func lacking(ctx context.Context, q queryer, state triggerState) (list []summed, err error) {
	all, err := summedTables(ctx, q)
	if err != nil {
		return nil, err
	}
	stored, err := storedTriggers(ctx, q)
	for _, s := range all {
		if s.state(stored) == state {
			list = append(list, s)
		}
	}
	return list, err
}

// makeSums makes triggers and checksums of tables anew.
func makeSums(ctx context.Context, t *sql.Tx, list []summed) error {
	statements := []string{sumsTable}
	for _, s := range list {
		for name, text := range s.triggers(len(s.columns)) {
			statements = append(statements, "drop trigger if exists "+name, text)
		}
		statements = append(statements, fmt.Sprintf("delete from sums where of = '%s'", s.name),
			fmt.Sprintf("insert into sums (of, row, sum) select '%s', %s, %s from %s where %s", s.name, s.row(""), s.sum("", len(s.columns)), s.name, s.lasting("")))
	}
	for _, statement := range statements {
		if _, err := t.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("making checksums: %w", err)
		}
	}
	return nil
}

// controls are tables whose rows hold something back, or say who may have what: they
// are checked whenever the catalog is opened.
var controls = []string{"meta", "secrets", "containments", "holds", "erasures", "tombstones", "manifests", "cursors"}

// Controls implements [relational.Prover].
func (d *DB) Controls(ctx context.Context) ([]string, error) {
	return d.differing(ctx, func(s summed) bool { return slices.Contains(controls, s.name) })
}

// hidden names entries of the schema that no list of tables or triggers has as they
// were made, though SQLite goes on using what they describe: it reads their types and
// names in any case. What else is wrong with an entry it refuses itself.
func (d *DB) hidden(ctx context.Context) ([]string, error) {
	rows, err := d.Read.QueryContext(ctx, `select 'the schema''s entry of ' || substr(name, 1, 200) || ' is damaged: restore a backup' from sqlite_master
		where type <> lower(type) or name <> lower(name) limit ?`, maxFlaws)
	if err != nil {
		return nil, err
	}
	return lines(rows)
}

// differing names rows that differ from their checksums, and what is hidden from them.
func (d *DB) differing(ctx context.Context, of func(summed) bool) (flaws []string, err error) {
	if flaws, err = d.hidden(ctx); err != nil {
		return nil, err
	}
	all, err := summedTables(ctx, d.Read)
	if err != nil {
		return nil, err
	}
	stored, err := storedTriggers(ctx, d.Read)
	if err != nil {
		return nil, err
	}
	for _, s := range all {
		if !of(s) || len(flaws) >= maxFlaws {
			continue
		}
		if s.state(stored) != current {
			flaws = append(flaws, "the triggers that keep the checksums of "+s.name+" are not as they were made")
		}
		list, err := d.unequal(ctx, s)
		if err != nil {
			return flaws, err
		}
		for _, row := range list {
			flaws = append(flaws, fmt.Sprintf("row %q of %s differs from its checksum", row, s.name))
		}
		var gone bool
		err = d.Read.QueryRowContext(ctx, fmt.Sprintf(`select (select count(*) from sums where of = '%s') > (select count(*) from %s where %s)`, s.name, s.name, s.lasting(""))).Scan(&gone)
		if err != nil {
			return flaws, err
		}
		if gone {
			flaws = append(flaws, "rows of "+s.name+" that have checksums are missing")
		}
	}
	return flaws, nil
}

// unequal are the rows of a table that differ from their checksums, or have none.
func (d *DB) unequal(ctx context.Context, s summed) ([]string, error) {
	rows, err := d.Read.QueryContext(ctx, `select substr(replace(`+s.row("t.")+`, char(31), '/'), 1, 200) from `+s.where(), maxFlaws)
	if err != nil {
		return nil, err
	}
	return lines(rows)
}

// where finds rows that differ from their checksums.
func (s summed) where() string {
	return fmt.Sprintf(`%s t left join sums s on s.of = '%s' and s.row = %s where %s and (s.sum is null or s.sum <> %s) limit ?`,
		s.name, s.name, s.row("t."), s.lasting("t."), s.sum("t.", len(s.columns)))
}

// rebuildSums makes all triggers and checksums anew. What only saves work, and
// differed, is dropped: sources are then read again from the beginning.
func (d *DB) rebuildSums(ctx context.Context) error {
	t, err := d.Write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer t.Rollback()
	all, err := summedTables(ctx, t)
	if err != nil {
		return err
	}
	for _, s := range all {
		if s.name == "cursors" {
			if _, err := t.ExecContext(ctx, `delete from cursors where `+s.row("")+` in (select `+s.row("t.")+` from `+s.where()+`)`, math.MaxInt32); err != nil {
				return err
			}
		}
	}
	return errors.Join(makeSums(ctx, t, all), t.Commit())
}

package relational

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

//go:embed schema.sql
var schema string

//go:embed review.sql
var reviewSchema string

//go:embed printed.sql
var printed string

//go:embed pushes.sql
var pushes string

// Migration takes a catalog from one version to the next. Its SQL is in both
// dialects' words, see [Dialect].
type Migration struct {
	SQL string
	// Check, if set, says why a catalog cannot be taken to this version. It
	// runs first, and on an error nothing is changed.
	Check func(ctx context.Context, tx Tx) error
}

// Migrations are all of them: the n-th makes version n. Add at the end, one line
// each; never change or reorder what was released.
var Migrations = []Migration{
	{SQL: schema},
	{SQL: secrets},
	{SQL: reviewSchema},
	{SQL: pushes},
	{SQL: eraseSchema},
	{SQL: printed},
	{SQL: `alter table arrivals add column job TEXT not null default '';
		create index arrivals_job on arrivals (job);`},
	// Numbers were times of the writers' clocks; now they are the database's.
	{SQL: `update printed set seq = 0;`},
	// From here on SQLite keeps checksums of rows; older programs could not.
	{SQL: `update meta set value = value where key = 'schema';`},
	{SQL: vectorSchema},
	{SQL: `alter table arrivals add column risked INTEGER not null default 0;`},
	// From here on a version's state has one length, so that a row whose state
	// changes need not be written anew; and seals hold texts as they are, which
	// older programs do not know.
	{SQL: `drop index versions_state;
		update versions set state = 'next' where state = 'intent';
		create index versions_state on versions (state) where state = 'next';`},
	// The batch that brought what is held, though later ones brought it again.
	{SQL: `alter table arrivals add column brought TEXT not null default '';
		update arrivals set brought = batch;`},
}

// latest is the version this program reads and writes.
func latest() int { return len(Migrations) }

// migrate brings a database to the latest version, in one transaction. It leaves
// alone what it does not know.
func migrate(ctx context.Context, db DB) error {
	// Most often there is nothing to do, and then nobody else need wait.
	if v, err := schemaVersion(ctx, db, db.Dialect()); err == nil && v == latest() {
		return nil
	}
	err := db.Update(ctx, nil, func(tx Tx) error {
		from, err := schemaVersion(ctx, tx, db.Dialect())
		if err != nil {
			return err
		}
		for i, m := range Migrations[from:] {
			to := from + i + 1
			if m.Check != nil {
				if err := m.Check(ctx, tx); err != nil {
					return fmt.Errorf("cannot take it from schema version %d to %d: %w", to-1, to, err)
				}
			}
			if _, err := tx.Exec(ctx, translate(m.SQL, db.Dialect().Words)); err != nil {
				return fmt.Errorf("taking it to schema version %d: %w", to, err)
			}
		}
		if from == latest() {
			return nil
		}
		_, err = tx.Exec(ctx, `insert into meta (key, value) values ('schema', ?) on conflict (key) do update set value = excluded.value`, strconv.Itoa(latest()))
		return err
	})
	if err != nil {
		return fmt.Errorf("opening catalog: %w", err)
	}
	return nil
}

// schemaVersion is 0 for an empty database.
func schemaVersion(ctx context.Context, q Querier, d Dialect) (int, error) {
	var meta, tables int
	if err := one(ctx, q, d.Table, []any{"meta"}, &meta); err != nil {
		return 0, fmt.Errorf("it is not a readable database: %w", err)
	}
	if meta == 0 {
		if err := one(ctx, q, d.Tables, nil, &tables); err != nil {
			return 0, err
		}
		if tables > 0 {
			return 0, errors.New("this database is not a Doorward catalog: it holds other tables")
		}
		return 0, nil
	}
	var text string
	if err := one(ctx, q, `select value from meta where key = 'schema'`, nil, &text); err != nil {
		return 0, err
	}
	version, err := strconv.Atoi(text)
	if err != nil || version < 1 || version > latest() {
		return 0, fmt.Errorf("its schema is version %s, this program knows 1 to %d: use the program it was written with, or a newer one", text, latest())
	}
	return version, nil
}

// translate puts a dialect's own words for the capital ones.
func translate(sql string, words map[string]string) string {
	var pairs []string
	for from, to := range words {
		pairs = append(pairs, from, to)
	}
	return strings.NewReplacer(pairs...).Replace(sql)
}

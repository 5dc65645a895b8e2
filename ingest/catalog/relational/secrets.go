package relational

import (
	"context"
	"errors"
	"io/fs"
	"time"

	"github.com/doorward/doorward/ingest/catalog"
)

// secrets is where machines that share a catalog share their tenants' sealed
// secrets. A catalog on one machine leaves it empty: there they are files.
const secrets = `create table secrets (
  name   TEXT primary key,
  sealed BLOB not null,                    -- by the master key
  made   INTEGER not null
) STRICT;`

// Secrets keeps sealed tenant secrets in a catalog's database, for
// package policy/keys/local. Its table is there once [New] has run.
type Secrets struct{ DB DB }

// secretsTimeout bounds a call: keys are asked for without a context.
const secretsTimeout = 10 * time.Second

// Load returns a sealed secret, or [fs.ErrNotExist].
func (s Secrets) Load(name string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), secretsTimeout)
	defer cancel()
	sealed, err := load(ctx, s.DB, name)
	switch {
	case errors.Is(err, catalog.ErrNotFound):
		return nil, fs.ErrNotExist
	case err != nil:
		return nil, unavailable("reading a tenant's secret", err)
	}
	return sealed, nil
}

// Create stores a sealed secret unless there is one, and returns what is stored.
func (s Secrets) Create(name string, sealed []byte) (stored []byte, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), secretsTimeout)
	defer cancel()
	err = s.DB.Update(ctx, []int64{}, func(tx Tx) error {
		if err := tx.Queue(ctx, `insert into secrets (name, sealed, made) values (?, ?, ?) on conflict do nothing`, name, sealed, time.Now().Unix()); err != nil {
			return err
		}
		stored, err = load(ctx, tx, name)
		return err
	})
	if err != nil {
		return nil, unavailable("storing a tenant's secret", err)
	}
	return stored, nil
}

func load(ctx context.Context, q Querier, name string) (sealed []byte, err error) {
	err = one(ctx, q, `select sealed from secrets where name = ?`, []any{name}, &sealed)
	return sealed, err
}

// Replace puts another sealed secret in place of one.
func (s Secrets) Replace(name string, sealed []byte) error {
	ctx, cancel := context.WithTimeout(context.Background(), secretsTimeout)
	defer cancel()
	return failed("storing a tenant's secret", s.DB.Update(ctx, []int64{}, func(tx Tx) error {
		n, err := tx.Exec(ctx, `update secrets set sealed = ? where name = ?`, sealed, name)
		if err == nil && n != 1 {
			err = catalog.ErrNotFound
		}
		return err
	}))
}

// List returns the names of all sealed secrets.
func (s Secrets) List() ([]string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), secretsTimeout)
	defer cancel()
	names, err := column[string](ctx, s.DB, `select name from secrets`)
	if err != nil {
		return nil, unavailable("listing tenants' secrets", err)
	}
	return names, nil
}

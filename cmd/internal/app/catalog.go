package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/doorward/doorward/configs"
	"github.com/doorward/doorward/ingest/catalog/postgres"
	"github.com/doorward/doorward/ingest/catalog/relational"
	catalogsqlite "github.com/doorward/doorward/ingest/catalog/sqlite"
	"github.com/doorward/doorward/policy/keys/kms"
	"github.com/doorward/doorward/policy/keys/local"
)

// PostgresURL is the environment variable with the database's URL, for those who
// have no file for it.
const PostgresURL = "DOORWARD_POSTGRES_URL"

// ErrShared means a combination of parts that several machines cannot share.
var ErrShared = errors.New("cannot be shared between machines")

// connect opens the pool of a configuration with PostgreSQL; nil without.
func connect(ctx context.Context, c *configs.Config) (*postgres.DB, error) {
	p := c.Catalog.Postgres
	if c.Catalog.Type != "postgres" {
		return nil, nil
	}
	url, err := ReadKey("catalog.postgres.url_file", p.URLFile)
	if err != nil {
		return nil, err
	}
	if url == "" {
		url = os.Getenv(PostgresURL)
	}
	if url == "" {
		return nil, fmt.Errorf("opening catalog: no database: set catalog.postgres.url_file, or the environment variable %s", PostgresURL)
	}
	return postgres.Connect(ctx, postgres.Config{URL: url, Schema: p.Schema, Plain: p.Plain, Connections: p.Connections})
}

// openDatabase connects to PostgreSQL, if there is to be one, and makes sure that
// nobody else uses the catalog with an index of their own.
func (a *App) openDatabase(ctx context.Context) (err error) {
	if a.Postgres, err = connect(ctx, a.Config); err != nil || a.Postgres == nil {
		return err
	}
	a.onClose(a.Postgres.Close)
	alone := a.Config.Index.Type == "sqlite"
	release, ok, err := a.Postgres.Join(ctx, alone)
	if err != nil {
		return fmt.Errorf("opening catalog: %w", err)
	}
	if !ok {
		hint := "another process uses it with an embedded index of its own; stop that one"
		if alone {
			hint = "this catalog is in use, and an embedded index would lack what others ingest; set index.type: qdrant on every machine"
		}
		return fmt.Errorf("opening catalog: %w: %s", ErrShared, hint)
	}
	a.onClose(release)
	return nil
}

// KeysConfig says where tenants' secrets are: with the catalog, so that every
// machine that shares it has them.
func (a *App) KeysConfig(ctx context.Context) (local.Config, error) {
	kek, err := kms.Open(ctx, KMS(a.Config))
	c := local.Config{Dir: a.Config.Keys, KEK: kek, Tenants: filepath.Join(a.Config.Data, "keys")}
	if a.Postgres != nil {
		c.Tenants, c.Store = "", relational.Secrets{DB: a.Postgres}
	}
	return c, err
}

// KMS names the key that seals the master key.
func KMS(c *configs.Config) kms.Config {
	return kms.Config{URI: c.KMS.URI, TokenFile: c.KMS.TokenFile, Namespace: c.KMS.Namespace, CAFile: c.KMS.CAFile}
}

func (a *App) openStores(ctx context.Context) (err error) {
	if a.Postgres != nil {
		a.Catalog, err = relational.New(ctx, a.Postgres, relational.Config{Keys: a.Keys, Now: a.now, Keep: a.Config.Contain.Keep})
	} else {
		a.Catalog, err = catalogsqlite.Open(ctx, catalogsqlite.Config{Dir: a.Config.Data, Keys: a.Keys, Now: a.now, Keep: a.Config.Contain.Keep})
	}
	if err != nil {
		return err
	}
	a.onClose(a.Catalog.Close)
	if err := a.checkKeys(ctx); err != nil {
		return err
	}
	return a.openIndex(ctx)
}

// recover finishes what a stopped process left. Of a shared catalog, what looks
// unfinished may be another's work: there [App.Sweep] tells them apart.
func (a *App) recover(ctx context.Context) error {
	if err := a.Catalog.Intact(ctx); err != nil {
		return err
	}
	if a.Postgres != nil && a.Config.Index.Type != "sqlite" {
		return nil
	}
	if a.Postgres == nil { // nobody else has runs
		if err := a.Catalog.InterruptBatches(ctx); err != nil {
			return err
		}
	}
	if err := a.Pipeline.Recover(ctx); err != nil {
		return fmt.Errorf("finishing interrupted work: %w", err)
	}
	if err := a.Eraser.Recover(ctx); err != nil {
		return fmt.Errorf("finishing interrupted erasures: %w", err)
	}
	return nil
}

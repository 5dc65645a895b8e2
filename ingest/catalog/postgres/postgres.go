// Package postgres keeps the catalog in PostgreSQL, for many machines over one
// record. Every change is one transaction, on disk before the call returns;
// changes of the same document wait for each other, changes of different ones
// run side by side.
package postgres

import (
	"context"
	"errors"
	"fmt"
	"net"
	"regexp"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/doorward/doorward/ingest/catalog/relational"
	"github.com/doorward/doorward/policy/keys"
)

// Config says where the database is. A URL holds a password, so it is never part
// of an error.
type Config struct {
	URL string // postgres://user:password@host:port/database?sslmode=verify-full, required
	// Schema holds all tables; "" means doorward. It is made when missing.
	Schema string
	// Plain allows a server on another machine without verified TLS.
	Plain bool
	// Connections bounds the pool; 0 means 16.
	Connections int
	Keep        time.Duration // see [relational.Config]
}

const (
	defaultSchema      = "doorward"
	defaultConnections = 16
	oldest             = 130000 // server_version_num
)

var schemaName = regexp.MustCompile(`^[a-z_][a-z0-9_]{0,62}$`)

// ErrServer means a server that cannot keep the catalog's promises.
var ErrServer = errors.New("server cannot be used")

// Connect opens the pool, refuses a server that could lose what it acknowledged,
// and makes the schema.
func Connect(ctx context.Context, c Config) (*DB, error) {
	if c.Schema == "" {
		c.Schema = defaultSchema
	}
	if !schemaName.MatchString(c.Schema) {
		return nil, fmt.Errorf("connecting to PostgreSQL: schema %q: use lower-case letters, digits and underscores", c.Schema)
	}
	pc, err := pgxpool.ParseConfig(c.URL)
	if err != nil { // the error may quote the URL
		return nil, errors.New("connecting to PostgreSQL: the URL is malformed: use postgres://user:password@host:port/database?sslmode=verify-full")
	}
	if !c.Plain && !protected(pc.ConnConfig) {
		return nil, fmt.Errorf("connecting to PostgreSQL: %w: the server is on another machine and TLS is not verified: add sslmode=verify-full (and sslrootcert) to the URL, or set plain for a private network", ErrServer)
	}
	pc.MaxConns = int32(c.Connections)
	if c.Connections <= 0 {
		pc.MaxConns = defaultConnections
	}
	if pc.ConnConfig.ConnectTimeout == 0 {
		pc.ConnConfig.ConnectTimeout = 5 * time.Second
	}
	for k, v := range map[string]string{
		"application_name":                    "doorward",
		"search_path":                         c.Schema,
		"synchronous_commit":                  "on", // whatever the server's default: acknowledged is durable
		"default_transaction_isolation":       "read committed",
		"idle_in_transaction_session_timeout": "60000", // a machine that vanished keeps no locks
		"timezone":                            "UTC",
	} {
		pc.ConnConfig.RuntimeParams[k] = v
	}
	pool, err := pgxpool.NewWithConfig(ctx, pc)
	if err != nil {
		return nil, fmt.Errorf("connecting to PostgreSQL: %w", err)
	}
	d := &DB{Pool: pool, Schema: c.Schema, all: lockNumber("catalog " + c.Schema)}
	if err := d.check(ctx); err != nil {
		pool.Close()
		return nil, fmt.Errorf("connecting to PostgreSQL: %w", err)
	}
	return d, nil
}

// Open connects and opens or makes the catalog.
func Open(ctx context.Context, c Config, k keys.Ring, now func() time.Time) (*relational.Catalog, error) {
	d, err := Connect(ctx, c)
	if err != nil {
		return nil, err
	}
	return relational.New(ctx, d, relational.Config{Keys: k, Now: now, Keep: c.Keep})
}

// protected: every server that may be tried is this machine or verified by TLS.
func protected(c *pgx.ConnConfig) bool {
	ok := func(host string, verified bool) bool {
		ip := net.ParseIP(host)
		return verified || host == "" || host[0] == '/' || host == "localhost" || ip != nil && ip.IsLoopback()
	}
	if !ok(c.Host, c.TLSConfig != nil && (!c.TLSConfig.InsecureSkipVerify || c.TLSConfig.VerifyPeerCertificate != nil)) {
		return false
	}
	for _, f := range c.Fallbacks {
		if !ok(f.Host, f.TLSConfig != nil && (!f.TLSConfig.InsecureSkipVerify || f.TLSConfig.VerifyPeerCertificate != nil)) {
			return false
		}
	}
	return true
}

// check refuses servers that are too old, read-only or not durable, and makes
// the schema.
func (d *DB) check(ctx context.Context) error {
	var version int
	var fsync, replica string
	err := d.Pool.QueryRow(ctx, `select current_setting('server_version_num')::int, current_setting('fsync'), pg_is_in_recovery()::text`).Scan(&version, &fsync, &replica)
	switch {
	case err != nil:
		return err
	case version < oldest:
		return fmt.Errorf("%w: version %d.%d is too old, 13 or newer is needed", ErrServer, version/10000, version%100)
	case fsync != "on":
		return fmt.Errorf("%w: it runs with fsync=off and may lose what it acknowledged; switch fsync on", ErrServer)
	case replica == "true":
		return fmt.Errorf("%w: it is a read-only replica; name the primary", ErrServer)
	}
	return d.Update(ctx, nil, func(tx relational.Tx) error {
		native, err := Native(ctx, tx)
		if err != nil {
			return err
		}
		var there bool
		if err := native.QueryRow(ctx, `select exists (select from pg_namespace where nspname = $1)`, d.Schema).Scan(&there); err != nil || there {
			return err
		}
		_, err = tx.Exec(ctx, `create schema if not exists `+pgx.Identifier{d.Schema}.Sanitize())
		return err
	})
}

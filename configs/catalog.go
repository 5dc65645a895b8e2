package configs

import (
	"regexp"
	"time"
)

// Catalog says where the system of record is.
type Catalog struct {
	Type     string   `yaml:"type"` // sqlite or postgres
	Postgres Postgres `yaml:"postgres"`
}

// Postgres is a PostgreSQL database, 13 or newer, that several machines share.
type Postgres struct {
	URLFile     string `yaml:"url_file"`    // private file holding the URL; empty: the environment variable DOORWARD_POSTGRES_URL
	Schema      string `yaml:"schema"`      // where the tables are; made when missing
	Plain       bool   `yaml:"plain"`       // allow another machine without verified TLS, on a private network
	Connections int    `yaml:"connections"` // most connections of one process
}

// Queue says how machines that share a catalog share the work of ingest.
type Queue struct {
	Batches int           `yaml:"batches"` // batches one worker has in hand at once
	Waiting int           `yaml:"waiting"` // most batches that wait; who reads sources then waits too
	Rate    float64       `yaml:"rate"`    // most documents per second of one worker; 0 any
	Lease   time.Duration `yaml:"lease"`   // a worker not heard from for so long loses its batches to others
}

var schemaName = regexp.MustCompile(`^[a-z_][a-z0-9_]{0,62}$`)

func (c *Config) validateCatalog(v *problems) {
	v.oneOf("catalog.type", c.Catalog.Type, "sqlite", "postgres")
	v.need(schemaName.MatchString(c.Catalog.Postgres.Schema), "catalog.postgres.schema: use lower-case letters, digits and underscores")
	v.need(c.Catalog.Postgres.Connections >= 4 && c.Catalog.Postgres.Connections <= 1000, "catalog.postgres.connections: use 4 to 1000")
	q := c.Queue
	v.need(q.Batches >= 1 && q.Batches <= 64, "queue.batches: use 1 to 64")
	v.need(q.Waiting >= 1, "queue.waiting: use 1 or more")
	v.need(q.Rate >= 0, "queue.rate: use 0 (any) or more")
	v.need(q.Lease >= time.Second && q.Lease <= 10*time.Minute, "queue.lease: use 1s to 10m")
}

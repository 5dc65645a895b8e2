package configs

import "regexp"

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

var schemaName = regexp.MustCompile(`^[a-z_][a-z0-9_]{0,62}$`)

func (c *Config) validateCatalog(v *problems) {
	v.oneOf("catalog.type", c.Catalog.Type, "sqlite", "postgres")
	v.need(schemaName.MatchString(c.Catalog.Postgres.Schema), "catalog.postgres.schema: use lower-case letters, digits and underscores")
	v.need(c.Catalog.Postgres.Connections >= 2 && c.Catalog.Postgres.Connections <= 1000, "catalog.postgres.connections: use 2 to 1000")
}

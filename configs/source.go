package configs

import (
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"time"
)

// Source is one document store. Type says which of the fields below count.
type Source struct {
	Name     string           `yaml:"name"`
	Tenant   string           `yaml:"tenant"`  // empty: Config.Tenant
	Type     string           `yaml:"type"`    // directory, bucket, git, sql, jsonl, mbox or push
	Path     string           `yaml:"path"`    // directory, git, jsonl, mbox: where on this machine
	Trust    string           `yaml:"trust"`   // a word for policies, for example "internal"
	Ceiling  map[string]Bound `yaml:"ceiling"` // the widest that its documents' attributes may be
	Include  []string         `yaml:"include"` // directory, bucket, git: path patterns
	Exclude  []string         `yaml:"exclude"`
	Mapping  []Mapping        `yaml:"mapping"`
	Sidecars *bool            `yaml:"sidecars"`  // directory, bucket, git: read NAME.doorward.yaml beside NAME; default true, for git false
	Hidden   bool             `yaml:"hidden"`    // directory: names that begin with a dot, too
	Prefix   string           `yaml:"prefix"`    // goes before every document id
	MaxBytes int64            `yaml:"max_bytes"` // largest document; 0: the type's own, 16 or 100 MiB
	Fields   Fields           `yaml:"fields"`    // jsonl, sql: which fields or columns hold what
	Manifest Connector        `yaml:"manifest"`  // signed manifests of the connector
	Bucket   Bucket           `yaml:"bucket"`
	Git      Git              `yaml:"git"`
	SQL      SQL              `yaml:"sql"`
	Every    time.Duration    `yaml:"every"` // how often it is read while serving and by ingest --watch; 0: directories a minute, others never
	Watch    bool             `yaml:"watch"` // follow it while serving
}

// Bound bounds one attribute. Only what is set counts.
type Bound struct {
	OneOf []any  `yaml:"one_of"` // the values, or a set's members, that may be claimed
	Min   *int64 `yaml:"min"`    // of numbers and times
	Max   *int64 `yaml:"max"`
}

// Bucket is an object store.
type Bucket struct {
	URL      string `yaml:"url"`      // file:///path; s3://, gs://, azblob:// in programs built with -tags cloud
	Folder   string `yaml:"folder"`   // key prefix
	Metadata bool   `yaml:"metadata"` // ask for each object's metadata, for mapping as ${field.metadata.KEY}
}

// Git is a repository on this machine; keep it up to date with git itself.
type Git struct {
	Revision string `yaml:"revision"` // branch, tag or commit; empty: HEAD
}

// SQL is a query whose rows are documents.
type SQL struct {
	Driver  string   `yaml:"driver"`   // postgres or sqlite
	DSNFile string   `yaml:"dsn_file"` // private file that holds the connection string; an account that may only read
	Query   string   `yaml:"query"`    // all documents, in a fixed order
	Changes string   `yaml:"changes"`  // the rows changed since a cursor, its only parameter; oldest first
	Cursor  string   `yaml:"cursor"`   // column of changes that holds the next cursor
	First   string   `yaml:"first"`    // cursor of the first reading, for example "0"
	Deleted string   `yaml:"deleted"`  // column of changes that is true where a row is gone
	JSON    []string `yaml:"json"`     // columns that hold JSON, to reach into by mapping
}

// Push bounds what is pushed over HTTP.
type Push struct {
	MaxDocument  int64 `yaml:"max_document"`  // bytes of one document's request
	MaxBatch     int64 `yaml:"max_batch"`     // bytes of a batch's request
	MaxDocuments int   `yaml:"max_documents"` // documents in a batch
	// Remember is how long answers to requests with an idempotency key are kept.
	Remember time.Duration `yaml:"remember"`
}

// sourceTypes and what each needs.
var sourceTypes = []string{"directory", "bucket", "git", "sql", "jsonl", "mbox", "push"}

func (s *Source) paths() []*string {
	return []*string{&s.Path, &s.SQL.DSNFile}
}

// resolve makes a bucket's relative file path relative to dir.
func (s *Source) resolve(dir string) {
	rest, ok := strings.CutPrefix(s.Bucket.URL, "file://")
	if ok && rest != "" && !strings.HasPrefix(rest, "/") {
		path, query, _ := strings.Cut(rest, "?")
		if query != "" {
			query = "?" + query
		}
		// Absolute: what follows file:// without a slash is a host.
		if abs, err := filepath.Abs(filepath.Join(dir, path)); err == nil {
			s.Bucket.URL = "file://" + filepath.ToSlash(abs) + query
		}
	}
}

func (c *Config) validatePush(v *problems) {
	p := c.Push
	v.need(p.MaxDocument > 0 && p.MaxBatch > 0 && p.MaxDocuments > 0, "push: max_document, max_batch and max_documents must be positive")
	v.need(p.Remember >= time.Minute, "push.remember: use a minute at least, for example 168h")
}

func (c *Config) validateSources(v *problems) {
	c.validatePush(v)
	seen := map[string]bool{}
	for i := range c.Sources {
		s := &c.Sources[i]
		key := fmt.Sprintf("sources[%d]", i)
		v.need(sourceName.MatchString(s.Name), key+".name: use 1 to 64 letters, digits, dots, dashes or underscores")
		v.need(!seen[s.Name], fmt.Sprintf("%s.name: %q is used twice", key, s.Name))
		seen[s.Name] = true
		v.need(s.Tenant == "" || tenantName.MatchString(s.Tenant), key+".tenant: use 1 to 64 letters, digits, dots, dashes or underscores")
		v.oneOf(key+".type", s.Type, sourceTypes...)
		s.validateType(v, key)
		for j, m := range s.Mapping {
			for _, path := range keysIn(m.Set) {
				v.need(c.declares(path), fmt.Sprintf("%s.mapping[%d]: attribute %q is not declared under schema.document", key, j, path))
			}
		}
		for _, path := range keysIn(s.Ceiling) {
			b := s.Ceiling[path]
			v.need(c.declares(path), fmt.Sprintf("%s.ceiling: attribute %q is not declared under schema.document", key, path))
			v.need(b.OneOf != nil || b.Min != nil || b.Max != nil, fmt.Sprintf("%s.ceiling.%s: set one_of, min or max", key, path))
		}
	}
}

// validateType insists on what a type needs and refuses what it does not know, so
// that a setting that has no effect is never mistaken for one that has.
func (s *Source) validateType(v *problems, key string) {
	is := func(types ...string) bool {
		for _, t := range types {
			if t == s.Type {
				return true
			}
		}
		return false
	}
	v.need(s.Path != "" || !is("directory", "git", "jsonl", "mbox"), key+".path: say where the documents are")
	v.need(s.Path == "" || !is("bucket", "sql", "push"), key+".path: a source of this type has none")
	v.need(is("directory", "bucket", "git") || len(s.Include)+len(s.Exclude) == 0, key+": include and exclude go with directory, bucket and git")
	v.need(is("directory", "bucket", "git") || s.Sidecars == nil, key+".sidecars: goes with directory, bucket and git")
	v.need(is("jsonl", "sql") || s.Fields == (Fields{}), key+".fields: goes with jsonl and sql")
	v.need(!strings.ContainsAny(s.Prefix, "~/ "), key+".prefix: use letters, digits, dots, colons, dashes or underscores")
	v.need(!is("push") || s.Prefix == "", key+".prefix: pushed documents' ids begin with their source's name")
	v.need(s.Every >= 0 && (s.Every == 0 || s.Every >= time.Second), key+".every: use a duration of a second at least")
	v.need(!is("push") || s.Every == 0 && !s.Watch, key+": a push source is not read, so every and watch have no meaning")
	v.need(s.MaxBytes >= 0, key+".max_bytes: use a positive number of bytes")
	v.need(is("bucket") == (s.Bucket.URL != ""), key+".bucket.url: goes with type bucket, which needs it, for example s3://name?region=eu-central-1")
	if u, err := url.Parse(s.Bucket.URL); s.Bucket.URL != "" {
		v.need(err == nil && u.Scheme != "", key+".bucket.url: this is no URL")
		v.need(err != nil || u.Scheme != "file" || u.Host == "", key+".bucket.url: write file:///absolute/path, or file://./path from this file")
		v.need(err != nil || u.User == nil, key+".bucket.url: it holds credentials; give them by environment or file, as the store's own tools take them")
	}
	v.need(is("git") || s.Git == (Git{}), key+".git: goes with type git")
	q := s.SQL
	none := q.Driver == "" && q.DSNFile == "" && q.Query == "" && q.Changes == "" && q.Cursor == ""
	v.need(is("sql") || none, key+".sql: goes with type sql")
	if !is("sql") {
		return
	}
	v.oneOf(key+".sql.driver", q.Driver, "postgres", "sqlite")
	v.need(q.DSNFile != "", key+".sql.dsn_file: name a private file (mode 0600) that holds the connection string")
	v.need(q.Query != "", key+".sql.query: write the query that returns all documents")
	v.need((q.Changes == "") == (q.Cursor == ""), key+".sql: changes and cursor go together")
	v.need(q.Changes != "" || q.Deleted == "" && q.First == "", key+".sql: first and deleted go with changes")
}

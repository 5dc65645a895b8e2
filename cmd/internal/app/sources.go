package app

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the "pgx" driver, for SQL sources
	_ "modernc.org/sqlite"             // the "sqlite" driver

	"github.com/doorward/doorward/configs"
	"github.com/doorward/doorward/ingest"
	"github.com/doorward/doorward/ingest/source"
	"github.com/doorward/doorward/policy"
)

// Opened is a source ready to be read. Close it when done.
type Opened struct {
	ingest.Source
	close func() error
}

// Close releases what the source holds open.
func (o Opened) Close() error {
	if o.close == nil {
		return nil
	}
	return o.close()
}

// OpenSource opens a configured source, or one for a path that no configured
// source covers.
func OpenSource(ctx context.Context, s configs.Source) (Opened, error) {
	open := map[string]func(context.Context, configs.Source) (Opened, error){
		"directory": openDirectory, "bucket": openBucket, "git": openGit, "sql": openSQL, "jsonl": openJSONLines, "mbox": openMbox,
	}[s.Type]
	if open == nil {
		return Opened{}, fmt.Errorf("opening source %s: a source of type %s cannot be read; its documents are pushed over HTTP", s.Name, s.Type)
	}
	o, err := open(ctx, s)
	if err != nil {
		return o, fmt.Errorf("opening source %s: %w", s.Name, err)
	}
	return o, nil
}

func mapping(s configs.Source) source.Mapping {
	var m source.Mapping
	for _, r := range s.Mapping {
		m.Rules = append(m.Rules, source.Rule{Match: r.Match, Set: r.Set, Final: r.Final})
	}
	return m
}

func fields(s configs.Source) source.Fields {
	f := s.Fields
	return source.Fields{ID: f.ID, Title: f.Title, Text: f.Text, Attributes: f.Attributes, URI: f.URI, MediaType: f.MediaType, Manifest: f.Manifest}
}

// noSidecars: a directory and a bucket have attribute files unless told
// otherwise; a repository only when asked, because whoever may commit could set
// attributes by them.
func noSidecars(s configs.Source) bool {
	if s.Sidecars == nil {
		return s.Type == "git"
	}
	return !*s.Sidecars
}

func openDirectory(_ context.Context, s configs.Source) (Opened, error) {
	d, err := source.NewDirectory(source.DirectoryConfig{Name: s.Name, Root: s.Path, Include: s.Include, Exclude: s.Exclude, Hidden: s.Hidden,
		MaxBytes: s.MaxBytes, Mapping: mapping(s), NoSidecars: noSidecars(s), Prefix: s.Prefix})
	if err != nil {
		return Opened{}, err
	}
	return Opened{d, d.Close}, nil
}

func openBucket(ctx context.Context, s configs.Source) (Opened, error) {
	b, err := source.OpenBucket(ctx, s.Bucket.URL)
	if err != nil {
		return Opened{}, err
	}
	src, err := source.NewBucket(source.BucketConfig{Name: s.Name, Bucket: b, Folder: s.Bucket.Folder, Include: s.Include, Exclude: s.Exclude,
		MaxBytes: s.MaxBytes, Metadata: s.Bucket.Metadata, Mapping: mapping(s), NoSidecars: noSidecars(s), Prefix: s.Prefix})
	if err != nil {
		b.Close()
		return Opened{}, err
	}
	return Opened{src, b.Close}, nil
}

func openGit(_ context.Context, s configs.Source) (Opened, error) {
	g, err := source.NewGit(source.GitConfig{Name: s.Name, Path: s.Path, Revision: s.Git.Revision, Include: s.Include, Exclude: s.Exclude,
		MaxBytes: s.MaxBytes, Mapping: mapping(s), NoSidecars: noSidecars(s), Prefix: s.Prefix})
	return Opened{Source: g}, err
}

func openJSONLines(_ context.Context, s configs.Source) (Opened, error) {
	j, err := source.NewJSONLines(source.JSONLinesConfig{Name: s.Name, Path: s.Path, Fields: fields(s), MaxBytes: s.MaxBytes, Mapping: mapping(s), Prefix: s.Prefix})
	return Opened{Source: j}, err
}

func openMbox(_ context.Context, s configs.Source) (Opened, error) {
	m, err := source.NewMbox(source.MboxConfig{Name: s.Name, Path: s.Path, MaxBytes: s.MaxBytes, Mapping: mapping(s), Prefix: s.Prefix})
	return Opened{Source: m}, err
}

// openSQL opens a database by the connection string in a private file. The
// driver's own errors are kept out: they may quote it.
func openSQL(ctx context.Context, s configs.Source) (Opened, error) {
	dsn, err := ReadKey("sql.dsn_file", s.SQL.DSNFile)
	if err != nil {
		return Opened{}, err
	}
	driver := map[string]string{"postgres": "pgx", "sqlite": "sqlite"}[s.SQL.Driver]
	if s.SQL.Driver == "sqlite" {
		if dsn, err = readOnly(dsn); err != nil {
			return Opened{}, err
		}
	}
	db, err := sql.Open(driver, dsn)
	if err != nil {
		return Opened{}, fmt.Errorf("%w: the connection string in %s cannot be read", source.ErrConfig, s.SQL.DSNFile)
	}
	db.SetMaxOpenConns(2)
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	if err := db.PingContext(ctx); err != nil {
		db.Close()
		return Opened{}, fmt.Errorf("%w: connecting to the database failed with %T; try the connection string in %s by hand", ingest.ErrSource, err, s.SQL.DSNFile)
	}
	q, err := source.NewSQL(source.SQLConfig{Name: s.Name, DB: db, Query: s.SQL.Query, Changes: s.SQL.Changes, Cursor: s.SQL.Cursor, First: s.SQL.First,
		Deleted: s.SQL.Deleted, Fields: fields(s), JSON: s.SQL.JSON, MaxBytes: s.MaxBytes, Mapping: mapping(s), Prefix: s.Prefix})
	if err != nil {
		db.Close()
		return Opened{}, err
	}
	if s.SQL.Changes == "" {
		return Opened{walked{q}, db.Close}, nil
	}
	return Opened{q, db.Close}, nil
}

// readOnly opens an SQLite file that is there, for reading.
func readOnly(dsn string) (string, error) {
	path, query, _ := strings.Cut(strings.TrimPrefix(dsn, "file:"), "?")
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("%w: the SQLite file named by sql.dsn_file cannot be opened", ingest.ErrSource)
	}
	if query != "" {
		query = "&" + query
	}
	return "file:" + path + "?mode=ro&_pragma=query_only(1)&_pragma=busy_timeout(5000)" + query, nil
}

// walked hides that a source could tell changes.
type walked struct{ ingest.Source }

// SourceSettings is the revision of a source's configuration: when it changes, a
// cursor no longer says what is known of the source.
func SourceSettings(s configs.Source) string {
	s.Trust, s.Every, s.Watch = "", 0, false
	data, err := json.Marshal(s)
	if err != nil { // a mapping value that JSON does not have: never the same twice
		return ""
	}
	return policy.HashValue(string(data))
}

// PushSources are the configured sources of type push, by name.
func PushSources(c *configs.Config) (map[string]ingest.PushSource, error) {
	out := map[string]ingest.PushSource{}
	for _, s := range c.Sources {
		if s.Type != "push" {
			continue
		}
		p, err := source.NewPush(source.PushConfig{Name: s.Name, Tenant: s.Tenant, MaxBytes: s.MaxBytes, Mapping: mapping(s)})
		if err != nil {
			return nil, fmt.Errorf("opening source %s: %w", s.Name, err)
		}
		out[s.Name] = p
	}
	return out, nil
}

// ceilings are what each source's documents may claim at most, as the pipeline
// compares it: whole numbers are int64.
func ceilings(c *configs.Config) map[string]ingest.Ceiling {
	out := map[string]ingest.Ceiling{}
	for _, s := range c.Sources {
		if len(s.Ceiling) == 0 {
			continue
		}
		out[s.Name] = ingest.Ceiling{}
		for path, b := range s.Ceiling {
			bound := ingest.Bound{Min: b.Min, Max: b.Max}
			if b.OneOf != nil {
				bound.OneOf = []any{}
			}
			for _, v := range b.OneOf {
				if n, ok := v.(int); ok {
					v = int64(n)
				}
				bound.OneOf = append(bound.OneOf, v)
			}
			out[s.Name][path] = bound
		}
	}
	return out
}

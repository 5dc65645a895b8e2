package app

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"github.com/doorward/doorward/cmd/internal/bundle"
	"github.com/doorward/doorward/ingest"
	"github.com/doorward/doorward/ingest/catalog"
	"github.com/doorward/doorward/retrieval/embed"
	"github.com/doorward/doorward/retrieval/index"
	"github.com/doorward/doorward/retrieval/index/qdrant"
	indexsqlite "github.com/doorward/doorward/retrieval/index/sqlite"
)

// Names in the data directory: the embedded index, unless the pointer names
// another file, and the pointer.
const (
	indexFile   = "index.db"
	pointerFile = "index.json"
)

// pointer says which file or collection is the index, and which was before.
type pointer struct {
	Current  string    `json:"current"`
	Previous string    `json:"previous,omitempty"`
	Switched time.Time `json:"switched"`
}

// indexName is what a pointer may name: a file or collection, never a path.
var indexName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$`)

func (a *App) pointer() (pointer, error) {
	p := pointer{Current: indexFile}
	if a.Config.Index.Type == "qdrant" {
		p.Current = a.Config.Index.Qdrant.Collection
	}
	data, err := os.ReadFile(filepath.Join(a.Config.Data, pointerFile))
	if errors.Is(err, fs.ErrNotExist) {
		return p, nil
	}
	var stored map[string]pointer // by type of index
	if err == nil {
		err = json.Unmarshal(data, &stored)
	}
	if err != nil {
		return p, fmt.Errorf("reading %s: %w", pointerFile, err)
	}
	if s, ok := stored[a.Config.Index.Type]; ok {
		if !indexName.MatchString(s.Current) || s.Previous != "" && !indexName.MatchString(s.Previous) {
			return p, fmt.Errorf("reading %s: it does not name an index", pointerFile)
		}
		return s, nil
	}
	return p, nil
}

// point makes p durable, whole or not at all.
func (a *App) point(p pointer) error {
	data, err := json.Marshal(map[string]pointer{a.Config.Index.Type: p})
	if err != nil {
		return err
	}
	path := filepath.Join(a.Config.Data, pointerFile)
	if err := os.Remove(path + ".new"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := bundle.WriteDurably(path+".new", data); err != nil {
		return err
	}
	if err := os.Rename(path+".new", path); err != nil {
		return err
	}
	return bundle.SyncFolder(a.Config.Data)
}

// openIndex opens the index in force. Its pins say what it was made with, so
// that it is never searched with anything else.
func (a *App) openIndex(ctx context.Context) error {
	p, err := a.pointer()
	if err != nil {
		return err
	}
	name := p.Current
	if a.Config.Index.Type == "qdrant" {
		name = a.Config.Index.Qdrant.Collection // an alias leads to the current one
	}
	x, err := a.openNamed(ctx, name)
	if err == nil {
		if err = errors.Join(a.checkAnalysis(ctx), a.checkVectors(ctx)); err != nil {
			err = errors.Join(err, closeIndex(x))
			x = nil
		}
	}
	if err != nil && !a.noIndex {
		return err
	}
	a.swap = &swap{current: x, why: err}
	a.Index = a.swap
	a.onClose(func() error {
		if a.swap.current == nil {
			return nil
		}
		return closeIndex(a.swap.current)
	})
	return nil
}

// checkVectors checks that the catalog's vectors are of the configured embedder: a
// change of it may have been interrupted, or the configuration put back.
func (a *App) checkVectors(ctx context.Context) error {
	now := ingest.EmbedderName(a.Embedder)
	model, err := a.Catalog.Model(ctx)
	switch {
	case err != nil:
		return err
	case model == "": // nobody said before; the index would not have opened
		return a.Catalog.SetModel(ctx, now)
	case model != now:
		return fmt.Errorf("%w: the catalog's vectors are of %s, configured is %s; run `doorward reindex`, or --rollback", index.ErrMismatch, model, now)
	}
	return nil
}

// checkAnalysis checks that the catalog's terms and fingerprints are made as they
// are made now: what an older program made would never be found again.
func (a *App) checkAnalysis(ctx context.Context) error {
	analyzer, err := embed.NewAnalyzer(embed.Config{})
	if err != nil {
		return err
	}
	now := ingest.AnalysisName(analyzer)
	made, err := a.Catalog.Analysis(ctx)
	if err != nil || made == now {
		return err
	}
	if made == "" {
		none := true
		err := a.Catalog.Embeddable(ctx, func(catalog.Ref) error { none = false; return nil })
		if err != nil {
			return err
		}
		if none { // a new data directory
			return a.Catalog.SetAnalysis(ctx, now)
		}
		made = "an older program's"
	}
	return fmt.Errorf("%w: the catalog's terms and fingerprints are %s, this program makes %s; run `doorward reindex`", index.ErrMismatch, made, now)
}

func closeIndex(x Index) error {
	if c, ok := x.(interface{ Close() error }); ok {
		return c.Close()
	}
	return nil
}

func (a *App) pins() (*index.Pins, error) {
	analyzer, err := embed.NewAnalyzer(embed.Config{})
	if err != nil {
		return nil, err
	}
	pins := &index.Pins{Analysis: analyzer.Fingerprint()}
	if a.Embedder != nil {
		pins.Model, pins.Dimension = a.Embedder.Model(), a.Embedder.Dimension()
	}
	return pins, nil
}

// openNamed opens a file or a collection.
func (a *App) openNamed(ctx context.Context, name string) (Index, error) {
	pins, err := a.pins()
	if err != nil {
		return nil, err
	}
	if a.Config.Index.Type == "qdrant" {
		return a.openQdrant(ctx, name, pins)
	}
	x, err := indexsqlite.Open(indexsqlite.Config{Path: filepath.Join(a.Config.Data, name), Schema: a.Schema, Pins: pins})
	if err != nil {
		return nil, err
	}
	return x, nil
}

func (a *App) qdrant(pins *index.Pins) (qdrant.Config, error) {
	q := a.Config.Index.Qdrant
	key, err := ReadKey("index.qdrant.api_key_file", q.APIKeyFile)
	if err != nil {
		return qdrant.Config{}, err
	}
	c := qdrant.Config{Address: q.Address, Collection: q.Collection, Schema: a.Schema, Pins: pins, APIKey: key, Consistency: q.Consistency, Log: a.Log,
		Layout: qdrant.Layout{Shards: q.Shards, Replicas: q.Replicas, VectorsOnDisk: q.OnDisk, TermsOnDisk: q.OnDisk, PayloadOnDisk: q.OnDisk, Quantization: q.Quantization}}
	if q.TLS {
		c.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	return c, nil
}

// openQdrant opens a collection or an alias. Where neither is there and it may be
// made, the collection gets a name of its own and the configured one is an alias
// for it, so that another can take its place later.
func (a *App) openQdrant(ctx context.Context, name string, pins *index.Pins) (Index, error) {
	c, err := a.qdrant(pins)
	if err != nil {
		return nil, err
	}
	c.Collection = name
	x, err := qdrant.Open(ctx, c)
	if err == nil {
		return x, nil
	}
	if q := a.Config.Index.Qdrant; q.Create && name == q.Collection && !a.noIndex {
		// Create leaves a collection that exists alone, and fails.
		first := name + "-1"
		if qdrant.Create(ctx, c, first) == nil && qdrant.Promote(ctx, c, first) == nil {
			if x, err = qdrant.Open(ctx, c); err == nil {
				return x, nil
			}
		}
	}
	return nil, err
}

package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/doorward/doorward/ingest"
	"github.com/doorward/doorward/policy/audit"
	"github.com/doorward/doorward/retrieval/index/qdrant"
)

// Reindexed says how another index took the place of the one in force.
type Reindexed struct {
	Current  string  `json:"current"`  // file or collection
	Previous string  `json:"previous"` // kept, for a rollback
	Chunks   int     `json:"chunks"`   // compared with the catalog before the switch
	Mended   int     `json:"mended"`   // of them put right while catching up
	Embedded int     `json:"embedded"` // chunks asked of another embedder than before
	Analysed int     `json:"analysed"` // documents whose terms an older program had made
	Seconds  float64 `json:"seconds"`
}

// ErrNoPrevious means that there is nothing to roll back to.
var ErrNoPrevious = errors.New("there is no previous index")

// Reindex makes another index from the catalog beside the one in force, compares
// every point of it with the catalog, and puts it in force between two searches.
// Changes that come meanwhile go to both. The one before is kept until the next.
func (a *App) Reindex(ctx context.Context, progress func(done, total int)) (Reindexed, error) {
	p, err := a.pointer()
	if err != nil {
		return Reindexed{}, fmt.Errorf("reindexing: %w", err)
	}
	if err := a.tidy(p); err != nil {
		return Reindexed{}, fmt.Errorf("reindexing: %w", err)
	}
	x := &ingest.Inspector{Pipeline: a.Pipeline, Catalog: a.Catalog, Index: a.Index, Verifier: a.Verifier}
	analysed, err := x.Reanalyse(ctx, a.Catalog, progress)
	if err != nil {
		return Reindexed{}, fmt.Errorf("reindexing: %w", err)
	}
	embedded, err := a.Pipeline.Embed(ctx, a.Catalog, progress)
	if err != nil {
		return Reindexed{}, fmt.Errorf("reindexing: %w", err)
	}
	name := a.nextName()
	r, err := a.replace(ctx, name, pointer{Current: name, Previous: p.Current, Switched: a.now().UTC()}, "switched", func(x *ingest.Inspector) error {
		return x.Refill(ctx, a.swap.alone, progress)
	})
	if err != nil {
		return r, fmt.Errorf("reindexing: %w", errors.Join(err, a.drop(ctx, name)))
	}
	r.Embedded, r.Analysed = embedded, analysed
	if p.Previous != "" { // the one before the one before
		if err := a.drop(ctx, p.Previous); err != nil {
			a.Log.WarnContext(ctx, "removing an old index", "error", err)
		}
	}
	return r, nil
}

// Rollback puts the previous index in force again, after it caught up with every
// change made since. One that was made with another model or analysis than is
// configured is refused.
func (a *App) Rollback(ctx context.Context) (Reindexed, error) {
	p, err := a.pointer()
	if err == nil && p.Previous == "" {
		err = ErrNoPrevious
	}
	if err != nil {
		return Reindexed{}, fmt.Errorf("rolling the index back: %w", err)
	}
	if err := a.sameModel(ctx, p.Previous); err != nil {
		return Reindexed{}, fmt.Errorf("rolling the index back: %w", err)
	}
	embedded, err := a.Pipeline.Embed(ctx, a.Catalog, nil)
	if err != nil {
		return Reindexed{}, fmt.Errorf("rolling the index back: %w", err)
	}
	r, err := a.replace(ctx, p.Previous, pointer{Current: p.Previous, Previous: p.Current, Switched: a.now().UTC()}, "rolled back", func(*ingest.Inspector) error { return nil })
	if err != nil {
		return r, fmt.Errorf("rolling the index back: %w", err)
	}
	r.Embedded = embedded
	return r, nil
}

// sameModel checks that an index was made as is configured, before anything is
// changed for its sake.
func (a *App) sameModel(ctx context.Context, name string) error {
	x, err := a.makeNamed(ctx, name, false)
	if err != nil {
		return err
	}
	return closeIndex(x)
}

// replace opens an index, fills it, makes it agree with the catalog and switches.
func (a *App) replace(ctx context.Context, name string, to pointer, outcome string, fill func(*ingest.Inspector) error) (r Reindexed, err error) {
	started := time.Now()
	if !a.reindexing.TryLock() {
		return r, errors.New("another one is under way")
	}
	defer a.reindexing.Unlock()
	next, err := a.makeNamed(ctx, name, outcome == "switched")
	if err != nil {
		return r, err
	}
	a.swap.begin(next)
	defer func() {
		if err != nil {
			a.swap.end(nil)
			err = errors.Join(err, closeIndex(next))
		}
	}()
	x := &ingest.Inspector{Pipeline: a.Pipeline, Catalog: a.Catalog, Index: next, Verifier: a.Verifier}
	if err := fill(x); err != nil {
		return r, err
	}
	r = Reindexed{Current: to.Current, Previous: to.Previous}
	if r.Chunks, r.Mended, err = x.Match(ctx, a.swap.alone); err != nil {
		return r, err
	}
	if err := a.epochs(ctx, next); err != nil {
		return r, err
	}
	e := audit.Entry{Event: "reindex", Outcome: outcome, Tenant: "*", Counts: map[string]int{"chunks": r.Chunks, "mended": r.Mended}}
	if err := a.Audit.Append(ctx, e); err != nil {
		return r, err
	}
	before, err := a.swap.end(func() error { return a.promote(ctx, to) })
	if err != nil {
		return r, err
	}
	r.Seconds = time.Since(started).Seconds()
	if before != nil {
		if err := closeIndex(before); err != nil {
			a.Log.WarnContext(ctx, "closing the previous index", "error", err)
		}
	}
	return r, a.catchUp(ctx, x)
}

// catchUp compares once more where other machines write to the index too: what
// they wrote during the rebuild went to the previous one.
func (a *App) catchUp(ctx context.Context, x *ingest.Inspector) error {
	if a.Config.Index.Type != "qdrant" {
		return nil
	}
	_, _, err := x.Match(ctx, a.swap.alone)
	return err
}

// epochs declares term statistics where an index has none yet.
func (a *App) epochs(ctx context.Context, x Index) error {
	tenants, err := x.Tenants(ctx)
	if err != nil {
		return err
	}
	for _, t := range tenants {
		if _, err := x.DeclareEpoch(ctx, t); err != nil {
			return err
		}
	}
	return nil
}

// nextName is a name no index has.
func (a *App) nextName() string {
	stamp := a.now().UTC().Format("20060102-150405.000")
	if a.Config.Index.Type == "qdrant" {
		return a.Config.Index.Qdrant.Collection + "-" + strings.ReplaceAll(stamp, ".", "-")
	}
	return "index-" + stamp + ".db"
}

// makeNamed makes a new index, or opens one that is there.
func (a *App) makeNamed(ctx context.Context, name string, create bool) (Index, error) {
	if a.Config.Index.Type == "qdrant" && create {
		pins, err := a.pins()
		if err != nil {
			return nil, err
		}
		c, err := a.qdrant(pins)
		if err != nil {
			return nil, err
		}
		if err := qdrant.Create(ctx, c, name); err != nil {
			return nil, err
		}
	}
	if a.Config.Index.Type != "qdrant" && !create {
		if _, err := os.Stat(filepath.Join(a.Config.Data, name)); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrNoPrevious, err)
		}
	}
	return a.openNamed(ctx, name)
}

// promote makes the switch durable: Qdrant's alias, and the pointer.
func (a *App) promote(ctx context.Context, to pointer) error {
	if a.Config.Index.Type == "qdrant" {
		pins, err := a.pins()
		if err != nil {
			return err
		}
		c, err := a.qdrant(pins)
		if err != nil {
			return err
		}
		if err := qdrant.Promote(ctx, c, to.Current); err != nil {
			return fmt.Errorf("%w (index.qdrant.collection must be an alias, or a name not yet used: a collection's own name cannot be switched)", err)
		}
	}
	return a.point(to)
}

// drop removes an index that was not put in force.
func (a *App) drop(ctx context.Context, name string) error {
	if a.Config.Index.Type != "qdrant" {
		return removeIndex(filepath.Join(a.Config.Data, name))
	}
	c, err := a.qdrant(nil)
	if err != nil {
		return err
	}
	return qdrant.Drop(context.WithoutCancel(ctx), c, name)
}

func removeIndex(path string) error {
	var errs []error
	segments, _ := filepath.Glob(path + "-*.seg") // none where the path is no pattern; the next opening removes them
	for _, f := range segments {
		errs = append(errs, os.Remove(f))
	}
	for _, end := range []string{"", "-wal", "-shm", ".lock", ".lock-journal"} {
		if err := os.Remove(path + end); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// tidy removes index files that the pointer does not name: the one before the
// previous, and what an interrupted rebuild left.
func (a *App) tidy(p pointer) error {
	files, err := filepath.Glob(filepath.Join(a.Config.Data, "index*.db"))
	if err != nil {
		return err
	}
	for _, f := range files {
		if name := filepath.Base(f); !slices.Contains([]string{p.Current, p.Previous}, name) && a.Config.Index.Type != "qdrant" {
			if err := removeIndex(f); err != nil {
				return err
			}
		}
	}
	return nil
}

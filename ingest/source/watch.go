package source

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/doorward/doorward/ingest"
)

// WatchConfig says how a directory is watched.
type WatchConfig struct {
	// Poll is how often the directory is walked whatever the system reports; 0
	// means a minute. Network file systems report nothing, and queues overflow,
	// so a watch never relies on reports alone.
	Poll time.Duration
	// Settle is how long a directory must be quiet before it is walked after a
	// report; 0 means half a second.
	Settle time.Duration
}

// Watch walks the directory, gives every item as a change, and goes on giving
// what changes until the context ends: new and changed files, attribute files,
// and files that are gone. A failed walk is retried at the next turn; only an
// error of fn or the context ends the watch. It keeps a short state for each
// file in memory.
func (d *Directory) Watch(ctx context.Context, c WatchConfig, fn func(ingest.Change) error) error {
	known := map[string]string{}
	return Notify(ctx, d.config.Root, c, func() error {
		if err := d.turn(ctx, known, fn); err != nil && !errors.Is(err, ingest.ErrSource) {
			return err
		}
		return nil
	})
}

// Notify calls turn at once, and again whenever something under a directory may
// have changed, until the context ends or turn fails.
func Notify(ctx context.Context, root string, c WatchConfig, turn func() error) error {
	if c.Poll <= 0 {
		c.Poll = time.Minute
	}
	if c.Settle <= 0 {
		c.Settle = 500 * time.Millisecond
	}
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return fmt.Errorf("%w: watching the directory: %w", ingest.ErrSource, err)
	}
	defer w.Close()
	poll := time.NewTicker(c.Poll)
	defer poll.Stop()
	for {
		watchFolders(w, root)
		if err := turn(); err != nil {
			return err
		}
		if err := wait(ctx, w, poll.C, c.Settle); err != nil {
			return err
		}
	}
}

// watchFolders asks for reports on every folder; where the system has no more
// to give, polling remains.
func watchFolders(w *fsnotify.Watcher, root string) {
	_ = filepath.WalkDir(root, func(p string, e fs.DirEntry, err error) error {
		if err == nil && e.IsDir() && w.Add(p) != nil {
			return fs.SkipAll
		}
		return nil
	})
}

// turn walks once and gives what differs from known, which it brings up to date
// file by file: what fn has not taken is given again.
func (d *Directory) turn(ctx context.Context, known map[string]string, fn func(ingest.Change) error) error {
	seen := make(map[string]bool, len(known))
	err := d.Walk(ctx, func(it ingest.Item) error {
		seen[it.ID] = true
		state := digest(it.Fingerprint, fmt.Sprint(it.Attributes), fmt.Sprint(it.Err), it.MediaType)
		if known[it.ID] == state {
			return nil
		}
		if err := fn(ingest.Change{Item: it}); err != nil {
			return err
		}
		known[it.ID] = state
		return nil
	})
	if err != nil {
		return err
	}
	for id := range known {
		if seen[id] {
			continue
		}
		if err := fn(ingest.Change{Item: ingest.Item{ID: id, Size: -1}, Deleted: true}); err != nil {
			return err
		}
		delete(known, id)
	}
	return nil
}

// wait returns when it is time to walk again.
func wait(ctx context.Context, w *fsnotify.Watcher, poll <-chan time.Time, settle time.Duration) error {
	var quiet <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-poll:
			return nil
		case <-quiet:
			return nil
		case e := <-w.Events:
			if info, err := os.Lstat(e.Name); err == nil && info.IsDir() {
				_ = w.Add(e.Name)
			}
			quiet = time.After(settle)
		case <-w.Errors: // an overflow: something changed
			quiet = time.After(settle)
		}
	}
}

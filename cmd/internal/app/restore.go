package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/doorward/doorward/cmd/internal/bundle"
	"github.com/doorward/doorward/configs"
	"github.com/doorward/doorward/ingest"
	"github.com/doorward/doorward/policy/audit"
	"github.com/doorward/doorward/policy/keys/local"
)

// Restore verifies a backup and puts it where the configuration's data directory
// is to be, which must not be there or be empty. It then opens the parts,
// inspects everything in depth, and puts the index right. On an error there is no
// data directory.
func Restore(ctx context.Context, c *configs.Config, from string, o Options, progress func(done, total int)) (m Manifest, r ingest.Inspected, err error) {
	if err := vacant(c.Data); err != nil {
		return m, r, fmt.Errorf("restoring: %w", err)
	}
	partial := c.Data + ".partial"
	if err := os.MkdirAll(filepath.Dir(partial), 0o700); err != nil {
		return m, r, fmt.Errorf("restoring: %w", err)
	}
	if err := os.Mkdir(partial, 0o700); err != nil {
		return m, r, fmt.Errorf("restoring: %w (was one interrupted? remove it)", err)
	}
	defer os.RemoveAll(partial)
	if m, err = bring(ctx, c, from, partial, progress); err != nil {
		return m, r, fmt.Errorf("restoring: %w", err)
	}
	if err := os.Remove(c.Data); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return m, r, fmt.Errorf("restoring: %w", err)
	}
	if err := errors.Join(os.Rename(partial, c.Data), bundle.SyncFolder(filepath.Dir(c.Data))); err != nil {
		return m, r, fmt.Errorf("restoring: %w", err)
	}
	if r, err = openRestored(ctx, c, o, m, progress); err != nil {
		return m, r, errors.Join(fmt.Errorf("restoring: %w", err), os.Rename(c.Data, partial))
	}
	return m, r, nil
}

// vacant insists that nothing is overwritten.
func vacant(data string) error {
	list, err := os.ReadDir(data)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if len(list) > 0 {
		return fmt.Errorf("%s holds data; move it away first: a restore never overwrites", data)
	}
	return nil
}

func openRestored(ctx context.Context, c *configs.Config, o Options, m Manifest, progress func(done, total int)) (r ingest.Inspected, err error) {
	o.Unfinished = true
	a, err := Open(ctx, c, o)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	e := audit.Entry{Event: "backup", Outcome: "restored", Tenant: "*", Policy: m.Policy, Reason: "made " + m.Made.Format("2006-01-02T15:04:05Z07:00")}
	if err := a.Audit.Append(ctx, e); err != nil {
		return r, err
	}
	return a.Inspect(ctx, ingest.Inspection{Deep: true, Repair: true, Progress: progress})
}

// bring copies a verified backup into a new folder.
func bring(ctx context.Context, c *configs.Config, from, to string, progress func(done, total int)) (Manifest, error) {
	switch err := bundle.Unpack(ctx, from, to, progress); {
	case errors.Is(err, bundle.ErrUnsound):
		return Manifest{}, fmt.Errorf("%w: %w", ErrBackup, err)
	case err != nil:
		return Manifest{}, err
	}
	m, err := verifyBackup(ctx, c, to, progress)
	if err != nil {
		return m, err
	}
	return m, errors.Join(os.Remove(filepath.Join(to, bundle.ManifestFile)), os.Remove(filepath.Join(to, bundle.SignatureFile)), bundle.Sync(to))
}

// verifyBackup proves that a folder is exactly what its signed manifest lists.
func verifyBackup(ctx context.Context, c *configs.Config, dir string, progress func(done, total int)) (m Manifest, err error) {
	v, err := local.OpenVerifier(c.Keys)
	if err != nil {
		return m, err
	}
	files := func() ([]bundle.File, error) {
		if m.Format != backupFormat {
			return nil, fmt.Errorf("its format is not %d; use the program it was made with, or a newer one", backupFormat)
		}
		return m.Files, nil
	}
	if _, err = bundle.Verify(ctx, dir, backupKind, v, &m, files, progress); err != nil {
		return m, fmt.Errorf("%w: %w (checked with the keys in %s)", ErrBackup, err, c.Keys)
	}
	return m, nil
}

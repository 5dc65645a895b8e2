package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/doorward/doorward/cmd/internal/bundle"
	"github.com/doorward/doorward/configs"
	"github.com/doorward/doorward/ingest/catalog"
	"github.com/doorward/doorward/policy/audit"
	"github.com/doorward/doorward/policy/keys/local"
)

// A backup is a folder, or the same in a tar file: the catalog and the embedded
// index as consistent copies, the sealed tenant keys, the audit log, and a signed
// manifest with the hash of each file. What is sealed stays sealed. The master
// key is not in it: without the key folder a backup is unreadable, and useless.

// backupFormat is what this program writes and reads.
const backupFormat = 1

// backupKind is what its signature says that it is.
const backupKind = "backup"

// Manifest says what is in a backup.
type Manifest struct {
	Format int            `json:"format"`
	Made   time.Time      `json:"made"`
	Tenant string         `json:"tenant"` // the configuration's
	Policy string         `json:"policy"` // revision in force
	Index  string         `json:"index"`  // "sqlite": in it; otherwise it is rebuilt
	States map[string]int `json:"states"` // records of the catalog, by kind and state
	Files  []bundle.File  `json:"files"`
}

// Bytes is the size of all files.
func (m Manifest) Bytes() (n int64) {
	for _, f := range m.Files {
		n += f.Size
	}
	return n
}

// ErrBackup means a backup that is not whole, not signed by these keys, or not a
// backup.
var ErrBackup = errors.New("not a sound backup")

// snapshotter is a store that can write a consistent copy of itself.
type snapshotter interface {
	Snapshot(ctx context.Context, path string) error
}

// Backup writes a backup to a new folder, or with the ending .tar a new file,
// while the parts go on working.
func (a *App) Backup(ctx context.Context, to string, progress func(done, total int)) (Manifest, error) {
	records, ok := a.Catalog.DB().(snapshotter)
	if !ok {
		return Manifest{}, errors.New("backing up: the catalog is in PostgreSQL: use its own tools (pg_dump, or continuous archiving), and copy the data directory's audit folder beside it")
	}
	if _, err := os.Lstat(to); err == nil {
		return Manifest{}, fmt.Errorf("backing up: %s is there already; name a new one", to)
	}
	partial := to + ".partial"
	if err := os.Mkdir(partial, 0o700); err != nil {
		return Manifest{}, fmt.Errorf("backing up: %w (is another backup under way, or was one interrupted? remove it)", err)
	}
	defer os.RemoveAll(partial)
	if err := a.Audit.Append(ctx, audit.Entry{Event: "backup", Outcome: "begun", Tenant: "*"}); err != nil {
		return Manifest{}, fmt.Errorf("backing up: %w", err)
	}
	m, err := a.fillBackup(ctx, records, partial, progress)
	if err != nil {
		return m, fmt.Errorf("backing up: %w", err)
	}
	if strings.HasSuffix(to, ".tar") {
		err = bundle.Pack(partial, to)
	} else {
		err = os.Rename(partial, to)
	}
	if err == nil {
		err = bundle.SyncFolder(filepath.Dir(to))
	}
	if err != nil {
		return m, fmt.Errorf("backing up: %w", err)
	}
	return m, nil
}

func (a *App) fillBackup(ctx context.Context, records snapshotter, dir string, progress func(done, total int)) (Manifest, error) {
	m := Manifest{Format: backupFormat, Made: a.now().UTC().Truncate(time.Second), Tenant: a.Config.Tenant, Index: a.Config.Index.Type, States: map[string]int{}}
	snapshot, err := a.Policy.Snapshot()
	if err != nil {
		return m, err
	}
	m.Policy = snapshot.Revision().Hash
	if err := a.Catalog.Records(ctx, func(r catalog.Record) error { m.States[r.Kind+" "+string(r.State)]++; return nil }); err != nil {
		return m, err
	}
	// The index first: what it lacks of the catalog is put back on restoring.
	if err := a.swap.Snapshot(ctx, filepath.Join(dir, indexFile)); err != nil {
		return m, err
	}
	if err := records.Snapshot(ctx, filepath.Join(dir, "catalog.db")); err != nil {
		return m, err
	}
	for _, folder := range []string{"keys", "policy"} {
		if err := bundle.CopyFolder(ctx, filepath.Join(a.Config.Data, folder), filepath.Join(dir, folder)); err != nil {
			return m, err
		}
	}
	if err := a.copyAudit(ctx, filepath.Join(dir, "audit")); err != nil {
		return m, err
	}
	if m.Files, err = bundle.List(ctx, dir, progress); err != nil {
		return m, err
	}
	return m, errors.Join(a.sign(m, dir), bundle.Sync(dir))
}

// copyAudit copies the audit log while it grows, and tries again when it grew in
// a way that makes the copy unsound.
func (a *App) copyAudit(ctx context.Context, to string) error {
	var err error
	for range 5 {
		if err = os.RemoveAll(to); err != nil {
			return err
		}
		// What says how far it reaches comes before what it reaches over.
		for _, part := range []string{"log/checkpoint", "log/.state", "log", "journal", "."} {
			err = errors.Join(err, bundle.CopyFolder(ctx, filepath.Join(AuditDir(a.Config), part), filepath.Join(to, part)))
		}
		if err == nil {
			if err = verifyAudit(ctx, a.Config, filepath.Dir(to)); err == nil {
				return nil
			}
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		time.Sleep(200 * time.Millisecond) // it is filled from its journal about once a second
	}
	return fmt.Errorf("copying the audit log: %w", err)
}

// verifyAudit proves the audit log in another data directory.
func verifyAudit(ctx context.Context, c *configs.Config, data string) error {
	other := *c
	other.Data = data
	r, _, err := AuditReader(&other)
	if err != nil {
		return err
	}
	_, err = r.Verify(ctx, nil)
	return err
}

func (a *App) sign(m Manifest, dir string) error {
	signer, err := local.OpenSigner(a.Config.Keys)
	if err != nil {
		return err
	}
	return bundle.Sign(dir, backupKind, m, signer)
}

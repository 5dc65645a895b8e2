package app

import (
	"archive/tar"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

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
	if err := errors.Join(os.Rename(partial, c.Data), syncFolder(filepath.Dir(c.Data))); err != nil {
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
	source, err := openBackup(from)
	if err != nil {
		return Manifest{}, err
	}
	defer source.close()
	if err := source.copyTo(ctx, to, progress); err != nil {
		return Manifest{}, err
	}
	m, err := verifyBackup(ctx, c, to, progress)
	if err != nil {
		return m, err
	}
	return m, errors.Join(os.Remove(filepath.Join(to, manifestFile)), os.Remove(filepath.Join(to, signatureFile)), syncFolder(to))
}

// verifyBackup proves that a folder is exactly what its signed manifest lists.
func verifyBackup(ctx context.Context, c *configs.Config, dir string, progress func(done, total int)) (m Manifest, err error) {
	data, err := readAtMost(filepath.Join(dir, manifestFile), maxManifest)
	if err != nil {
		return m, fmt.Errorf("%w: it has no manifest: %w", ErrBackup, err)
	}
	line, err := readAtMost(filepath.Join(dir, signatureFile), 1024)
	if err != nil {
		return m, fmt.Errorf("%w: it has no signature: %w", ErrBackup, err)
	}
	id, text, _ := strings.Cut(strings.TrimSpace(string(line)), " ")
	signature, err := hex.DecodeString(text)
	if err != nil {
		return m, fmt.Errorf("%w: its signature cannot be read", ErrBackup)
	}
	v, err := local.OpenVerifier(c.Keys)
	if err != nil {
		return m, err
	}
	if v.Verify(id, manifestMessage(data), signature) != nil {
		return m, fmt.Errorf("%w: its manifest was not signed with the keys in %s, or was altered", ErrBackup, c.Keys)
	}
	if err := json.Unmarshal(data, &m); err != nil || m.Format != backupFormat {
		return m, fmt.Errorf("%w: its format is not %d; use the program it was made with, or a newer one", ErrBackup, backupFormat)
	}
	found, err := listFiles(ctx, dir, progress)
	if err != nil {
		return m, err
	}
	have := map[string]BackupFile{}
	for _, f := range found {
		have[f.Name] = f
	}
	for _, f := range m.Files {
		switch got, ok := have[f.Name]; {
		case !ok:
			return m, fmt.Errorf("%w: %s is missing", ErrBackup, f.Name)
		case got != f:
			return m, fmt.Errorf("%w: %s is not what was backed up", ErrBackup, f.Name)
		}
		delete(have, f.Name)
	}
	for name := range have {
		return m, fmt.Errorf("%w: %s was added", ErrBackup, name)
	}
	return m, nil
}

func readAtMost(path string, most int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(data)) > most {
		err = errors.New("it is too large")
	}
	return data, err
}

// backupSource is where a backup's files come from.
type backupSource struct {
	dir  string
	file *os.File // a tar file
}

func openBackup(from string) (*backupSource, error) {
	info, err := os.Stat(from)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return &backupSource{dir: from}, nil
	}
	f, err := os.Open(from)
	return &backupSource{file: f}, err
}

func (b *backupSource) close() {
	if b.file != nil {
		b.file.Close()
	}
}

func (b *backupSource) copyTo(ctx context.Context, to string, progress func(done, total int)) error {
	if b.file == nil {
		return copyFolder(ctx, b.dir, to)
	}
	n := 0
	for r := tar.NewReader(b.file); ; n++ {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil || n > maxFiles {
			return fmt.Errorf("%w: the tar file cannot be read: %v", ErrBackup, err)
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if !filepath.IsLocal(h.Name) || slices.Contains(strings.Split(h.Name, "/"), "..") {
			return fmt.Errorf("%w: the tar file names a path outside of it", ErrBackup)
		}
		path := filepath.Join(to, filepath.FromSlash(h.Name))
		switch h.Typeflag {
		case tar.TypeDir:
			err = os.MkdirAll(path, 0o700)
		case tar.TypeReg:
			if err = os.MkdirAll(filepath.Dir(path), 0o700); err == nil {
				err = copyDurably(path, r)
			}
		default:
			err = fmt.Errorf("%w: the tar file holds something that is not a file", ErrBackup)
		}
		if err != nil {
			return err
		}
		if progress != nil {
			progress(n+1, n+2)
		}
	}
}

package app_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/doorward/doorward/cmd/internal/app"
	"github.com/doorward/doorward/policy/keys/local"
)

// TestBackup copies while documents come in, finds nothing readable in the copy,
// and gets everything back, proved, from a folder and from a tar file. What was
// altered, left out or made with other keys is refused.
func TestBackup(t *testing.T) {
	s := newStore(t, 40)
	scanners, err := scannersOf()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	folder, file := filepath.Join(dir, "backup"), filepath.Join(dir, "backup.tar")
	var want []string
	s.with(t, func(a *app.App) {
		s.ingest(t, a)
		want = export(t, a)
		if _, err := a.Backup(t.Context(), folder, nil); err != nil {
			t.Fatal(err)
		}
		if _, err := a.Backup(t.Context(), folder, nil); err == nil {
			t.Error("a backup wrote over another")
		}
		done := make(chan struct{})
		go func() { // more documents come in meanwhile
			defer close(done)
			s.cfg.Sources[0].Path = corpus(t, 120)
			s.ingest(t, a)
		}()
		m, err := a.Backup(t.Context(), file, nil)
		<-done
		if err != nil {
			t.Fatal(err)
		}
		if m.Policy == "" || len(m.Files) < 5 || m.States["document live"] < 40 {
			t.Errorf("manifest: %+v", m)
		}
	})
	t.Run("nothing readable", func(t *testing.T) {
		secrets := [][]byte{[]byte("holiday"), []byte("person1"), []byte("Note")}
		for _, f := range []string{"master.key", "receipt.key"} {
			data, err := os.ReadFile(filepath.Join(s.cfg.Keys, f))
			if err != nil {
				t.Fatal(err)
			}
			secrets = append(secrets, data[len(data)/3:2*len(data)/3])
		}
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			info, err := d.Info()
			if err != nil || info.Mode().Perm()&0o077 != 0 && path != dir {
				t.Errorf("%s: mode %v, %v", path, info.Mode(), err)
			}
			if d.IsDir() {
				return nil
			}
			data, err := os.ReadFile(path)
			for _, secret := range secrets {
				if bytes.Contains(data, secret) {
					t.Errorf("%s holds %.7q…", path, secret)
				}
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	})
	restore := func(t *testing.T, from string) (*store, error) {
		cfg := *s.cfg
		cfg.Data = filepath.Join(t.TempDir(), "data")
		_, r, err := app.Restore(t.Context(), &cfg, from, app.Options{Scanners: scanners}, nil)
		if err == nil && r.Left() > 0 {
			t.Errorf("faults after restoring: %+v", r.Faults)
		}
		if _, gone := os.Stat(cfg.Data); err != nil && gone == nil {
			t.Error("a failed restore left a data directory")
		}
		return &store{s.dir, &cfg}, err
	}
	t.Run("folder", func(t *testing.T) {
		back, err := restore(t, folder)
		if err != nil {
			t.Fatal(err)
		}
		back.with(t, func(a *app.App) {
			sameExport(t, export(t, a), want)
			if r := inspect(t, a, false); len(r.Faults) > 0 {
				t.Errorf("%+v", r.Faults)
			}
		})
		if _, _, err := app.Restore(t.Context(), back.cfg, folder, app.Options{Scanners: scanners}, nil); err == nil {
			t.Error("a restore wrote over data")
		}
	})
	t.Run("tar, made during an ingest", func(t *testing.T) {
		back, err := restore(t, file)
		if err != nil {
			t.Fatal(err)
		}
		back.with(t, func(a *app.App) {
			if r := inspect(t, a, false); len(r.Faults) > 0 || r.States["document live"] < 40 {
				t.Errorf("%v %+v", r.States, r.Faults)
			}
		})
	})
	for name, damage := range map[string]func(t *testing.T, dir string) error{
		"a byte altered": func(t *testing.T, dir string) error { return flip(filepath.Join(dir, "catalog.db"), 5000, 3) },
		"file missing":   func(t *testing.T, dir string) error { return os.Remove(filepath.Join(dir, "index.db")) },
		"file added": func(t *testing.T, dir string) error {
			return os.WriteFile(filepath.Join(dir, "audit", "more"), []byte("x"), 0o600)
		},
		"manifest altered": func(t *testing.T, dir string) error { return flip(filepath.Join(dir, "manifest.json"), 30, 1) },
		"no signature":     func(t *testing.T, dir string) error { return os.Remove(filepath.Join(dir, "manifest.sig")) },
	} {
		t.Run(name, func(t *testing.T) {
			other := filepath.Join(t.TempDir(), "backup")
			copyTree(t, folder, other)
			if err := damage(t, other); err != nil {
				t.Fatal(err)
			}
			if _, err := restore(t, other); !errors.Is(err, app.ErrBackup) {
				t.Errorf("got %v", err)
			}
		})
	}
	t.Run("other keys", func(t *testing.T) {
		cfg := *s.cfg
		cfg.Data, cfg.Keys = filepath.Join(t.TempDir(), "data"), filepath.Join(t.TempDir(), "keys")
		if err := local.Create(cfg.Keys, false); err != nil {
			t.Fatal(err)
		}
		if _, _, err := app.Restore(t.Context(), &cfg, folder, app.Options{Scanners: scanners}, nil); !errors.Is(err, app.ErrBackup) || !strings.Contains(err.Error(), "signed") {
			t.Errorf("got %v", err)
		}
	})
}

// flip turns one bit of a file.
func flip(path string, at int64, bit uint) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	b := make([]byte, 1)
	if _, err := f.ReadAt(b, at); err != nil {
		return err
	}
	b[0] ^= 1 << bit
	_, err = f.WriteAt(b, at)
	return err
}

package local

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// private refuses a path that others may reach, saying how to mend it.
func private(path string, want fs.FileMode) error {
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("opening keys: %w", err)
	}
	if mode := info.Mode().Perm(); mode&^want != 0 {
		return fmt.Errorf("%w: %s has mode %04o, run `chmod %04o %s`", ErrPermissions, path, mode, want, path)
	}
	return nil
}

// Private refuses a key folder that others may look into, saying how to mend it. One
// that is not there holds nothing.
func Private(dir string) error {
	err := private(dir, 0o700)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func readPrivate(path string) ([]byte, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, err
	}
	if err := private(path, 0o600); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
}

// writeFile writes a new private file durably: complete or not there at all.
func writeFile(path string, data []byte) error {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, ".new-*") // 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	if _, err = f.Write(data); err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); err != nil { // never overwrites a key
		return err
	}
	return syncDir(dir)
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

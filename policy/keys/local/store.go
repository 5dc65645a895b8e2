package local

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Store keeps sealed tenant secrets. What it keeps is worthless without the
// master key; losing it loses the tenants' texts.
type Store interface {
	// Load returns a sealed secret, or an error that is [fs.ErrNotExist] when
	// there is none. Any other error is not taken for that.
	Load(name string) ([]byte, error)
	// Create stores a sealed secret durably unless there is one of that name
	// already, and returns the one that is stored: whoever comes first decides.
	Create(name string, sealed []byte) ([]byte, error)
	// Replace puts another sealed secret in place of one, durably.
	Replace(name string, sealed []byte) error
	// List returns the names of all.
	List() ([]string, error)
}

// folder is a Store of private files.
type folder string

func newFolder(dir string) (Store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("making tenant key folder: %w", err)
	}
	return folder(dir), nil
}

func (f folder) path(name string) string { return filepath.Join(string(f), name+".sealed") }

func (f folder) Load(name string) ([]byte, error) { return readPrivate(f.path(name)) }

func (f folder) Create(name string, sealed []byte) ([]byte, error) {
	err := writeFile(f.path(name), sealed)
	if os.IsExist(err) {
		return f.Load(name)
	}
	return sealed, err
}

func (f folder) Replace(name string, sealed []byte) error { return replaceFile(f.path(name), sealed) }

func (f folder) List() ([]string, error) {
	files, err := filepath.Glob(f.path("*"))
	for i := range files {
		files[i] = strings.TrimSuffix(filepath.Base(files[i]), ".sealed")
	}
	return files, err
}

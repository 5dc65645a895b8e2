package bundle

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// CopyFolder copies regular files that are not there yet; a folder that is not
// there is empty, and a file that goes away meanwhile is left out.
func CopyFolder(ctx context.Context, from, to string) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		name, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		switch {
		case d.IsDir():
			return os.MkdirAll(filepath.Join(to, name), 0o700)
		case !d.Type().IsRegular() || exists(filepath.Join(to, name)):
			return nil
		}
		if err := os.MkdirAll(filepath.Dir(filepath.Join(to, name)), 0o700); err != nil {
			return err
		}
		data, err := os.Open(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		defer data.Close()
		return write(filepath.Join(to, name), data, false)
	})
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

func write(path string, from io.Reader, durably bool) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, from)
	if durably {
		err = errors.Join(err, f.Sync())
	}
	return errors.Join(err, f.Close())
}

// Sync makes every file and folder below dir durable.
func Sync(dir string) error {
	return filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return SyncFolder(path)
	})
}

// WriteDurably writes a new file, for its owner alone, and syncs it.
func WriteDurably(path string, data []byte) error {
	return write(path, bytes.NewReader(data), true)
}

// SyncFolder makes the names in a folder, or what a file holds, durable.
func SyncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

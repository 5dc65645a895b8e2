// Package bundle writes and reads signed bundles: files, a manifest with the hash
// of each, and one signature over the manifest. A bundle is a folder, or the same
// in a tar file. Backups and evidence are bundles.
package bundle

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
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

	"github.com/doorward/doorward/policy/keys"
)

// Names in a bundle.
const (
	ManifestFile  = "manifest.json"
	SignatureFile = "manifest.sig"
)

// maxManifest bounds what is read of a manifest in bytes, and maxFiles what a tar
// file may hold.
const (
	maxManifest = 64 << 20
	maxFiles    = 1_000_000
)

// ErrUnsound means a bundle that is not whole, was altered, or was not signed
// with the keys it was checked against.
var ErrUnsound = errors.New("it is not whole and signed")

// File is one file of a bundle.
type File struct {
	Name   string `json:"name"` // with slashes
	Size   int64  `json:"size"` // bytes
	SHA256 string `json:"sha256"`
}

// Sign writes the manifest, which lists the files of dir, and its signature. kind
// keeps the signature of one kind of bundle from being taken for another's. A key
// that is rotated meanwhile is noticed.
func Sign(dir, kind string, manifest any, s keys.Signer) error {
	data, err := json.MarshalIndent(manifest, "", " ")
	if err != nil {
		return err
	}
	id, signature, err := keys.Sign(s, func(string) []byte { return message(kind, data) })
	if err != nil {
		return err
	}
	line := id + " " + hex.EncodeToString(signature) + "\n"
	return errors.Join(WriteDurably(filepath.Join(dir, ManifestFile), data), WriteDurably(filepath.Join(dir, SignatureFile), []byte(line)), SyncFolder(dir))
}

func message(kind string, data []byte) []byte {
	return append([]byte("doorward "+kind+" v1\x00"), data...)
}

// Verify proves that dir is exactly what its signed manifest lists, reads the
// manifest, and returns the id of the key that signed it. files gives the list
// once the manifest is read; an error of it is returned as it is.
func Verify(ctx context.Context, dir, kind string, v keys.Verifier, manifest any, files func() ([]File, error), progress func(done, total int)) (keyID string, err error) {
	data, err := readAtMost(filepath.Join(dir, ManifestFile), maxManifest)
	if err != nil {
		return "", fmt.Errorf("%w: it has no manifest: %w", ErrUnsound, err)
	}
	line, err := readAtMost(filepath.Join(dir, SignatureFile), 1024)
	if err != nil {
		return "", fmt.Errorf("%w: it has no signature: %w", ErrUnsound, err)
	}
	keyID, text, _ := strings.Cut(strings.TrimSpace(string(line)), " ")
	signature, err := hex.DecodeString(text)
	if err != nil {
		return "", fmt.Errorf("%w: its signature cannot be read", ErrUnsound)
	}
	if v.Verify(keyID, message(kind, data), signature) != nil {
		return "", fmt.Errorf("%w: its manifest was altered, or not signed with one of the keys it was checked against", ErrUnsound)
	}
	if err := json.Unmarshal(data, manifest); err != nil {
		return "", fmt.Errorf("%w: its manifest is not a %s's", ErrUnsound, kind)
	}
	list, err := files()
	if err != nil {
		return "", err
	}
	return keyID, compare(ctx, dir, list, progress)
}

// compare holds a folder to a list.
func compare(ctx context.Context, dir string, list []File, progress func(done, total int)) error {
	found, err := List(ctx, dir, progress)
	if err != nil {
		return err
	}
	have := map[string]File{}
	for _, f := range found {
		have[f.Name] = f
	}
	for _, f := range list {
		switch got, ok := have[f.Name]; {
		case !ok:
			return fmt.Errorf("%w: %s is missing", ErrUnsound, f.Name)
		case got != f:
			return fmt.Errorf("%w: %s is not what was signed for", ErrUnsound, f.Name)
		}
		delete(have, f.Name)
	}
	for name := range have {
		return fmt.Errorf("%w: %s was added", ErrUnsound, name)
	}
	return nil
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

// List hashes every file below dir but manifest and signature, in order. progress
// may be nil.
func List(ctx context.Context, dir string, progress func(done, total int)) ([]File, error) {
	var names []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			names = append(names, path)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	var out []File
	for i, path := range names {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return nil, err
		}
		f, err := hashFile(path)
		if err != nil {
			return nil, err
		}
		f.Name = filepath.ToSlash(name)
		if f.Name != ManifestFile && f.Name != SignatureFile {
			out = append(out, f)
		}
		if progress != nil {
			progress(i+1, len(names))
		}
	}
	return out, nil
}

func hashFile(path string) (File, error) {
	f, err := os.Open(path)
	if err != nil {
		return File{}, err
	}
	defer f.Close()
	h := sha256.New()
	n, err := io.Copy(h, f)
	return File{Size: n, SHA256: hex.EncodeToString(h.Sum(nil))}, err
}

// Pack writes a folder as a new tar file.
func Pack(dir, to string) (err error) {
	f, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(to)
		}
	}()
	w := tar.NewWriter(f)
	err = w.AddFS(os.DirFS(dir))
	return errors.Join(err, w.Close(), f.Sync(), f.Close())
}

// Unpack copies a bundle, a folder or a tar file, into the folder to. What the
// tar file names stays inside of it. Durable it is after [Sync].
func Unpack(ctx context.Context, from, to string, progress func(done, total int)) error {
	info, err := os.Stat(from)
	if err != nil {
		return err
	}
	if info.IsDir() {
		return CopyFolder(ctx, from, to)
	}
	f, err := os.Open(from)
	if err != nil {
		return err
	}
	defer f.Close()
	n := 0
	for r := tar.NewReader(f); ; n++ {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return padding(f)
		}
		if err != nil || n > maxFiles {
			return fmt.Errorf("%w: the tar file cannot be read: %v", ErrUnsound, err)
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := unpack(r, h, to); err != nil {
			return err
		}
		if progress != nil {
			progress(n+1, n+2)
		}
	}
}

// padding reads what follows the end of a tar file: zeroes up to a block's end, or
// bytes that nobody signed.
func padding(r io.Reader) error {
	const most = 1 << 20 // no tar pads with so much
	rest, err := io.ReadAll(io.LimitReader(r, most))
	if err == nil && (len(rest) == most || len(bytes.Trim(rest, "\x00")) > 0) {
		err = fmt.Errorf("%w: something follows the end of the tar file", ErrUnsound)
	}
	return err
}

func unpack(r io.Reader, h *tar.Header, to string) error {
	if !filepath.IsLocal(h.Name) || slices.Contains(strings.Split(h.Name, "/"), "..") {
		return fmt.Errorf("%w: the tar file names a path outside of it", ErrUnsound)
	}
	path := filepath.Join(to, filepath.FromSlash(h.Name))
	switch h.Typeflag {
	case tar.TypeDir:
		return os.MkdirAll(path, 0o700)
	case tar.TypeReg:
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return err
		}
		return write(path, r, false)
	}
	return fmt.Errorf("%w: the tar file holds something that is not a file", ErrUnsound)
}

package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/doorward/doorward/ingest"
)

// DirectoryConfig describes a directory of files.
type DirectoryConfig struct {
	// Name is the source's name; required.
	Name string
	// Root is the directory; required.
	Root string
	// Include are path patterns (see Rule.Match) of files to take; empty takes
	// all. Exclude wins over Include.
	Include, Exclude []string
	// Hidden takes files and folders whose names begin with a dot, too.
	Hidden bool
	// MaxBytes is the largest file; 0 means 100 MiB.
	MaxBytes int64
	// Mapping makes attributes.
	Mapping Mapping
	// NoSidecars ignores NAME.doorward.json and NAME.doorward.yaml. They, and
	// NAME.doorward.manifest, are never documents themselves.
	NoSidecars bool
	// Prefix goes before every document id, to keep the ids of two directories
	// apart; it is made of the characters of ids.
	Prefix string
}

const defaultMaxBytes = 100 << 20

// Directory is a directory of files. Symbolic links are followed only to
// regular files inside Root; devices, pipes and sockets are refused, and so is
// a file that changes its size while it is read.
type Directory struct {
	config  DirectoryConfig
	root    *os.Root
	mapper  Mapper
	include []pattern
	exclude []pattern
}

// absolute makes a path that documents' addresses can be made of, wherever the program
// was started: in file://documents/a.txt "documents" would be a machine.
func absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}

// NewDirectory opens a directory. Close it when done.
func NewDirectory(c DirectoryConfig) (*Directory, error) {
	if err := checkName(c.Name); err != nil {
		return nil, err
	}
	if c.Root == "" {
		return nil, fmt.Errorf("%w: source %s has no root", ErrConfig, c.Name)
	}
	if c.Prefix != "" && !ingest.ValidID(c.Prefix) {
		return nil, fmt.Errorf("%w: the prefix of source %s has characters ids do not have", ErrConfig, c.Name)
	}
	c.Root = absolute(c.Root)
	if c.MaxBytes == 0 {
		c.MaxBytes = defaultMaxBytes
	}
	d := &Directory{config: c}
	var err error
	if d.mapper, err = NewMapper(c.Mapping); err != nil {
		return nil, err
	}
	if d.include, err = patterns(c.Include); err != nil {
		return nil, err
	}
	if d.exclude, err = patterns(c.Exclude); err != nil {
		return nil, err
	}
	if d.root, err = os.OpenRoot(c.Root); err != nil {
		return nil, fmt.Errorf("%w: opening directory: %w", ingest.ErrSource, err)
	}
	return d, nil
}

// Close releases the directory.
func (d *Directory) Close() error { return d.root.Close() }

// Name is the source's name.
func (d *Directory) Name() string { return d.config.Name }

// Walk gives every file in lexical order of its path.
func (d *Directory) Walk(ctx context.Context, fn func(ingest.Item) error) error {
	return d.folder(ctx, ".", fn)
}

// folder walks one folder. A folder that cannot be listed fails the walk: its
// documents would look as if they had vanished.
func (d *Directory) folder(ctx context.Context, dir string, fn func(ingest.Item) error) error {
	f, err := d.root.Open(dir)
	if err != nil {
		return fmt.Errorf("%w: listing a folder: %w", ingest.ErrSource, err)
	}
	entries, err := f.ReadDir(-1)
	f.Close()
	if err != nil {
		return fmt.Errorf("%w: listing a folder: %w", ingest.ErrSource, err)
	}
	names := make(map[string]bool, len(entries))
	for _, e := range entries {
		names[e.Name()] = true
	}
	sortEntries(entries)
	for _, e := range entries {
		if err := ctx.Err(); err != nil {
			return err
		}
		p := path.Join(dir, e.Name())
		if !d.config.Hidden && strings.HasPrefix(e.Name(), ".") {
			continue
		}
		switch {
		case e.IsDir():
			err = d.folder(ctx, p, fn)
		case isSidecar(e.Name()) || !d.wanted(p):
		default:
			err = fn(d.item(p, names))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// sortEntries orders a folder so that the whole walk is in lexical order of
// paths: a folder sorts as if its name ended in a slash.
func sortEntries(entries []fs.DirEntry) {
	key := func(e fs.DirEntry) string {
		if e.IsDir() {
			return e.Name() + "/"
		}
		return e.Name()
	}
	sortBy(entries, key)
}

// wanted applies Include and Exclude.
func (d *Directory) wanted(p string) bool {
	return (len(d.include) == 0 || anyMatch(d.include, p)) && !anyMatch(d.exclude, p)
}

// item describes one file. siblings are the names in its folder.
func (d *Directory) item(p string, siblings map[string]bool) ingest.Item {
	it := ingest.Item{URI: "file://" + path.Join(filepath.ToSlash(d.config.Root), p), Name: path.Base(p), Size: -1}
	if it.ID, it.Err = pathID(d.config.Prefix, p); it.Err != nil {
		return it
	}
	info, err := d.root.Stat(p)
	if err != nil {
		it.Err = fileError(err)
		return it
	}
	it.Size, it.Modified = info.Size(), info.ModTime()
	switch {
	case !info.Mode().IsRegular():
		it.Size = -1
		it.Err = fmt.Errorf("%w: %s", ingest.ErrNotRegular, modeWord(info.Mode()))
		return it
	case info.Size() > d.config.MaxBytes:
		it.Err = fmt.Errorf("%w: %d bytes, the limit is %d", ingest.ErrTooLarge, info.Size(), d.config.MaxBytes)
		return it
	}
	it.Fingerprint = fingerprint(info)
	it.Open = func(context.Context) (io.ReadCloser, error) { return d.open(p) }
	own, mediaType, err := d.sidecar(p, siblings)
	if err == nil {
		it.Manifest, err = d.manifest(p, siblings)
	}
	if err == nil {
		it.MediaType, it.Own = mediaType, own
		it.Attributes, err = d.mapper.Map(Facts{Source: d.config.Name, Path: p}, own)
	}
	if err != nil {
		it.Err = err
	}
	return it
}

// open opens a file and refuses what changed since it was listed: what kind of
// file it is, or its size beyond the limit.
func (d *Directory) open(p string) (io.ReadCloser, error) {
	// Without O_NONBLOCK a pipe put in the file's place would block for ever.
	f, err := d.root.OpenFile(p, os.O_RDONLY|nonBlock, 0)
	if err != nil {
		return nil, fileError(err)
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%w: %s", ingest.ErrNotRegular, modeWord(info.Mode()))
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return &steady{f: f, size: info.Size(), limit: d.config.MaxBytes}, nil
}

// steady reads a file and fails when it turns out longer or shorter than it
// was when opened: half of a document is not the document.
type steady struct {
	f           *os.File
	size, limit int64
	n           int64
}

func (s *steady) Read(p []byte) (int, error) {
	n, err := s.f.Read(p)
	s.n += int64(n)
	switch {
	case s.n > s.limit:
		return 0, fmt.Errorf("%w: the limit is %d", ingest.ErrTooLarge, s.limit)
	case s.n > s.size, err == io.EOF && s.n != s.size:
		return 0, fmt.Errorf("%w: the file changed while it was read", ingest.ErrUnreadable)
	}
	return n, err
}

func (s *steady) Close() error { return s.f.Close() }

// fileError wraps an error of the file system without its path.
func fileError(err error) error {
	var pe *fs.PathError
	switch {
	case errors.As(err, &pe) && strings.Contains(pe.Err.Error(), "path escapes"):
		return fmt.Errorf("%w: a link leads out of the source", ingest.ErrNotRegular)
	case errors.As(err, &pe):
		return fmt.Errorf("%w: %w", ingest.ErrUnreadable, pe.Err)
	}
	return fmt.Errorf("%w: %w", ingest.ErrUnreadable, err)
}

// modeWord names what is not a regular file.
func modeWord(m fs.FileMode) string {
	switch {
	case m&fs.ModeNamedPipe != 0:
		return "a pipe"
	case m&fs.ModeSocket != 0:
		return "a socket"
	case m&fs.ModeDevice != 0:
		return "a device"
	case m.IsDir():
		return "a link to a folder"
	}
	return "a special file"
}

// fingerprint is cheap and changes whenever a file is written: size, time, and
// what the system says identifies the file and its last change of any kind.
func fingerprint(info fs.FileInfo) string {
	return strconv.FormatInt(info.Size(), 36) + "-" + strconv.FormatInt(info.ModTime().UnixNano(), 36) + changeTime(info)
}

package auth

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"
)

// BackendsFile is the register's name in the key folder.
const BackendsFile = "backends.json"

// ErrRegister means that the register of backends cannot be read; nobody is
// believed until it can.
var ErrRegister = errors.New("the register of backends cannot be read")

// Backends is the register of callers. It follows its file: what `doorward keys`
// changes holds for a running service within [followEvery], and a new key at
// once. It is safe for concurrent use.
type Backends struct {
	path   string
	before func() error // nil: nothing

	mu    sync.Mutex
	list  []Backend
	err   error
	stamp stamp
	read  time.Time // when the file was last looked at; monotonic
	looks int       // how often
}

// followEvery is how often the register's file is looked at, and so the longest
// that a revoked key goes on working.
const followEvery = 500 * time.Millisecond

// unknownEvery is how often callers that are not in the register, as it was last
// read, may have it looked at: a new key works at once, and unknown ones cannot
// keep the disk busy.
const unknownEvery = 20 * time.Millisecond

// stamp tells two states of a file apart.
type stamp struct {
	inode   uint64
	size    int64
	changed int64
}

// OpenBackends reads the register of a key folder; an absent one is empty.
func OpenBackends(dir string) (*Backends, error) {
	b := &Backends{path: filepath.Join(dir, BackendsFile)}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.follow()
	return b, b.err
}

// Before has fn called before each change that is about to take effect, so that it
// can be audited; on an error of fn nothing changes.
func (b *Backends) Before(fn func() error) { b.before = fn }

// List returns the registered backends.
func (b *Backends) List() []Backend {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.follow()
	return slices.Clone(b.list)
}

// Err says why the register cannot be used now, nil if it can.
func (b *Backends) Err() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.follow()
	return b.err
}

// find looks a backend up in the register as it is now.
func (b *Backends) find(ok func(Backend) bool) (Backend, bool, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.follow()
	if b.err != nil {
		return Backend{}, false, b.err
	}
	if i := slices.IndexFunc(b.list, ok); i >= 0 {
		return b.list[i], true, nil
	}
	return Backend{}, false, nil
}

// again looks at the register for a caller that is not in it, and reports whether
// it is another now.
func (b *Backends) again() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if time.Since(b.read) < unknownEvery {
		return false
	}
	was := b.stamp
	b.look()
	return b.stamp != was || b.err != nil
}

func (b *Backends) byID(id string) (Backend, bool, error) {
	return b.find(func(x Backend) bool { return x.ID == id })
}

// follow reads the file anew where it changed. One that cannot be read leaves
// nobody registered: the backend it revoked might be the one that asks.
func (b *Backends) follow() {
	if b.read.IsZero() || time.Since(b.read) >= followEvery {
		b.look()
	}
}

// look reads the file anew if it changed since it was last looked at.
func (b *Backends) look() {
	b.read = time.Now()
	b.looks++
	s, err := stampOf(b.path)
	if errors.Is(err, fs.ErrNotExist) {
		b.list, b.err, b.stamp = nil, nil, stamp{}
		return
	}
	if err == nil && s == b.stamp && b.err == nil {
		return
	}
	var list []Backend
	if err == nil {
		list, err = readRegister(b.path)
	}
	if err != nil {
		b.list, b.err = nil, fmt.Errorf("%w: %w", ErrRegister, err)
		return
	}
	b.list, b.err, b.stamp = list, nil, s
}

func stampOf(path string) (stamp, error) {
	info, err := os.Stat(path)
	if err != nil {
		return stamp{}, err
	}
	s := stamp{size: info.Size(), changed: info.ModTime().UnixNano()}
	if sys, ok := info.Sys().(*syscall.Stat_t); ok {
		s.inode = sys.Ino
	}
	if m := info.Mode().Perm(); m&0o077 != 0 {
		return stamp{}, fmt.Errorf("%s has mode %04o, run `chmod 0600 %s`", path, m, path)
	}
	return s, nil
}

func readRegister(path string) ([]Backend, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var list []Backend
	if err := json.Unmarshal(data, &list); err != nil {
		return nil, fmt.Errorf("%s is not valid JSON", path)
	}
	for i := range list {
		list[i].modernise()
		if err := list[i].check(); err != nil {
			return nil, fmt.Errorf("%s: entry %d: %w", path, i+1, err)
		}
	}
	return list, nil
}

// modernise reads an entry from before keys could be rotated.
func (b *Backend) modernise() {
	if b.OldHash != "" && len(b.Keys) == 0 {
		b.Keys = []Key{{ID: "1", Hash: b.OldHash, Assertion: b.OldAssertion, Created: b.Created, Expires: b.Expires}}
	}
	b.OldHash, b.OldAssertion, b.Expires = "", nil, time.Time{}
}

// change edits the register on disk, one editor at a time.
func (b *Backends) change(edit func([]Backend) ([]Backend, error)) error {
	lock, err := os.OpenFile(b.path+".lock", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("storing backends: %w", err)
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return fmt.Errorf("storing backends: %w", err)
	}
	list, err := readRegister(b.path)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrRegister, err)
	}
	if list, err = edit(list); err != nil {
		return err
	}
	if b.before != nil {
		if err := b.before(); err != nil {
			return err
		}
	}
	if err := writeRegister(b.path, list); err != nil {
		return fmt.Errorf("storing backends: %w", err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.read, b.stamp = time.Time{}, stamp{}
	b.follow()
	return b.err
}

// writeRegister replaces the file whole, so that no reader sees half of it.
func writeRegister(path string, list []Backend) error {
	data, err := json.MarshalIndent(list, "", "  ")
	if err != nil {
		return err
	}
	f, err := os.OpenFile(path+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(append(data, '\n'))
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

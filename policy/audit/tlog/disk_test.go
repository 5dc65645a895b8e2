package tlog

import (
	"context"
	"errors"
	"os"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/doorward/doorward/policy/audit"
)

// disk is a disk that can be full, lose its syncs, or stand still.
type disk struct {
	full, sick atomic.Bool
	still      atomic.Pointer[chan struct{}]
}

func (d *disk) open(path string, flag int) (File, error) {
	if d.full.Load() && flag&os.O_CREATE != 0 {
		return nil, syscall.ENOSPC
	}
	f, err := openFile(path, flag)
	return &diskFile{f, d}, err
}

type diskFile struct {
	File
	d *disk
}

// WriteAt writes half of what it is given before it notices that the disk is full.
func (f *diskFile) WriteAt(p []byte, at int64) (int, error) {
	if wait := f.d.still.Load(); wait != nil {
		<-*wait
	}
	if f.d.full.Load() {
		n, _ := f.File.WriteAt(p[:len(p)/2], at)
		return n, syscall.ENOSPC
	}
	return f.File.WriteAt(p, at)
}

func (f *diskFile) Sync() error {
	if f.d.sick.Load() {
		return syscall.EIO
	}
	return f.File.Sync()
}

// TestFailingDisk: while the disk is full or fails to sync every append is
// refused; when it is well again appends are taken, and the log holds exactly
// what was acknowledged.
func TestFailingDisk(t *testing.T) {
	var d disk
	f := newFolder(t)
	f.OpenFile = d.open
	l := f.open(t)
	fill(t, l, 0, 40)
	for round := range 6 {
		fault := []*atomic.Bool{&d.full, &d.sick}[round%2]
		fault.Store(true)
		for i := range 5 {
			if err := l.Append(context.Background(), entry(9000+i)); !errors.Is(err, audit.ErrUnavailable) {
				t.Fatalf("an append on a failing disk: %v", err)
			}
		}
		fault.Store(false)
		fill(t, l, 40+round*10, 10)
		if round == 3 {
			published(t, l, 79)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	verify(t, f, 100)
	for i, n := range all(t, f.reader(), 0) {
		if n.Documents[0] != entry(i).Documents[0] {
			t.Fatalf("entry %d is %v", i, n.Documents)
		}
	}
}

// TestDiskStandsStill: an append waits no longer than its time limit.
func TestDiskStandsStill(t *testing.T) {
	var d disk
	f := newFolder(t)
	f.OpenFile, f.Timeout = d.open, 50*time.Millisecond
	l := f.open(t)
	wait := make(chan struct{})
	d.still.Store(&wait)
	for range 3 {
		if err := l.Append(context.Background(), entry(0)); !errors.Is(err, audit.ErrUnavailable) {
			t.Errorf("an append on a disk that stands still: %v", err)
		}
	}
	d.still.Store(nil)
	close(wait)
	l.Timeout = time.Minute
	fill(t, l, 1, 1)
	if got := all(t, f.reader(), 0); got[len(got)-1].Documents[0] != entry(1).Documents[0] {
		t.Errorf("the log ends with %v", got[len(got)-1].Documents)
	}
	verify(t, f, uint64(len(all(t, f.reader(), 0))))
}

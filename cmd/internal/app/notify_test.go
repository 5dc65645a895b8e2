//go:build linux && amd64

package app_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A process that asks for it has every system call on files announced to another
// before it happens (seccomp's user notification): that one counts the calls on
// the data files whichever thread makes them, lets them go on, makes one fail, or
// kills the process right there. A tracer counts by thread, and a Go program's
// goroutines change threads at every call that is traced, so that the n-th call of
// a thread is another one each time, or none.

// fileCall is a system call and where its arguments name a file.
type fileCall struct {
	name    string
	fd      int   // argument, -1: none
	paths   []int // arguments
	writing bool  // it can meet a full disk
}

var fileCalls = map[uintptr]fileCall{
	unix.SYS_OPENAT:     {"openat", 0, []int{1}, true},
	unix.SYS_OPEN:       {"open", -1, []int{0}, true},
	unix.SYS_WRITE:      {"write", 0, nil, true},
	unix.SYS_PWRITE64:   {"pwrite64", 0, nil, true},
	unix.SYS_WRITEV:     {"writev", 0, nil, true},
	unix.SYS_FSYNC:      {"fsync", 0, nil, true},
	unix.SYS_FDATASYNC:  {"fdatasync", 0, nil, true},
	unix.SYS_FTRUNCATE:  {"ftruncate", 0, nil, true},
	unix.SYS_FALLOCATE:  {"fallocate", 0, nil, true},
	unix.SYS_LINK:       {"link", -1, []int{0, 1}, true},
	unix.SYS_LINKAT:     {"linkat", 0, []int{1, 3}, true},
	unix.SYS_RENAME:     {"rename", -1, []int{0, 1}, true},
	unix.SYS_RENAMEAT:   {"renameat", 0, []int{1, 3}, true},
	unix.SYS_RENAMEAT2:  {"renameat2", 0, []int{1, 3}, true},
	unix.SYS_MKDIR:      {"mkdir", -1, []int{0}, true},
	unix.SYS_MKDIRAT:    {"mkdirat", 0, []int{1}, true},
	unix.SYS_MMAP:       {"mmap", 4, nil, true},
	unix.SYS_FCHOWN:     {"fchown", 0, nil, true},
	unix.SYS_FCHMOD:     {"fchmod", 0, nil, true},
	unix.SYS_READ:       {"read", 0, nil, false},
	unix.SYS_PREAD64:    {"pread64", 0, nil, false},
	unix.SYS_STAT:       {"stat", -1, []int{0}, false},
	unix.SYS_LSTAT:      {"lstat", -1, []int{0}, false},
	unix.SYS_FSTAT:      {"fstat", 0, nil, false},
	unix.SYS_NEWFSTATAT: {"newfstatat", 0, []int{1}, false},
	unix.SYS_STATX:      {"statx", 0, []int{1}, false},
	unix.SYS_ACCESS:     {"access", -1, []int{0}, false},
	unix.SYS_UNLINK:     {"unlink", -1, []int{0}, false},
	unix.SYS_UNLINKAT:   {"unlinkat", 0, []int{1}, false},
	unix.SYS_FCNTL:      {"fcntl", 0, nil, false},
	unix.SYS_FLOCK:      {"flock", 0, nil, false},
	unix.SYS_CLOSE:      {"close", 0, nil, false},
	unix.SYS_GETDENTS64: {"getdents64", 0, nil, false},
}

func init() { announceCalls = announce }

// announce has this process's calls announced from now on, on a file descriptor
// whose number it returns. The standard streams are left out: it says there which
// number that is.
func announce() (int, error) {
	load := func(offset uint32) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: offset}
	}
	jump := func(op uint16, k uint32, yes, no int) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_JMP | op | unix.BPF_K, K: k, Jt: uint8(yes), Jf: uint8(no)}
	}
	answer := func(k uint32) unix.SockFilter { return unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: k} }
	filter := []unix.SockFilter{load(0)}
	left := len(fileCalls)
	for nr := range fileCalls {
		left--
		filter = append(filter, jump(unix.BPF_JEQ, uint32(nr), left+1, 0))
	}
	filter = append(filter, answer(unix.SECCOMP_RET_ALLOW),
		load(16), jump(unix.BPF_JGT, 2, 1, 0), // the first argument
		answer(unix.SECCOMP_RET_ALLOW), answer(unix.SECCOMP_RET_USER_NOTIF))
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return 0, err
	}
	// Signals by which the runtime interrupts its threads must not have a call
	// announced twice.
	flags := unix.SECCOMP_FILTER_FLAG_NEW_LISTENER | unix.SECCOMP_FILTER_FLAG_TSYNC | unix.SECCOMP_FILTER_FLAG_TSYNC_ESRCH | unix.SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
	fd, _, errno := unix.RawSyscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, uintptr(flags), uintptr(unsafe.Pointer(&program)))
	if errno != 0 {
		return 0, errno
	}
	return int(fd), nil
}

// announcement and reply are the kernel's seccomp_notif and seccomp_notif_resp.
type announcement struct {
	id         uint64
	pid, flags uint32
	nr         int32
	arch       uint32
	ip         uint64
	args       [6]uint64
}

type reply struct {
	id    uint64
	val   int64
	error int32
	flags uint32
}

// listener hears the calls of a process.
type listener struct {
	fd   int
	pid  int
	done chan struct{} // closed when the process is gone

	mu    sync.Mutex
	dir   string         // the data files are below
	fault *syscallFault  // nil: none
	calls map[string]int // by name
	hit   string         // the file that the fault hit
}

// listen takes over the announcements of a process that waits for its sources.
func listen(t testing.TB, p *process) *listener {
	t.Helper()
	number := 0
	if _, err := fmt.Sscan(p.ready(), &number); err != nil {
		p.cmd.Wait()
		t.Skipf("this kernel does not announce system calls: %s", p.stderr.String())
	}
	pidfd, err := unix.PidfdOpen(p.cmd.Process.Pid, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pidfd)
	l := &listener{pid: p.cmd.Process.Pid, done: make(chan struct{})}
	if l.fd, err = unix.PidfdGetfd(pidfd, number, 0); err != nil {
		t.Fatal(err)
	}
	go l.serve()
	return l
}

// watch counts calls on files below dir from now on, with a fault at one of them.
func (l *listener) watch(dir string, f *syscallFault) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.dir, l.fault, l.calls, l.hit = dir, f, map[string]int{}, ""
}

// heard is what was counted, and the file that the fault hit, "" if none.
func (l *listener) heard() (calls map[string]int, hit string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.calls), l.hit
}

// holds reports whether the process still has a file below dir open.
func (l *listener) holds(dir string) bool {
	list, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", l.pid))
	for _, fd := range list {
		if path, _ := os.Readlink(fd); strings.HasPrefix(path, dir+"/") {
			return true
		}
	}
	return err != nil || len(list) == 0
}

// serve answers until the process is gone.
func (l *listener) serve() {
	defer close(l.done)
	defer unix.Close(l.fd)
	for {
		ready := []unix.PollFd{{Fd: int32(l.fd), Events: unix.POLLIN}}
		if _, err := unix.Poll(ready, -1); err != nil && !errors.Is(err, unix.EINTR) {
			return
		}
		switch {
		case ready[0].Revents&unix.POLLIN != 0:
			var n announcement
			if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(l.fd), unix.SECCOMP_IOCTL_NOTIF_RECV, uintptr(unsafe.Pointer(&n))); errno != 0 {
				continue // it was killed in between
			}
			r := l.answer(&n)
			unix.Syscall(unix.SYS_IOCTL, uintptr(l.fd), unix.SECCOMP_IOCTL_NOTIF_SEND, uintptr(unsafe.Pointer(&r)))
		case ready[0].Revents != 0:
			return
		}
	}
}

func (l *listener) answer(n *announcement) reply {
	r := reply{id: n.id, flags: unix.SECCOMP_USER_NOTIF_FLAG_CONTINUE}
	call := fileCalls[uintptr(n.nr)]
	l.mu.Lock()
	defer l.mu.Unlock()
	file := l.file(n, call)
	if file == "" || l.dir == "" {
		return r
	}
	l.calls[call.name]++
	if f := l.fault; f != nil && f.call == call.name && f.nth == l.calls[call.name] {
		l.hit = file
		switch f.kind {
		case "SIGKILL":
			unix.Kill(l.pid, unix.SIGKILL)
		case "ENOSPC":
			r.flags, r.error = 0, -int32(syscall.ENOSPC)
		default:
			r.flags, r.error = 0, -int32(syscall.EIO)
		}
	}
	return r
}

// file is the data file that a call is about, below the data directory; "" for
// other files.
func (l *listener) file(n *announcement, c fileCall) string {
	at := ""
	if fd := -1; c.fd >= 0 {
		if fd = int(int32(n.args[c.fd])); fd >= 0 {
			at, _ = os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", n.pid, fd))
		}
		if c.paths == nil {
			return l.below(at)
		}
	}
	for _, i := range c.paths {
		path := l.text(n, n.args[i])
		if !filepath.IsAbs(path) {
			path = filepath.Join(at, path)
		}
		if file := l.below(path); file != "" {
			return file
		}
	}
	return ""
}

func (l *listener) below(path string) string {
	if path == l.dir {
		return "."
	}
	if rest, ok := strings.CutPrefix(path, l.dir+"/"); ok {
		return rest
	}
	return ""
}

// text is a string in the process's memory.
func (l *listener) text(n *announcement, address uint64) string {
	var buf [unix.PathMax]byte
	local := []unix.Iovec{{Base: &buf[0]}}
	local[0].SetLen(len(buf))
	for _, most := range []int{len(buf), 256, 64} { // it may end before a page that is not there
		local[0].SetLen(most)
		k, err := unix.ProcessVMReadv(int(n.pid), local, []unix.RemoteIovec{{Base: uintptr(address), Len: most}}, 0)
		if err != nil {
			continue
		}
		if end := bytes.IndexByte(buf[:k], 0); end >= 0 {
			return string(buf[:end])
		}
	}
	return ""
}

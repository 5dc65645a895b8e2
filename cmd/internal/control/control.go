// Package control lets a second command have its work done by the process that
// owns a data directory. That process listens on a unix socket inside the
// directory (mode 0600 in a folder of mode 0700, so that only its owner reaches
// it); the second one sends its own command line and shows what comes back. When
// it goes away, its command is cancelled.
package control

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Socket is the socket's name in the data directory.
const Socket = "control.sock"

// ErrNobody means that no process listens in the data directory.
var ErrNobody = errors.New("no process takes commands here")

// Request is a command to be run.
type Request struct {
	Args     []string `json:"args"`     // of the program, without its name
	Dir      string   `json:"dir"`      // what relative paths among them are relative to
	Terminal bool     `json:"terminal"` // somebody is watching: progress may be drawn
}

// Run carries out a request and returns its exit code.
type Run func(ctx context.Context, r Request, out, errs io.Writer) int

// Bounds of one conversation.
const (
	maxRequest     = 1 << 20
	requestTimeout = 10 * time.Second
	writeTimeout   = 30 * time.Second
	maxCommands    = 8 // at once
)

// frame is one line of an answer.
type frame struct {
	Out  []byte `json:"out,omitempty"`
	Err  []byte `json:"err,omitempty"`
	Exit *int   `json:"exit,omitempty"` // the last one
}

// Listen takes commands until ctx ends, then waits for those that run: their
// context has ended too.
func Listen(ctx context.Context, dir string, run Run) (stop func(), err error) {
	path, done, err := address(dir)
	if err != nil {
		return nil, err
	}
	defer done()
	// The caller owns the directory, so a socket that is there is a dead one's.
	if err := os.Remove(filepath.Join(dir, Socket)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("taking commands: %w", err)
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("taking commands: %w", err)
	}
	l.SetUnlinkOnClose(false) // its name may be one that only this process knows
	if err := os.Chmod(filepath.Join(dir, Socket), 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("taking commands: %w", err), l.Close())
	}
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() { accept(ctx, l, run, &running) })
	return sync.OnceFunc(func() {
		cancel()
		l.Close()
		running.Wait()
		os.Remove(filepath.Join(dir, Socket))
	}), nil
}

func accept(ctx context.Context, l *net.UnixListener, run Run, running *sync.WaitGroup) {
	slots := make(chan struct{}, maxCommands)
	for {
		conn, err := l.AcceptUnix()
		if err != nil {
			return // closed
		}
		select {
		case slots <- struct{}{}:
		default:
			conn.Close() // the other side reports that it got no answer
			continue
		}
		running.Go(func() {
			defer func() { conn.Close(); <-slots }()
			serve(ctx, conn, run)
		})
	}
}

// serve reads one request and runs it; the other side's leaving cancels it.
func serve(ctx context.Context, conn *net.UnixConn, run Run) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	conn.SetReadDeadline(time.Now().Add(requestTimeout))
	in := bufio.NewReader(io.LimitReader(conn, maxRequest))
	line, err := in.ReadBytes('\n')
	var r Request
	if err != nil || json.Unmarshal(line, &r) != nil {
		return
	}
	conn.SetReadDeadline(time.Time{})
	go func() {
		io.Copy(io.Discard, in) // nothing more is said: it ends when they leave
		cancel()
	}()
	w := &frames{conn: conn, left: cancel}
	code := run(ctx, r, stream{w, false}, stream{w, true})
	w.send(frame{Exit: &code})
}

// frames writes whole frames, from several goroutines.
type frames struct {
	mu   sync.Mutex
	conn net.Conn
	left func()
}

func (w *frames) send(f frame) error {
	data, err := json.Marshal(f)
	if err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.conn.SetWriteDeadline(time.Now().Add(writeTimeout))
	if _, err := w.conn.Write(append(data, '\n')); err != nil {
		w.left()
		return err
	}
	return nil
}

type stream struct {
	w   *frames
	err bool
}

func (s stream) Write(p []byte) (int, error) {
	f := frame{Out: p}
	if s.err {
		f = frame{Err: p}
	}
	if err := s.w.send(f); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Send has the owner of dir run a command, copies what it says, and returns its
// exit code. It returns ErrNobody when no process listens there.
func Send(ctx context.Context, dir string, r Request, out, errs io.Writer) (int, error) {
	path, done, err := address(dir)
	if err != nil {
		return 0, err
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "unix", path)
	done()
	if err != nil {
		return 0, fmt.Errorf("%w: %w", ErrNobody, err)
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	data, err := json.Marshal(r)
	if err != nil {
		return 0, err
	}
	if _, err := conn.Write(append(data, '\n')); err != nil {
		return 0, fmt.Errorf("handing over the command: %w", err)
	}
	for d := json.NewDecoder(conn); ; {
		var f frame
		if err := d.Decode(&f); err != nil {
			if ctx.Err() != nil {
				return 0, ctx.Err()
			}
			return 0, errors.New("the process that owns the data directory ended, or took no more commands, before this one was done: look at its log and run it again")
		}
		switch {
		case f.Exit != nil:
			return *f.Exit, nil
		case f.Err != nil:
			errs.Write(f.Err)
		default:
			out.Write(f.Out)
		}
	}
}

// maxPath is the longest name of a unix socket that every system takes.
const maxPath = 100

// address is a name by which the socket can be bound and dialled: its path, or
// where that is too long one through an open folder, which done closes.
func address(dir string) (path string, done func(), err error) {
	path = filepath.Join(dir, Socket)
	if len(path) <= maxPath {
		return path, func() {}, nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return "", nil, fmt.Errorf("opening data directory: %w", err)
	}
	path = fmt.Sprintf("/proc/self/fd/%d/%s", d.Fd(), Socket)
	if _, err := os.Stat(filepath.Dir(path)); err != nil {
		d.Close()
		return "", nil, fmt.Errorf("the path of the data directory is too long for a socket: %w", err)
	}
	return path, func() { d.Close() }, nil
}

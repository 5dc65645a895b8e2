// Package postgrestest gives tests a real PostgreSQL: the server named by
// DOORWARD_TEST_POSTGRES (a URL whose role may create databases), or a private
// one started from the binaries of Debian's postgresql package, else the test is
// skipped.
package postgrestest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Variable names a server to use.
const Variable = "DOORWARD_TEST_POSTGRES"

var (
	once    sync.Once
	started *Server
	failure error
)

// Main runs a package's tests and then stops the server they started. Use it as
// func TestMain(m *testing.M) { os.Exit(postgrestest.Main(m)) }.
func Main(m *testing.M) int {
	defer func() {
		if started != nil {
			started.Stop()
		}
	}()
	return m.Run()
}

// URL makes an empty database and drops it when the test ends.
func URL(t testing.TB) string {
	t.Helper()
	admin := os.Getenv(Variable)
	if admin == "" {
		once.Do(func() { started, failure = Start() })
		if failure != nil {
			t.Skipf("no PostgreSQL: %v (install Debian's postgresql package, or set %s)", failure, Variable)
		}
		admin = started.URL
	}
	name := "doorward_" + strings.ToLower(rand.Text()[:12])
	run := func(statement string) error {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		c, err := pgx.Connect(ctx, admin)
		if err != nil {
			return err
		}
		defer c.Close(ctx)
		_, err = c.Exec(ctx, statement)
		return err
	}
	if err := run("create database " + name); err != nil {
		t.Fatalf("making a database: %v", err)
	}
	t.Cleanup(func() {
		if err := run("drop database if exists " + name + " with (force)"); err != nil {
			t.Logf("dropping the database: %v", err)
		}
	})
	u, err := url.Parse(admin)
	if err != nil {
		t.Fatal(err)
	}
	u.Path = "/" + name
	return u.String()
}

// Server is a private PostgreSQL, reached over a socket in its own folder.
type Server struct {
	URL string
	dir string
	cmd *exec.Cmd
}

// Start makes and runs one.
func Start() (*Server, error) {
	bin, err := binaries()
	if err != nil {
		return nil, err
	}
	attr, owner, err := identity()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "doorward-pg-")
	if err != nil {
		return nil, err
	}
	s := &Server{dir: dir, URL: "postgres://doorward@/postgres?host=" + url.QueryEscape(dir)}
	if err := s.run(bin, attr, owner); err != nil {
		os.RemoveAll(dir)
		return nil, err
	}
	return s, nil
}

func (s *Server) run(bin string, attr *syscall.SysProcAttr, owner int) error {
	if owner >= 0 {
		if err := os.Chown(s.dir, owner, -1); err != nil {
			return err
		}
	}
	data := filepath.Join(s.dir, "data")
	initdb := exec.Command(filepath.Join(bin, "initdb"), "-D", data, "-U", "doorward", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
	initdb.SysProcAttr, initdb.Dir = attr, s.dir
	if out, err := initdb.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w: %s", err, out)
	}
	s.cmd = exec.Command(filepath.Join(bin, "postgres"), "-D", data, "-k", s.dir, "-c", "listen_addresses=", "-c", "shared_buffers=64MB",
		"-c", "max_connections=100", "-c", "log_min_messages=fatal", "-c", "unix_socket_permissions=0777")
	s.cmd.Dir = s.dir
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Credential: attr.Credential, Pdeathsig: syscall.SIGQUIT, Setpgid: true}
	begun := make(chan error)
	go func() { // the signal comes when the thread that started it ends: so this one stays
		runtime.LockOSThread()
		begun <- s.cmd.Start()
		select {}
	}()
	if err := <-begun; err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	for {
		c, err := pgx.Connect(ctx, s.URL)
		if err == nil {
			return c.Close(ctx)
		}
		select {
		case <-ctx.Done():
			s.Stop()
			return fmt.Errorf("the server did not start: %w", err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// Stop ends the server and removes its folder.
func (s *Server) Stop() {
	_ = s.cmd.Process.Signal(syscall.SIGQUIT) // at once: nothing of it is kept
	_ = s.cmd.Wait()
	_ = os.RemoveAll(s.dir)
}

// binaries finds the newest installed server.
func binaries() (string, error) {
	if p, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(p), nil
	}
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if len(found) == 0 {
		return "", errors.New("initdb is not installed")
	}
	newest := slices.MaxFunc(found, func(a, b string) int { return number(a) - number(b) })
	return filepath.Dir(newest), nil
}

func number(path string) int {
	n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path))))
	return n
}

// identity: PostgreSQL refuses to run as root, so root runs it as postgres.
func identity() (*syscall.SysProcAttr, int, error) {
	if os.Getuid() != 0 {
		return &syscall.SysProcAttr{}, -1, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return nil, 0, errors.New("running as root and there is no user postgres")
	}
	uid, _ := strconv.Atoi(u.Uid)
	gid, _ := strconv.Atoi(u.Gid)
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}, uid, nil
}

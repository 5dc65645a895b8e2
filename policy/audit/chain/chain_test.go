package chain

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/doorward/doorward/policy/audit"
	"github.com/doorward/doorward/policy/keys/local"
)

type fixture struct {
	config   Config
	verifier *local.Verifier
}

func newFixture(t *testing.T) fixture {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "keys")
	if err := local.Create(dir, false); err != nil {
		t.Fatal(err)
	}
	signer, err := local.OpenSigner(dir)
	if err != nil {
		t.Fatal(err)
	}
	v, err := local.OpenVerifier(dir)
	if err != nil {
		t.Fatal(err)
	}
	return fixture{Config{Dir: filepath.Join(t.TempDir(), "audit"), Signer: signer}, v}
}

func (f fixture) fill(t *testing.T, n int) {
	t.Helper()
	l, err := Open(f.config)
	if err != nil {
		t.Fatal(err)
	}
	for range n {
		if err := l.Append(context.Background(), audit.Entry{Event: "retrieve", Tenant: "acme", Outcome: "released"}); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestAppendReopenVerify(t *testing.T) {
	f := newFixture(t)
	f.fill(t, 3)
	f.fill(t, 2)
	if n, err := Verify(f.config.Dir, f.verifier); err != nil || n != 5 {
		t.Fatalf("got %d, %v", n, err)
	}
	var seqs []uint64
	if err := Show(f.config.Dir, func(n Numbered) error { seqs = append(seqs, n.Seq); return nil }); err != nil {
		t.Fatal(err)
	}
	if len(seqs) != 5 || seqs[4] != 5 {
		t.Errorf("shown %v", seqs)
	}
}

func TestConcurrentAppendsKeepOrder(t *testing.T) {
	f := newFixture(t)
	l, err := Open(f.config)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for range 20 {
				if err := l.Append(context.Background(), audit.Entry{Event: "output"}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if n, err := Verify(f.config.Dir, f.verifier); err != nil || n != 320 {
		t.Fatalf("got %d, %v", n, err)
	}
}

// Any edit, deletion, swap or truncation of an acknowledged log shows.
func TestTamperingShows(t *testing.T) {
	f := newFixture(t)
	f.fill(t, 20)
	path := filepath.Join(f.config.Dir, LogFile)
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.SplitAfter(good, []byte("\n"))
	lines = lines[:len(lines)-1]
	rng := rand.New(rand.NewPCG(1, 2))
	spoil := map[string]func() []byte{
		"bit": func() []byte { b := bytes.Clone(good); b[rng.IntN(len(b)-1)] ^= 1; return b },
		"delete": func() []byte {
			i := rng.IntN(20)
			return bytes.Join(append(append([][]byte{}, lines[:i]...), lines[i+1:]...), nil)
		},
		"truncate": func() []byte { return bytes.Join(lines[:rng.IntN(20)], nil) },
		"swap": func() []byte {
			c := append([][]byte{}, lines...)
			i := rng.IntN(19)
			c[i], c[i+1] = c[i+1], c[i]
			return bytes.Join(c, nil)
		},
	}
	for name, make := range spoil {
		t.Run(name, func(t *testing.T) {
			for range 200 {
				if err := os.WriteFile(path, make(), 0o600); err != nil {
					t.Fatal(err)
				}
				if _, err := Verify(f.config.Dir, f.verifier); !errors.Is(err, ErrTampered) {
					t.Fatalf("got %v, want ErrTampered", err)
				}
			}
		})
	}
}

func TestTornLastLineIsDropped(t *testing.T) {
	f := newFixture(t)
	f.fill(t, 2)
	path := filepath.Join(f.config.Dir, LogFile)
	file, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	file.WriteString(`{"seq":3,"prev":"`)
	file.Close()
	f.fill(t, 1)
	if n, err := Verify(f.config.Dir, f.verifier); err != nil || n != 3 {
		t.Fatalf("got %d, %v", n, err)
	}
}

func TestFailedWriteStopsTheLog(t *testing.T) {
	f := newFixture(t)
	l, err := Open(f.config)
	if err != nil {
		t.Fatal(err)
	}
	l.file.Close() // as good as a dead disk
	for range 2 {
		if err := l.Append(context.Background(), audit.Entry{}); !errors.Is(err, audit.ErrUnavailable) {
			t.Fatalf("got %v, want ErrUnavailable", err)
		}
	}
}

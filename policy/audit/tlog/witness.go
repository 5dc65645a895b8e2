package tlog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/doorward/doorward/policy/peer"
)

// Witness keeps a copy of the newest checkpoint where whoever can alter the log
// cannot, so that a log put back to an earlier state shows.
type Witness interface {
	Put(ctx context.Context, checkpoint []byte) error
	Get(ctx context.Context) ([]byte, error) // nil when it has none yet
	String() string                          // where it is, for people
}

// OpenWitness makes a witness of a file path or an http(s) URL that answers PUT
// and GET.
func OpenWitness(place string) (Witness, error) {
	if !strings.Contains(place, "://") {
		return FileWitness(place), nil
	}
	u, err := url.Parse(place)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, errors.New("opening witness: use a file path or an http(s) URL")
	}
	return httpWitness{u.String(), u.Host, &http.Client{Timeout: 10 * time.Second}}, nil
}

// FileWitness is a file outside the data directory.
type FileWitness string

// Put replaces the file in one step, durably.
func (w FileWitness) Put(_ context.Context, checkpoint []byte) error {
	dir := filepath.Dir(string(w))
	f, err := os.CreateTemp(dir, ".checkpoint-*")
	if err != nil {
		return fmt.Errorf("writing witness: %w", err)
	}
	defer os.Remove(f.Name())
	_, err = f.Write(checkpoint)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), string(w))
	}
	if err != nil {
		return fmt.Errorf("writing witness: %w", err)
	}
	return syncDir(dir)
}

// Get implements [Witness].
func (w FileWitness) Get(context.Context) ([]byte, error) {
	data, err := os.ReadFile(string(w))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading witness: %w", err)
	}
	return data, nil
}

func (w FileWitness) String() string { return string(w) }

// httpWitness is a URL; the host alone is shown, since a URL may hold a secret.
type httpWitness struct {
	url, host string
	client    *http.Client
}

func (w httpWitness) String() string { return w.host }

func (w httpWitness) Put(ctx context.Context, checkpoint []byte) error {
	_, _, err := w.do(ctx, http.MethodPut, checkpoint)
	return err
}

func (w httpWitness) Get(ctx context.Context) ([]byte, error) {
	data, status, err := w.do(ctx, http.MethodGet, nil)
	if status == http.StatusNotFound {
		return nil, nil
	}
	return data, err
}

func (w httpWitness) do(ctx context.Context, method string, body []byte) ([]byte, int, error) {
	req, err := http.NewRequestWithContext(ctx, method, w.url, bytes.NewReader(body))
	if err != nil {
		return nil, 0, errors.New("asking witness: its URL cannot be used")
	}
	req.Header.Set("Content-Type", "text/plain; charset=utf-8")
	res, err := w.client.Do(req)
	if err != nil {
		return nil, 0, fmt.Errorf("asking witness %s: %w", w.host, peer.Failure(err))
	}
	defer res.Body.Close()
	data, err := io.ReadAll(io.LimitReader(res.Body, 64<<10))
	err = peer.Failure(err)
	if err == nil && res.StatusCode/100 != 2 {
		err = fmt.Errorf("asking witness %s: status %d", w.host, res.StatusCode)
	}
	return data, res.StatusCode, err
}

// witnessed refuses a log that is behind what a witness has seen, or differs
// from it. A witness that cannot be asked is not proof of anything, and is an
// error too.
func (r *Reader) witnessed(ctx context.Context, list []Witness, log Checkpoint) error {
	for _, w := range list {
		seen, ok, err := r.seen(ctx, w)
		if err != nil {
			return err
		}
		if !ok || seen.Size == 0 {
			continue
		}
		if seen.Size > log.Size {
			return fmt.Errorf("%w: the witness %s has seen %d entries, the log has %d: entries were removed or the folder was put back to an earlier state", ErrTampered, w, seen.Size, log.Size)
		}
		proof, err := r.Consistency(ctx, seen.Size, log.Size)
		if err != nil {
			return err
		}
		if err := proof.Check(seen.Root, log.Root); err != nil {
			return fmt.Errorf("%w: the log does not contain what the witness %s has seen", ErrTampered, w)
		}
	}
	return nil
}

// seen is a witness's checkpoint, if it has one.
func (r *Reader) seen(ctx context.Context, w Witness) (Checkpoint, bool, error) {
	raw, err := w.Get(ctx)
	if err != nil || len(raw) == 0 {
		return Checkpoint{}, false, err
	}
	c, err := ParseCheckpoint(raw, r.origin, r.verifier)
	if err != nil {
		return c, false, fmt.Errorf("witness %s: %w", w, err)
	}
	return c, true, nil
}

package tlog

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/doorward/doorward/policy/audit"
	"github.com/doorward/doorward/policy/peer"
)

// Sink takes JSON lines of entries, for example a SIEM. What it took is not sent
// again; what it may have taken is.
type Sink interface {
	Send(ctx context.Context, lines []byte) error
	String() string // where it is, for people
}

// OpenSink makes a sink of a file path or an http(s) URL that takes POST. token
// is sent as a bearer token, if there is one.
func OpenSink(place, token string) (Sink, error) {
	if !strings.Contains(place, "://") {
		return fileSink(place), nil
	}
	u, err := url.Parse(place)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, errors.New("opening audit export: use a file path or an http(s) URL")
	}
	return httpSink{u.String(), u.Host, token, &http.Client{Timeout: 30 * time.Second}}, nil
}

// fileSink appends to a file.
type fileSink string

func (s fileSink) String() string { return string(s) }

func (s fileSink) Send(_ context.Context, lines []byte) error {
	f, err := os.OpenFile(string(s), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("exporting audit entries: %w", err)
	}
	_, err = f.Write(lines)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("exporting audit entries: %w", err)
	}
	return nil
}

// httpSink posts newline-delimited JSON. The host alone is shown.
type httpSink struct {
	url, host, token string
	client           *http.Client
}

func (s httpSink) String() string { return s.host }

func (s httpSink) Send(ctx context.Context, lines []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url, bytes.NewReader(lines))
	if err != nil {
		return errors.New("exporting audit entries: the URL cannot be used")
	}
	req.Header.Set("Content-Type", "application/x-ndjson")
	if s.token != "" {
		req.Header.Set("Authorization", "Bearer "+s.token)
	}
	res, err := s.client.Do(req)
	if err != nil {
		return fmt.Errorf("exporting audit entries to %s: %w", s.host, peer.Failure(err))
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 1<<20))
	if res.StatusCode/100 != 2 {
		return fmt.Errorf("exporting audit entries to %s: status %d", s.host, res.StatusCode)
	}
	return nil
}

// ExportConfig says what goes where. Reader and Sink are required.
type ExportConfig struct {
	Reader *Reader
	Sink   Sink
	Cursor string        // file that remembers how far it got; "" starts at From and remembers nothing
	From   uint64        // first entry, where there is no cursor yet
	Every  time.Duration // how often to look for new entries; 0 is DefaultEvery
	// MaxLag is how long the sink may be behind before [Exporter.Err] reports it;
	// 0 is half a minute.
	MaxLag time.Duration
	Log    *slog.Logger // nil discards
	Now    func() time.Time
}

// Exporter follows a log and gives a sink its entries, in order, each at least
// once. It sends what a checkpoint covers, so that every line sent can be proved.
type Exporter struct {
	ExportConfig

	mu     sync.Mutex
	behind time.Time // since when the sink has not taken everything; zero: it has
}

// Bounds of one send.
const (
	exportEntries = 1000
	exportBytes   = 1 << 20
	defaultLag    = 30 * time.Second
)

// ErrBehind means an export has fallen behind its limit.
var ErrBehind = errors.New("the audit export is behind")

// CursorName is a name for a sink's cursor file.
func CursorName(place string) string {
	sum := sha256.Sum256([]byte(place))
	return "export-" + hex.EncodeToString(sum[:8]) + ".cursor"
}

// NewExporter makes one; Run or Once sets it going.
func NewExporter(c ExportConfig) *Exporter {
	if c.Every <= 0 {
		c.Every = DefaultEvery
	}
	if c.MaxLag <= 0 {
		c.MaxLag = defaultLag
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Exporter{ExportConfig: c}
}

// Run follows the log until the context ends. A sink that fails is tried again;
// nothing waits for it.
func (x *Exporter) Run(ctx context.Context) {
	tick := time.NewTicker(x.Every)
	defer tick.Stop()
	failing := false
	for {
		_, err := x.Once(ctx)
		x.settled(err)
		if err != nil && ctx.Err() == nil && !failing {
			x.Log.Error("exporting audit entries", "to", x.Sink.String(), "error", err)
		}
		failing = err != nil
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (x *Exporter) settled(err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	switch {
	case err == nil:
		x.behind = time.Time{}
	case x.behind.IsZero():
		x.behind = x.Now()
	}
}

// Err reports a sink that has been behind for longer than its limit.
func (x *Exporter) Err() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if !x.behind.IsZero() && x.Now().Sub(x.behind) > x.MaxLag {
		return fmt.Errorf("%w: %s takes no entries", ErrBehind, x.Sink)
	}
	return nil
}

// Once sends everything that a checkpoint covers now, and returns how many
// entries that were.
func (x *Exporter) Once(ctx context.Context) (sent int, err error) {
	at, err := x.cursor()
	if err != nil {
		return 0, err
	}
	c, err := x.Reader.Checkpoint()
	if err != nil {
		return 0, err
	}
	for at < c.Size {
		if err := ctx.Err(); err != nil {
			return sent, err
		}
		lines, n, err := x.batch(at, c.Size)
		if err != nil {
			return sent, err
		}
		if err := x.Sink.Send(ctx, lines); err != nil {
			return sent, err
		}
		at, sent = at+uint64(n), sent+n
		if err := x.remember(at); err != nil {
			return sent, err
		}
	}
	return sent, nil
}

var errFull = errors.New("batch is full")

func (x *Exporter) batch(from, to uint64) ([]byte, int, error) {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	n := 0
	err := x.Reader.integrated(from, to, func(data []byte) error {
		if n == exportEntries || out.Len() > exportBytes {
			return errFull
		}
		entry := audit.Numbered{Index: from + uint64(n)}
		if err := json.Unmarshal(data, &entry.Entry); err != nil {
			return fmt.Errorf("%w: entry %d is not JSON", ErrTampered, entry.Index)
		}
		n++
		return e.Encode(entry)
	})
	if errors.Is(err, errFull) {
		err = nil
	}
	return out.Bytes(), n, err
}

func (x *Exporter) cursor() (uint64, error) {
	if x.Cursor == "" {
		return x.From, nil
	}
	data, err := os.ReadFile(x.Cursor)
	if errors.Is(err, fs.ErrNotExist) {
		return x.From, nil
	}
	var at uint64
	if err == nil {
		_, err = fmt.Sscanf(string(data), "%d\n", &at)
	}
	if err != nil {
		return 0, fmt.Errorf("reading the audit export's cursor: %w", err)
	}
	return at, nil
}

func (x *Exporter) remember(at uint64) error {
	x.From = at
	if x.Cursor == "" {
		return nil
	}
	tmp := filepath.Join(filepath.Dir(x.Cursor), "."+filepath.Base(x.Cursor))
	err := os.WriteFile(tmp, fmt.Appendf(nil, "%d\n", at), 0o600)
	if err == nil {
		err = os.Rename(tmp, x.Cursor)
	}
	if err != nil {
		return fmt.Errorf("writing the audit export's cursor: %w", err)
	}
	return nil
}

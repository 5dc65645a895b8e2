package client

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"unicode/utf8"

	"github.com/doorward/doorward/policy"
	"github.com/doorward/doorward/sanitize/output"
)

// ErrStopped means that the filter ended the answer: what was released is all
// there is. Stop reading the model; it is no failure of the service.
var ErrStopped = errors.New("the filter stopped the answer")

// ErrIncomplete means that the stream ended without the service saying that it
// is complete. Do not show what was released as an answer.
var ErrIncomplete = errors.New("the filtered stream is not complete")

// End is what the service said at the end of a stream.
type End struct {
	Action   string         `json:"action"` // the strictest action taken; "hold" means stopped
	Findings []output.Count `json:"findings"`
	Error    string         `json:"error"` // why the service cut the stream, if it did
}

// maxDelta is the longest text sent in one line, in bytes: the service takes
// lines of 256 KiB, and JSON writes one byte in up to six.
const maxDelta = 32 << 10

// Stream is an answer on its way through the filter: write what the model says,
// close it when the model is done. Write and Close are for one goroutine.
type Stream struct {
	body    *io.PipeWriter
	partial []byte // the beginning of a rune whose rest has not been written
	done    chan struct{}
	cancel  context.CancelFunc
	once    sync.Once

	// Set before done is closed, read after.
	end End
	err error
}

// OutputStream filters an answer while it is being written. Released text goes
// to released as it comes, from another goroutine, and never after Close has
// returned. Cancelling ctx ends the stream with an error. A refusal by the
// service (a [Problem]) is reported by the next Write or by Close.
func (c *Client) OutputStream(ctx context.Context, user policy.Subject, contextID string, released io.Writer) (*Stream, error) {
	ctx, cancel := context.WithCancel(ctx)
	body, writer := io.Pipe()
	req, err := c.request(ctx, user, http.MethodPost, "/v1/output/stream", body)
	if err != nil {
		cancel()
		return nil, fmt.Errorf("filtering a stream: %w", err)
	}
	req.Header.Set("Content-Type", "application/x-ndjson")
	if contextID != "" {
		req.Header.Set("Doorward-Context", contextID)
	}
	s := &Stream{body: writer, done: make(chan struct{}), cancel: cancel}
	go func() {
		defer close(s.done)
		s.end, s.err = receive(c.HTTP, req, released)
		// A Write that waits for a reader must not wait for ever.
		_ = body.CloseWithError(ErrStopped)
	}()
	return s, nil
}

// receive reads the response to its end line.
func receive(client *http.Client, req *http.Request, released io.Writer) (End, error) {
	resp, err := client.Do(req)
	if err != nil {
		return End{}, fmt.Errorf("%w: %w", ErrIncomplete, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return End{}, problem(resp)
	}
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, maxResponse)
	for lines.Scan() {
		var l struct {
			Delta string
			End   *End
		}
		if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
			return End{}, fmt.Errorf("%w: a line is not JSON", ErrIncomplete)
		}
		if l.End != nil {
			return *l.End, l.End.outcome()
		}
		if _, err := io.WriteString(released, l.Delta); err != nil {
			return End{}, fmt.Errorf("writing released text: %w", err)
		}
	}
	if err := lines.Err(); err != nil {
		return End{}, fmt.Errorf("%w: %w", ErrIncomplete, err)
	}
	return End{}, fmt.Errorf("%w: it has no end line", ErrIncomplete)
}

// outcome is nil for an answer that was let through, redacted or not.
func (e End) outcome() error {
	switch {
	case e.Error != "":
		return fmt.Errorf("%w: %s", ErrIncomplete, e.Error)
	case e.Action == "hold":
		return ErrStopped
	}
	return nil
}

// Write sends the next part of the answer. It may end inside a character. After
// the filter stopped the answer it returns [ErrStopped].
func (s *Stream) Write(delta []byte) (int, error) {
	select {
	case <-s.done:
		return 0, s.over()
	default:
	}
	text := append(s.partial, delta...)
	s.partial = nil
	for len(text) > 0 {
		n := cut(text)
		if n == 0 {
			s.partial = append([]byte(nil), text...)
			break
		}
		if err := s.send(string(text[:n])); err != nil {
			return 0, err
		}
		text = text[n:]
	}
	return len(delta), nil
}

// cut is how much of text to send now: whole runes, at most maxDelta bytes, or 0
// if only the beginning of a rune is there.
func cut(text []byte) int {
	n := min(len(text), maxDelta)
	for back := 1; back < utf8.UTFMax && back <= n; back++ {
		if b := text[n-back]; utf8.RuneStart(b) {
			if !utf8.FullRune(text[n-back : n]) {
				return n - back
			}
			break
		}
	}
	return n
}

func (s *Stream) send(delta string) error {
	line, err := json.Marshal(map[string]string{"delta": delta})
	if err != nil {
		return fmt.Errorf("encoding a delta: %w", err)
	}
	if _, err := s.body.Write(append(line, '\n')); err != nil {
		<-s.done
		return s.over()
	}
	return nil
}

// over is why nothing more can be written.
func (s *Stream) over() error {
	if s.err != nil {
		return s.err
	}
	return ErrStopped
}

// Close says that the answer is complete, waits until everything that may be
// released has been, and returns nil, [ErrStopped], [ErrIncomplete] or a
// [Problem]. Closing twice is harmless.
func (s *Stream) Close() error {
	s.once.Do(func() {
		if len(s.partial) > 0 { // an answer that ends inside a character
			_ = s.send(string(utf8.RuneError))
		}
		_ = s.body.Close()
		<-s.done
		s.cancel()
	})
	return s.err
}

// Abort gives the answer up, for when the model failed: nothing more is released.
// What was released is not a whole answer.
func (s *Stream) Abort() {
	s.cancel()
	_ = s.Close()
}

// End is what the service said about the answer; valid after Close.
func (s *Stream) End() End { return s.end }

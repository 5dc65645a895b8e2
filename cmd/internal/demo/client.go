package demo

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/doorward/doorward/api"
	"github.com/doorward/doorward/api/auth"
	"github.com/doorward/doorward/sanitize/output"
)

// client is a chatbot backend: it talks to Doorward as any backend does.
type client struct {
	base  string
	stage *Stage
	http  http.Client
	stop  func()
}

// newClient serves the API on a loopback port of its own and connects to it.
func newClient(s *Stage, handler http.Handler) (*client, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listening: %w", err)
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(l) }() // ends with Close
	return &client{base: "http://" + l.Addr().String(), stage: s, stop: func() { _ = server.Close() }}, nil
}

// post sends a request as a person. The assertion is fresh: each is good once.
func (c *client) post(ctx context.Context, p Person, path, contextID string, body io.Reader) (*http.Response, error) {
	assertion, err := auth.Mint(c.stage.Assertion, c.stage.Config.Identity.Audience, p.Subject(), time.Now(), time.Minute)
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base+path, body)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Authorization", "Bearer "+c.stage.Key)
	r.Header.Set("Doorward-Assertion", assertion)
	r.Header.Set("Content-Type", "application/json")
	if contextID != "" {
		r.Header.Set("Content-Type", "application/x-ndjson")
		r.Header.Set("Doorward-Context", contextID)
	}
	resp, err := c.http.Do(r)
	if err != nil {
		return nil, fmt.Errorf("asking %s: %w", path, err)
	}
	if resp.StatusCode != http.StatusOK {
		defer resp.Body.Close()
		problem, _ := io.ReadAll(io.LimitReader(resp.Body, 4096))
		return nil, fmt.Errorf("asking %s: %s: %s", path, resp.Status, bytes.TrimSpace(problem))
	}
	return resp, nil
}

// retrieve asks for passages and a prompt.
func (c *client) retrieve(ctx context.Context, p Person, question string) (api.RetrieveResponse, error) {
	var out api.RetrieveResponse
	body, err := json.Marshal(api.RetrieveRequest{Question: question, System: System, Format: "messages", Marking: "delimit", Destination: c.stage.Destination})
	if err != nil {
		return out, err
	}
	resp, err := c.post(ctx, p, "/v1/retrieve", "", bytes.NewReader(body))
	if err != nil {
		return out, err
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(&out); err != nil {
		return out, fmt.Errorf("reading the answer of /v1/retrieve: %w", err)
	}
	return out, nil
}

// ending is how a filtered answer ended.
type ending struct {
	Action   string         `json:"action"`
	Findings []output.Count `json:"findings"`
	Error    string         `json:"error"`
}

// filter streams an answer through the output filter. say is called with every
// piece that may be shown.
func (c *client) filter(ctx context.Context, p Person, contextID string, answer func(yield func(delta string) error) error, say func(string)) (ending, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	read, w := io.Pipe()
	written := make(chan error, 1)
	go func() {
		lines := json.NewEncoder(w)
		err := answer(func(delta string) error { return lines.Encode(map[string]string{"delta": delta}) })
		w.CloseWithError(err)
		written <- err
	}()
	end, err := c.filtered(ctx, p, contextID, read, say)
	read.Close() // frees the writer when the filter stopped listening
	if werr := <-written; werr != nil && !errors.Is(werr, io.ErrClosedPipe) {
		return ending{}, werr // the cause of whatever the filter said
	}
	if err == nil && end.Error != "" {
		err = fmt.Errorf("filtering the answer: %s", end.Error)
	}
	return end, err
}

// filtered sends an answer's lines and reads what comes back.
func (c *client) filtered(ctx context.Context, p Person, contextID string, lines io.Reader, say func(string)) (ending, error) {
	resp, err := c.post(ctx, p, "/v1/output/stream", contextID, lines)
	if err != nil {
		return ending{}, err
	}
	defer resp.Body.Close()
	in := bufio.NewScanner(resp.Body)
	in.Buffer(make([]byte, 0, 4096), 1<<20)
	for in.Scan() {
		var line struct {
			Delta string  `json:"delta"`
			End   *ending `json:"end"`
		}
		if err := json.Unmarshal(in.Bytes(), &line); err != nil {
			return ending{}, fmt.Errorf("reading the filtered answer: %w", err)
		}
		if line.End != nil {
			return *line.End, nil
		}
		say(line.Delta)
	}
	if err := in.Err(); err != nil {
		return ending{}, fmt.Errorf("reading the filtered answer: %w", err)
	}
	return ending{}, errors.New("reading the filtered answer: it has no end")
}

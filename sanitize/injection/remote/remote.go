// Package remote asks a text-classification server (Text Embeddings Inference's
// POST /predict, or one that speaks like it) whether a text holds an embedded
// instruction: a further vote at ingest, beside package injection. Prompt Guard
// 2, PIGuard and similar models are served that way.
//
// Document text leaves the process: configure it only for a server that may see
// it. A classifier judges windows, so its findings are coarser than the local
// ones. It is too slow for the query path and is not meant for it.
package remote

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/doorward/doorward/policy/peer"
	"github.com/doorward/doorward/sanitize"
)

// ErrUnavailable means the server gave no usable answer, so the text is unjudged.
var ErrUnavailable = errors.New("injection classifier is unavailable")

// Rule is the rule of the findings.
const Rule = "remote-classifier"

// Failure says what a scan answers when the server gives no usable answer.
type Failure int

// Failure modes; the zero value is closed.
const (
	// Closed returns the error: the pipeline holds the document.
	Closed Failure = iota
	// Open leaves the vote out. Only for servers whose vote is a bonus.
	Open
)

// Config of a Scanner. URL and Labels are required.
type Config struct {
	// URL of the endpoint, such as http://classifier:8080/predict.
	URL string
	// Token is sent as a bearer token if not empty.
	Token string
	// Labels are the model's labels that mean an injection, compared without
	// case: "INJECTION", "LABEL_1", "jailbreak".
	Labels []string
	// Threshold is the least score of such a label; 0 means 0.5.
	Threshold float64
	// Window is how many bytes are sent as one input; 0 means 1500, about what
	// models of 512 tokens read. Windows overlap by an eighth.
	Window int
	// Batch is how many windows go in one request; 0 means 16.
	Batch int
	// Timeout of one request; 0 means 5 s.
	Timeout time.Duration
	// Concurrency bounds the requests in flight over all scans; 0 means 4.
	Concurrency int
	// Failure says what to do without an answer; the zero value fails the scan.
	Failure Failure
	// Client sends the requests; nil means one without proxies or redirects.
	Client *http.Client
}

// Scanner implements sanitize.Scanner over the source text only. It is safe for
// concurrent use.
type Scanner struct {
	c      Config
	labels map[string]bool
	slots  chan struct{}
}

// New checks the configuration. It does not call the server.
func New(c Config) (*Scanner, error) {
	u, err := url.Parse(c.URL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, errors.New("making a remote classifier: URL must be an http or https address")
	}
	if len(c.Labels) == 0 {
		return nil, errors.New("making a remote classifier: Labels is empty; name the model's labels that mean an injection")
	}
	if c.Threshold < 0 || c.Threshold > 1 || c.Window < 0 || c.Batch < 0 || c.Concurrency < 0 || c.Timeout < 0 || c.Failure != Closed && c.Failure != Open {
		return nil, errors.New("making a remote classifier: a setting is out of range")
	}
	c.defaults()
	s := &Scanner{c: c, labels: map[string]bool{}, slots: make(chan struct{}, c.Concurrency)}
	for _, l := range c.Labels {
		s.labels[strings.ToLower(l)] = true
	}
	return s, nil
}

func (c *Config) defaults() {
	if c.Threshold == 0 {
		c.Threshold = .5
	}
	if c.Window == 0 {
		c.Window = 1500
	}
	c.Window = max(c.Window, 64)
	if c.Batch == 0 {
		c.Batch = 16
	}
	if c.Timeout == 0 {
		c.Timeout = 5 * time.Second
	}
	if c.Concurrency == 0 {
		c.Concurrency = 4
	}
	if c.Client == nil {
		c.Client = &http.Client{
			Transport:     &http.Transport{MaxIdleConnsPerHost: c.Concurrency},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
	}
}

// Revision names the classifier and its settings, without the token.
func (s *Scanner) Revision() string {
	return fmt.Sprintf("remote/1 %s %v %v %d", s.c.URL, s.c.Labels, s.c.Threshold, s.c.Window)
}

// Scan implements sanitize.Scanner: each window the server calls an injection is
// a finding; overlapping ones are joined.
func (s *Scanner) Scan(ctx context.Context, v sanitize.Views) ([]sanitize.Finding, error) {
	windows := cut(v.Source, s.c.Window)
	var out []sanitize.Finding
	for len(windows) > 0 {
		n := min(s.c.Batch, len(windows))
		scores, err := s.predict(ctx, v.Source, windows[:n])
		if err != nil {
			if s.c.Failure == Open && ctx.Err() == nil {
				return nil, nil
			}
			return nil, fmt.Errorf("asking the injection classifier: %w", err)
		}
		for i, score := range scores {
			if score >= s.c.Threshold {
				out = join(out, sanitize.Finding{Span: windows[i], Kind: sanitize.Injection, Type: "remote", Rule: Rule, Score: min(score, 1)})
			}
		}
		windows = windows[n:]
	}
	return out, nil
}

// join appends a finding, merging it into the last where they overlap.
func join(out []sanitize.Finding, f sanitize.Finding) []sanitize.Finding {
	if n := len(out); n > 0 && out[n-1].Overlaps(f.Span) {
		out[n-1].End = f.End
		out[n-1].Score = max(out[n-1].Score, f.Score)
		return out
	}
	return append(out, f)
}

// cut divides a text into overlapping windows on rune borders, at blanks where
// there are any.
func cut(text string, size int) []sanitize.Span {
	var out []sanitize.Span
	for start := 0; start < len(text); {
		end := min(len(text), start+size)
		if end < len(text) {
			if i := strings.LastIndexAny(text[start+size/2:end], " \n"); i >= 0 {
				end = start + size/2 + i
			}
			end = onRune(text, end)
		}
		out = append(out, sanitize.Span{Start: start, End: end})
		if end == len(text) {
			break
		}
		start = max(start+1, onRune(text, end-size/8))
	}
	return out
}

func onRune(s string, at int) int {
	for at > 0 && at < len(s) && !utf8.RuneStart(s[at]) {
		at--
	}
	return at
}

type request struct {
	Inputs   [][]string `json:"inputs"`
	Truncate bool       `json:"truncate"`
}

type label struct {
	Label string  `json:"label"`
	Score float64 `json:"score"`
}

// maxAnswer bounds a reply in bytes.
const maxAnswer = 1 << 20

// predict returns, for each window, the highest score of the injection labels.
func (s *Scanner) predict(ctx context.Context, text string, windows []sanitize.Span) ([]float64, error) {
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	in := request{Truncate: true}
	for _, w := range windows {
		in.Inputs = append(in.Inputs, []string{strings.ToValidUTF8(text[w.Start:w.End], "\uFFFD")})
	}
	body, err := json.Marshal(in)
	if err != nil {
		return nil, fmt.Errorf("%w: writing the request", ErrUnavailable)
	}
	answer, err := s.post(ctx, body)
	if err != nil {
		return nil, err
	}
	var labels [][]label
	if err := json.Unmarshal(answer, &labels); err != nil || len(labels) != len(windows) {
		return nil, fmt.Errorf("%w: the answer is not one list of labels for each input", ErrUnavailable)
	}
	return s.scores(labels)
}

func (s *Scanner) scores(labels [][]label) ([]float64, error) {
	out := make([]float64, len(labels))
	for i, list := range labels {
		if len(list) == 0 {
			return nil, fmt.Errorf("%w: an input got no labels", ErrUnavailable)
		}
		for _, l := range list {
			if !(l.Score >= 0 && l.Score <= 1) {
				return nil, fmt.Errorf("%w: a score is not between 0 and 1", ErrUnavailable)
			}
			if s.labels[strings.ToLower(l.Label)] {
				out[i] = max(out[i], l.Score)
			}
		}
	}
	return out, nil
}

// post sends one request. Its errors hold neither text nor what the server said.
func (s *Scanner) post(ctx context.Context, body []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, s.c.Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.c.URL, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("%w: making the request", ErrUnavailable)
	}
	req.Header.Set("Content-Type", "application/json")
	if s.c.Token != "" {
		req.Header.Set("Authorization", "Bearer "+s.c.Token)
	}
	res, err := s.c.Client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, peer.Failure(err))
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%w: it answered %d", ErrUnavailable, res.StatusCode)
	}
	answer, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	if err != nil {
		return nil, fmt.Errorf("%w: reading the answer: %w", ErrUnavailable, peer.Failure(err))
	}
	if len(answer) > maxAnswer {
		return nil, fmt.Errorf("%w: the answer is over %d bytes", ErrUnavailable, maxAnswer)
	}
	return answer, nil
}

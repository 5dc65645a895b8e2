// Package openai is the gateway: an OpenAI-compatible chat completion that does
// the whole round. It retrieves for the verified user, builds the delimited
// prompt, asks the configured upstream model and filters its answer, streamed or
// whole. Callers never see the upstream's key, its other fields, or an
// unfiltered byte.
//
// It offers text chat with tools. Images, audio and log probabilities are
// refused, because they would pass the filter by.
package openai

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"path"
	"slices"
	"time"

	"github.com/doorward/doorward/policy"
	"github.com/doorward/doorward/policy/audit"
	"github.com/doorward/doorward/policy/peer"
	"github.com/doorward/doorward/retrieval"
	"github.com/doorward/doorward/retrieval/prompt"
	"github.com/doorward/doorward/sanitize"
	"github.com/doorward/doorward/sanitize/output"
)

// Upstream is a model server with an OpenAI-shaped API.
type Upstream struct {
	Models      []string // patterns of model names it serves ("gpt-*"); required
	URL         string   // up to and without /chat/completions; required
	Key         string   // sent as a bearer token
	Destination string   // its name in policies; required
}

// Caller is who asks: the subject, what for, and where the backend may send
// passages.
type Caller struct {
	Subject      policy.Subject
	Destinations []string
	Purpose      string
}

// Config is what a Gateway needs.
type Config struct {
	Upstreams []Upstream
	// Authenticate proves backend and user, and audits a refusal.
	Authenticate func(r *http.Request, request string) (Caller, error)
	Retrieve     func(context.Context, retrieval.Request) (retrieval.Answer, error)
	// Answer gathers what the filter needs to know of an answer, with the audit
	// entry for it.
	Answer func(ctx context.Context, s policy.Subject, contextID, request string) (output.Answer, audit.Entry, error)
	Filter *output.Filter
	// Call is told that a model is asked and returns what is told the end; for
	// traces. pattern is the configured one that the model's name matched.
	Call   func(ctx context.Context, u Upstream, pattern string, stream bool) (context.Context, func(Usage, error))
	Policy policy.Source
	Audit  audit.Log
	// Questions checks the user's own words before they go to a model outside;
	// nil sends them as they are.
	Questions    *sanitize.Sanitizer
	TopK, Budget int
	Marking      prompt.Marking
	Client       *http.Client // nil: one with sane timeouts
	Log          *slog.Logger
	Now          func() time.Time
	// Typed refuses a request whose body does not say that it is JSON, as it is.
	Typed func(*http.Request) error
	// Status says how an error is answered, and sets the headers that go with it;
	// the caller's table knows the statuses.
	Status func(http.Header, error) (status int, kind, detail string)
}

// Gateway implements [http.Handler] for POST /v1/chat/completions.
type Gateway struct{ Config }

// New checks the configuration.
func New(c Config) (*Gateway, error) {
	if c.Authenticate == nil || c.Retrieve == nil || c.Answer == nil || c.Filter == nil || c.Audit == nil || c.Status == nil || c.Typed == nil || c.Policy == nil {
		return nil, errors.New("making gateway: a part is missing")
	}
	for i, u := range c.Upstreams {
		if len(u.Models) == 0 || u.URL == "" || u.Destination == "" {
			return nil, fmt.Errorf("making gateway: upstream %d needs models, url and destination", i)
		}
	}
	if c.Client == nil {
		t := http.DefaultTransport.(*http.Transport).Clone()
		t.Proxy, t.ResponseHeaderTimeout, t.MaxIdleConnsPerHost = nil, 2*time.Minute, 256
		c.Client = &http.Client{Transport: t}
	}
	if c.Call == nil {
		c.Call = func(ctx context.Context, _ Upstream, _ string, _ bool) (context.Context, func(Usage, error)) {
			return ctx, func(Usage, error) {}
		}
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Gateway{c}, nil
}

// Bounds of what is read.
const (
	maxBody     = 4 << 20
	maxResponse = 32 << 20
)

// errUpstream means the model did not answer properly. Its own message may quote
// the prompt and is not passed on.
var errUpstream = errors.New("the model did not answer")

// round is one request on its way.
type round struct {
	*Gateway
	id       string
	caller   Caller
	request  *chatRequest
	upstream Upstream
	pattern  string // that the model matched
	usage    Usage  // as the model counted
	called   func(Usage, error)
	answer   output.Answer
	entry    audit.Entry
}

// ServeHTTP does the whole round.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var id [8]byte
	rand.Read(id[:])
	round := &round{Gateway: g, id: hex.EncodeToString(id[:]), called: func(Usage, error) {}}
	w.Header().Set("Doorward-Request", round.id)
	w.Header().Set("Cache-Control", "no-store")
	resp, err := round.ask(w, r)
	defer func() { round.called(round.usage, err) }()
	if err != nil {
		round.fail(w, r.Context(), err)
		return
	}
	defer resp.Body.Close()
	if round.request.stream {
		round.stream(w, r.Context(), resp.Body)
		return
	}
	round.whole(w, r.Context(), resp.Body)
}

// ask authenticates, retrieves, builds the prompt and sends it.
func (r *round) ask(w http.ResponseWriter, in *http.Request) (*http.Response, error) {
	ctx := in.Context()
	var err error
	if r.caller, err = r.Authenticate(in, r.id); err != nil {
		return nil, err
	}
	if err = r.Typed(in); err != nil {
		return nil, err
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, in.Body, maxBody))
	if err != nil {
		return nil, err
	}
	if r.request, err = parseRequest(body); err != nil {
		return nil, err
	}
	if r.upstream, err = r.route(); err != nil {
		return nil, err
	}
	asked, question := r.request.question()
	if asked < 0 {
		return nil, fmt.Errorf("%w: there is no user message to answer", errRequest)
	}
	if question, err = r.check(ctx, question); err != nil {
		return nil, err
	}
	a, err := r.Retrieve(ctx, retrieval.Request{
		ID: r.id, Subject: r.caller.Subject, Question: question, System: r.request.system(), TopK: r.TopK, Budget: r.Budget, Format: prompt.OpenAI, Marking: r.Marking,
		Context: policy.Context{Now: r.Now(), Purpose: r.caller.Purpose, Destination: r.upstream.Destination, Action: "answer"},
	})
	if err != nil {
		return nil, err
	}
	if r.answer, r.entry, err = r.Answer(ctx, r.caller.Subject, a.ContextID, r.id); err != nil {
		return nil, err
	}
	r.answer.System = r.request.system()
	system, user := a.Prompt.Messages[0].Content, a.Prompt.Messages[1].Content
	sum := sha256.Sum256([]byte(system + "\x00" + user))
	r.entry.Model, r.entry.Prompt = r.request.model, hex.EncodeToString(sum[:8])
	if body, err = r.request.upstream(system, user, asked); err != nil {
		return nil, err
	}
	started := r.entry
	started.Outcome = "started"
	if err := r.Audit.Append(ctx, started); err != nil {
		return nil, err
	}
	ctx, r.called = r.Call(ctx, r.upstream, r.pattern, r.request.stream)
	return r.send(ctx, body)
}

// route picks the upstream that serves the model, if the backend may use it.
func (r *round) route() (Upstream, error) {
	for _, u := range r.Upstreams {
		for _, pattern := range u.Models {
			if ok, _ := path.Match(pattern, r.request.model); !ok {
				continue
			}
			if !slices.Contains(r.caller.Destinations, u.Destination) {
				return Upstream{}, fmt.Errorf("%w: this backend is not registered for the destination of model %.60q", errRequest, r.request.model)
			}
			r.pattern = pattern
			return u, nil
		}
	}
	return Upstream{}, fmt.Errorf("%w: no upstream serves model %.60q", errRequest, r.request.model)
}

// check looks at the user's own words before they leave the house.
func (r *round) check(ctx context.Context, question string) (string, error) {
	if r.Questions == nil || r.upstream.Destination == "internal" {
		return question, nil
	}
	snapshot, err := r.Policy.Snapshot()
	if err != nil {
		return "", err
	}
	c := policy.Context{Now: r.Now(), Purpose: r.caller.Purpose, Destination: r.upstream.Destination, Action: "ask"}
	v, err := snapshot.Decide(ctx, policy.PointOutput, policy.Input{"subject": r.caller.Subject.Input(), "context": c.Input()})
	if err != nil {
		return "", fmt.Errorf("deciding about the question: %w", err)
	}
	q, err := output.CheckQuestion(ctx, r.Questions, sanitize.ParseActions(v.Actions), question)
	if err != nil {
		return "", err
	}
	if q.Refused {
		return "", fmt.Errorf("%w: the question holds what may not be sent to this model", errRequest)
	}
	return q.Text, nil
}

// send posts to the upstream.
func (r *round) send(ctx context.Context, body []byte) (*http.Response, error) {
	resp, err := post(ctx, r.Client, r.upstream, body)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errUpstream, peer.Failure(err))
	}
	if resp.StatusCode != http.StatusOK {
		resp.Body.Close()
		return nil, fmt.Errorf("%w: it answered with status %d", errUpstream, resp.StatusCode)
	}
	return resp, nil
}

// finish writes the audit entry of the answer; what follows it is its effect.
func (r *round) finish(ctx context.Context, action sanitize.Action, counts map[string]int, why string) error {
	e := r.entry
	e.Outcome, e.Counts, e.Reason = action.String(), counts, why
	// A caller that went away must not take the account of its answer along.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	return r.Audit.Append(ctx, e)
}

// fail answers in the shape OpenAI's clients read.
func (r *round) fail(w http.ResponseWriter, ctx context.Context, err error) {
	status, kind, detail := http.StatusInternalServerError, "internal", "Something failed; nothing was released."
	switch {
	case errors.Is(err, errRequest):
		status, kind, detail = http.StatusBadRequest, "invalid_request_error", err.Error()
	case errors.Is(err, errUpstream):
		status, kind, detail = http.StatusBadGateway, "upstream_error", "The model did not answer."
	default:
		status, kind, detail = r.Status(w.Header(), err)
	}
	if status >= 500 {
		r.Log.ErrorContext(ctx, "gateway failed", "class", kind, "error", err, "request", r.id)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(map[string]any{"error": map[string]any{"message": detail, "type": kind, "code": kind, "param": nil}})
}

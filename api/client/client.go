// Package client is a small Go client of Doorward's HTTP API: retrieve for a
// user, filter a model's answer, whole or as it streams, and push documents.
//
// It does not retry, because an assertion is good once and half an answer is not
// an answer; it does not call a model; and it keeps nothing between calls. Chat
// completions go through the gateway, which OpenAI's own clients speak to.
package client

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

	"github.com/doorward/doorward/api"
	"github.com/doorward/doorward/api/auth"
	"github.com/doorward/doorward/policy"
)

// The wire types, under the names callers of this package need.
type (
	// Question is what to retrieve for.
	Question = api.RetrieveRequest
	// Context is what a retrieval gave, with the ContextID that filtering needs.
	Context = api.RetrieveResponse
	// Filtered is a whole answer after the filter. Action is "pass", "redact",
	// "withhold" or "hold"; the last means that the answer was stopped.
	Filtered = api.OutputResponse
	// Citation is what a label in an answer stands for.
	Citation = api.Citation
)

// maxResponse bounds what is read of one whole response, in bytes.
const maxResponse = 32 << 20

// Config is what a Client needs.
type Config struct {
	// URL is the service's public address ("https://doorward.internal:8443");
	// required.
	URL string
	// Key is the backend's key ("dw_…"); required.
	Key string
	// Assert mints a signed assertion of who the user is; required for all but
	// pushing documents. It is called
	// once for every request: the service takes each assertion once. [auth.Mint]
	// signs with the backend's own key; a backend with an identity provider
	// exchanges the user's token there.
	Assert func(ctx context.Context, user policy.Subject) (string, error)
	// HTTP sends the requests; nil means a client without redirects that waits a
	// minute for the head of a response. One that is given should not follow
	// redirects either, and have no Timeout, which would cut streams short.
	HTTP *http.Client
}

// Client calls one service as one backend. It is safe for concurrent use.
type Client struct {
	Config
	base string
}

// New checks the configuration.
func New(c Config) (*Client, error) {
	u, err := url.Parse(c.URL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, errors.New("making client: URL must be an http or https address")
	}
	if c.Key == "" {
		return nil, errors.New("making client: Key is required")
	}
	if c.Assert == nil {
		c.Assert = func(context.Context, policy.Subject) (string, error) {
			return "", errors.New("this client has no Assert, so it can push documents only")
		}
	}
	if c.HTTP == nil {
		t := http.DefaultTransport.(*http.Transport).Clone()
		t.ResponseHeaderTimeout = time.Minute
		c.HTTP = &http.Client{Transport: t, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	}
	return &Client{Config: c, base: strings.TrimSuffix(c.URL, "/")}, nil
}

// Problem is a refusal by the service (RFC 9457). It never quotes a document.
type Problem struct {
	Status  int    `json:"status"`
	Type    string `json:"type"` // "urn:doorward:problem:" and a stable word
	Title   string `json:"title"`
	Detail  string `json:"detail"`
	Request string `json:"request"` // to find it in the service's log
}

// Error implements error.
func (p *Problem) Error() string {
	text := fmt.Sprintf("doorward: %d %s", p.Status, p.Title)
	if p.Detail != "" {
		text += ": " + p.Detail
	}
	if p.Request != "" {
		text += " (request " + p.Request + ")"
	}
	return text
}

// Retrieve finds the passages this user may read. A user who may read nothing
// gets no passages and no error.
func (c *Client) Retrieve(ctx context.Context, user policy.Subject, q Question) (Context, error) {
	var out Context
	if err := c.call(ctx, user, http.MethodPost, "/v1/retrieve", nil, q, &out); err != nil {
		return Context{}, fmt.Errorf("retrieving: %w", err)
	}
	return out, nil
}

// Output filters a whole answer. contextID is the retrieval's; without one, or
// with another user's, the strictest rules apply.
func (c *Client) Output(ctx context.Context, user policy.Subject, contextID, text string) (Filtered, error) {
	var out Filtered
	if err := c.call(ctx, user, http.MethodPost, "/v1/output", nil, api.OutputRequest{ContextID: contextID, Text: text}, &out); err != nil {
		return Filtered{}, fmt.Errorf("filtering an answer: %w", err)
	}
	return out, nil
}

// Citation resolves a label of an answer ("S1-…") made from contextID. A label
// that was not issued, or whose document the user may no longer read, is a
// [Problem] with status 404.
func (c *Client) Citation(ctx context.Context, user policy.Subject, contextID, label string) (Citation, error) {
	var out Citation
	header := http.Header{"Doorward-Context": {contextID}}
	if err := c.call(ctx, user, http.MethodGet, "/v1/citations/"+url.PathEscape(label), header, nil, &out); err != nil {
		return Citation{}, fmt.Errorf("resolving a citation: %w", err)
	}
	return out, nil
}

// call sends one JSON request and decodes its JSON response.
func (c *Client) call(ctx context.Context, user policy.Subject, method, path string, header http.Header, in, out any) error {
	var body io.Reader
	if in != nil {
		data, err := json.Marshal(in)
		if err != nil {
			return fmt.Errorf("encoding the request: %w", err)
		}
		body = bytes.NewReader(data)
	}
	req, err := c.request(ctx, user, method, path, body)
	if err != nil {
		return err
	}
	for k, v := range header {
		req.Header[k] = v
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := c.HTTP.Do(req)
	if err != nil {
		return fmt.Errorf("sending: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return problem(resp)
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxResponse)).Decode(out); err != nil {
		return errors.New("the response is not the JSON this client knows")
	}
	return nil
}

// request makes a request with both credentials. Its body cannot be sent twice,
// so that the transport never repeats a used assertion.
func (c *Client) request(ctx context.Context, user policy.Subject, method, path string, body io.Reader) (*http.Request, error) {
	token, err := c.Assert(ctx, user)
	if err != nil {
		return nil, fmt.Errorf("minting an assertion: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, body)
	if err != nil {
		return nil, fmt.Errorf("making the request: %w", err)
	}
	req.GetBody = nil
	req.Header.Set("Authorization", "Bearer "+c.Key)
	req.Header.Set(auth.Header, token)
	return req, nil
}

// problem reads a refusal. What is not in the known shape gives its status alone:
// a proxy's page is not an explanation.
func problem(resp *http.Response) error {
	p := &Problem{}
	data, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if err != nil || json.Unmarshal(data, p) != nil || p.Title == "" {
		p = &Problem{Title: http.StatusText(resp.StatusCode)}
	}
	p.Status = resp.StatusCode
	return p
}

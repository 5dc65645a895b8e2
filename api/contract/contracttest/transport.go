// Package contracttest holds exchanges to the API's contract: a transport for
// tests' HTTP clients that validates every request and response that passes.
package contracttest

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"

	"github.com/doorward/doorward/api/contract"
)

// Document loads and validates what a listener's contract says; "" both.
func Document(t testing.TB, l contract.Listener) *openapi3.T {
	t.Helper()
	data, err := contract.JSON(l)
	if l == "" {
		data, err = contract.All()
	}
	if err != nil {
		t.Fatal(err)
	}
	d, err := openapi3.NewLoader().LoadFromData(data)
	if err == nil {
		err = d.Validate(context.Background(), openapi3.IsOpenAPI31OrLater())
	}
	if err != nil {
		t.Fatalf("the contract of listener %q: %v", l, err)
	}
	return d
}

// Transport validates exchanges. A request that breaks the contract must be
// refused; whatever is answered must be as described.
type Transport struct {
	Base http.RoundTripper

	t        testing.TB
	document *openapi3.T

	mu   sync.Mutex
	seen map[string]int // "POST /v1/retrieve 200" → exchanges
}

// New makes a transport over base; nil is the default one.
func New(t testing.TB, base http.RoundTripper) *Transport {
	if base == nil {
		base = http.DefaultTransport
	}
	return &Transport{Base: base, t: t, document: Document(t, ""), seen: map[string]int{}}
}

// Seen says how many exchanges of each kind passed, as "METHOD path status".
func (x *Transport) Seen() map[string]int {
	x.mu.Lock()
	defer x.mu.Unlock()
	out := map[string]int{}
	for k, v := range x.seen {
		out[k] = v
	}
	return out
}

// RoundTrip implements [http.RoundTripper].
func (x *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	route, params := x.route(r)
	if route == nil {
		resp, err := x.Base.RoundTrip(r)
		if err == nil && resp.StatusCode != http.StatusNotFound && resp.StatusCode != http.StatusMethodNotAllowed {
			x.t.Errorf("contract: %s %s is not described, and was answered with %d", r.Method, r.URL.Path, resp.StatusCode)
		}
		return resp, err
	}
	in := &openapi3filter.RequestValidationInput{Request: r, PathParams: params, Route: route, Options: &openapi3filter.Options{
		AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, IncludeResponseStatus: true}}
	sendable, broken, err := x.request(in)
	if err != nil {
		return nil, err
	}
	resp, err := x.Base.RoundTrip(sendable)
	if err != nil {
		return nil, err
	}
	what := fmt.Sprintf("%s %s %d", r.Method, route.Path, resp.StatusCode)
	x.mu.Lock()
	x.seen[what]++
	x.mu.Unlock()
	if broken != nil && resp.StatusCode < 300 {
		x.t.Errorf("contract: %s: the request breaks the contract and was served: %v", what, broken)
	}
	return resp, x.response(what, in, resp)
}

// request validates a request's body where it is JSON; streams go through. A body
// of a type that is not described breaks the contract, one without a type, too.
func (x *Transport) request(in *openapi3filter.RequestValidationInput) (r *http.Request, broken, err error) {
	r = in.Request
	if r.Body == nil || r.Body == http.NoBody || in.Route.Operation.RequestBody == nil {
		return r, nil, nil
	}
	kind := r.Header.Get("Content-Type")
	media := in.Route.Operation.RequestBody.Value.Content.Get(kind)
	if media == nil {
		return r, fmt.Errorf("a body of type %q is not described", kind), nil
	}
	if media.Schema == nil {
		return r, nil, nil
	}
	data, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, nil, err
	}
	r = r.Clone(r.Context())
	r.Body = io.NopCloser(bytes.NewReader(data))
	probe := *in
	probe.Request = r.Clone(r.Context())
	probe.Request.Body = io.NopCloser(bytes.NewReader(data))
	return r, openapi3filter.ValidateRequest(context.Background(), &probe), nil
}

// response validates an answer; one of lines is validated as it is read.
func (x *Transport) response(what string, in *openapi3filter.RequestValidationInput, resp *http.Response) error {
	described := in.Route.Operation.Responses.Status(resp.StatusCode)
	if described == nil {
		described = in.Route.Operation.Responses.Default()
	}
	if described == nil {
		x.t.Errorf("contract: %s is not described", what)
		return nil
	}
	media := described.Value.Content.Get(resp.Header.Get("Content-Type"))
	if media != nil && media.Extensions["x-lines"] != nil {
		resp.Body = x.lines(what, media, resp.Body)
		return nil
	}
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	resp.Body.Close()
	resp.Body = io.NopCloser(bytes.NewReader(data))
	out := &openapi3filter.ResponseValidationInput{RequestValidationInput: in, Status: resp.StatusCode, Header: resp.Header, Options: in.Options}
	out.SetBodyBytes(data)
	if media != nil && media.Schema == nil {
		out.Options = &openapi3filter.Options{ExcludeResponseBody: true, IncludeResponseStatus: true}
	}
	if err := openapi3filter.ValidateResponse(context.Background(), out); err != nil {
		x.t.Errorf("contract: %s: the answer breaks the contract: %v", what, err)
	}
	return nil
}

// lines validates each line that a reader reads past.
func (x *Transport) lines(what string, media *openapi3.MediaType, body io.ReadCloser) io.ReadCloser {
	raw, _ := json.Marshal(media.Extensions["x-lines"])
	var ref struct {
		Ref string `json:"$ref"`
	}
	_ = json.Unmarshal(raw, &ref)
	name := ref.Ref[strings.LastIndex(ref.Ref, "/")+1:]
	schema := x.document.Components.Schemas[name]
	if schema == nil {
		x.t.Errorf("contract: %s: x-lines names no schema", what)
		return body
	}
	r, w := io.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for s := bufio.NewScanner(r); s.Scan(); {
			line := strings.TrimPrefix(s.Text(), "data: ")
			if line == "" || line == "[DONE]" || strings.HasPrefix(line, ":") {
				continue
			}
			var v any
			err := json.Unmarshal([]byte(line), &v)
			if err == nil {
				err = schema.Value.VisitJSON(v, openapi3.EnableJSONSchema2020(), openapi3.VisitAsResponse())
			}
			if err != nil {
				x.t.Errorf("contract: %s: a line is not a %s: %v", what, name, err)
			}
		}
		_, _ = io.Copy(io.Discard, r)
	}()
	return &teed{Reader: io.TeeReader(body, w), body: body, w: w, done: done}
}

type teed struct {
	io.Reader
	body io.Closer
	w    *io.PipeWriter
	done chan struct{}
}

func (t *teed) Close() error {
	err := t.body.Close()
	t.w.Close()
	<-t.done
	return err
}

// route finds the operation of a request.
func (x *Transport) route(r *http.Request) (*routers.Route, map[string]string) {
	for path, item := range x.document.Paths.Map() {
		params, ok := match(path, r.URL.Path)
		if !ok {
			continue
		}
		if op := item.GetOperation(r.Method); op != nil {
			return &routers.Route{Spec: x.document, Path: path, PathItem: item, Method: r.Method, Operation: op}, params
		}
	}
	return nil, nil
}

// match holds a path against a template such as /v1/citations/{id}.
func match(template, path string) (map[string]string, bool) {
	a, b := strings.Split(template, "/"), strings.Split(path, "/")
	if len(a) != len(b) {
		return nil, false
	}
	params := map[string]string{}
	return params, slices.EqualFunc(a, b, func(want, got string) bool {
		if name, ok := strings.CutPrefix(want, "{"); ok && got != "" {
			params[strings.TrimSuffix(name, "}")] = got
			return true
		}
		return want == got
	})
}

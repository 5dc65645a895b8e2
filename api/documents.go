package api

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/doorward/doorward/api/auth"
	"github.com/doorward/doorward/ingest"
	"github.com/doorward/doorward/ingest/catalog"
)

// Intake is where pushed documents go.
type Intake interface {
	Push(ctx context.Context, items []ingest.Item, o ingest.PushOptions) ([]ingest.Event, error)
	Unpush(ctx context.Context, id string, o ingest.PushOptions) error
	Reattribute(ctx context.Context, id string, o ingest.PushOptions, change func(map[string]any) (map[string]any, error)) (ingest.Event, error)
}

// Standing says where documents stand.
type Standing interface {
	Standings(ctx context.Context, q catalog.Standings) ([]catalog.Document, error)
}

// Answers remembers what requests with an idempotency key were answered.
type Answers interface {
	Claim(ctx context.Context, r catalog.Request) (*catalog.Answer, error)
	Answer(ctx context.Context, r catalog.Request, a catalog.Answer) (catalog.Answer, error)
}

// Deliveries remembers batches.
type Deliveries interface {
	PutDelivery(ctx context.Context, b catalog.Delivery) error
	Delivery(ctx context.Context, tenant, source, id string) (catalog.Delivery, error)
	Deliveries(ctx context.Context, tenant, source, before string, limit int) ([]catalog.Delivery, error)
}

// DocumentsConfig is what pushed documents need beside the rest.
type DocumentsConfig struct {
	Intake   Intake
	Sources  map[string]ingest.PushSource // by name; the backends' registered sources
	Standing Standing
	Answers  Answers
	Batches  Deliveries
	// MaxDocument and MaxBatch bound bodies, in bytes; MaxDocuments a batch's
	// documents. 0 means 24 MiB, 64 MiB and 10,000.
	MaxDocument, MaxBatch int64
	MaxDocuments          int
}

func (c *DocumentsConfig) check() error {
	if c.Intake == nil || c.Standing == nil || c.Answers == nil || c.Batches == nil {
		return errors.New("making api: a part for pushed documents is missing")
	}
	if c.MaxDocument <= 0 {
		c.MaxDocument = 24 << 20
	}
	if c.MaxBatch <= 0 {
		c.MaxBatch = 64 << 20
	}
	if c.MaxDocuments <= 0 {
		c.MaxDocuments = 10_000
	}
	return nil
}

// DocumentRequest is the body of PUT /v1/documents/{id}, and one document of a
// batch. Exactly one of Text and Content is set.
type DocumentRequest struct {
	ID         string          `json:"id,omitempty"` // in batches only; a PUT has it in its path
	Text       string          `json:"text,omitempty"`
	Content    string          `json:"content,omitempty"` // base64 of a file's bytes
	Name       string          `json:"name,omitempty"`    // file name, a hint to the type
	MediaType  string          `json:"media_type,omitempty"`
	Title      string          `json:"title,omitempty"` // of a text
	URI        string          `json:"uri,omitempty"`
	Attributes json.RawMessage `json:"attributes,omitempty"` // an object
	Manifest   json.RawMessage `json:"manifest,omitempty"`   // the connector's signed statement: an object, or text
	Delete     bool            `json:"delete,omitempty"`     // in batches only: take the document out
}

// DocumentResult is what became of a pushed document.
type DocumentResult struct {
	ID       string         `json:"id"`
	Document string         `json:"document,omitempty"` // as passages and the audit log name it
	Outcome  string         `json:"outcome"`            // indexed, unchanged, attributes, quarantined, rejected, failed, deleted; received: not judged yet
	Version  string         `json:"version,omitempty"`
	Chunks   int            `json:"chunks,omitempty"`
	Removed  int            `json:"removed,omitempty"`  // spans taken out or replaced
	Reasons  []string       `json:"reasons,omitempty"`  // rules, policy reasons, error classes
	Findings map[string]int `json:"findings,omitempty"` // rule → number
	Error    string         `json:"error,omitempty"`
}

// pusher is who pushes: a backend, for one of its sources.
type pusher struct {
	backend auth.Backend
	source  ingest.PushSource
}

func (p pusher) options() ingest.PushOptions {
	return ingest.PushOptions{Tenant: p.backend.Tenant, Source: p.source.Name(), Backend: p.backend.ID}
}

// SourceHeader names the source that documents belong to; a backend with one
// source need not say.
const SourceHeader = "Doorward-Source"

// mayPush proves the backend by its key: documents come from a machine, without a
// user behind it. It may push into its own sources alone.
func (a *API) mayPush(c *gin.Context) (pusher, bool) {
	b, err := a.Auth.Backend(c.Request)
	if err == nil {
		var p pusher
		if p, err = a.pusherOf(b, c.GetHeader(SourceHeader)); err == nil {
			if err = a.uncontained(c.Request.Context(), c.GetString(requestKey), b); err == nil {
				return p, true
			}
			a.fail(c, err)
			return pusher{}, false
		}
	}
	a.fail(c, a.refused(c.Request.Context(), c.GetString(requestKey), b, err))
	return pusher{}, false
}

func (a *API) pusherOf(b auth.Backend, source string) (pusher, error) {
	if source == "" && len(b.Sources) == 1 {
		source = b.Sources[0]
	}
	switch {
	case !b.May(auth.Ingest):
		return pusher{}, fmt.Errorf("%w: it was not registered for scope %q", auth.ErrForbidden, auth.Ingest)
	case source == "":
		return pusher{}, fmt.Errorf("%w: name one of this backend's sources in %s", errUnusable, SourceHeader)
	case !b.MayIngest(source):
		return pusher{}, fmt.Errorf("%w: %s is not one of the sources this backend was registered for", auth.ErrForbidden, SourceHeader)
	case a.Documents.Sources[source] == nil:
		return pusher{}, fmt.Errorf("%w: the source this backend was registered for is not configured with type push", auth.ErrForbidden)
	}
	p := pusher{b, a.Documents.Sources[source]}
	if only := p.source.Tenant(); only != "" && only != b.Tenant {
		return pusher{}, fmt.Errorf("%w: the source is another tenant's", auth.ErrForbidden)
	}
	return p, nil
}

// putDocument takes one document in and answers when its outcome is durable; 202
// when it was received and the time to answer ends before.
func (a *API) putDocument(c *gin.Context) {
	p, ok := a.mayPush(c)
	if !ok {
		return
	}
	a.once(c, p, a.Documents.MaxDocument, takesJSON, func(ctx context.Context, body []byte, _ string) (int, any, error) {
		return a.takeIn(ctx, p, c.Param("id"), body)
	})
}

func (a *API) takeIn(ctx context.Context, p pusher, id string, body []byte) (int, any, error) {
	var in DocumentRequest
	if err := decode(body, &in); err != nil {
		return 0, nil, err
	}
	if in.ID != "" && in.ID != id || in.Delete {
		return 0, nil, fmt.Errorf("%w: id and delete belong to batches; this document's id is in the path", errUnusable)
	}
	in.ID = id
	d, err := in.pushed()
	if err != nil {
		return 0, nil, err
	}
	it := p.source.Item(d)
	if it.ID == "" {
		return 0, nil, it.Err
	}
	received := make(chan struct{})
	o := p.options()
	o.Received = func() { close(received) }
	events, err := a.Documents.Intake.Push(ctx, []ingest.Item{it}, o)
	if err != nil && late(ctx, received) {
		return http.StatusAccepted, DocumentResult{ID: in.ID, Document: it.ID, Outcome: string(catalog.Received)}, nil
	}
	if err != nil {
		return 0, nil, err
	}
	if e := events[0]; e.Outcome == ingest.Failed {
		return 0, nil, p.notHere(e.Err)
	}
	return http.StatusOK, resultOf(p, events[0]), nil
}

// late: the time to answer is up, and what was sent is durable: it will be judged
// whoever waits for it.
func late(ctx context.Context, received <-chan struct{}) bool {
	select {
	case <-received:
		return ctx.Err() != nil
	default:
		return false
	}
}

// notHere hides that another source has a document of the same id. It cannot
// happen by the way ids are made; if it did, it must not show.
func (p pusher) notHere(err error) error {
	if errors.Is(err, ingest.ErrDuplicate) {
		return internalOnly{err}
	}
	return err
}

// internalOnly is an error that has no status of its own.
type internalOnly struct{ err error }

func (e internalOnly) Error() string { return e.err.Error() }

// pushed checks a document's fields.
func (in DocumentRequest) pushed() (ingest.Pushed, error) {
	d := ingest.Pushed{ID: in.ID, Name: in.Name, URI: in.URI, MediaType: in.MediaType, Title: in.Title, Attributes: in.Attributes}
	switch {
	case (in.Text == "") == (in.Content == ""):
		return d, fmt.Errorf("%w: set either text, or content to the base64 of a file's bytes", errUnusable)
	case in.Text != "":
		d.Bytes = []byte(in.Text)
		if d.MediaType == "" && d.Name == "" {
			d.MediaType = "text/plain"
		}
	case in.Title != "":
		return d, fmt.Errorf("%w: title goes with text; a file has its own", errUnusable)
	default:
		var err error
		if d.Bytes, err = base64.StdEncoding.DecodeString(in.Content); err != nil {
			return d, fmt.Errorf("%w: content is not base64 (RFC 4648, with padding)", errUnusable)
		}
	}
	if len(in.Name) > 255 || len(in.MediaType) > 255 || len(in.URI) > 2048 || len(in.Title) > 1024 {
		return d, fmt.Errorf("%w: name and media_type have at most 255 bytes, title 1024, uri 2048", errUnusable)
	}
	if string(d.Attributes) == "null" {
		d.Attributes = nil
	}
	switch {
	case len(in.Manifest) == 0 || string(in.Manifest) == "null":
	case in.Manifest[0] == '"':
		var text string
		if err := json.Unmarshal(in.Manifest, &text); err != nil {
			return d, fmt.Errorf("%w: the manifest cannot be read", errUnusable)
		}
		d.Manifest = []byte(text)
	default:
		d.Manifest = in.Manifest
	}
	return d, nil
}

func resultOf(p pusher, e ingest.Event) DocumentResult {
	own, _ := ingest.OwnID(p.source.Name(), e.ID)
	r := DocumentResult{ID: own, Document: e.ID, Outcome: string(e.Outcome), Version: e.Version, Chunks: e.Chunks, Removed: e.Removed, Reasons: e.Reasons, Findings: e.Findings}
	if e.Err != nil && !errors.Is(e.Err, ingest.ErrDuplicate) {
		r.Error = e.Err.Error()
	}
	return r
}

// deleteDocument takes a document out. One that is not there, or not this
// backend's, is not found.
func (a *API) deleteDocument(c *gin.Context) {
	p, ok := a.mayPush(c)
	if !ok {
		return
	}
	a.once(c, p, 0, nil, func(ctx context.Context, _ []byte, _ string) (int, any, error) {
		id, err := ingest.PushedID(p.source.Name(), c.Param("id"))
		if err != nil {
			return 0, nil, err
		}
		if err := a.Documents.Intake.Unpush(ctx, id, p.options()); err != nil {
			return 0, nil, err
		}
		return http.StatusOK, DocumentResult{ID: c.Param("id"), Document: id, Outcome: "deleted"}, nil
	})
}

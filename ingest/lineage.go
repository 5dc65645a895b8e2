package ingest

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/doorward/doorward/ingest/catalog"
	"github.com/doorward/doorward/policy/audit"
)

// Lineages is the catalog's memory of where versions came from.
type Lineages interface {
	Lineage(ctx context.Context, tenant, document string) ([]catalog.Lineage, error)
	LineageOf(ctx context.Context, tenant, version string) ([]catalog.Lineage, error)
	ChunkOwner(ctx context.Context, tenant, chunk string) (catalog.Ref, error)
	Arrival(ctx context.Context, tenant, id string) (catalog.Arrival, error)
}

// AuditEntries reads the audit log from its beginning.
type AuditEntries func(ctx context.Context, yield func(audit.Numbered) error) error

// Trace is the way from source to answer, through one document, version, chunk or
// request.
type Trace struct {
	ID       string          `json:"id"`
	Kind     string          `json:"kind"` // document, version, chunk or request
	Versions []TracedVersion `json:"versions"`
	// Answers are the requests that were given a passage of one of the versions,
	// or whose answer was filtered: oldest first, at most MaxAnswers.
	Answers []TracedAnswer `json:"answers"`
	More    int            `json:"more,omitempty"` // answers left off
}

// TracedVersion is one version with the points it has, or had, in the index.
type TracedVersion struct {
	catalog.Lineage
	Points []string `json:"points,omitempty"`
}

// TracedAnswer is one audit entry.
type TracedAnswer struct {
	Index     uint64    `json:"index"` // in the audit log
	Request   string    `json:"request"`
	Time      time.Time `json:"time"`
	Event     string    `json:"event"`
	Outcome   string    `json:"outcome"`
	Subject   string    `json:"subject,omitempty"` // keyed hash
	Backend   string    `json:"backend,omitempty"`
	Documents []string  `json:"documents"` // of the trace, with versions
}

// MaxAnswers bounds the answers of a trace.
const MaxAnswers = 1000

// TraceLineage follows an id. It returns [catalog.ErrNotFound] when it is none of
// the tenant's documents, versions, chunks or requests. Answers are traced by
// document version, which is what the audit log names.
func TraceLineage(ctx context.Context, c Lineages, log AuditEntries, tenant, id string) (Trace, error) {
	t := Trace{ID: id, Versions: []TracedVersion{}, Answers: []TracedAnswer{}}
	list, err := t.find(ctx, c, tenant, id)
	if err != nil {
		return t, err
	}
	wanted := map[string]bool{}
	for _, l := range list {
		wanted[l.Document+"@"+l.Version] = true
	}
	if len(list) == 0 {
		t.Kind = "request"
	}
	if err := log(ctx, func(n audit.Numbered) error { t.answer(n, tenant, id, wanted); return nil }); err != nil {
		return t, err
	}
	if t.Kind == "request" {
		if list, err = t.named(ctx, c, tenant); err != nil {
			return t, err
		}
		if len(t.Answers) == 0 {
			return t, catalog.ErrNotFound
		}
	}
	for _, l := range list {
		v := TracedVersion{Lineage: l}
		for i := range l.Chunks {
			v.Points = append(v.Points, chunkID(catalog.Ref{Tenant: tenant, Document: l.Document, Version: l.Version}, i))
		}
		t.Versions = append(t.Versions, v)
	}
	return t, nil
}

// find looks for a document, a version and a chunk, in this order.
func (t *Trace) find(ctx context.Context, c Lineages, tenant, id string) ([]catalog.Lineage, error) {
	t.Kind = "document"
	list, err := c.Lineage(ctx, tenant, id)
	if err != nil {
		return nil, err
	}
	held, err := c.Arrival(ctx, tenant, id)
	switch {
	case err == nil:
		list = append([]catalog.Lineage{fromArrival(held)}, list...)
	case !errors.Is(err, catalog.ErrNotFound):
		return nil, err
	}
	if len(list) > 0 {
		return list, nil
	}
	t.Kind = "version"
	if list, err = c.LineageOf(ctx, tenant, id); err != nil || len(list) > 0 {
		return list, err
	}
	t.Kind = "chunk"
	r, err := c.ChunkOwner(ctx, tenant, id)
	if errors.Is(err, catalog.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return version1(c.Lineage(ctx, tenant, r.Document))(r.Version)
}

// version1 keeps one version of a list.
func version1(list []catalog.Lineage, err error) func(string) ([]catalog.Lineage, error) {
	return func(version string) ([]catalog.Lineage, error) {
		for _, l := range list {
			if l.Version == version {
				return []catalog.Lineage{l}, err
			}
		}
		return nil, err
	}
}

// fromArrival is the lineage of what has no version yet.
func fromArrival(a catalog.Arrival) catalog.Lineage {
	return catalog.Lineage{Tenant: a.Tenant, Document: a.ID, State: a.State, Source: a.Source, Batch: a.Batch, Submitter: a.Submitter, URI: a.URI, Content: a.Content,
		Manifest: a.Manifest, Connector: a.Connector, Sequence: a.Sequence, Findings: a.Findings, Reasons: a.Reasons, Recorded: a.Received}
}

func (t *Trace) answer(n audit.Numbered, tenant, id string, wanted map[string]bool) {
	if n.Tenant != tenant || n.Event != "retrieve" && n.Event != "output" {
		return
	}
	a := TracedAnswer{Index: n.Index, Request: n.Request, Time: n.Time, Event: n.Event, Outcome: n.Outcome, Subject: n.Subject, Backend: n.Backend, Documents: []string{}}
	for _, d := range n.Documents {
		if t.Kind == "request" || wanted[d] {
			a.Documents = append(a.Documents, d)
		}
	}
	if t.Kind == "request" && n.Request != id || t.Kind != "request" && len(a.Documents) == 0 {
		return
	}
	if len(t.Answers) >= MaxAnswers {
		t.More++
		return
	}
	t.Answers = append(t.Answers, a)
}

// named are the versions a request's entries name.
func (t *Trace) named(ctx context.Context, c Lineages, tenant string) ([]catalog.Lineage, error) {
	var out []catalog.Lineage
	seen := map[string]bool{}
	for _, a := range t.Answers {
		for _, d := range a.Documents {
			document, version, ok := strings.Cut(d, "@")
			if !ok || seen[d] {
				continue
			}
			seen[d] = true
			list, err := version1(c.Lineage(ctx, tenant, document))(version)
			if err != nil {
				return nil, err
			}
			out = append(out, list...)
		}
	}
	return out, nil
}

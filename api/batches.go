package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"github.com/doorward/doorward/ingest"
	"github.com/doorward/doorward/ingest/catalog"
	"github.com/doorward/doorward/policy/contain"
)

// BatchResponse is what became of a batch.
type BatchResponse struct {
	ID        string           `json:"id"`
	Source    string           `json:"source"`
	Status    string           `json:"status"` // running or done
	Created   time.Time        `json:"created"`
	Finished  time.Time        `json:"finished,omitzero"`
	Counts    map[string]int   `json:"counts"` // outcome → number
	Documents []DocumentResult `json:"documents,omitempty"`
}

// BatchList is a page of GET /v1/batches, newest first, without documents.
type BatchList struct {
	Batches []BatchResponse `json:"batches"`
	Next    string          `json:"next,omitempty"` // give it as before
}

// postBatch takes many documents in. With "Prefer: respond-async" it answers 202
// as soon as all are durable; else when every one has its outcome, or 202 when the
// time to answer ends before.
func (a *API) postBatch(c *gin.Context) {
	p, ok := a.mayPush(c)
	if !ok {
		return
	}
	async := strings.Contains(c.GetHeader("Prefer"), "respond-async")
	a.once(c, p, a.Documents.MaxBatch, slices.Concat(takesJSON, takesLines), func(ctx context.Context, body []byte, media string) (int, any, error) {
		list, err := a.readBatch(p, body, slices.Contains(takesLines, media))
		if err != nil {
			return 0, nil, err
		}
		id, err := uuid.NewV7()
		if err != nil {
			return 0, nil, err
		}
		b := catalog.Delivery{Tenant: p.backend.Tenant, ID: id.String(), Source: p.source.Name(), Backend: p.backend.ID, Created: a.Now()}
		for _, d := range list {
			b.Documents = append(b.Documents, d.Delivered)
		}
		if err := a.Documents.Batches.PutDelivery(ctx, b); err != nil {
			return 0, nil, err
		}
		return a.beginBatch(ctx, p, b, list, async)
	})
}

// batched is one document of a batch: to be taken in, taken out, or refused.
type batched struct {
	catalog.Delivered
	item   ingest.Item
	remove bool
}

// readBatch reads all documents of a batch. One that cannot be used is refused
// by itself; only a body that is no list at all is an error.
func (a *API) readBatch(p pusher, body []byte, ndjson bool) ([]batched, error) {
	var raw []json.RawMessage
	if ndjson {
		for _, line := range bytes.Split(body, []byte("\n")) {
			if line = bytes.TrimSpace(line); len(line) > 0 {
				raw = append(raw, line)
			}
		}
	} else if err := json.Unmarshal(body, &raw); err != nil {
		return nil, fmt.Errorf("%w: the body must be a JSON array of documents, or one on each line as application/x-ndjson", errMalformed)
	}
	if len(raw) == 0 || len(raw) > a.Documents.MaxDocuments {
		return nil, fmt.Errorf("%w: a batch has 1 to %d documents", errUnusable, a.Documents.MaxDocuments)
	}
	seen := map[string]bool{}
	out := make([]batched, len(raw))
	for i, r := range raw {
		d, err := a.readBatched(p, r)
		if err == nil && seen[d.ID] {
			err = fmt.Errorf("%w: the batch has an earlier document with this id", ingest.ErrDuplicate)
		}
		seen[d.ID] = true
		if err != nil {
			d.Outcome, d.Reasons = string(ingest.Failed), []string{failureWord(err)}
			d.Error = fmt.Sprintf("document %d: %v", i+1, err)
		}
		out[i] = d
	}
	return out, nil
}

func (a *API) readBatched(p pusher, raw json.RawMessage) (batched, error) {
	var d batched
	var in DocumentRequest
	if err := decode(raw, &in); err != nil {
		return d, err
	}
	var err error
	if d.Document, err = ingest.PushedID(p.source.Name(), in.ID); err != nil {
		return d, err
	}
	d.ID = in.ID
	if d.remove = in.Delete; d.remove {
		return d, nil
	}
	if int64(len(raw)) > a.Documents.MaxDocument {
		return d, fmt.Errorf("%w: over %d bytes", ingest.ErrTooLarge, a.Documents.MaxDocument)
	}
	pushed, err := in.pushed()
	if err != nil {
		return d, err
	}
	d.item = p.source.Item(pushed)
	return d, nil
}

func failureWord(err error) string {
	for _, c := range []struct {
		err  error
		word string
	}{{ingest.ErrTooLarge, "too_large"}, {ingest.ErrDuplicate, "duplicate"}, {ingest.ErrID, "id"}, {catalog.ErrNotFound, "not_found"}, {contain.ErrContained, "contained"}} {
		if errors.Is(err, c.err) {
			return c.word
		}
	}
	return "malformed"
}

// beginBatch has a batch carried out, whether or not its caller waits, and answers
// when every document has its outcome; async, or when the time to answer is up,
// as soon as all are durable. What a crash leaves is judged at the next start.
func (a *API) beginBatch(ctx context.Context, p pusher, b catalog.Delivery, list []batched, async bool) (int, any, error) {
	received, ended := make(chan struct{}), make(chan error, 1)
	open := a.batchResponse(b)
	var results []DocumentResult
	go func() {
		ctx := context.WithoutCancel(ctx)
		var err error
		if results, err = a.runBatch(ctx, p, &b, list, func() { close(received) }); err != nil {
			a.Log.ErrorContext(ctx, "batch was not finished", "batch", b.ID, "problem", problemOf(err).Type)
		}
		ended <- err
	}()
	enough := received
	if !async {
		enough = nil
	}
	select {
	case <-enough:
		return http.StatusAccepted, open, nil
	case err := <-ended:
		out := a.batchResponse(b)
		switch out.Documents = results; {
		case err != nil:
			return 0, nil, err
		case async:
			return http.StatusAccepted, open, nil
		}
		return http.StatusOK, out, nil
	case <-ctx.Done():
		if late(ctx, received) {
			return http.StatusAccepted, open, nil
		}
		return 0, nil, ctx.Err()
	}
}

// runBatch carries a batch out and stores its outcomes.
func (a *API) runBatch(ctx context.Context, p pusher, b *catalog.Delivery, list []batched, received func()) ([]DocumentResult, error) {
	results := make([]DocumentResult, len(list))
	var items []ingest.Item
	var at []int
	for i, d := range list {
		results[i] = DocumentResult{ID: d.ID, Document: d.Document, Outcome: d.Outcome, Reasons: d.Reasons, Error: d.Error}
		if d.Outcome == "" && !d.remove {
			items, at = append(items, d.item), append(at, i)
		}
	}
	o := p.options()
	o.Batch, o.Received = b.ID, received
	if len(items) == 0 && received != nil {
		received()
	}
	events, err := a.Documents.Intake.Push(ctx, items, o)
	if err != nil {
		return nil, err
	}
	for i, e := range events {
		results[at[i]] = resultOf(p, e)
	}
	for i, d := range list {
		if d.Outcome != "" || !d.remove {
			continue
		}
		results[i].Outcome = "deleted"
		if err := a.Documents.Intake.Unpush(ctx, d.Document, p.options()); errors.Is(err, catalog.ErrNotFound) || errors.Is(err, contain.ErrContained) {
			results[i].Outcome, results[i].Reasons = string(ingest.Failed), []string{failureWord(err)}
		} else if err != nil {
			return nil, err
		}
	}
	for i, r := range results {
		b.Documents[i] = catalog.Delivered{Document: r.Document, ID: r.ID, Outcome: r.Outcome, Reasons: r.Reasons, Error: r.Error}
	}
	b.Finished = a.Now()
	return results, a.Documents.Batches.PutDelivery(ctx, *b)
}

func (a *API) batchResponse(b catalog.Delivery) BatchResponse {
	out := BatchResponse{ID: b.ID, Source: b.Source, Status: "running", Created: b.Created.UTC(), Finished: b.Finished.UTC(), Counts: map[string]int{}}
	if b.Finished.IsZero() {
		out.Finished = time.Time{}
	} else {
		out.Status = "done"
	}
	for _, d := range b.Documents {
		outcome := d.Outcome
		if outcome == "" {
			outcome = string(catalog.Received)
		}
		out.Counts[outcome]++
	}
	return out
}

// getBatch says what became of a batch. Where it was cut off by a crash, the
// documents themselves are asked.
func (a *API) getBatch(c *gin.Context) {
	p, ok := a.mayPush(c)
	if !ok {
		return
	}
	ctx := c.Request.Context()
	b, err := a.Documents.Batches.Delivery(ctx, p.backend.Tenant, p.source.Name(), c.Param("id"))
	if err == nil && b.Finished.IsZero() {
		err = a.catchUp(ctx, p, &b)
	}
	if err != nil {
		a.fail(c, err)
		return
	}
	out := a.batchResponse(b)
	for _, d := range b.Documents {
		outcome := d.Outcome
		if outcome == "" {
			outcome = string(catalog.Received)
		}
		out.Documents = append(out.Documents, DocumentResult{ID: d.ID, Document: d.Document, Outcome: outcome, Reasons: d.Reasons, Error: d.Error})
	}
	c.JSON(http.StatusOK, out)
}

// catchUp fills in the outcomes of a batch that is still under way, or was when
// the service stopped.
func (a *API) catchUp(ctx context.Context, p pusher, b *catalog.Delivery) error {
	var ids []string
	for _, d := range b.Documents {
		if d.Outcome == "" {
			ids = append(ids, d.Document)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	list, err := a.Documents.Standing.Standings(ctx, catalog.Standings{Tenant: b.Tenant, Source: b.Source, IDs: ids, Limit: len(ids)})
	if err != nil {
		return err
	}
	words := map[catalog.State]string{catalog.Live: string(ingest.Indexed), catalog.Held: string(ingest.Quarantined), catalog.Rejected: string(ingest.Rejected)}
	now := map[string]catalog.Document{}
	for _, d := range list {
		now[d.ID] = d
	}
	for i, d := range b.Documents {
		if s, ok := now[d.Document]; ok && d.Outcome == "" && !s.Updated.Before(b.Created.Truncate(time.Second)) {
			b.Documents[i].Outcome, b.Documents[i].Reasons = words[s.State], s.Reasons
		}
	}
	return nil
}

// listBatches pages through a source's batches.
func (a *API) listBatches(c *gin.Context) {
	p, ok := a.mayPush(c)
	if !ok {
		return
	}
	limit, err := limitOf(c)
	if err != nil {
		a.fail(c, err)
		return
	}
	list, err := a.Documents.Batches.Deliveries(c.Request.Context(), p.backend.Tenant, p.source.Name(), c.Query("before"), limit+1)
	if err != nil {
		a.fail(c, err)
		return
	}
	out := BatchList{Batches: []BatchResponse{}}
	if len(list) > limit {
		list = list[:limit]
		out.Next = list[limit-1].ID
	}
	for _, b := range list {
		out.Batches = append(out.Batches, a.batchResponse(b))
	}
	c.JSON(http.StatusOK, out)
}

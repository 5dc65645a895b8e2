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
	"strconv"

	"github.com/doorward/doorward/api"
)

// The wire types of pushed documents.
type (
	// Document is a document to push. Exactly one of Text and Content (base64 of a
	// file's bytes) is set.
	Document = api.DocumentRequest
	// Result is what became of a pushed document.
	Result = api.DocumentResult
	// Status is where a pushed document stands.
	Status = api.DocumentStatus
	// Batch is what became of a batch.
	Batch = api.BatchResponse
)

// PushOptions go with calls that change documents.
type PushOptions struct {
	// Source is the source the documents belong to; a backend that was registered
	// for one alone need not say.
	Source string
	// IdempotencyKey makes a call safe to repeat after a broken connection: sent
	// again with the same content, it gets the same answer.
	IdempotencyKey string
	// Async returns from a batch as soon as all documents are durable.
	Async bool
}

// PutDocument takes a document in, or replaces it, and returns once that is
// durable. A document that is held for review is no error: see Outcome.
func (c *Client) PutDocument(ctx context.Context, id string, d Document, o PushOptions) (Result, error) {
	var out Result
	if err := c.push(ctx, http.MethodPut, "/v1/documents/"+url.PathEscape(id), d, o, &out); err != nil {
		return Result{}, fmt.Errorf("pushing a document: %w", err)
	}
	return out, nil
}

// DeleteDocument takes a document out. One that is not there is a [Problem] with
// status 404.
func (c *Client) DeleteDocument(ctx context.Context, id string, o PushOptions) error {
	if err := c.push(ctx, http.MethodDelete, "/v1/documents/"+url.PathEscape(id), nil, o, &Result{}); err != nil {
		return fmt.Errorf("deleting a document: %w", err)
	}
	return nil
}

// SetAttributes changes a document's attributes by a merge patch: a nil takes one
// away. It takes effect with the next question; nothing is embedded again.
func (c *Client) SetAttributes(ctx context.Context, id string, patch map[string]any, o PushOptions) (Result, error) {
	var out Result
	if err := c.push(ctx, http.MethodPatch, "/v1/documents/"+url.PathEscape(id)+"/attributes", api.AttributesRequest{Attributes: patch}, o, &out); err != nil {
		return Result{}, fmt.Errorf("changing attributes: %w", err)
	}
	return out, nil
}

// DocumentStatus says where a document stands.
func (c *Client) DocumentStatus(ctx context.Context, id, source string) (Status, error) {
	var out Status
	if err := c.push(ctx, http.MethodGet, "/v1/documents/"+url.PathEscape(id), nil, PushOptions{Source: source}, &out); err != nil {
		return Status{}, fmt.Errorf("asking about a document: %w", err)
	}
	return out, nil
}

// Documents lists a source's documents by id, at most limit of them (1 to 1000)
// after an id; next is "" on the last page.
func (c *Client) Documents(ctx context.Context, source, after string, limit int) (list []Status, next string, err error) {
	var out api.DocumentList
	q := url.Values{"after": {after}, "limit": {strconv.Itoa(limit)}}
	if err := c.push(ctx, http.MethodGet, "/v1/documents?"+q.Encode(), nil, PushOptions{Source: source}, &out); err != nil {
		return nil, "", fmt.Errorf("listing documents: %w", err)
	}
	return out.Documents, out.Next, nil
}

// PushBatch takes many documents in. Each names its ID; one with Delete is taken
// out. With Async the outcomes are to be asked for, see [Client.Batch].
func (c *Client) PushBatch(ctx context.Context, list []Document, o PushOptions) (Batch, error) {
	var out Batch
	if err := c.push(ctx, http.MethodPost, "/v1/batches", list, o, &out); err != nil {
		return Batch{}, fmt.Errorf("pushing a batch: %w", err)
	}
	return out, nil
}

// Batch says what became of a batch.
func (c *Client) Batch(ctx context.Context, id, source string) (Batch, error) {
	var out Batch
	if err := c.push(ctx, http.MethodGet, "/v1/batches/"+url.PathEscape(id), nil, PushOptions{Source: source}, &out); err != nil {
		return Batch{}, fmt.Errorf("asking about a batch: %w", err)
	}
	return out, nil
}

// push sends one request that needs no user, and decodes its answer.
func (c *Client) push(ctx context.Context, method, path string, in any, o PushOptions, out any) error {
	var body io.Reader
	if in != nil {
		data, err := json.Marshal(in)
		if err != nil {
			return fmt.Errorf("encoding the request: %w", err)
		}
		body = bytes.NewReader(data)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, body)
	if err != nil {
		return fmt.Errorf("making the request: %w", err)
	}
	req.Header.Set("Authorization", "Bearer "+c.Key)
	req.Header.Set("Content-Type", "application/json")
	if o.Source != "" {
		req.Header.Set(api.SourceHeader, o.Source)
	}
	if o.IdempotencyKey != "" {
		req.Header.Set(api.IdempotencyHeader, o.IdempotencyKey)
	}
	if o.Async {
		req.Header.Set("Prefer", "respond-async")
	}
	resp, err := c.HTTP.Do(req)
	if err != nil {
		return fmt.Errorf("sending: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusAccepted {
		return problem(resp)
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxResponse)).Decode(out); err != nil {
		return errors.New("the response is not the JSON this client knows")
	}
	return nil
}

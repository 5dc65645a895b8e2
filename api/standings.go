package api

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/doorward/doorward/ingest"
	"github.com/doorward/doorward/ingest/catalog"
)

// DocumentStatus is where a pushed document stands.
type DocumentStatus struct {
	ID         string         `json:"id"`
	Document   string         `json:"document"`
	State      string         `json:"state"` // received, held, rejected, live
	Version    string         `json:"version,omitempty"`
	Title      string         `json:"title,omitempty"`
	URI        string         `json:"uri,omitempty"`
	MediaType  string         `json:"media_type,omitempty"`
	Attributes map[string]any `json:"attributes,omitempty"`
	Reasons    []string       `json:"reasons,omitempty"`
	Findings   map[string]int `json:"findings,omitempty"`
	Received   time.Time      `json:"received"`
	Updated    time.Time      `json:"updated"`
}

// DocumentList is a page of GET /v1/documents.
type DocumentList struct {
	Documents []DocumentStatus `json:"documents"`
	Next      string           `json:"next,omitempty"` // give it as after; absent on the last page
}

// getDocument says where one document stands.
func (a *API) getDocument(c *gin.Context) {
	p, ok := a.mayPush(c)
	if !ok {
		return
	}
	id, err := ingest.PushedID(p.source.Name(), c.Param("id"))
	if err != nil {
		a.fail(c, err)
		return
	}
	list, err := a.Documents.Standing.Standings(c.Request.Context(), catalog.Standings{Tenant: p.backend.Tenant, Source: p.source.Name(), IDs: []string{id}})
	if err == nil && len(list) == 0 {
		err = catalog.ErrNotFound
	}
	if err != nil {
		a.fail(c, err)
		return
	}
	c.JSON(http.StatusOK, statusOf(p, list[0]))
}

// listDocuments pages through a backend's documents by id.
func (a *API) listDocuments(c *gin.Context) {
	p, ok := a.mayPush(c)
	if !ok {
		return
	}
	limit, err := limitOf(c)
	if err != nil {
		a.fail(c, err)
		return
	}
	q := catalog.Standings{Tenant: p.backend.Tenant, Source: p.source.Name(), Limit: limit + 1}
	if after := c.Query("after"); after != "" {
		if q.After, err = ingest.PushedID(p.source.Name(), after); err != nil {
			a.fail(c, err)
			return
		}
	}
	list, err := a.Documents.Standing.Standings(c.Request.Context(), q)
	if err != nil {
		a.fail(c, err)
		return
	}
	out := DocumentList{Documents: []DocumentStatus{}}
	if len(list) > limit {
		list = list[:limit]
		out.Next, _ = ingest.OwnID(p.source.Name(), list[limit-1].ID)
	}
	for _, d := range list {
		out.Documents = append(out.Documents, statusOf(p, d))
	}
	c.JSON(http.StatusOK, out)
}

func limitOf(c *gin.Context) (int, error) {
	text := c.Query("limit")
	if text == "" {
		return 100, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > 1000 {
		return 0, fmt.Errorf("%w: limit must be 1 to 1000", errUnusable)
	}
	return n, nil
}

func statusOf(p pusher, d catalog.Document) DocumentStatus {
	own, _ := ingest.OwnID(p.source.Name(), d.ID)
	return DocumentStatus{ID: own, Document: d.ID, State: string(d.State), Version: d.Version, Title: d.Title, URI: d.URI, MediaType: d.MediaType,
		Attributes: d.Attributes, Reasons: d.Reasons, Findings: d.Findings, Received: d.Received, Updated: d.Updated}
}

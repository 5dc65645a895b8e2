package api

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/doorward/doorward/api/auth"
	"github.com/doorward/doorward/policy"
	"github.com/doorward/doorward/policy/audit"
	"github.com/doorward/doorward/retrieval"
	"github.com/doorward/doorward/retrieval/prompt"
	"github.com/doorward/doorward/retrieval/ticket"
)

// Citation is what a label in an answer stands for.
type Citation struct {
	Citation string   `json:"citation"`
	Document string   `json:"document"`
	Title    string   `json:"title,omitempty"`
	URI      string   `json:"uri,omitempty"`
	Headings []string `json:"headings,omitempty"`
}

// citation resolves a label for the user its context was made for, who must
// still be allowed to read the document. Every other label, whether made up,
// expired or forbidden by now, gets the same answer.
func (a *API) citation(c *gin.Context) {
	s, _, ok := a.subject(c, auth.Retrieve)
	if !ok {
		return
	}
	found, err := a.resolve(c, s, c.Param("id"), c.GetHeader("Doorward-Context"))
	if err != nil {
		a.fail(c, err)
		return
	}
	if found == nil {
		a.problem(c, problem{Status: http.StatusNotFound, Type: "no-citation", Title: "There is no such citation"})
		return
	}
	c.JSON(http.StatusOK, found)
}

func (a *API) resolve(c *gin.Context, s policy.Subject, label, contextID string) (*Citation, error) {
	ctx := c.Request.Context()
	wrapper, err := a.Keys.Wrapper(s.Tenant)
	if err != nil {
		return nil, err
	}
	t, err := ticket.Open(wrapper, contextID, ticket.Bearer{Tenant: s.Tenant, Backend: s.Authn.Backend, Subject: s.ID}, a.Now())
	if err != nil {
		return nil, nil
	}
	number, _, _ := strings.Cut(strings.TrimPrefix(label, "S"), "-")
	n, err := strconv.Atoi(number)
	if err != nil || n < 1 || n > len(t.Chunks) || prompt.Label(t.Nonce, n) != label {
		return nil, nil
	}
	id := t.Chunks[n-1].ID
	chunks, err := a.Catalog.Open(ctx, s.Tenant, []string{id})
	if err != nil {
		return nil, err
	}
	documents, err := a.Catalog.Documents(ctx, s.Tenant, []string{chunks[id].Document})
	if err != nil {
		return nil, err
	}
	d, ok := documents[chunks[id].Document]
	if !ok {
		return nil, nil
	}
	orders, err := a.orders(ctx, s, t.Destination)
	if err != nil {
		return nil, err
	}
	if orders.Document(d.Origin()) != nil {
		return nil, nil
	}
	snapshot, err := a.Policy.Snapshot()
	if err != nil {
		return nil, err
	}
	decisions, err := snapshot.Check(ctx, s, policy.Context{Now: a.Now(), Purpose: t.Purpose, Destination: t.Destination, Action: "read"}, []policy.Attributes{d.Attributes})
	if err != nil || len(decisions) != 1 {
		return nil, fmt.Errorf("checking access: %w", orUnavailable(err))
	}
	if err := a.auditCitation(c, s, snapshot.Revision().Hash, d.ID, decisions[0].Allow); err != nil || !decisions[0].Allow {
		return nil, err
	}
	return &Citation{Citation: label, Document: d.ID, Title: d.Title, URI: d.URI, Headings: chunks[id].Headings}, nil
}

func (a *API) auditCitation(c *gin.Context, s policy.Subject, revision, document string, allowed bool) error {
	name, err := retrieval.SubjectID(a.Keys, s)
	if err != nil {
		return err
	}
	return a.Audit.Append(c.Request.Context(), citationEntry(s, name, revision, document, allowed, c.GetString(requestKey)))
}

func citationEntry(s policy.Subject, name, revision, document string, allowed bool, request string) audit.Entry {
	e := audit.Entry{Event: "retrieve", Outcome: "citation", Tenant: s.Tenant, Subject: name, Backend: s.Authn.Backend, Policy: revision, Documents: []string{document}, Request: request}
	if !allowed {
		e.Outcome = "denied"
	}
	return e
}

func orUnavailable(err error) error {
	if err == nil {
		return policy.ErrUnavailable
	}
	return err
}

package api

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/doorward/doorward/api/auth"
	"github.com/doorward/doorward/policy"
	"github.com/doorward/doorward/retrieval"
	"github.com/doorward/doorward/retrieval/prompt"
)

// RetrieveRequest is the body of POST /v1/retrieve.
type RetrieveRequest struct {
	Question    string `json:"question"`
	System      string `json:"system,omitempty"`      // the backend's own instructions
	TopK        int    `json:"top_k,omitempty"`       // passages, 1 to 50
	Budget      int    `json:"budget,omitempty"`      // tokens of passages in the prompt
	Format      string `json:"format,omitempty"`      // passages (default), messages, anthropic or plain
	Marking     string `json:"marking,omitempty"`     // delimit, datamark or base64
	Purpose     string `json:"purpose,omitempty"`     // for policies
	Destination string `json:"destination,omitempty"` // where the passages go; internal unless said
}

// RetrieveResponse is its answer. A user who may see nothing gets the same shape
// with no passages.
type RetrieveResponse struct {
	ContextID   string           `json:"context_id"`
	Expires     time.Time        `json:"expires"`
	Passages    []Passage        `json:"passages"`
	Messages    []prompt.Message `json:"messages,omitempty"`
	System      string           `json:"system,omitempty"`
	Text        string           `json:"text,omitempty"`
	Usage       Usage            `json:"usage"`
	Search      string           `json:"search"` // "keywords" or "hybrid"
	Policy      string           `json:"policy"` // revision
	Obligations map[string]any   `json:"obligations,omitempty"`
}

// Passage is one released passage, best first.
type Passage struct {
	Citation string     `json:"citation,omitempty"` // its label in the prompt; absent if it did not fit
	Document string     `json:"document"`
	Title    string     `json:"title,omitempty"`
	URI      string     `json:"uri,omitempty"`
	Headings []string   `json:"headings,omitempty"`
	Text     string     `json:"text"`
	Stripped []Stripped `json:"stripped,omitempty"`
}

// Stripped says how many spans a rule took out of a passage.
type Stripped struct {
	Rule  string `json:"rule"`
	Count int    `json:"count"`
}

// Usage counts tokens.
type Usage struct {
	PassageTokens int `json:"passage_tokens"`
	PromptTokens  int `json:"prompt_tokens"`
	Left          int `json:"left"` // passages that did not fit the budget
}

func (a *API) retrieve(c *gin.Context) {
	s, b, ok := a.subject(c, auth.Retrieve)
	if !ok {
		return
	}
	var in RetrieveRequest
	if !a.body(c, maxRequest, &in) {
		return
	}
	r, err := a.toRetrieval(in, s, b)
	if errors.Is(err, auth.ErrForbidden) {
		err = a.refused(c.Request.Context(), c.GetString(requestKey), b, err)
	}
	if err != nil {
		a.fail(c, err)
		return
	}
	r.ID = c.GetString(requestKey)
	answer, err := a.Service.Retrieve(c.Request.Context(), r)
	if err != nil {
		a.fail(c, err)
		return
	}
	c.JSON(http.StatusOK, a.response(in, answer))
}

// toRetrieval turns the wire request into the flow's, within the backend's scope.
func (a *API) toRetrieval(in RetrieveRequest, s policy.Subject, b auth.Backend) (retrieval.Request, error) {
	r := retrieval.Request{Subject: s, Question: in.Question, System: in.System, TopK: in.TopK, Budget: in.Budget}
	if r.TopK == 0 {
		r.TopK = a.TopK
	}
	if r.Budget == 0 {
		r.Budget = a.Budget
	}
	var err error
	r.Context = policy.Context{Now: a.Now(), Action: "read"}
	if r.Context.Destination, err = b.Destination(in.Destination); err != nil {
		return r, err
	}
	if r.Context.Purpose, err = b.Purpose(in.Purpose); err != nil {
		return r, err
	}
	r.Marking = a.Marking
	switch in.Format {
	case "", "passages":
		r.Format = prompt.None // none of it would be sent
	case "messages":
		r.Format = prompt.OpenAI
	default:
		if r.Format, err = prompt.ParseFormat(in.Format); err != nil {
			return r, fmt.Errorf("%w: format must be passages, messages, anthropic or plain", retrieval.ErrRequest)
		}
	}
	if in.Marking != "" {
		if r.Marking, err = prompt.ParseMarking(in.Marking); err != nil {
			return r, fmt.Errorf("%w: marking must be delimit, datamark or base64", retrieval.ErrRequest)
		}
	}
	return r, nil
}

func (a *API) response(in RetrieveRequest, answer retrieval.Answer) RetrieveResponse {
	out := RetrieveResponse{ContextID: answer.ContextID, Expires: answer.Expires.UTC(), Passages: []Passage{}, Search: a.Search, Policy: answer.Policy,
		Obligations: answer.Obligations.Extra,
		Usage:       Usage{PassageTokens: answer.Prompt.PassageTokens, PromptTokens: answer.Prompt.Tokens, Left: answer.Prompt.Left}}
	for _, p := range answer.Passages {
		out.Passages = append(out.Passages, Passage{Citation: p.Citation, Document: p.Document, Title: p.Title, URI: p.URI, Headings: p.Headings, Text: p.Text, Stripped: stripped(p.Stripped)})
	}
	if in.Format != "" && in.Format != "passages" {
		out.Messages, out.System, out.Text = answer.Prompt.Messages, answer.Prompt.System, answer.Prompt.Text
	}
	return out
}

func stripped(counts map[string]int) []Stripped {
	var out []Stripped
	for rule, n := range counts {
		out = append(out, Stripped{rule, n})
	}
	slices.SortFunc(out, func(x, y Stripped) int {
		if x.Rule < y.Rule {
			return -1
		}
		return 1
	})
	return out
}

package api

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/doorward/doorward/api/admission"
	"github.com/doorward/doorward/api/auth"
	"github.com/doorward/doorward/policy"
	"github.com/doorward/doorward/policy/audit"
	"github.com/doorward/doorward/policy/contain"
	"github.com/doorward/doorward/policy/keys"
	"github.com/doorward/doorward/retrieval"
	"github.com/doorward/doorward/retrieval/prompt"
	"github.com/doorward/doorward/retrieval/ticket"
	"github.com/doorward/doorward/sanitize"
	"github.com/doorward/doorward/sanitize/output"
)

// OutputRequest is the body of POST /v1/output.
type OutputRequest struct {
	ContextID string `json:"context_id"` // from the retrieval; without it the strictest rules apply
	Text      string `json:"text"`
}

// OutputResponse is its answer.
type OutputResponse struct {
	Text     string         `json:"text"`
	Action   string         `json:"action"` // the strictest action taken; pass, redact, withhold, hold (stopped)
	Findings []output.Count `json:"findings"`
}

func (a *API) output(c *gin.Context) {
	s, _, ok := a.subject(c, auth.Output)
	if !ok {
		return
	}
	var in OutputRequest
	if !a.body(c, maxAnswer, &in) {
		return
	}
	ctx := c.Request.Context()
	answer, entry, err := a.Answer(ctx, s, in.ContextID, c.GetString(requestKey))
	if err != nil {
		a.failAnswer(c, entry, err)
		return
	}
	r, err := a.Output.Whole(ctx, answer, in.Text)
	if err != nil {
		a.failAnswer(c, entry, err)
		return
	}
	entry.Outcome, entry.Counts = r.Action.String(), counts(r.End)
	if err := a.Audit.Append(ctx, entry); err != nil {
		a.fail(c, err)
		return
	}
	c.JSON(http.StatusOK, OutputResponse{Text: r.Text, Action: r.Action.String(), Findings: found(r.End)})
}

// failAnswer audits that an answer could not be filtered, of which nothing was
// released, and says so.
func (a *API) failAnswer(c *gin.Context, entry audit.Entry, err error) {
	entry.Event, entry.Outcome, entry.Request = "output", "failed", c.GetString(requestKey)
	a.fail(c, errors.Join(err, a.Audit.Append(c.Request.Context(), entry)))
}

// Answer gathers what the filter needs to know of one answer. A ticket that is
// missing or does not hold leaves the strictest answer: anything found stops it.
func (a *API) Answer(ctx context.Context, s policy.Subject, contextID, request string) (output.Answer, audit.Entry, error) {
	name, err := retrieval.SubjectID(a.Keys, s)
	if err != nil {
		return output.Answer{}, audit.Entry{}, err
	}
	entry := audit.Entry{Event: "output", Tenant: s.Tenant, Subject: name, Backend: s.Authn.Backend, Request: request}
	snapshot, err := a.Policy.Snapshot()
	if err != nil {
		return output.Answer{}, entry, err
	}
	entry.Policy = snapshot.Revision().Hash
	orders, err := a.orders(ctx, s, "")
	if err != nil {
		return output.Answer{}, entry, err
	}
	wrapper, err := a.Keys.Wrapper(s.Tenant)
	if err != nil {
		return output.Answer{}, entry, err
	}
	now := a.Now()
	t, err := ticket.Open(wrapper, contextID, ticket.Bearer{Tenant: s.Tenant, Backend: s.Authn.Backend, Subject: s.ID}, now)
	if err != nil {
		entry.Reason = "no_ticket"
		return output.Answer{}, entry, nil
	}
	if err := orders.Request(s.Tenant, s.Authn.Backend, t.Destination); err != nil {
		return output.Answer{}, entry, err
	}
	verdict, err := snapshot.Decide(ctx, policy.PointOutput, policy.Input{
		"subject": s.Input(), "context": policy.Context{Now: now, Purpose: t.Purpose, Destination: t.Destination, Action: "answer"}.Input(),
	})
	if err != nil {
		return output.Answer{}, entry, fmt.Errorf("deciding about output: %w", err)
	}
	out := output.Answer{Actions: sanitize.ParseActions(verdict.Actions), Canary: t.Canary, Nonce: t.Nonce, Prompt: t.Question}
	if out.Reader, err = a.reader(s, snapshot, policy.Context{Now: now, Purpose: t.Purpose, Destination: t.Destination, Action: "read"}); err != nil {
		return output.Answer{}, entry, err
	}
	return out, entry, a.passages(ctx, s.Tenant, t, orders, &out)
}

// reader says for whom protected text is looked for, and asks policy which of its
// documents this subject may read.
func (a *API) reader(s policy.Subject, snapshot policy.Snapshot, c policy.Context) (output.Reader, error) {
	key, err := a.Keys.Derive(s.Tenant, keys.Protected)
	if err != nil {
		return output.Reader{}, err
	}
	readable := func(ctx context.Context, ids []string) ([]bool, error) {
		documents, err := a.Catalog.Documents(ctx, s.Tenant, ids)
		if err != nil {
			return nil, err
		}
		may := make([]bool, len(ids)) // one that is gone may not be read
		var at []int
		var facts []policy.Attributes
		for i, id := range ids {
			if d, ok := documents[id]; ok {
				at, facts = append(at, i), append(facts, d.Attributes)
			}
		}
		decisions, err := snapshot.Check(ctx, s, c, facts)
		if err != nil || len(decisions) != len(facts) {
			return nil, errors.Join(policy.ErrUnavailable, err)
		}
		for i, d := range decisions {
			may[at[i]] = d.Allow
		}
		return may, nil
	}
	return output.Reader{Tenant: s.Tenant, Key: key, Readable: readable}, nil
}

// passages adds the text and addresses of what the answer was made from. An
// answer made from what is contained by now is not given out.
func (a *API) passages(ctx context.Context, tenant string, t ticket.Ticket, orders *contain.Set, out *output.Answer) error {
	ids := make([]string, 0, len(t.Chunks))
	for i, ch := range t.Chunks {
		ids = append(ids, ch.ID)
		out.Citations = append(out.Citations, prompt.Label(t.Nonce, i+1))
	}
	for _, ch := range t.More {
		ids = append(ids, ch.ID)
	}
	chunks, err := a.Catalog.Open(ctx, tenant, ids)
	if err != nil {
		return err
	}
	var documents []string
	for _, id := range ids {
		if c, ok := chunks[id]; ok {
			out.Context = append(out.Context, c.Text)
			documents = append(documents, c.Document)
		}
	}
	docs, err := a.Catalog.Documents(ctx, tenant, documents)
	if err != nil {
		return err
	}
	for _, d := range docs {
		if err := orders.Document(d.Origin()); err != nil {
			return err
		}
		out.URLs = append(out.URLs, d.URI)
	}
	return nil
}

func counts(e output.End) map[string]int {
	m := map[string]int{}
	for _, f := range e.Findings {
		m[f.Rule] += f.N
	}
	return m
}

func found(e output.End) []output.Count {
	if e.Findings == nil {
		return []output.Count{}
	}
	return e.Findings
}

// line is one line of the stream, in either direction.
type line struct {
	ContextID string     `json:"context_id,omitempty"` // first line in
	Delta     string     `json:"delta,omitempty"`
	End       *streamEnd `json:"end,omitempty"` // last line out
}

type streamEnd struct {
	Action   string         `json:"action"`
	Findings []output.Count `json:"findings"`
	Error    string         `json:"error,omitempty"` // set when the stream was cut by trouble, not by policy
}

// streamIdle is the longest wait for the next line, accountTimeout for the audit
// log at the end.
const (
	streamIdle     = 2 * time.Minute
	accountTimeout = 10 * time.Second
)

// outputStream filters NDJSON lines as they come. The context id stands in the
// Doorward-Context header or in the first line.
func (a *API) outputStream(c *gin.Context) {
	s, _, ok := a.subject(c, auth.Output)
	if !ok {
		return
	}
	if _, err := typed(c.Request, takesLines); err != nil {
		a.fail(c, err)
		return
	}
	ctx := c.Request.Context()
	control := http.NewResponseController(c.Writer)
	_ = control.EnableFullDuplex() // HTTP/2 always is; a recorder in tests need not be
	lines := bufio.NewScanner(http.MaxBytesReader(c.Writer, c.Request.Body, maxAnswer))
	lines.Buffer(make([]byte, 0, 4096), maxLine)
	// A context that ends, because the stream is too old or the service stops,
	// also ends the wait for the next line.
	wake := context.AfterFunc(ctx, func() { _ = control.SetReadDeadline(time.Unix(1, 0)) })
	defer wake()
	next := func() (line, bool, error) {
		_ = control.SetReadDeadline(time.Now().Add(streamIdle))
		var l line
		if err := ctx.Err(); err != nil {
			return l, false, err
		}
		for lines.Scan() {
			if b := bytes.TrimSpace(lines.Bytes()); len(b) > 0 {
				return l, true, decode(b, &l)
			}
		}
		return l, false, lines.Err()
	}
	first, more, err := next()
	if err != nil {
		a.fail(c, errors.Join(errMalformed, err))
		return
	}
	contextID := c.GetHeader("Doorward-Context")
	if first.ContextID != "" {
		contextID = first.ContextID
	}
	answer, entry, err := a.Answer(ctx, s, contextID, c.GetString(requestKey))
	if err != nil {
		a.failAnswer(c, entry, err)
		return
	}
	stream, err := a.Output.NewStream(ctx, answer)
	if err != nil {
		a.failAnswer(c, entry, err)
		return
	}
	started := entry
	started.Outcome = "started"
	if err := a.Audit.Append(ctx, started); err != nil {
		a.fail(c, err)
		return
	}
	c.Header("Content-Type", "application/x-ndjson")
	if c.Request.ProtoMajor == 1 {
		// A stream that is stopped leaves input unread, and the server would look for
		// the next request while it still reads that (golang.org/issue/68560).
		c.Header("Connection", "close")
	}
	c.Status(http.StatusOK)
	c.Writer.WriteHeaderNow() // the caller learns that the stream was accepted
	_ = control.Flush()
	w := &lineWriter{c: c, control: control}
	a.pump(ctx, stream, first, more, next, w, entry)
}

// pump moves lines through the filter until the end, which is always explicit.
func (a *API) pump(ctx context.Context, stream *output.Stream, l line, more bool, next func() (line, bool, error), w *lineWriter, entry audit.Entry) {
	trouble := ""
	for more && trouble == "" {
		released, err := stream.Write(l.Delta)
		w.delta(released)
		if errors.Is(err, output.ErrStopped) {
			break
		}
		if err == nil {
			l, more, err = next()
		}
		switch {
		case err == nil:
		case errors.Is(context.Cause(ctx), admission.ErrDraining):
			trouble = admission.ErrDraining.Error()
		case ctx.Err() != nil:
			trouble = "the stream took too long"
		default:
			trouble = "the input could not be read"
		}
	}
	tail, end := stream.Close()
	if trouble != "" {
		tail = "" // what was held back is not known to be complete
	}
	entry.Outcome, entry.Counts, entry.Reason = end.Action.String(), counts(end), trouble
	// A caller that went away must not take the account of its answer along.
	account, cancel := context.WithTimeout(context.WithoutCancel(ctx), accountTimeout)
	defer cancel()
	if err := a.Audit.Append(account, entry); err != nil {
		tail, trouble = "", "the audit log takes no entries"
	}
	w.delta(tail)
	w.write(line{End: &streamEnd{Action: end.Action.String(), Findings: found(end), Error: trouble}})
}

// lineWriter writes NDJSON and flushes every line.
type lineWriter struct {
	c       *gin.Context
	control *http.ResponseController
}

func (w *lineWriter) delta(text string) {
	if text != "" {
		w.write(line{Delta: text})
	}
}

func (w *lineWriter) write(l line) {
	data, err := json.Marshal(l)
	if err != nil {
		return
	}
	_, _ = w.c.Writer.Write(append(data, '\n'))
	_ = w.control.Flush()
}

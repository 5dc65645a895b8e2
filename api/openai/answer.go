package openai

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/doorward/doorward/api/admission"
	"github.com/doorward/doorward/sanitize"
	"github.com/doorward/doorward/sanitize/output"
)

func post(ctx context.Context, client *http.Client, u Upstream, body []byte) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, u.URL+"/chat/completions", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	if u.Key != "" {
		req.Header.Set("Authorization", "Bearer "+u.Key)
	}
	return client.Do(req)
}

// outcome gathers what was done to all parts of an answer.
type outcome struct {
	action sanitize.Action
	counts map[string]int
}

func newOutcome() *outcome { return &outcome{action: sanitize.Pass, counts: map[string]int{}} }

func (o *outcome) add(e output.End) {
	o.action = min(o.action, e.Action)
	for _, c := range e.Findings {
		o.counts[c.Rule] += c.N
	}
}

const filtered = "content_filter" // the finish reason OpenAI's clients know

// whole filters a complete answer.
func (r *round) whole(w http.ResponseWriter, ctx context.Context, body io.Reader) {
	var c completion
	if err := json.NewDecoder(io.LimitReader(body, maxResponse)).Decode(&c); err != nil {
		r.fail(w, ctx, fmt.Errorf("%w: its answer is not JSON", errUpstream))
		return
	}
	all := newOutcome()
	for i := range c.Choices {
		if err := r.wholeChoice(ctx, &c.Choices[i], all); err != nil {
			r.fail(w, ctx, err)
			return
		}
	}
	c.ID, c.Object, c.Model, c.Usage = "chatcmpl-"+r.id, "chat.completion", r.request.model, r.usageOf(c.Usage)
	if err := r.finish(ctx, all.action, all.counts, ""); err != nil {
		r.fail(w, ctx, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(c)
}

func (r *round) wholeChoice(ctx context.Context, c *choice, all *outcome) error {
	c.Delta = nil
	if c.Message == nil {
		return nil
	}
	c.Message.Role = "assistant"
	for _, text := range []**string{&c.Message.Content, &c.Message.Refusal} {
		if *text == nil {
			continue
		}
		res, err := r.Filter.Whole(ctx, r.answer, **text)
		if err != nil {
			return err
		}
		all.add(res.End)
		*text = &res.Text
		if res.Action == sanitize.Hold {
			c.stop()
			return nil
		}
	}
	for i := range c.Message.ToolCalls {
		stopped, err := r.arguments(ctx, &c.Message.ToolCalls[i], all)
		if err != nil {
			return err
		}
		if stopped {
			c.stop()
			return nil
		}
	}
	return nil
}

// stop ends a choice: half a tool call must not be made.
func (c *choice) stop() {
	why := filtered
	c.FinishReason = &why
	if c.Message != nil {
		c.Message.ToolCalls = nil
	}
}

// arguments filters a complete tool call, its name included.
func (r *round) arguments(ctx context.Context, t *toolCall, all *outcome) (stopped bool, err error) {
	name, err := r.Filter.Whole(ctx, r.answer, t.Function.Name)
	if err != nil {
		return true, err
	}
	args, err := r.Filter.Arguments(ctx, r.answer, t.Function.Arguments)
	if err != nil {
		return true, err
	}
	all.add(name.End)
	all.add(args.End)
	t.Function.Name, t.Function.Arguments = name.Text, args.Text
	return name.Action == sanitize.Hold || args.Action == sanitize.Hold, nil
}

// part is one choice of a streamed answer.
type part struct {
	text   *output.Stream
	calls  []toolCall // gathered; given out when complete
	closed bool
}

// stream filters server-sent events as they come.
func (r *round) stream(w http.ResponseWriter, ctx context.Context, body io.Reader) {
	s := &sse{w: w, control: http.NewResponseController(w), round: r, parts: map[int]*part{}, all: newOutcome()}
	lines := bufio.NewScanner(io.LimitReader(body, maxResponse))
	lines.Buffer(make([]byte, 0, 8<<10), 1<<20)
	why := "the model ended without saying so"
	for lines.Scan() {
		data, ok := bytes.CutPrefix(lines.Bytes(), []byte("data:"))
		if !ok {
			continue
		}
		data = bytes.TrimSpace(data)
		if string(data) == "[DONE]" {
			why = ""
			break
		}
		if err := s.event(ctx, data); err != nil {
			why = "filtering failed"
			r.Log.ErrorContext(ctx, "streamed answer failed", "error", err, "request", r.id)
			break
		}
		if s.done() {
			why = ""
			break
		}
	}
	if why != "" && errors.Is(context.Cause(ctx), admission.ErrDraining) {
		why = admission.ErrDraining.Error()
	}
	s.end(ctx, why)
}

// sse writes filtered events.
type sse struct {
	w       http.ResponseWriter
	control *http.ResponseController
	round   *round
	parts   map[int]*part
	all     *outcome
	created int64
	started bool
	usage   json.RawMessage
}

// done: every choice that began was stopped by policy.
func (s *sse) done() bool {
	stopped := 0
	for _, p := range s.parts {
		if p.closed {
			stopped++
		}
	}
	return stopped > 0 && stopped == len(s.parts) && s.all.action == sanitize.Hold
}

func (s *sse) event(ctx context.Context, data []byte) error {
	var c completion
	if err := json.Unmarshal(data, &c); err != nil {
		return errors.New("an event is not JSON")
	}
	s.created = c.Created
	if u := s.round.usageOf(c.Usage); u != nil {
		s.usage = u
	}
	for _, ch := range c.Choices {
		if err := s.choice(ctx, ch); err != nil {
			return err
		}
	}
	return nil
}

func (s *sse) choice(ctx context.Context, c choice) error {
	p := s.parts[c.Index]
	if p == nil {
		text, err := s.round.Filter.NewStream(ctx, s.round.answer)
		if err != nil {
			return err
		}
		p = &part{text: text}
		s.parts[c.Index] = p
		s.send(choice{Index: c.Index, Delta: &reply{Role: "assistant"}})
	}
	if p.closed {
		return nil
	}
	if d := c.Delta; d != nil {
		p.gather(d.ToolCalls)
		for _, text := range []*string{d.Content, d.Refusal} {
			if text == nil || *text == "" {
				continue
			}
			released, err := p.text.Write(*text)
			s.delta(c.Index, released)
			if errors.Is(err, output.ErrStopped) {
				s.close(c.Index, p, filtered)
				return nil
			}
			if err != nil {
				return err
			}
		}
	}
	if c.FinishReason != nil {
		return s.finish(ctx, c.Index, p, *c.FinishReason)
	}
	return nil
}

// gather puts the parts of tool calls together.
func (p *part) gather(calls []toolCall) {
	for _, c := range calls {
		i := 0
		if c.Index != nil {
			i = *c.Index
		}
		if i < 0 || i > 127 {
			continue
		}
		for len(p.calls) <= i {
			p.calls = append(p.calls, toolCall{})
		}
		t := &p.calls[i]
		if c.ID != "" {
			t.ID = c.ID
		}
		if c.Type != "" {
			t.Type = c.Type
		}
		t.Function.Name += c.Function.Name
		t.Function.Arguments += c.Function.Arguments
	}
}

// finish gives out what was held back: the tail of the text, then the tool calls.
func (s *sse) finish(ctx context.Context, index int, p *part, reason string) error {
	tail, end := p.text.Close()
	s.delta(index, tail)
	if end.Action == sanitize.Hold {
		s.close(index, p, filtered)
		return nil
	}
	var calls []toolCall
	for i := range p.calls {
		t := p.calls[i]
		stopped, err := s.round.arguments(ctx, &t, s.all)
		if err != nil {
			return err
		}
		if stopped {
			s.close(index, p, filtered)
			return nil
		}
		t.Index = &i
		calls = append(calls, t)
	}
	if len(calls) > 0 {
		s.send(choice{Index: index, Delta: &reply{ToolCalls: calls}})
	}
	s.close(index, p, reason)
	return nil
}

// finishReasons are the ones OpenAI's clients know; others could carry text.
var finishReasons = map[string]bool{"stop": true, "length": true, "tool_calls": true, "function_call": true, filtered: true}

func (s *sse) close(index int, p *part, reason string) {
	if p.closed {
		return
	}
	p.closed = true
	_, end := p.text.Close()
	s.all.add(end)
	if !finishReasons[reason] {
		reason = "stop"
	}
	s.send(choice{Index: index, Delta: &reply{}, FinishReason: &reason})
}

func (s *sse) delta(index int, text string) {
	if text != "" {
		s.send(choice{Index: index, Delta: &reply{Content: &text}})
	}
}

func (s *sse) send(c choice) {
	s.write(completion{Choices: []choice{c}})
}

func (s *sse) write(c completion) {
	s.start()
	c.ID, c.Object, c.Model, c.Created = "chatcmpl-"+s.round.id, "chat.completion.chunk", s.round.request.model, s.created
	data, err := json.Marshal(c)
	if err != nil {
		return
	}
	fmt.Fprintf(s.w, "data: %s\n\n", data)
	_ = s.control.Flush()
}

func (s *sse) start() {
	if !s.started {
		s.started = true
		s.w.Header().Set("Content-Type", "text/event-stream")
		s.w.WriteHeader(http.StatusOK)
	}
}

// end closes the stream, always explicitly: with [DONE], or with an error event.
func (s *sse) end(ctx context.Context, why string) {
	for i, p := range s.parts {
		if !p.closed { // cut short: what is held back stays back
			s.close(i, p, filtered)
		}
	}
	if err := s.round.finish(ctx, s.all.action, s.all.counts, why); err != nil {
		why = "the audit log takes no entries"
	}
	if s.usage != nil && why == "" {
		s.write(completion{Choices: []choice{}, Usage: s.usage})
	}
	s.start()
	if why != "" {
		fmt.Fprintf(s.w, "data: {\"error\":{\"message\":%q,\"type\":\"upstream_error\",\"code\":\"upstream_error\"}}\n\n", why)
	}
	fmt.Fprint(s.w, "data: [DONE]\n\n")
	_ = s.control.Flush()
}

package openai

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// errRequest means a request the gateway cannot serve; its text is for the caller.
var errRequest = errors.New("unusable request")

// chatRequest is what the gateway reads of a request. The rest goes upstream as
// it came.
type chatRequest struct {
	raw      map[string]json.RawMessage
	model    string
	stream   bool
	messages []message
}

// message is one turn. Fields beside role and content are kept.
type message struct {
	raw  map[string]json.RawMessage
	role string
	text string // content as text; parts joined
}

// refused lists parameters that would let text around the output filter.
var refused = map[string]string{
	"logprobs":     "it returns the tokens of the answer beside the answer",
	"top_logprobs": "it returns the tokens of the answer beside the answer",
	"audio":        "spoken answers cannot be filtered",
}

func parseRequest(body []byte) (*chatRequest, error) {
	r := &chatRequest{}
	if err := json.Unmarshal(body, &r.raw); err != nil {
		return nil, fmt.Errorf("%w: the body is not a JSON object", errRequest)
	}
	for name, why := range refused {
		if v, ok := r.raw[name]; ok && string(v) != "null" && string(v) != "false" && string(v) != "0" {
			return nil, fmt.Errorf("%w: parameter %q is not offered: %s", errRequest, name, why)
		}
	}
	if err := json.Unmarshal(r.raw["model"], &r.model); err != nil || r.model == "" {
		return nil, fmt.Errorf("%w: model is missing", errRequest)
	}
	if v, ok := r.raw["stream"]; ok {
		if err := json.Unmarshal(v, &r.stream); err != nil {
			return nil, fmt.Errorf("%w: stream must be true or false", errRequest)
		}
	}
	var list []map[string]json.RawMessage
	if err := json.Unmarshal(r.raw["messages"], &list); err != nil || len(list) == 0 {
		return nil, fmt.Errorf("%w: messages must be a list of at least one message", errRequest)
	}
	for i, raw := range list {
		m := message{raw: raw}
		if err := json.Unmarshal(raw["role"], &m.role); err != nil {
			return nil, fmt.Errorf("%w: messages[%d] has no role", errRequest, i)
		}
		text, err := contentText(raw["content"])
		if err != nil {
			return nil, fmt.Errorf("%w: messages[%d].content: %s", errRequest, i, err)
		}
		m.text = text
		r.messages = append(r.messages, m)
	}
	return r, nil
}

// contentText reads a content that is a text, a list of text parts, or absent.
func contentText(raw json.RawMessage) (string, error) {
	if len(raw) == 0 || string(raw) == "null" {
		return "", nil
	}
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return text, nil
	}
	var parts []struct{ Type, Text string }
	if err := json.Unmarshal(raw, &parts); err != nil {
		return "", errors.New("must be text or a list of parts")
	}
	var all []string
	for _, p := range parts {
		if p.Type != "text" {
			return "", fmt.Errorf("parts of type %.20q are not offered: only text can be checked", p.Type)
		}
		all = append(all, p.Text)
	}
	return strings.Join(all, "\n"), nil
}

// question is the last thing the user said.
func (r *chatRequest) question() (index int, text string) {
	for i := len(r.messages) - 1; i >= 0; i-- {
		if r.messages[i].role == "user" {
			return i, r.messages[i].text
		}
	}
	return -1, ""
}

// system is what the caller's system and developer messages say.
func (r *chatRequest) system() string {
	var parts []string
	for _, m := range r.messages {
		if m.role == "system" || m.role == "developer" {
			parts = append(parts, m.text)
		}
	}
	return strings.Join(parts, "\n\n")
}

// upstream is the request as it goes to the model: the caller's turns, with the
// system text and the last question replaced by the delimited prompt's.
func (r *chatRequest) upstream(system, user string, asked int) ([]byte, error) {
	turns := []map[string]json.RawMessage{turn("system", system)}
	for i, m := range r.messages {
		switch {
		case m.role == "system" || m.role == "developer":
		case i == asked:
			turns = append(turns, turn("user", user))
		default:
			turns = append(turns, m.raw)
		}
	}
	body := make(map[string]any, len(r.raw))
	for k, v := range r.raw {
		body[k] = v
	}
	body["messages"] = turns
	return json.Marshal(body)
}

func turn(role, content string) map[string]json.RawMessage {
	r, _ := json.Marshal(role)
	c, _ := json.Marshal(content)
	return map[string]json.RawMessage{"role": r, "content": c}
}

// Answers, whole and in parts. Only these fields pass; whatever else an upstream
// sends (log probabilities, reasoning, vendor fields) could carry text past the
// filter and is left out.
type completion struct {
	ID      string          `json:"id"`
	Object  string          `json:"object"`
	Created int64           `json:"created"`
	Model   string          `json:"model"`
	Choices []choice        `json:"choices"`
	Usage   json.RawMessage `json:"usage,omitempty"`
}

type choice struct {
	Index        int     `json:"index"`
	Message      *reply  `json:"message,omitempty"` // whole
	Delta        *reply  `json:"delta,omitempty"`   // in parts
	FinishReason *string `json:"finish_reason"`
}

type reply struct {
	Role      string     `json:"role,omitempty"`
	Content   *string    `json:"content,omitempty"`
	Refusal   *string    `json:"refusal,omitempty"`
	ToolCalls []toolCall `json:"tool_calls,omitempty"`
}

type toolCall struct {
	Index    *int   `json:"index,omitempty"`
	ID       string `json:"id,omitempty"`
	Type     string `json:"type,omitempty"`
	Function struct {
		Name      string `json:"name,omitempty"`
		Arguments string `json:"arguments"`
	} `json:"function"`
}

// Usage counts tokens, as the model did.
type Usage struct {
	Prompt     int64 `json:"prompt_tokens"`
	Completion int64 `json:"completion_tokens"`
	Total      int64 `json:"total_tokens"`
}

// usageOf keeps the numbers of a usage object and nothing else.
func (r *round) usageOf(raw json.RawMessage) json.RawMessage {
	var u Usage
	if len(raw) == 0 || string(raw) == "null" || json.Unmarshal(raw, &u) != nil {
		return nil
	}
	r.usage = u
	out, _ := json.Marshal(u)
	return out
}

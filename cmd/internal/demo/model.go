package demo

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/doorward/doorward/retrieval/prompt"
)

// ChatConfig names a model behind an OpenAI-compatible server.
type ChatConfig struct {
	// URL is the server's base address, for example http://127.0.0.1:11434/v1.
	// Required.
	URL string
	// Model is the model's name. Required.
	Model string
	// KeyFile holds the server's API key; empty sends none.
	KeyFile string
}

// Chat asks a model for chat completions, streamed.
type Chat struct {
	endpoint string
	model    string
	key      string
	local    bool
	http     http.Client
}

// modelTimeout bounds one answer.
const modelTimeout = 5 * time.Minute

// NewChat checks the configuration; it does not connect.
func NewChat(c ChatConfig) (*Chat, error) {
	u, err := url.Parse(c.URL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, errors.New("making the model: its address must be an http or https URL, for example http://127.0.0.1:11434/v1")
	}
	if c.Model == "" {
		return nil, errors.New("making the model: it needs a name")
	}
	m := &Chat{endpoint: u.JoinPath("chat/completions").String(), model: c.Model, http: http.Client{Timeout: modelTimeout}}
	ip := net.ParseIP(u.Hostname())
	m.local = u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
	if c.KeyFile != "" {
		key, err := os.ReadFile(c.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("reading the model's key: %w", err)
		}
		m.key = strings.TrimSpace(string(key))
	}
	return m, nil
}

// Name implements [Model].
func (m *Chat) Name() string { return m.model }

// Destination is what policies know the model by: "internal" on this machine,
// "hosted" elsewhere.
func (m *Chat) Destination() string {
	if m.local {
		return "internal"
	}
	return "hosted"
}

// Answer implements [Model].
func (m *Chat) Answer(ctx context.Context, q Asked, yield func(string) error) error {
	body, err := json.Marshal(struct {
		Model    string           `json:"model"`
		Messages []prompt.Message `json:"messages"`
		Stream   bool             `json:"stream"`
	}{m.model, q.Reply.Messages, true})
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, m.endpoint, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	if m.key != "" {
		r.Header.Set("Authorization", "Bearer "+m.key)
	}
	resp, err := m.http.Do(r)
	if err != nil {
		return fmt.Errorf("asking the model: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("asking the model: %s", resp.Status)
	}
	return events(resp.Body, yield)
}

// events reads server-sent events of chat completion chunks.
func events(body io.Reader, yield func(string) error) error {
	lines := bufio.NewScanner(body)
	lines.Buffer(make([]byte, 0, 4096), 1<<20)
	for lines.Scan() {
		data, ok := strings.CutPrefix(lines.Text(), "data:")
		if data = strings.TrimSpace(data); !ok || data == "" {
			continue
		}
		if data == "[DONE]" {
			return nil
		}
		var chunk struct {
			Choices []struct {
				Delta struct {
					Content string `json:"content"`
				} `json:"delta"`
			} `json:"choices"`
		}
		if err := json.Unmarshal([]byte(data), &chunk); err != nil {
			return errors.New("reading the model's answer: an event is not JSON")
		}
		for _, c := range chunk.Choices {
			if c.Delta.Content == "" {
				continue
			}
			if err := yield(c.Delta.Content); err != nil {
				return err
			}
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("reading the model's answer: %w", err)
	}
	return nil
}

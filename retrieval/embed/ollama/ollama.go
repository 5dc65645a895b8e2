// Package ollama is a client for Ollama's embedding endpoint, POST /api/embed.
// It does not pull models.
package ollama

import (
	"context"
	"fmt"

	"github.com/doorward/doorward/retrieval/embed"
)

// Config sets up an embedder.
type Config struct {
	// Remote says how the server is reached, for example "http://localhost:11434".
	Remote embed.RemoteConfig
	// Model as Ollama names it, with its tag. Required.
	Model string
	// Dimension of the vectors. 0 asks the server, once, when opening.
	Dimension int
	// KeepAlive is how long the model stays loaded, in Ollama's notation; "" is
	// the server's default.
	KeepAlive string
	// Prefix is put before every text.
	Prefix string
	// Batch bounds a request.
	Batch embed.Batch
}

// Embedder implements embed.Embedder and embed.Destined.
type Embedder struct {
	cfg    Config
	remote *embed.Remote
}

type request struct {
	Model     string   `json:"model"`
	Input     []string `json:"input"`
	Truncate  bool     `json:"truncate"`
	KeepAlive string   `json:"keep_alive,omitempty"`
}

type response struct {
	Model      string      `json:"model"`
	Embeddings [][]float32 `json:"embeddings"`
}

// Open checks the configuration and, where Dimension is 0, asks the server for
// it with a fixed word.
func Open(ctx context.Context, cfg Config) (*Embedder, error) {
	remote, err := embed.NewRemote(cfg.Remote)
	if err != nil {
		return nil, err
	}
	if cfg.Model == "" || cfg.Dimension < 0 {
		return nil, fmt.Errorf("configuring embedder: a model is required")
	}
	e := &Embedder{cfg: cfg, remote: remote}
	if cfg.Dimension == 0 {
		vs, err := e.Embed(ctx, []string{"dimension"})
		if err != nil {
			return nil, fmt.Errorf("asking for the model's dimension: %w", err)
		}
		e.cfg.Dimension = len(vs[0])
	}
	return e, nil
}

// Embed returns one vector per text.
func (e *Embedder) Embed(ctx context.Context, texts []string) ([][]float32, error) {
	out := make([][]float32, len(texts))
	err := e.cfg.Batch.Each(ctx, texts, e.remote.Concurrency(), func(ctx context.Context, offset int, part []string) error {
		req := request{Model: e.cfg.Model, Input: make([]string, len(part)), Truncate: true, KeepAlive: e.cfg.KeepAlive}
		for i, t := range part {
			req.Input[i] = e.cfg.Prefix + t
		}
		var res response
		if err := e.remote.Post(ctx, "/api/embed", req, &res); err != nil {
			return err
		}
		if _, err := embed.CheckVectors(res.Embeddings, len(part), e.cfg.Dimension); err != nil {
			return err
		}
		copy(out[offset:], res.Embeddings)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("embedding: %w", err)
	}
	return out, nil
}

// Model as configured.
func (e *Embedder) Model() string { return e.cfg.Model }

// Dimension of the vectors.
func (e *Embedder) Dimension() int { return e.cfg.Dimension }

// Destination is the server's name in policies.
func (e *Embedder) Destination() string { return e.remote.Destination() }

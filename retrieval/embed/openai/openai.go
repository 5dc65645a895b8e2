// Package openai is a client for OpenAI-compatible embedding servers: POST
// /embeddings with a list of inputs. Whether text may go to such a server is
// policy's to decide, by the destination configured here.
package openai

import (
	"context"
	"fmt"

	"github.com/doorward/doorward/retrieval/embed"
)

// Config sets up an embedder.
type Config struct {
	// Remote says how the server is reached. URL includes the API's prefix, for
	// example "https://host/v1".
	Remote embed.RemoteConfig
	// Model as the server names it. Required.
	Model string
	// Dimension of the vectors. 0 asks the server, once, when opening.
	Dimension int
	// Shorten asks the server for vectors of Dimension, for models that can.
	Shorten bool
	// Prefix is put before every text. Models that want one for queries and
	// another for passages take two embedders.
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
	Model      string   `json:"model"`
	Input      []string `json:"input"`
	Format     string   `json:"encoding_format"`
	Dimensions int      `json:"dimensions,omitempty"`
}

type response struct {
	Data []struct {
		Index     int       `json:"index"`
		Embedding []float32 `json:"embedding"`
	} `json:"data"`
}

// Open checks the configuration and, where Dimension is 0, asks the server for
// it with a fixed word.
func Open(ctx context.Context, cfg Config) (*Embedder, error) {
	remote, err := embed.NewRemote(cfg.Remote)
	if err != nil {
		return nil, err
	}
	if cfg.Model == "" || cfg.Dimension < 0 || cfg.Shorten && cfg.Dimension == 0 {
		return nil, fmt.Errorf("configuring embedder: a model is required, and a dimension to shorten to")
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
		vs, err := e.part(ctx, part)
		copy(out[offset:], vs)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("embedding: %w", err)
	}
	return out, nil
}

func (e *Embedder) part(ctx context.Context, part []string) ([][]float32, error) {
	req := request{Model: e.cfg.Model, Format: "float", Input: make([]string, len(part))}
	if e.cfg.Shorten {
		req.Dimensions = e.cfg.Dimension
	}
	for i, t := range part {
		req.Input[i] = e.cfg.Prefix + t
	}
	var res response
	if err := e.remote.Post(ctx, "/embeddings", req, &res); err != nil {
		return nil, err
	}
	if len(res.Data) != len(part) {
		return nil, fmt.Errorf("%w: %d vectors for %d texts", embed.ErrUnavailable, len(res.Data), len(part))
	}
	vs := make([][]float32, len(part))
	for _, d := range res.Data { // servers may answer in any order
		if d.Index < 0 || d.Index >= len(vs) || vs[d.Index] != nil {
			return nil, fmt.Errorf("%w: its answer numbers inputs wrongly", embed.ErrUnavailable)
		}
		vs[d.Index] = d.Embedding
	}
	_, err := embed.CheckVectors(vs, len(part), e.cfg.Dimension)
	return vs, err
}

// Model as configured.
func (e *Embedder) Model() string { return e.cfg.Model }

// Dimension of the vectors.
func (e *Embedder) Dimension() int { return e.cfg.Dimension }

// Destination is the server's name in policies.
func (e *Embedder) Destination() string { return e.remote.Destination() }

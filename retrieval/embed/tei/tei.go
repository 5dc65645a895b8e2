// Package tei is a client for Hugging Face's Text Embeddings Inference: POST
// /embed for vectors, POST /rerank for scores. A server runs one model, so an
// embedder and a reranker are two servers.
package tei

import (
	"context"
	"fmt"
	"math"

	"github.com/doorward/doorward/retrieval/embed"
)

// Config sets up an embedder or a reranker.
type Config struct {
	// Remote says how the server is reached.
	Remote embed.RemoteConfig
	// Model the server must run; "" takes what it runs.
	Model string
	// Dimension of an embedder's vectors. 0 asks the server, once, when opening.
	Dimension int
	// Prefix is put before every text to embed.
	Prefix string
	// Batch bounds a request; the server's own limit applies where it is lower.
	Batch embed.Batch
}

type info struct {
	Model string `json:"model_id"`
	Batch int    `json:"max_client_batch_size"`
}

// connect asks the server which model it runs.
func connect(ctx context.Context, cfg Config) (Config, *embed.Remote, error) {
	remote, err := embed.NewRemote(cfg.Remote)
	if err != nil {
		return cfg, nil, err
	}
	var i info
	if err := remote.Post(ctx, "/info", nil, &i); err != nil {
		return cfg, nil, fmt.Errorf("asking for the model: %w", err)
	}
	if cfg.Model != "" && cfg.Model != i.Model || i.Model == "" {
		return cfg, nil, fmt.Errorf("%w: it runs %q, configured is %q", embed.ErrModel, i.Model, cfg.Model)
	}
	cfg.Model = i.Model
	cfg.Batch = cfg.Batch.WithDefaults()
	if i.Batch > 0 {
		cfg.Batch.Texts = min(cfg.Batch.Texts, i.Batch)
	}
	return cfg, remote, nil
}

// Embedder implements embed.Embedder and embed.Destined.
type Embedder struct {
	cfg    Config
	remote *embed.Remote
}

// OpenEmbedder connects and checks the model.
func OpenEmbedder(ctx context.Context, cfg Config) (*Embedder, error) {
	cfg, remote, err := connect(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("opening embedder: %w", err)
	}
	e := &Embedder{cfg: cfg, remote: remote}
	if cfg.Dimension == 0 {
		vs, err := e.Embed(ctx, []string{"dimension"})
		if err != nil {
			return nil, fmt.Errorf("opening embedder: asking for the model's dimension: %w", err)
		}
		e.cfg.Dimension = len(vs[0])
	}
	return e, nil
}

type embedRequest struct {
	Inputs    []string `json:"inputs"`
	Normalize bool     `json:"normalize"`
	Truncate  bool     `json:"truncate"`
}

// Embed returns one vector per text, of unit length.
func (e *Embedder) Embed(ctx context.Context, texts []string) ([][]float32, error) {
	out := make([][]float32, len(texts))
	err := e.cfg.Batch.Each(ctx, texts, e.remote.Concurrency(), func(ctx context.Context, offset int, part []string) error {
		req := embedRequest{Inputs: make([]string, len(part)), Normalize: true, Truncate: true}
		for i, t := range part {
			req.Inputs[i] = e.cfg.Prefix + t
		}
		var vs [][]float32
		if err := e.remote.Post(ctx, "/embed", req, &vs); err != nil {
			return err
		}
		if _, err := embed.CheckVectors(vs, len(part), e.cfg.Dimension); err != nil {
			return err
		}
		copy(out[offset:], vs)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("embedding: %w", err)
	}
	return out, nil
}

// Model the server runs.
func (e *Embedder) Model() string { return e.cfg.Model }

// Dimension of the vectors.
func (e *Embedder) Dimension() int { return e.cfg.Dimension }

// Destination is the server's name in policies.
func (e *Embedder) Destination() string { return e.remote.Destination() }

// Reranker implements embed.Reranker and embed.Destined.
type Reranker struct {
	cfg    Config
	remote *embed.Remote
}

// OpenReranker connects and checks the model.
func OpenReranker(ctx context.Context, cfg Config) (*Reranker, error) {
	cfg, remote, err := connect(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("opening reranker: %w", err)
	}
	return &Reranker{cfg, remote}, nil
}

type rerankRequest struct {
	Query     string   `json:"query"`
	Texts     []string `json:"texts"`
	RawScores bool     `json:"raw_scores"`
	Truncate  bool     `json:"truncate"`
}

type ranked struct {
	Index int      `json:"index"`
	Score *float64 `json:"score"`
}

// Rerank returns one score per passage; scores of one call compare with each
// other only.
func (r *Reranker) Rerank(ctx context.Context, query string, passages []string) ([]float64, error) {
	out := make([]float64, len(passages))
	err := r.cfg.Batch.Each(ctx, passages, r.remote.Concurrency(), func(ctx context.Context, offset int, part []string) error {
		var res []ranked
		if err := r.remote.Post(ctx, "/rerank", rerankRequest{query, part, true, true}, &res); err != nil {
			return err
		}
		return place(out[offset:offset+len(part)], res)
	})
	if err != nil {
		return nil, fmt.Errorf("reranking: %w", err)
	}
	return out, nil
}

// place wants exactly one finite score for each passage.
func place(out []float64, res []ranked) error {
	seen := make([]bool, len(out))
	for _, s := range res {
		if s.Index < 0 || s.Index >= len(out) || seen[s.Index] || s.Score == nil || math.IsNaN(*s.Score) || math.IsInf(*s.Score, 0) {
			return fmt.Errorf("%w: its scores do not fit the passages", embed.ErrUnavailable)
		}
		seen[s.Index] = true
		out[s.Index] = *s.Score
	}
	if len(res) != len(out) {
		return fmt.Errorf("%w: %d scores for %d passages", embed.ErrUnavailable, len(res), len(out))
	}
	return nil
}

// Model the server runs.
func (r *Reranker) Model() string { return r.cfg.Model }

// Destination is the server's name in policies.
func (r *Reranker) Destination() string { return r.remote.Destination() }

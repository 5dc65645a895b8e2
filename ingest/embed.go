package ingest

import (
	"context"
	"fmt"

	"github.com/doorward/doorward/ingest/catalog"
	"github.com/doorward/doorward/policy/audit"
	"github.com/doorward/doorward/retrieval/embed"
)

// Vectors is the catalog's record of what embedders made of its chunks.
type Vectors interface {
	Model(ctx context.Context) (string, error)
	Embeddable(ctx context.Context, yield func(catalog.Ref) error) error
	Version(ctx context.Context, r catalog.Ref) (catalog.Version, error)
	Staged(ctx context.Context, r catalog.Ref, model string) (map[string]bool, error)
	Stage(ctx context.Context, tenant, model string, vectors map[string][]float32) error
	SwapVectors(ctx context.Context, from, to string) error
}

// EmbedderName names an embedder and the dimension of its vectors; "none" for nil.
func EmbedderName(e embed.Embedder) string {
	if e == nil {
		return "none"
	}
	return fmt.Sprintf("%s/%d", e.Model(), e.Dimension())
}

// Embed makes the catalog's vectors those of the pipeline's embedder, from the
// texts it holds, and returns how many were asked for. Vectors that are there
// already, from before a roll-back or an interruption, are not asked for again.
// What policy does not let go to the embedder gets none. The vectors in force
// change at the end, all at once; those before are kept for going back. Nothing
// else may write meanwhile.
func (p *Pipeline) Embed(ctx context.Context, stored Vectors, progress func(done, total int)) (int, error) {
	to := EmbedderName(p.Embedder)
	from, err := stored.Model(ctx)
	if err != nil || from == to {
		return 0, err
	}
	var refs []catalog.Ref
	if err := stored.Embeddable(ctx, func(r catalog.Ref) error { refs = append(refs, r); return nil }); err != nil {
		return 0, err
	}
	made := 0
	for i, r := range refs {
		if p.Embedder == nil {
			break
		}
		n, err := p.embedStored(ctx, stored, r, to)
		if made += n; err != nil {
			return made, fmt.Errorf("embedding again: %w", err)
		}
		if progress != nil {
			progress(i+1, len(refs))
		}
	}
	e := audit.Entry{Event: "reindex", Outcome: "embedded", Tenant: "*", Counts: map[string]int{"chunks": made}, Reason: "by another embedder"}
	if err := p.Audit.Append(ctx, e); err != nil {
		return made, fmt.Errorf("embedding again: %w", err)
	}
	return made, stored.SwapVectors(ctx, from, to)
}

func (p *Pipeline) embedStored(ctx context.Context, stored Vectors, r catalog.Ref, to string) (int, error) {
	there, err := stored.Staged(ctx, r, to)
	if err != nil {
		return 0, err
	}
	v, err := stored.Version(ctx, r)
	if err != nil {
		return 0, err
	}
	missing := v
	missing.Chunks = nil
	for _, c := range v.Chunks {
		if !there[c.ID] {
			c.Vector = nil
			missing.Chunks = append(missing.Chunks, c)
		}
	}
	if len(missing.Chunks) == 0 {
		return 0, nil
	}
	may, err := p.mayEmbed(ctx, v)
	if err != nil {
		return 0, err
	}
	made := 0
	if may {
		if err := p.embed(ctx, []catalog.Version{missing}); err != nil {
			return 0, err
		}
		made = len(missing.Chunks)
	}
	vectors := map[string][]float32{}
	for _, c := range missing.Chunks {
		vectors[c.ID] = c.Vector
	}
	return made, stored.Stage(ctx, r.Tenant, to, vectors)
}

// mayEmbed asks policy whether a stored text may go where the embedder runs. A
// text that policy would hold now goes nowhere.
func (p *Pipeline) mayEmbed(ctx context.Context, v catalog.Version) (bool, error) {
	if p.destination() == embed.Internal {
		return true, nil
	}
	snapshot, err := p.Policy.Snapshot()
	if err != nil {
		return false, err
	}
	w := &work{tenant: v.Tenant, arrival: catalog.Arrival{Tenant: v.Tenant, ID: v.Document, Source: v.Source}}
	found, err := p.scan(ctx, w, Extracted{Text: whole(v.Chunks)})
	if err != nil {
		return false, err
	}
	_, err = p.decide(ctx, w, judgeOptions{snapshot: snapshot}, v.Attributes, found)
	return err == nil && w.embed, ctx.Err()
}

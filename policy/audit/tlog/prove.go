package tlog

import (
	"context"
	"errors"
	"fmt"

	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera/client"
)

// ErrNotCovered means no checkpoint covers the entry yet, or it does not exist.
var ErrNotCovered = errors.New("no checkpoint covers this entry")

// Inclusion proves that an entry is in the log that a checkpoint signs for. With
// the public key it can be checked without the log.
type Inclusion struct {
	Origin     string   `json:"origin"`
	Index      uint64   `json:"index"`
	Entry      []byte   `json:"entry"`      // the leaf, JSON
	Hashes     [][]byte `json:"hashes"`     // of RFC 6962, leaf to root
	Checkpoint []byte   `json:"checkpoint"` // signed note
}

// Inclusion makes the proof of one entry.
func (r *Reader) Inclusion(ctx context.Context, index uint64) (p Inclusion, err error) {
	err = r.Inclusions(ctx, []uint64{index}, func(one Inclusion) error { p = one; return nil })
	return p, err
}

// Inclusions makes the proofs of entries, all against the checkpoint of this
// moment, and checks each before it is yielded.
func (r *Reader) Inclusions(ctx context.Context, indexes []uint64, yield func(Inclusion) error) error {
	c, err := r.Checkpoint()
	if err != nil {
		return err
	}
	b, err := client.NewProofBuilder(ctx, c.Size, r.readTile)
	if err != nil {
		return fmt.Errorf("proving entries: %w", err)
	}
	for _, index := range indexes {
		data, err := r.raw(c, index)
		if err != nil {
			return err
		}
		hashes, err := b.InclusionProof(ctx, index)
		if err != nil {
			return fmt.Errorf("proving entry: %w", err)
		}
		p := Inclusion{Origin: r.origin, Index: index, Entry: data, Hashes: hashes, Checkpoint: c.Raw}
		if err := errors.Join(ctx.Err(), p.Check(r.verifier)); err != nil {
			return err
		}
		if err := yield(p); err != nil {
			return err
		}
	}
	return nil
}

// Check verifies the proof with public keys alone.
func (p Inclusion) Check(v Verifier) error {
	c, err := ParseCheckpoint(p.Checkpoint, p.Origin, v)
	if err != nil {
		return err
	}
	leaf := rfc6962.DefaultHasher.HashLeaf(p.Entry)
	if err := proof.VerifyInclusion(rfc6962.DefaultHasher, p.Index, c.Size, leaf, p.Hashes, c.Root); err != nil {
		return fmt.Errorf("%w: the entry is not in the log its checkpoint signs for", ErrTampered)
	}
	return nil
}

// Consistency proves that the log of one size is the beginning of the log of
// another.
type Consistency struct {
	From   uint64   `json:"from"`
	To     uint64   `json:"to"`
	Hashes [][]byte `json:"hashes"`
}

// Consistency makes the proof between two sizes.
func (r *Reader) Consistency(ctx context.Context, from, to uint64) (Consistency, error) {
	p := Consistency{From: from, To: to}
	c, err := r.Checkpoint()
	if err != nil {
		return p, err
	}
	if from > to || to > c.Size {
		return p, fmt.Errorf("%w: asked for sizes %d and %d, the checkpoint covers %d entries", ErrNotCovered, from, to, c.Size)
	}
	b, err := client.NewProofBuilder(ctx, to, r.readTile)
	if err != nil {
		return p, fmt.Errorf("proving consistency: %w", err)
	}
	if p.Hashes, err = b.ConsistencyProof(ctx, from, to); err != nil {
		return p, fmt.Errorf("proving consistency: %w", err)
	}
	return p, nil
}

// CheckCheckpoints verifies the proof between two signed checkpoints of the log of
// that origin, with public keys alone.
func (p Consistency) CheckCheckpoints(origin string, from, to []byte, v Verifier) error {
	a, err := ParseCheckpoint(from, origin, v)
	if err != nil {
		return err
	}
	b, err := ParseCheckpoint(to, origin, v)
	if err != nil {
		return err
	}
	if a.Size != p.From || b.Size != p.To {
		return fmt.Errorf("checking consistency: the proof is from %d to %d entries, the checkpoints are of %d and %d", p.From, p.To, a.Size, b.Size)
	}
	return p.Check(a.Root, b.Root)
}

// Check verifies the proof between two roots.
func (p Consistency) Check(from, to []byte) error {
	if err := proof.VerifyConsistency(rfc6962.DefaultHasher, p.From, p.To, p.Hashes, from, to); err != nil {
		return fmt.Errorf("%w: the longer log does not begin with the shorter", ErrTampered)
	}
	return nil
}

package index_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/doorward/doorward/policy"
	"github.com/doorward/doorward/retrieval/embed"
	"github.com/doorward/doorward/retrieval/index"
)

// points is a store whose points a test can tamper with.
type points []index.Chunk

func (p points) Scroll(_ context.Context, _ string, yield func(index.Chunk) error) error {
	for _, c := range p {
		if err := yield(c); err != nil {
			return err
		}
	}
	return nil
}

func sample(n int) points {
	var out points
	for i := range n {
		r := rand.New(rand.NewPCG(uint64(i), 3))
		v := make([]float32, 64)
		for j := range v {
			v[j] = float32(r.NormFloat64())
		}
		out = append(out, index.Chunk{ID: fmt.Sprintf("%08d", i), Document: fmt.Sprint("d", i/3), Version: "v", Ordinal: i % 3, Receipt: fmt.Sprint("r", i/3),
			Attributes: policy.Attributes{"level": int64(i)}, Terms: []embed.Term{{Key: uint32(i), Weight: 1}}, Vector: v})
	}
	return out
}

// expect is what the catalog would say of points.
func expect(ps points) iter.Seq2[index.Expected, error] {
	return func(yield func(index.Expected, error) bool) {
		for _, c := range ps {
			e := index.Expected{ID: c.ID, Document: c.Document, Version: c.Version, Ordinal: c.Ordinal, Receipt: c.Receipt, Attributes: c.Attributes.Hash(),
				Terms: func(t []embed.Term) bool { return slices.Equal(t, c.Terms) }, Sketch: index.Sketch(c.Vector)}
			if !yield(e, nil) {
				return
			}
		}
	}
}

func TestScrubFindsEveryTampering(t *testing.T) {
	const n = 12_000
	honest := sample(n)
	want := map[string]index.Flaw{}
	var stored points
	r := rand.New(rand.NewPCG(1, 1))
	for i, c := range honest {
		if i%7 == 0 { // untouched, but as a store that keeps unit vectors has it
			c.Vector = scaled(c.Vector, 0.125)
			stored = append(stored, c)
			continue
		}
		flaw := []index.Flaw{index.Missing, index.Moved, index.StaleReceipt, index.AlteredAttributes, index.AlteredTerms, index.AlteredVector, index.Unexpected, index.Duplicate}[r.IntN(8)]
		id := c.ID
		switch flaw {
		case index.Missing:
			want[id] = flaw
			continue
		case index.Moved:
			c.Document = honest[(i+30)%n].Document
		case index.StaleReceipt:
			c.Receipt = "r-before"
		case index.AlteredAttributes:
			c.Attributes = policy.Attributes{"level": int64(0)}
		case index.AlteredTerms:
			c.Terms = []embed.Term{{Key: c.Terms[0].Key, Weight: 1.5}}
		case index.AlteredVector:
			c.Vector = tampered(r, c.Vector, honest[(i+1)%n].Vector)
		case index.Unexpected:
			stored = append(stored, c)
			c.ID += "x"
			id = c.ID
		case index.Duplicate:
			stored = append(stored, c)
		}
		if want[id] = flaw; i == 0 {
			t.Fatal("point 0 is meant to be untouched")
		}
		stored = append(stored, c)
	}
	got := map[string]index.Flaw{}
	compared, err := index.Scrub(t.Context(), stored, "t", expect(honest), func(f index.Fault) error {
		got[f.ID] = f.Flaw
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if !maps.Equal(got, want) {
		t.Errorf("of %d tampered points %d were reported, or otherwise", len(want), len(got))
	}
	t.Logf("%d points compared, %d tampered with, %d reported", compared, len(want), len(got))
}

func tampered(r *rand.Rand, v, other []float32) []float32 {
	switch r.IntN(4) {
	case 0:
		return other
	case 1:
		return scaled(v, -1)
	case 2:
		return nil
	}
	out := slices.Clone(v)
	for i := range out[:len(out)/2] {
		out[i] = 0
	}
	return out
}

func scaled(v []float32, f float32) []float32 {
	out := slices.Clone(v)
	for i := range out {
		out[i] *= f
	}
	return out
}

func TestScrubEnds(t *testing.T) {
	ps := sample(10)
	backwards := slices.Clone(ps)
	slices.Reverse(backwards)
	if _, err := index.Scrub(t.Context(), ps, "t", expect(backwards), func(index.Fault) error { return nil }); !errors.Is(err, index.ErrOrder) {
		t.Errorf("descending expectations: %v", err)
	}
	stop := errors.New("stop")
	if _, err := index.Scrub(t.Context(), points(nil), "t", expect(ps), func(index.Fault) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("the report's error: %v", err)
	}
	broken := func(yield func(index.Expected, error) bool) { yield(index.Expected{}, stop) }
	if _, err := index.Scrub(t.Context(), ps, "t", broken, func(index.Fault) error { return nil }); !errors.Is(err, stop) {
		t.Errorf("the catalog's error: %v", err)
	}
}

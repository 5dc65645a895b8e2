package injection

import (
	"crypto/sha256"
	_ "embed"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"math/bits"
)

// ErrWeights means the embedded or given weights are not the pinned ones, or
// were trained for another layout of features.
var ErrWeights = errors.New("injection weights do not fit this build")

//go:embed weights.bin
var embedded []byte

//go:embed weights.sha256
var pinned string

// model is a logistic regression with weights of eight bits.
type model struct {
	grams                 [1 << gramBits]int8
	dense                 [denseCount]int8
	gramScale, denseScale float64
	bias                  float64
	// cut is each layer's default threshold, steep the slope of its score.
	cut   [layerCount]float64
	steep float64
	hash  string
}

// weightsMagic opens a weights file; the layout of features is part of it.
const weightsMagic = "DWINJ1"

// header is the fixed part of a weights file, little endian.
const headerSize = 6 + 2 + 8*(3+int(layerCount)+1)

// loadWeights reads a weights file and checks it against a SHA-256 in hex.
func loadWeights(b []byte, pin string) (*model, error) {
	sum := sha256.Sum256(b)
	got := hex.EncodeToString(sum[:])
	if len(pin) < 64 || got != pin[:64] {
		return nil, fmt.Errorf("%w: SHA-256 is %s", ErrWeights, got)
	}
	if len(b) != headerSize+1<<gramBits+denseCount || string(b[:6]) != weightsMagic || int(binary.LittleEndian.Uint16(b[6:])) != layoutRevision() {
		return nil, fmt.Errorf("%w: train them anew", ErrWeights)
	}
	m := &model{hash: got}
	at := 8
	next := func() float64 {
		v := math.Float64frombits(binary.LittleEndian.Uint64(b[at:]))
		at += 8
		return v
	}
	m.gramScale, m.denseScale, m.bias = next(), next(), next()
	for l := range m.cut {
		m.cut[l] = next()
	}
	m.steep = next()
	for i := range m.grams {
		m.grams[i] = int8(b[at+i])
	}
	at += len(m.grams)
	for i := range m.dense {
		m.dense[i] = int8(b[at+i])
	}
	return m, nil
}

// layoutRevision changes with the number of patterns, literal groups and
// classes, so that weights are never read under another meaning.
func layoutRevision() int {
	return (len(patterns)*131 + len(literalGroups)*17 + classCount) & 0xFFFF
}

// Weights are the trained numbers in full precision, as package train makes
// them; Encode quantises.
type Weights struct {
	Grams []float32 // [Buckets]
	Dense []float32 // [DenseFeatures]
	Bias  float64
	// Cut is the default threshold (a logit) of each layer: plain, hidden,
	// encoded, forged. Steep is the slope from logit to score.
	Cut   [4]float64
	Steep float64
}

// Sizes of the feature space.
const (
	Buckets       = 1 << gramBits
	DenseFeatures = denseCount
)

// Encode quantises to eight bits and returns the weights file with its SHA-256
// in hex.
func (w Weights) Encode() ([]byte, string, error) {
	if len(w.Grams) != Buckets || len(w.Dense) != DenseFeatures {
		return nil, "", fmt.Errorf("encoding weights: %w: %d and %d numbers", ErrWeights, len(w.Grams), len(w.Dense))
	}
	b := append([]byte(weightsMagic), 0, 0)
	binary.LittleEndian.PutUint16(b[6:], uint16(layoutRevision()))
	gs, ds := scaleOf(w.Grams), scaleOf(w.Dense)
	put := func(v float64) { b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v)) }
	put(gs)
	put(ds)
	put(w.Bias)
	for _, c := range w.Cut {
		put(c)
	}
	put(w.Steep)
	for _, v := range w.Grams {
		b = append(b, byte(quantise(v, gs)))
	}
	for _, v := range w.Dense {
		b = append(b, byte(quantise(v, ds)))
	}
	sum := sha256.Sum256(b)
	return b, hex.EncodeToString(sum[:]), nil
}

func scaleOf(w []float32) float64 {
	var top float64
	for _, v := range w {
		top = max(top, math.Abs(float64(v)))
	}
	if top == 0 {
		return 1
	}
	return top / 127
}

func quantise(v float32, scale float64) int8 {
	return int8(max(-127, min(127, math.Round(float64(v)/scale))))
}

func trailing(c class) int { return bits.TrailingZeros64(uint64(c)) }
func onesOf(c class) int   { return bits.OnesCount64(uint64(c)) }

// foreign reports a block written mostly beyond ASCII.
func foreign(b []byte) bool {
	n := 0
	for _, c := range b {
		if c >= 0x80 {
			n++
		}
	}
	return n*3 > len(b)
}

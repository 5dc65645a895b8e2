package train

import (
	"math"
	"math/rand/v2"

	"github.com/doorward/doorward/sanitize/injection"
)

// Options of a training run. The defaults were chosen by leave-one-family-out.
type Options struct {
	Seed   uint64
	Epochs int     // 0 means 2
	Rate   float64 // AdaGrad's step; 0 means 0.03
	// Drop is the share of updates that see the dense features only, so that
	// they are not starved by n-grams that explain the training families.
	Drop float64
	// Decay shrinks n-gram weights at the end of each epoch.
	Decay float64
}

func (o Options) withDefaults() Options {
	if o.Epochs == 0 {
		o.Epochs = 2
	}
	if o.Rate == 0 {
		o.Rate = .03
	}
	if o.Drop == 0 {
		o.Drop = .2
	}
	return o
}

// example is one window with its label and weight.
type example struct {
	reading *injection.Reading
	window  *injection.Window
	label   float32
	weight  float32
}

// learner is a logistic regression under AdaGrad.
type learner struct {
	grams, gramSq []float32
	dense, denSq  []float32
	bias, biasSq  float32
	rate          float32
}

func newLearner(rate float64) *learner {
	return &learner{
		grams: make([]float32, injection.Buckets), gramSq: make([]float32, injection.Buckets),
		dense: make([]float32, injection.DenseFeatures), denSq: make([]float32, injection.DenseFeatures),
		rate: float32(rate),
	}
}

// logit scores a window as the scanner does.
func (l *learner) logit(r *injection.Reading, w *injection.Window, grams bool) float64 {
	z := float64(l.bias)
	for _, k := range w.Dense {
		z += float64(l.dense[k])
	}
	if !grams {
		return z
	}
	var chars, words float32
	charN, wordN := 0, 0
	for b := w.From; b < w.To; b++ {
		block := &r.Blocks[b]
		for _, k := range block.Grams {
			chars += l.grams[k]
		}
		for _, k := range block.Words {
			words += l.grams[k]
		}
		charN += len(block.Grams)
		wordN += len(block.Words)
	}
	if charN > 0 {
		z += float64(chars) / math.Sqrt(float64(charN))
	}
	if wordN > 0 {
		z += float64(words) / math.Sqrt(float64(wordN))
	}
	return z
}

// step updates on one example.
func (l *learner) step(e example, grams bool) {
	p := 1 / (1 + math.Exp(-l.logit(e.reading, e.window, grams)))
	g := float32(p-float64(e.label)) * e.weight
	if g > -1e-4 && g < 1e-4 {
		return
	}
	for _, k := range e.window.Dense {
		l.dense[k] -= l.move(&l.denSq[k], g)
	}
	l.bias -= l.move(&l.biasSq, g)
	if !grams {
		return
	}
	charN, wordN := 0, 0
	for b := e.window.From; b < e.window.To; b++ {
		charN += len(e.reading.Blocks[b].Grams)
		wordN += len(e.reading.Blocks[b].Words)
	}
	gc, gw := g/sqrt32(charN), g/sqrt32(wordN)
	for b := e.window.From; b < e.window.To; b++ {
		block := &e.reading.Blocks[b]
		for _, k := range block.Grams {
			l.grams[k] -= l.move(&l.gramSq[k], gc)
		}
		for _, k := range block.Words {
			l.grams[k] -= l.move(&l.gramSq[k], gw)
		}
	}
}

func (l *learner) move(sum *float32, g float32) float32 {
	*sum += g * g
	return l.rate * g / (float32(math.Sqrt(float64(*sum))) + 1e-3)
}

func sqrt32(n int) float32 { return float32(math.Sqrt(float64(max(n, 1)))) }

// fit trains on the examples, in an order given by the seed.
func fit(examples []example, o Options) *learner {
	o = o.withDefaults()
	l := newLearner(o.Rate)
	rng := rand.New(rand.NewPCG(o.Seed, 0x5eed))
	order := rng.Perm(len(examples))
	for range o.Epochs {
		rng.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		for _, k := range order {
			l.step(examples[k], rng.Float64() >= o.Drop)
		}
		if o.Decay > 0 {
			for k := range l.grams {
				l.grams[k] *= float32(1 - o.Decay)
			}
		}
	}
	return l
}

// weights hands the learned numbers over for encoding.
func (l *learner) weights() injection.Weights {
	return injection.Weights{Grams: l.grams, Dense: l.dense, Bias: float64(l.bias), Steep: 1}
}

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
	// they are not starved by n-grams that explain the training families; 0
	// means 0.2.
	Drop float64
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

// batchBlocks is how many neighbouring blocks open the windows of one update:
// their n-grams are summed once for all windows they are part of.
const batchBlocks = 4

// batches cuts examples, which stand in the order of their texts and blocks,
// into runs that are learned from together.
func batches(examples []example) [][]example {
	var out [][]example
	for i := 0; i < len(examples); {
		j, first := i, examples[i].window.From
		for j < len(examples) && examples[j].reading == examples[i].reading && examples[j].window.From >= first && examples[j].window.From < first+batchBlocks {
			j++
		}
		out = append(out, examples[i:j])
		i = j
	}
	return out
}

// parameters are weights with AdaGrad's sums of squares and the sums that give
// the mean of each weight over the later updates.
type parameters struct {
	value []float32
	state []struct{ squares, late float32 }
}

func newParameters(n int) parameters {
	return parameters{make([]float32, n), make([]struct{ squares, late float32 }, n)}
}

// learner is a logistic regression under AdaGrad. What it hands over are the
// means of the weights over the second half of the updates, which unseen
// families confirm better than the last ones.
type learner struct {
	grams, dense parameters
	bias         parameters // of one
	rate         float32
	// share is how much of the averaged stretch lies behind, 0…1.
	share float32
	sums  []blockSum
}

// blockSum is what a block's n-grams add up to, and the gradient on them.
type blockSum struct {
	chars, words         float32
	charsBack, wordsBack float32
}

func newLearner(rate float64) *learner {
	return &learner{
		grams: newParameters(injection.Buckets),
		dense: newParameters(injection.DenseFeatures),
		bias:  newParameters(1),
		rate:  float32(rate),
	}
}

// step updates on the windows of one batch.
func (l *learner) step(batch []example, grams bool) {
	r := batch[0].reading
	lo, hi := batch[0].window.From, 0
	for i := range batch {
		hi = max(hi, batch[i].window.To)
	}
	if grams {
		l.sum(r.Blocks[lo:hi])
	}
	moved := false
	for i := range batch {
		moved = l.window(&batch[i], lo, grams) || moved
	}
	if !grams || !moved {
		return
	}
	for b := lo; b < hi; b++ {
		s := &l.sums[b-lo]
		if s.charsBack != 0 {
			for _, k := range r.Blocks[b].Grams {
				l.move(&l.grams, uint32(k), s.charsBack)
			}
		}
		if s.wordsBack != 0 {
			for _, k := range r.Blocks[b].Words {
				l.move(&l.grams, uint32(k), s.wordsBack)
			}
		}
	}
}

// sum adds up the n-grams of each block.
func (l *learner) sum(blocks []injection.Block) {
	l.sums = l.sums[:0]
	for i := range blocks {
		var s blockSum
		for _, k := range blocks[i].Grams {
			s.chars += l.grams.value[k]
		}
		for _, k := range blocks[i].Words {
			s.words += l.grams.value[k]
		}
		l.sums = append(l.sums, s)
	}
}

// minGradient is the least a window must err to be learned from.
const minGradient = 1e-3

// window updates the dense weights on one window and notes the gradient on the
// n-grams of its blocks.
func (l *learner) window(e *example, lo int, grams bool) bool {
	w := e.window
	z := l.bias.value[0]
	for _, k := range w.Dense {
		z += l.dense.value[k]
	}
	var charN, wordN int
	if grams {
		var chars, words float32
		for b := w.From; b < w.To; b++ {
			chars += l.sums[b-lo].chars
			words += l.sums[b-lo].words
			charN += len(e.reading.Blocks[b].Grams)
			wordN += len(e.reading.Blocks[b].Words)
		}
		z += chars/sqrt32(charN) + words/sqrt32(wordN)
	}
	p := 1 / (1 + math.Exp(-float64(z)))
	g := float32(p-float64(e.label)) * e.weight
	if g > -minGradient && g < minGradient {
		return false
	}
	for _, k := range w.Dense {
		l.move(&l.dense, uint32(k), g)
	}
	l.move(&l.bias, 0, g)
	if grams {
		for b := w.From; b < w.To; b++ {
			l.sums[b-lo].charsBack += g / sqrt32(charN)
			l.sums[b-lo].wordsBack += g / sqrt32(wordN)
		}
	}
	return true
}

func (l *learner) move(p *parameters, k uint32, g float32) {
	s := &p.state[k]
	s.squares += g * g
	d := -l.rate * g / (float32(math.Sqrt(float64(s.squares))) + 1e-3)
	p.value[k] += d
	s.late += l.share * d
}

func sqrt32(n int) float32 { return float32(math.Sqrt(float64(max(n, 1)))) }

// fit trains on the examples, in an order given by the seed.
func fit(examples []example, o Options) *learner {
	o = o.withDefaults()
	l := newLearner(o.Rate)
	rng := rand.New(rand.NewPCG(o.Seed, 0x5eed))
	list := batches(examples)
	order := rng.Perm(len(list))
	total, done := float32(o.Epochs*len(list)), float32(0)
	for range o.Epochs {
		rng.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		for _, k := range order {
			l.share = max(0, 2*done/total-1)
			l.step(list[k], rng.Float64() >= o.Drop)
			done++
		}
	}
	l.average()
	return l
}

// average replaces each weight by its mean over the second half of the updates.
func (l *learner) average() {
	for _, p := range []parameters{l.grams, l.dense, l.bias} {
		for k := range p.value {
			p.value[k] -= p.state[k].late
		}
	}
}

// weights hands the learned numbers over for encoding.
func (l *learner) weights() injection.Weights {
	return injection.Weights{Grams: l.grams.value, Dense: l.dense.value, Bias: float64(l.bias.value[0]), Steep: 1}
}

// peaks is the highest logit in each layer, with the rules' votes; in visible
// text less what the background adds to its threshold.
func (l *learner) peaks(r *injection.Reading) (p [4]float64) {
	for i := range p {
		p[i] = math.Inf(-1)
	}
	l.sum(r.Blocks)
	var b injection.Background
	for i := range r.Windows {
		w := &r.Windows[i]
		z := l.logit(r, w)
		p[w.Layer] = max(p[w.Layer], z+w.Vote)
		if w.Layer == 0 && w.To == w.From+1 && w.To <= r.Own {
			b.Add(z)
		}
	}
	p[0] -= b.Lift()
	return p
}

// logit scores a window as the scanner does, after sum over all blocks.
func (l *learner) logit(r *injection.Reading, w *injection.Window) float64 {
	z := l.bias.value[0]
	for _, k := range w.Dense {
		z += l.dense.value[k]
	}
	var chars, words float32
	charN, wordN := 0, 0
	for b := w.From; b < w.To; b++ {
		chars += l.sums[b].chars
		words += l.sums[b].words
		charN += len(r.Blocks[b].Grams)
		wordN += len(r.Blocks[b].Words)
	}
	return float64(z + chars/sqrt32(charN) + words/sqrt32(wordN))
}

package injection

import "math"

// Background is what the visible blocks of a text are like to the model. An
// instruction planted in a text stands out from it; where block after block is
// suspicious (pages that teach prompting, talk about attacks), one that is a
// little more so says less. The zero value is ready for use.
type Background struct {
	top [backgroundRank]float64 // highest logits, highest first
	n   int
}

// The background is the logit of the block of this rank, so that an instruction
// of a few blocks is not its own background. Its part above backgroundFloor
// raises the threshold of visible text by backgroundShare of it, at most by
// backgroundMost: that much an attacker gains who fills a text with blocks that
// are nearly flagged themselves.
const (
	backgroundRank  = 5
	backgroundFloor = -4
	backgroundShare = .5
	backgroundMost  = 1.5
)

// Add takes in the logit of one block by itself.
func (b *Background) Add(z float64) {
	if b.n < backgroundRank {
		b.n++
	} else if z <= b.top[backgroundRank-1] {
		return
	}
	i := b.n - 1
	for ; i > 0 && b.top[i-1] < z; i-- {
		b.top[i] = b.top[i-1]
	}
	b.top[i] = z
}

// sizeStep is what each doubling of the number of blocks adds to the threshold of
// visible text, up to sizeBlocks: the more windows are judged, the likelier one
// of them passes by chance.
const (
	sizeStep   = .1
	sizeBlocks = 64
)

// sizeOf is what a text of so many blocks adds to the threshold of visible text.
func sizeOf(blocks int) float64 {
	return sizeStep * math.Log2(float64(max(1, min(blocks, sizeBlocks))))
}

// Lift is what the background adds to the threshold of visible text, in logits;
// 0 for texts of fewer blocks than its rank.
func (b *Background) Lift() float64 {
	if b.n < backgroundRank {
		return 0
	}
	return min(backgroundMost, max(0, backgroundShare*(b.top[backgroundRank-1]-backgroundFloor)))
}

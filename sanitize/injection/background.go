package injection

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
	backgroundShare = .7
	backgroundMost  = 2
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

// Lift is what the background adds to the threshold of visible text, in logits;
// 0 for texts of fewer blocks than its rank.
func (b *Background) Lift() float64 {
	if b.n < backgroundRank {
		return 0
	}
	return min(backgroundMost, max(0, backgroundShare*(b.top[backgroundRank-1]-backgroundFloor)))
}

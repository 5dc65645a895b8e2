package injection

import "math/bits"

// Layout of the dense features: base bits, then conjunctions made from them.
const (
	wordStructure = 0 // bitset words
	wordSlots     = 1
	wordLiterals  = 2
	wordClasses   = 3
	wordSkips     = 4 // ordered pairs of classes at most skipReach tokens apart
	skipWords     = (classCount*classCount + 63) / 64
	bitWords      = wordSkips + skipWords

	slotCount  = 128 // patterns and literal groups together
	pairBase   = bitWords * 64
	layerBase  = pairBase + slotCount*(slotCount-1)/2
	denseCount = layerBase + int(layerCount)*slotCount
	skipReach  = 4
)

// bitset holds the base bits of a block or window.
type bitset [bitWords]uint64

func (b *bitset) set(word, bit int) { b[word+bit>>6] |= 1 << (bit & 63) }

func (b *bitset) union(o *bitset) {
	for i, w := range o {
		b[i] |= w
	}
}

// each calls f with the index of each dense feature: base bits, pairs of slots
// and slots by layer.
func (b *bitset) each(l layer, f func(index int)) {
	for w, v := range b {
		for ; v != 0; v &= v - 1 {
			f(w<<6 + bits.TrailingZeros64(v))
		}
	}
	var slots [32]int
	n := 0
	for w := wordSlots; w <= wordLiterals; w++ {
		for v := b[w]; v != 0 && n < len(slots); v &= v - 1 {
			slots[n] = (w-wordSlots)<<6 + bits.TrailingZeros64(v)
			n++
		}
	}
	for j := range n {
		f(layerBase + int(l)*slotCount + slots[j])
		for i := range j {
			f(pairBase + slots[j]*(slots[j]-1)/2 + slots[i])
		}
	}
}

// Structure bits.
const (
	bitWindow2 = iota
	bitWindow3
	bitWhole
	bitHidden
	bitEncoded
	bitForged
	bitFirst
	bitLast
	bitNearEdge
	bitInner
	bitTiny
	bitShort
	bitMedium
	bitLong
	bitVeryLong
	bitQuestion
	bitExclaim
	bitColon
	bitInvisible
	bitSmuggled
	bitRoleLine
	bitAfterRole1
	bitAfterRole2
	bitTurnPair
	bitTopic0
	bitTopic1
	bitTopic2
	bitTopic3
	bitSecurity1
	bitSecurity2
	bitSecurity3
	bitShouting
	bitQuoted
	bitDecorated
	bitValue
	bitNoClass
	bitManyClasses
	bitParagraph
	bitOneBlock
	bitFewBlocks
	bitSomeBlocks
	bitBullet
	bitCode
	bitTable
	bitHeading
	bitQuoteBlock
	bitForeign
	bitImperativeYou
	bitPlaceholder
	bitMidLine
)

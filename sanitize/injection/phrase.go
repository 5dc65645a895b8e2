package injection

import (
	"encoding/binary"
	"fmt"
)

// headSize is how many bytes of a phrase are hashed to find it.
const headSize = 4

// filterBits is the size of the filter of heads, as a power of two: 8 KiB.
const filterBits = 16

// phrases finds the literal groups in folded text. A filter of the phrases'
// first four bytes lets nearly every place pass by; it lies in the first level
// of the cache, where an automaton of so many phrases would push the model's
// weights out of the second.
type phrases struct {
	filter [1 << filterBits / 64]uint64
	// heads are the phrases' first bytes, 0 where none is; runs those that begin
	// with them.
	heads []uint32
	runs  [][]phrase
	// brief are the phrases shorter than a head, by their first byte.
	brief [256][]phrase
}

// phrase is a folded literal and the bit of its group.
type phrase struct {
	text  string
	group uint64
}

// newPhrases builds the tables; groupOf holds the group of each phrase of list.
func newPhrases(list []string, groupOf []uint8) (*phrases, error) {
	p := &phrases{}
	size := tableSize(len(list))
	p.heads, p.runs = make([]uint32, size), make([][]phrase, size)
	for i, text := range list {
		x := phrase{text, 1 << groupOf[i]}
		switch {
		case text == "":
			return nil, fmt.Errorf("phrase %d is empty", i)
		case len(text) < headSize:
			p.brief[text[0]] = append(p.brief[text[0]], x)
			continue
		}
		head := binary.LittleEndian.Uint32([]byte(text))
		h := headHash(head)
		p.filter[h>>6] |= 1 << (h & 63)
		at := h & uint32(size-1)
		for p.heads[at] != 0 && p.heads[at] != head {
			at = (at + 1) & uint32(size-1)
		}
		p.heads[at], p.runs[at] = head, append(p.runs[at], x)
	}
	return p, nil
}

// groups returns the groups with a phrase in buf[:n]. Behind n there must be
// three bytes more, which no phrase holds.
func (p *phrases) groups(buf []byte, n int) (found uint64) {
	for i := range n {
		head := binary.LittleEndian.Uint32(buf[i:])
		if h := headHash(head); p.filter[h>>6]>>(h&63)&1 != 0 {
			found |= p.begun(buf[i:n], head, h)
		}
		for _, x := range p.brief[byte(head)] {
			if len(x.text) <= n-i && string(buf[i:i+len(x.text)]) == x.text {
				found |= x.group
			}
		}
	}
	return found
}

// begun returns the groups of the phrases that s begins with.
func (p *phrases) begun(s []byte, head, h uint32) (found uint64) {
	mask := uint32(len(p.heads) - 1)
	for at := h & mask; p.heads[at] != 0; at = (at + 1) & mask {
		if p.heads[at] != head {
			continue
		}
		for _, x := range p.runs[at] {
			if len(x.text) <= len(s) && string(s[:len(x.text)]) == x.text {
				found |= x.group
			}
		}
		break
	}
	return found
}

func headHash(head uint32) uint32 { return head * 0x9E3779B1 >> (32 - filterBits) }

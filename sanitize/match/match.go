// Package match finds any of a fixed set of literals in a text with one
// automaton, whatever their number: every scanner's rules are reached through
// it, so adding a rule costs almost nothing per byte.
//
// It folds ASCII case and nothing else (foldings of Unicode are views made by
// package normalize), and it only says where literals end: verifying what
// stands around one is the caller's work.
//
// The automaton is Aho-Corasick's (CACM 18(6), 1975) with every failure link
// resolved, so that each byte of text takes one table look-up: time is linear
// in the text for any set of literals and any text.
package match

import (
	"errors"
	"fmt"
	"unsafe"
)

// Errors of [New].
var (
	// ErrEmpty is returned for a set without literals or with an empty one,
	// which would match everywhere.
	ErrEmpty = errors.New("a literal is empty")
	// ErrTooBig is returned when the transition table would pass MaxTable.
	ErrTooBig = errors.New("the literals need too large a table")
)

// MaxTable is the largest transition table, in entries of four bytes, that New
// builds: 64 MiB.
const MaxTable = 1 << 24

// hit marks a transition into a state where at least one literal ends.
const hit = 1 << 31

// State is where an automaton stands between two pieces of a text. The zero
// value is the start of a text. It belongs to the automaton that returned it.
type State uint32

// Automaton is a set of literals compiled to a table. It is immutable and safe
// for concurrent use.
type Automaton struct {
	class   [256]uint8
	classes uint32
	// next holds one row of classes entries for each state; an entry is the
	// offset of the next state's row, with the hit bit where a literal ends.
	next []uint32
	// ends[s] to ends[s+1] delimit in literals the literals that end in state s.
	ends     []uint32
	literals []int32
	// depth is the number of bytes of the longest literal prefix a state stands for.
	depth []uint16
}

// New compiles the literals. Their positions in the slice are the numbers Scan
// reports; duplicates, also by case, are reported each.
func New(literals []string) (*Automaton, error) {
	if len(literals) == 0 {
		return nil, fmt.Errorf("building automaton: %w", ErrEmpty)
	}
	a := &Automaton{}
	a.classify(literals)
	t, err := grow(a, literals)
	if err != nil {
		return nil, fmt.Errorf("building automaton: %w", err)
	}
	a.flatten(t, t.link())
	return a, nil
}

// Fold lowers an ASCII letter and leaves every other byte alone.
func Fold(c byte) byte {
	if c-'A' < 26 {
		return c + 'a' - 'A'
	}
	return c
}

// classify numbers the bytes that occur in literals; all others share class 0.
func (a *Automaton) classify(literals []string) {
	a.classes = 1
	for _, l := range literals {
		for i := 0; i < len(l); i++ {
			if c := Fold(l[i]); a.class[c] == 0 {
				a.class[c] = uint8(a.classes)
				a.classes++
			}
		}
	}
	for c := 'A'; c <= 'Z'; c++ {
		a.class[c] = a.class[Fold(byte(c))]
	}
}

// trie is the automaton while it is built.
type trie struct {
	classes int
	next    []int32 // a row of classes per node; 0 is "none" until link has run
	fail    []int32
	depth   []uint16
	out     [][]int32
}

func (t *trie) node(depth uint16) int32 {
	t.next = append(t.next, make([]int32, t.classes)...)
	t.fail = append(t.fail, 0)
	t.depth = append(t.depth, depth)
	t.out = append(t.out, nil)
	return int32(len(t.fail) - 1)
}

func grow(a *Automaton, literals []string) (*trie, error) {
	t := &trie{classes: int(a.classes)}
	t.node(0)
	for id, l := range literals {
		if l == "" || len(l) > 1<<15 {
			return nil, fmt.Errorf("literal %d: %w", id, ErrEmpty)
		}
		s := int32(0)
		for i := 0; i < len(l); i++ {
			at := int(s)*t.classes + int(a.class[l[i]])
			if t.next[at] == 0 {
				if len(t.next)+t.classes > MaxTable {
					return nil, ErrTooBig
				}
				n := t.node(uint16(i + 1))
				t.next[at] = n
			}
			s = t.next[at]
		}
		t.out[s] = append(t.out[s], int32(id))
	}
	return t, nil
}

// link resolves failure links breadth first, so that every transition is final. It
// returns the nodes in that order, but for the first.
func (t *trie) link() []int32 {
	queue := make([]int32, 0, len(t.fail))
	for c := 0; c < t.classes; c++ {
		if v := t.next[c]; v != 0 {
			queue = append(queue, v)
		}
	}
	for i := 0; i < len(queue); i++ {
		s := queue[i]
		f := t.fail[s]
		t.out[s] = append(t.out[s], t.out[f]...)
		for c := 0; c < t.classes; c++ {
			at, via := int(s)*t.classes+c, t.next[int(f)*t.classes+c]
			if v := t.next[at]; v != 0 {
				t.fail[v] = via
				queue = append(queue, v)
			} else {
				t.next[at] = via
			}
		}
	}
	return queue
}

// flatten numbers states by depth: most of a text stands in the shallow ones, whose
// rows then share the near caches instead of lying all over the table.
func (a *Automaton) flatten(t *trie, byDepth []int32) {
	order := append([]int32{0}, byDepth...)
	place := make([]uint32, len(order))
	for to, s := range order {
		place[s] = uint32(to)
	}
	a.depth, a.ends = make([]uint16, len(order)), make([]uint32, len(order)+1)
	a.next = make([]uint32, 0, len(t.next))
	for to, s := range order {
		for _, v := range t.next[int(s)*t.classes : (int(s)+1)*t.classes] {
			e := place[v] * a.classes
			if len(t.out[v]) > 0 {
				e |= hit
			}
			a.next = append(a.next, e)
		}
		a.depth[to] = t.depth[s]
		a.literals = append(a.literals, t.out[s]...)
		a.ends[to+1] = uint32(len(a.literals))
	}
}

// Scan reads text from state s and calls found for every occurrence of every
// literal: its number and the offset in text just after its last byte, in
// increasing order of that offset and, at the same offset, longest first. It
// returns the state to go on with: scanning a text in any pieces finds the
// same, with offsets counted from the piece in which a literal ends. Scan
// itself allocates nothing.
func (a *Automaton) Scan(text string, s State, found func(literal, end int)) State {
	at, next, class := uint32(s), a.next, &a.class
	for i := 0; i < len(text); i++ {
		e := next[at+uint32(class[text[i]])]
		at = e &^ hit
		if e != at {
			row := at / a.classes
			for _, id := range a.literals[a.ends[row]:a.ends[row+1]] {
				found(int(id), i+1)
			}
		}
	}
	return State(at)
}

// ScanBytes is Scan of a byte slice, which it neither keeps nor changes.
func (a *Automaton) ScanBytes(text []byte, s State, found func(literal, end int)) State {
	return a.Scan(unsafe.String(unsafe.SliceData(text), len(text)), s, found)
}

// Depth is the number of bytes read last that may be the beginning of a
// literal: a stream must not let go of them.
func (a *Automaton) Depth(s State) int { return int(a.depth[uint32(s)/a.classes]) }

// States is the number of states, for reports on memory: the table takes four
// bytes times States times the number of distinct bytes in the literals.
func (a *Automaton) States() int { return len(a.depth) }

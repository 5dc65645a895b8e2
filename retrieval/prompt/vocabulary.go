package prompt

import (
	"math"
	"sync"

	"github.com/pkoukk/tiktoken-go"
	loader "github.com/pkoukk/tiktoken-go-loader"
)

// vocabulary is one encoding: tiktoken's encoder, and the ranks of its tokens.
type vocabulary struct {
	enc   *tiktoken.Tiktoken
	ranks map[string]int
}

// offline reads vocabularies from the binary, where the library would download
// them on first use, and keeps the last one's ranks, which the library does not
// give out.
type offline struct {
	sync.Mutex
	ranks map[string]int
}

var files offline

// LoadTiktokenBpe is called by the library.
func (o *offline) LoadTiktokenBpe(file string) (map[string]int, error) {
	ranks, err := loader.NewOfflineLoader().LoadTiktokenBpe(file)
	o.ranks = ranks
	return ranks, err
}

// load reads a vocabulary, once in a process. It is part of the program, so that
// it can only fail where the program is broken.
func load(encoding string) *vocabulary {
	files.Lock()
	defer files.Unlock()
	tiktoken.SetBpeLoader(&files)
	enc, err := tiktoken.GetEncoding(encoding)
	if err != nil {
		panic("loading tokenizer " + encoding + ": " + err.Error())
	}
	return &vocabulary{enc: enc, ranks: files.ranks}
}

// count counts a piece of at most maxCached bytes.
func (v *vocabulary) count(s string) int {
	if !whole(s) {
		return len(v.enc.EncodeOrdinary(s))
	}
	if _, ok := v.ranks[s]; ok {
		return 1
	}
	return v.merge(s)
}

// whole reports whether both encodings' patterns match all of s at once: ASCII
// letters, the capital ones first, perhaps after a blank or bracket.
func whole(s string) bool {
	if s != "" && (s[0] == ' ' || s[0] == '(' || s[0] == '-' || s[0] == '"') {
		s = s[1:]
	}
	i := 0
	for i < len(s) && s[i] >= 'A' && s[i] <= 'Z' {
		i++
	}
	for i < len(s) && s[i] >= 'a' && s[i] <= 'z' {
		i++
	}
	return i == len(s) && i > 0
}

// merge counts what byte pair encoding leaves of s: the neighbours of lowest rank
// are joined, the first of equals, until none can be.
func (v *vocabulary) merge(s string) int {
	var borders, ranks [maxCached + 1]int
	border := borders[:len(s)+1] // of the parts, the last one's end included
	for i := range border {
		border[i] = i
	}
	rank := ranks[:len(s)-1] // of each part joined with the next
	joined := func(i int) int {
		if r, ok := v.ranks[s[border[i]:border[i+2]]]; ok {
			return r
		}
		return math.MaxInt
	}
	for i := range rank {
		rank[i] = joined(i)
	}
	for len(rank) > 0 {
		at := 0
		for i, r := range rank {
			if r < rank[at] {
				at = i
			}
		}
		if rank[at] == math.MaxInt {
			break
		}
		border = append(border[:at+1], border[at+2:]...)
		rank = append(rank[:at], rank[at+1:]...)
		if at < len(rank) {
			rank[at] = joined(at)
		}
		if at > 0 {
			rank[at-1] = joined(at - 1)
		}
	}
	return len(border) - 1
}

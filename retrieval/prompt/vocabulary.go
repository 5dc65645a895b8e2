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
	var room [maxCached + 1]int
	border := room[:0] // of the parts, the last one's end included
	for i := range len(s) + 1 {
		border = append(border, i)
	}
	for len(border) > 2 {
		lowest, at := math.MaxInt, -1
		for i := 0; i+2 < len(border); i++ {
			if r, ok := v.ranks[s[border[i]:border[i+2]]]; ok && r < lowest {
				lowest, at = r, i
			}
		}
		if at < 0 {
			break
		}
		border = append(border[:at+1], border[at+2:]...)
	}
	return len(border) - 1
}

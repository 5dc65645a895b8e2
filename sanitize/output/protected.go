package output

import (
	"context"
	"fmt"

	"github.com/doorward/doorward/sanitize"
	"github.com/doorward/doorward/sanitize/fingerprint"
)

// Protected tells which protected documents a fingerprint stands in. It holds
// what fingerprint.Of made of each, under the tenant's key; a catalog implements
// it.
type Protected interface {
	// Owners returns, for each print, the documents of the tenant that keep it;
	// most prints have none. An error stops the answer.
	Owners(ctx context.Context, tenant string, prints []fingerprint.Print) ([][]string, error)
}

// Reader is for whom protected text is looked for. Its zero value looks for
// none.
type Reader struct {
	Tenant string
	// Key is the tenant's fingerprint key (policy/keys: Protected).
	Key []byte
	// Readable says which of the documents this subject may read here and now.
	// It is asked once for each document; an error stops the answer.
	Readable func(ctx context.Context, documents []string) ([]bool, error)
}

// protectedStream finds text of documents the reader may not read. A run of such
// text is recognised within fingerprint.Guarantee words, and withheld from there
// until Window words have passed without another sign of it.
//
// Words of the user's own prompt are never looked up: whoever pastes a guess of a
// forbidden text sees the same, and waits as long, whether it is right or wrong.
type protectedStream struct {
	ctx    context.Context
	source Protected
	reader Reader

	cutter  fingerprint.Cutter
	hasher  *fingerprint.Hasher
	own     follower
	recent  [fingerprint.Run]bool // whether the last words are the user's own
	words   []looked              // of this write
	verdict map[string]bool       // documents asked about: readable

	at    int
	end   int // of the last word
	left  int // words that are withheld without a further hit
	found []sanitize.Finding
	err   error
}

// looked is a word and the print of the run that ends with it.
type looked struct {
	fingerprint.Word
	print fingerprint.Print
	ask   bool
}

func newProtectedStream(ctx context.Context, source Protected, r Reader, own *passage) *protectedStream {
	if source == nil || r.Readable == nil || len(r.Key) == 0 {
		return nil
	}
	return &protectedStream{ctx: ctx, source: source, reader: r, own: follower{passage: own},
		hasher: fingerprint.NewHasher(r.Key), verdict: map[string]bool{}}
}

func (s *protectedStream) failed() error { return s.err }

func (s *protectedStream) Write(p []byte) (int, []sanitize.Finding) {
	s.cutter.Write(p, s.word)
	s.at += len(p)
	s.judge()
	found := s.found
	s.found = nil
	if s.err != nil {
		return 0, nil
	}
	if s.left > 0 {
		return s.end, found
	}
	if start, open := s.cutter.Open(); open {
		return start, found
	}
	return s.at, found
}

func (s *protectedStream) Close() []sanitize.Finding {
	s.cutter.Close(s.word)
	s.judge()
	return s.found
}

func (s *protectedStream) word(w fingerprint.Word) {
	copy(s.recent[:], s.recent[1:])
	own := s.own.word(w.Hash)
	s.recent[len(s.recent)-1] = own > 0
	for i := 2; own == gram && i <= gram; i++ {
		s.recent[len(s.recent)-i] = true
	}
	print, ok := s.hasher.Word(w.Hash)
	for _, mine := range s.recent {
		ok = ok && !mine
	}
	s.words = append(s.words, looked{w, print, ok})
}

// judge looks the new words up, all at once, and marks those that lie in
// forbidden text.
func (s *protectedStream) judge() {
	if s.err != nil || len(s.words) == 0 {
		return
	}
	hits, err := s.hits()
	if err != nil {
		s.err = fmt.Errorf("checking for protected text: %w", err)
		return
	}
	for i, w := range s.words {
		start := w.Start
		if s.left > 0 {
			start = s.end
			s.left--
		}
		withheld := start != w.Start
		if hits[i] {
			s.left, withheld = fingerprint.Window, true
		}
		if withheld {
			s.found = append(s.found, sanitize.Finding{Span: sanitize.Span{Start: start, End: w.End},
				Kind: sanitize.Protected, Type: "TEXT", Rule: RuleProtected, Score: 1})
		}
		s.end = w.End
	}
	s.words = s.words[:0]
}

// hits reports which of the new words end a run of a document that the reader
// may not read.
func (s *protectedStream) hits() ([]bool, error) {
	out := make([]bool, len(s.words))
	var prints []fingerprint.Print
	var of []int
	for i, w := range s.words {
		if w.ask {
			prints, of = append(prints, w.print), append(of, i)
		}
	}
	if len(prints) == 0 {
		return out, nil
	}
	owners, err := s.source.Owners(s.ctx, s.reader.Tenant, prints)
	if err != nil {
		return nil, err
	}
	if len(owners) != len(prints) {
		return nil, fmt.Errorf("%d answers for %d fingerprints", len(owners), len(prints))
	}
	if err := s.ask(owners); err != nil {
		return nil, err
	}
	for i, documents := range owners {
		// Text that also stands in a document the reader may read is no secret.
		hidden := len(documents) > 0
		for _, d := range documents {
			hidden = hidden && !s.verdict[d]
		}
		out[of[i]] = hidden
	}
	return out, nil
}

// ask asks the policy about documents that were not asked about yet.
func (s *protectedStream) ask(owners [][]string) error {
	var unknown []string
	for _, documents := range owners {
		for _, d := range documents {
			if _, ok := s.verdict[d]; !ok {
				s.verdict[d] = false
				unknown = append(unknown, d)
			}
		}
	}
	if len(unknown) == 0 {
		return nil
	}
	readable, err := s.reader.Readable(s.ctx, unknown)
	if err != nil {
		return err
	}
	if len(readable) != len(unknown) {
		return fmt.Errorf("%d decisions for %d documents", len(readable), len(unknown))
	}
	for i, d := range unknown {
		s.verdict[d] = readable[i]
	}
	return nil
}

// Package magnet watches for retrieval magnets: documents that come up for far
// more, and far more different, questions than their peers. They are what is
// left when somebody writes a document to be found whatever is asked.
//
// It remembers a bounded window of distinct questions for each tenant, and of
// each of them hashes only, under a key that the process makes anew when it
// starts: no question, user or document can be read from it.
package magnet

import (
	"container/list"
	"fmt"
	"hash/maphash"
	"slices"
	"strings"
	"sync"
	"unicode"
)

// Config says what counts as a magnet. Zero fields take the defaults.
type Config struct {
	// Window is how many distinct questions are remembered for each tenant; 512.
	Window int
	// Least is how many there must be before anything is called a magnet; 100.
	Least int
	// Share is the part of the questions, 0 to 1, for which a document must have
	// come up; 0.25.
	Share float64
	// Times is how many times the documents' mean that must be; 10.
	Times float64
	// Peers is how many times the count of a much-found peer, one that 95 of 100
	// documents do not exceed, that must be: in any collection some documents are
	// found more than others, and a magnet stands apart from these too; 4.
	Peers float64
	// Topic is how much more often a word may stand in the questions that a
	// document came up for than in all of them, 0 to 1, before it is taken for what
	// the document is about: a document on what everybody asks is no magnet; 0.5.
	Topic float64
	// Tenants is how many tenants are watched, those that asked last; 256.
	Tenants int
}

// Bounds of what is remembered of one question.
const (
	maxWords     = 16
	maxDocuments = 16
	shortest     = 4 // bytes of a word that is not mere grammar
)

func (c Config) withDefaults() Config {
	def := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	real := func(v *float64, d float64) {
		if *v == 0 {
			*v = d
		}
	}
	def(&c.Window, 512)
	def(&c.Least, 100)
	def(&c.Tenants, 256)
	real(&c.Share, 0.25)
	real(&c.Times, 10)
	real(&c.Peers, 4)
	real(&c.Topic, 0.5)
	return c
}

// Watch counts. It is safe for concurrent use.
type Watch struct {
	c    Config
	seed maphash.Seed

	mu      sync.Mutex
	tenants map[string]*list.Element // of *window
	recent  *list.List               // the tenant that asked last is first
}

// New checks the configuration.
func New(c Config) (*Watch, error) {
	c = c.withDefaults()
	switch {
	case c.Least < 10 || c.Window < c.Least || c.Window > 1<<16:
		return nil, fmt.Errorf("watching for magnets: least must be 10 or more and window at least that, at most 65536")
	case c.Share < 0 || c.Share > 1 || c.Topic < 0 || c.Topic > 1 || c.Times < 1 || c.Peers < 1 || c.Tenants < 1:
		return nil, fmt.Errorf("watching for magnets: share and topic are 0 to 1, times, peers and tenants 1 or more")
	}
	return &Watch{c: c, seed: maphash.MakeSeed(), tenants: map[string]*list.Element{}, recent: list.New()}, nil
}

// question is what is remembered of one.
type question struct {
	key, user uint64
	words     []uint64 // distinct, in no order that means anything
	documents []uint64
}

// window is a tenant's last distinct questions, oldest first.
type window struct {
	tenant    string
	questions []question
	keys      map[uint64]bool
	users     map[uint64]int // questions of each
	count     map[uint64]int // of each document, the questions it came up for
	total     int            // of count
	words     map[uint64]int // the questions each stands in
	magnets   map[uint64]bool
	excuses   map[uint64]excuse
	added     int // questions since the beginning
}

// excuse says whether a document that is found often is innocent all the same. It
// is good for a while: it takes long to reach.
type excuse struct {
	until int // of window.added
	is    bool
}

const excuseGood = 16 // questions

// Standing is how far a document draws questions.
type Standing struct {
	Share  float64 // of the questions in the window for which it came up
	Times  float64 // its count over the mean of all documents that came up
	Magnet bool
}

func (w *Watch) hash(s ...string) uint64 {
	var h maphash.Hash
	h.SetSeed(w.seed)
	for _, p := range s {
		h.WriteString(p)
		h.WriteByte(0)
	}
	return h.Sum64()
}

// Observe counts the documents that came up for a user's question and returns
// those that are magnets now, and of these the ones that were none before. A
// question with the same words as one in the window changes nothing, and in a full
// window no user has more than an eighth of the questions.
func (w *Watch) Observe(tenant, user, text string, documents []string) (magnets, fresh []string) {
	q := w.question(user, text)
	w.mu.Lock()
	defer w.mu.Unlock()
	t := w.window(tenant)
	for _, d := range documents[:min(len(documents), maxDocuments)] {
		if h := w.hash(d); !slices.Contains(q.documents, h) {
			q.documents = append(q.documents, h)
		}
	}
	if len(q.documents) > 0 && !t.keys[q.key] {
		t.add(q, w.c)
	}
	for _, d := range documents {
		h := w.hash(d)
		is := t.standing(h, w.c).Magnet
		switch {
		case is && !t.magnets[h]:
			t.magnets[h] = true
			fresh = append(fresh, d)
		case !is:
			delete(t.magnets, h)
		}
		if is {
			magnets = append(magnets, d)
		}
	}
	return magnets, fresh
}

// Any reports whether the tenant has a magnet.
func (w *Watch) Any(tenant string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	e, ok := w.tenants[tenant]
	return ok && len(e.Value.(*window).magnets) > 0
}

// Standing returns how far a document draws questions.
func (w *Watch) Standing(tenant, document string) Standing {
	w.mu.Lock()
	defer w.mu.Unlock()
	e, ok := w.tenants[tenant]
	if !ok {
		return Standing{}
	}
	return e.Value.(*window).standing(w.hash(document), w.c)
}

// question makes what is remembered of a text: its longer words, whatever their
// order and case.
func (w *Watch) question(user, text string) question {
	q := question{user: w.hash(user)}
	words := strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsNumber(r) })
	slices.Sort(words)
	for _, word := range slices.Compact(words) {
		if len(word) >= shortest {
			q.words = append(q.words, w.hash(word))
		}
	}
	q.key = w.hash(words...)
	slices.Sort(q.words) // by hash: which are kept says nothing
	q.words = q.words[:min(len(q.words), maxWords)]
	return q
}

// window is the tenant's; the tenant that asked longest ago makes room for it.
func (w *Watch) window(tenant string) *window {
	if e, ok := w.tenants[tenant]; ok {
		w.recent.MoveToFront(e)
		return e.Value.(*window)
	}
	if w.recent.Len() >= w.c.Tenants {
		last := w.recent.Back()
		delete(w.tenants, last.Value.(*window).tenant)
		w.recent.Remove(last)
	}
	t := &window{tenant: tenant, keys: map[uint64]bool{}, users: map[uint64]int{}, count: map[uint64]int{},
		words: map[uint64]int{}, magnets: map[uint64]bool{}, excuses: map[uint64]excuse{}}
	w.tenants[tenant] = w.recent.PushFront(t)
	return t
}

// add takes a question in and lets the oldest go, or this user's oldest.
func (t *window) add(q question, c Config) {
	if len(t.questions) >= c.Window {
		oldest := 0
		if t.users[q.user] >= max(1, c.Window/8) {
			oldest = slices.IndexFunc(t.questions, func(o question) bool { return o.user == q.user })
		}
		t.drop(oldest)
	}
	t.added++
	t.questions = append(t.questions, q)
	t.keys[q.key] = true
	t.users[q.user]++
	for _, d := range q.documents {
		t.count[d]++
		t.total++
	}
	for _, w := range q.words {
		t.words[w]++
	}
}

func (t *window) drop(i int) {
	q := t.questions[i]
	t.questions = slices.Delete(t.questions, i, i+1)
	delete(t.keys, q.key)
	if t.users[q.user]--; t.users[q.user] == 0 {
		delete(t.users, q.user)
	}
	for _, d := range q.documents {
		t.total--
		if t.count[d]--; t.count[d] == 0 {
			delete(t.count, d)
			delete(t.magnets, d)
			delete(t.excuses, d)
		}
	}
	for _, w := range q.words {
		if t.words[w]--; t.words[w] == 0 {
			delete(t.words, w)
		}
	}
}

func (t *window) standing(d uint64, c Config) Standing {
	n := t.count[d]
	if n == 0 {
		return Standing{}
	}
	s := Standing{Share: float64(n) / float64(len(t.questions)), Times: float64(n) * float64(len(t.count)) / float64(t.total)}
	s.Magnet = len(t.questions) >= c.Least && s.Share >= c.Share && s.Times >= c.Times && !t.excused(d, n, c)
	return s
}

// excused reports whether a document is found often for a reason of its own: it
// is about what is asked, or only the first among peers that are found often too.
func (t *window) excused(d uint64, n int, c Config) bool {
	if e, ok := t.excuses[d]; ok && t.added < e.until {
		return e.is
	}
	is := float64(n) < c.Peers*float64(t.peer(d)) || t.topical(d, n, c.Topic)
	t.excuses[d] = excuse{t.added + excuseGood, is}
	return is
}

// peer is the count that 95 of 100 other documents do not exceed.
func (t *window) peer(d uint64) int {
	counts := make([]int, 0, len(t.count))
	for other, n := range t.count {
		if other != d {
			counts = append(counts, n)
		}
	}
	if len(counts) == 0 {
		return 0
	}
	slices.Sort(counts)
	return counts[len(counts)*95/100]
}

// topical reports whether the questions a document came up for are about one
// thing: one word stands in many more of them than of all questions.
func (t *window) topical(d uint64, n int, more float64) bool {
	here := map[uint64]int{}
	for _, q := range t.questions {
		if slices.Contains(q.documents, d) {
			for _, w := range q.words {
				here[w]++
			}
		}
	}
	for w, k := range here {
		if float64(k)/float64(n)-float64(t.words[w])/float64(len(t.questions)) >= more {
			return true
		}
	}
	return false
}

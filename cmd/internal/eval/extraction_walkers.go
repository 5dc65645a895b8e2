package eval

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/doorward/doorward/policy/quota"
)

// walker is a way of taking a collection out question by question.
type walker struct {
	name string
	// new returns what asks: it is told what the last question brought, nil when
	// it was refused.
	new func(h *hall, r *rand.Rand) func(given []passage) string
}

// walkers are the simulated attacks. All know more than an attacker would: the
// sweep has the collection's dictionary.
var walkers = []walker{
	{"dictionary sweep", newSweep},
	{"passage walk (as RAG-Thief)", newThief},
	{"topic walk (as IKEA)", newTopicWalk},
}

// taken is what one walk got.
type taken struct {
	steps    []step
	got      map[string]bool
	answered int
	stopped  int
}

// pace is between two questions of a walker: as fast as an ordinary bucket lets
// it, so that rates alone do not stop it.
const pace = 2 * time.Second

// walk runs a walker without quotas, with them for a day, and with them for days.
func (h *hall) walk(ctx context.Context, w walker) (off, on, days taken, err error) {
	if off, err = h.taking(ctx, w, nil, 1); err != nil {
		return off, on, days, err
	}
	for _, run := range []struct {
		into *taken
		days int
	}{{&on, 1}, {&days, h.o.Days}} {
		k, err := keeper(h.o.Quota)
		if err != nil {
			return off, on, days, err
		}
		if *run.into, err = h.taking(ctx, w, k, run.days); err != nil {
			return off, on, days, err
		}
	}
	return off, on, days, nil
}

// patience is how often a walker is refused before it gives up for the day.
const patience = 500

func (h *hall) taking(ctx context.Context, w walker, k *quota.Keeper, days int) (taken, error) {
	t := taken{got: map[string]bool{}}
	next := w.new(h, rng(h.o.Seed, w.name))
	var given []passage
	for day := range days {
		refusals := 0
		for i := 0; i < h.o.Questions && refusals < patience; i++ {
			question := next(given)
			found, err := h.search(ctx, question)
			if err != nil {
				return t, err
			}
			s := h.step(time.Duration(i)*pace, question, found)
			if k == nil {
				t.steps = append(t.steps, s)
			} else if refused, _, _, err := ask(ctx, k, "walker", day, s); err != nil {
				return t, err
			} else if refused != "" {
				refusals++
				if t.stopped == 0 {
					t.stopped = i + 1
				}
				given = nil
				continue
			}
			if day == 0 {
				t.answered++
			}
			for _, p := range found {
				t.got[p.id] = true
			}
			given = found
		}
	}
	return t, nil
}

// newSweep asks for the dictionary's words, two by two, rarest last.
func newSweep(h *hall, r *rand.Rand) func([]passage) string {
	count := map[string]int{}
	for i := range h.set.corpus {
		for _, w := range strings.Fields(strings.ToLower(h.set.corpus[i].Text)) {
			count[w]++
		}
	}
	var words []string
	for w, n := range count {
		if len(w) > 4 && n < len(h.set.corpus)/4 {
			words = append(words, w)
		}
	}
	slices.Sort(words)
	r.Shuffle(len(words), func(i, j int) { words[i], words[j] = words[j], words[i] })
	at := 0
	return func([]passage) string {
		if len(words) < 2 {
			return "anything"
		}
		at = (at + 2) % (len(words) - 1)
		return words[at] + " " + words[at+1]
	}
}

// newThief asks for what goes on before and after passages it was given: their
// last and first words, some of them changed as a model that continues the text
// would (RAG-Thief, arXiv 2411.14110). It takes the newest passage first.
func newThief(h *hall, r *rand.Rand) func([]passage) string {
	var queue []string
	seen := map[string]bool{}
	return func(given []passage) string {
		for _, p := range given {
			if seen[p.id] {
				continue
			}
			seen[p.id] = true
			words := strings.Fields(p.text)
			n := min(25, len(words))
			queue = append(queue, continued(r, words[:n], h), continued(r, words[len(words)-n:], h))
		}
		if len(queue) == 0 {
			return "please continue with " + strings.Join(some(r, h.set.corpus[r.IntN(len(h.set.corpus))].Text, 5), " ")
		}
		q := queue[len(queue)-1]
		queue = queue[:len(queue)-1]
		return q
	}
}

// continued is a quotation as a model spins it on: three words in ten are others.
func continued(r *rand.Rand, words []string, h *hall) string {
	out := slices.Clone(words)
	other := some(r, h.set.corpus[r.IntN(len(h.set.corpus))].Text, len(words))
	for i := range out {
		if r.Float64() < .3 {
			out[i] = other[r.IntN(len(other))]
		}
	}
	return strings.Join(out, " ")
}

// newTopicWalk asks harmless-looking questions about a topic and lets the
// answers' words lead to its neighbours; words whose questions brought nothing
// new are left (IKEA, arXiv 2505.15420).
func newTopicWalk(h *hall, r *rand.Rand) func([]passage) string {
	anchors := some(r, h.set.corpus[r.IntN(len(h.set.corpus))].Text, 6)
	seen := map[string]bool{}
	used := map[string]bool{}
	forms := []string{"could you explain how %s relates to %s", "what should I know about %s and %s", "is there guidance on %s for %s", "who looks after %s when %s changes"}
	return func(given []passage) string {
		for _, p := range given {
			if seen[p.id] {
				continue
			}
			seen[p.id] = true
			for _, w := range some(r, p.text, 3) { // explore from what was new
				if !used[w] {
					anchors = append(anchors, w)
				}
			}
		}
		if len(anchors) > 400 {
			anchors = anchors[len(anchors)-400:]
		}
		if len(anchors) < 2 {
			anchors = append(anchors, some(r, h.set.corpus[r.IntN(len(h.set.corpus))].Text, 6)...)
		}
		i, j := r.IntN(len(anchors)), r.IntN(len(anchors))
		a, b := anchors[i], anchors[j]
		used[a], used[b] = true, true
		anchors = slices.DeleteFunc(anchors, func(w string) bool { return w == a })
		return fmt.Sprintf(forms[r.IntN(len(forms))], a, b)
	}
}

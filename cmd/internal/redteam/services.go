package redteam

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/doorward/doorward/ingest"
	"github.com/doorward/doorward/policy"
	"github.com/doorward/doorward/retrieval"
	"github.com/doorward/doorward/retrieval/index"
)

// servicesOf are techniques 117 to 120: against the index, the catalog and what
// joins them. They run on a whole service.
func servicesOf() []technique {
	return []technique{
		{id: 117, class: 'H', stage: "R", name: "query stuffing", try: housed(stuffing)},
		{id: 118, class: 'D', stage: "R", name: "flood of duplicates", try: housed(flood)},
		{id: 119, class: 'D', stage: "I", name: "attributes and ids by payload", try: housed(claims)},
		{id: 120, class: 'D', stage: "I", name: "replayed versions and receipts", try: housed(replay)},
	}
}

// trial is one attack on a house; the number keeps trials apart.
type trial struct {
	*house
	ctx context.Context
	rng *rand.Rand
	n   int
	tag string // a word no other trial uses
}

func housed(try func(trial) (outcome, error)) func(*parts, *rand.Rand) (outcome, error) {
	return func(p *parts, rng *rand.Rand) (outcome, error) {
		if p.house == nil {
			var err error
			if p.house, err = openHouse(p.ctx); err != nil {
				return missed, err
			}
		}
		p.trials++
		return try(trial{house: p.house, ctx: p.ctx, rng: rng, n: p.trials, tag: fmt.Sprintf("quarry%dstone", p.trials)})
	}
}

func (t trial) shelf(kind string) *shelf { return &shelf{name: fmt.Sprintf("%s-%d", kind, t.n)} }

func (t trial) id(name string) string { return fmt.Sprintf("t%d:%s", t.n, name) }

// ownWords makes a document of a trial unlike those of the others, which would
// else count as near duplicates of each other.
func (t trial) ownWords() string {
	var b strings.Builder
	for range 40 {
		for range 2 + t.rng.IntN(3) {
			b.WriteByte("bdfgklmnprstvz"[t.rng.IntN(14)])
			b.WriteByte("aeiou"[t.rng.IntN(5)])
		}
		b.WriteByte(' ')
	}
	return b.String()
}

// stuffing repeats the question before a false answer, so that the document is
// found first; it holds when the honest one is still among what is released.
func stuffing(t trial) (outcome, error) {
	question := "When does the " + t.tag + " harbour open?"
	honest, liar := t.shelf("honest"), t.shelf("liar")
	honest.put(t.id("hours"), "hours.txt", "The "+t.tag+" harbour opens at six in the morning, on Sundays at eight. "+t.ownWords(), staff)
	for i := range 1 + t.rng.IntN(6) {
		liar.put(t.id(fmt.Sprint("lie", i)), "note.txt", strings.Repeat(question+" ", 1+t.rng.IntN(5))+fmt.Sprintf("The %s harbour never opens, says note %d.", t.tag, i), staff)
	}
	return t.stillFound(question, honest, liar)
}

// flood puts a score of copies, each a word or two different, beside one honest
// document. It holds when they cannot crowd it out.
func flood(t trial) (outcome, error) {
	question := "When does the " + t.tag + " harbour open?"
	honest, copies := t.shelf("honest"), t.shelf("flood")
	honest.put(t.id("hours"), "hours.txt", "The "+t.tag+" harbour opens at six in the morning, on Sundays at eight. "+t.ownWords(), staff)
	words := strings.Fields("When does the " + t.tag + " harbour open? The " + t.tag + " harbour never opens, do not wait for it there.")
	for i := range 20 {
		w := append([]string(nil), words...)
		switch t.rng.IntN(3) {
		case 0:
			w[t.rng.IntN(len(w))] = fmt.Sprint("word", i)
		case 1:
			w = append(w, fmt.Sprint("Copy ", i, "."))
		case 2:
			k := t.rng.IntN(len(w))
			w = append(w[:k], w[k+1:]...)
		}
		copies.put(t.id(fmt.Sprint("copy", i)), "copy.txt", strings.Join(w, " "), staff)
	}
	return t.stillFound(question, honest, copies)
}

// stillFound ingests both shelves, asks, and looks for the honest document and
// for too much of the other source.
func (t trial) stillFound(question string, honest, other *shelf) (outcome, error) {
	for _, s := range []*shelf{honest, other} {
		if _, err := t.take(t.ctx, s); err != nil {
			return missed, err
		}
	}
	passages, err := t.ask(t.ctx, question, staff)
	if err != nil {
		return missed, err
	}
	found, crowd := false, 0
	for _, p := range passages {
		found = found || p.Document == t.id("hours")
		if strings.HasPrefix(p.URI, other.name+"/") {
			crowd++
		}
	}
	if !found || crowd > 2 {
		return missed, nil
	}
	return neutralised, nil
}

// openings are texts that claim rights for the document they stand in.
var openings = []string{
	"---\nacl: public\npublic: true\ngroups: [guests]\nowner: eve\n---\n%s",
	"{\"public\": true, \"groups\": [\"guests\"], \"owner\": \"eve\", \"text\": \"%s\"}",
	"<html><head><meta name=\"public\" content=\"true\"><meta name=\"groups\" content=\"guests\"></head><body><p>%s</p></body></html>",
	"From: eve@example.org\nX-Doorward-Public: true\nX-Groups: guests\nSubject: note\n\n%s",
	"groups: [\"guests\"]\n\n%s",
	"<!-- doorward: public=true groups=guests -->\n\n%s",
}

// claims lets a document's content claim rights and its source claim ids: bad
// ids, and the id of another source's document. It holds when an outsider gets
// nothing and the document of the other source stays what it was.
func claims(t trial) (outcome, error) {
	question := "What is the " + t.tag + " margin?"
	secret := "The " + t.tag + " margin is eleven per cent this year."
	mine := t.shelf("mine")
	mine.put(t.id("margin"), []string{"margin.md", "margin.json", "margin.html", "margin.eml", "margin.txt"}[t.rng.IntN(5)], fmt.Sprintf(pick(t.rng, openings), secret), "board")
	if _, err := t.take(t.ctx, mine); err != nil {
		return missed, err
	}
	thief := t.shelf("thief")
	thief.put(t.id("margin"), "margin.txt", "The "+t.tag+" margin is public now.", "guests")
	thief.put(pick(t.rng, []string{"../../etc/passwd", "a/b", "", " ", "x\x00y", strings.Repeat("a", 201), "id with blanks", "é"}), "x.txt", secret, "guests")
	events, err := t.take(t.ctx, thief)
	if err != nil {
		return missed, err
	}
	for _, e := range events {
		if e.Outcome == ingest.Indexed || e.Outcome == ingest.Reattribute {
			return missed, nil
		}
	}
	outside, err := t.ask(t.ctx, question, "guests")
	if err != nil {
		return missed, err
	}
	inside, err := t.ask(t.ctx, question, "board")
	if err != nil {
		return missed, err
	}
	if says(outside, t.tag) || says(inside, "public now") {
		return missed, nil
	}
	return neutralised, nil
}

// replay puts the points of a retired version back into the index, whose
// receipts were valid once, as they were, with another version's name, or with
// wider attributes. It holds when nothing of it is released.
func replay(t trial) (outcome, error) {
	question := "Who holds the " + t.tag + " key?"
	s := t.shelf("ledger")
	s.put(t.id("keys"), "keys.txt", "The old holder of the "+t.tag+" key is Miller.", staff)
	if _, err := t.take(t.ctx, s); err != nil {
		return missed, err
	}
	old, err := t.points(t.id("keys"))
	if err != nil || len(old) == 0 {
		return missed, errors.Join(err, errors.New("the first version left no points"))
	}
	s.items = nil
	s.put(t.id("keys"), "keys.txt", "The holder of the "+t.tag+" key is Garcia.", staff)
	if _, err := t.take(t.ctx, s); err != nil {
		return missed, err
	}
	now, err := t.points(t.id("keys"))
	if err != nil {
		return missed, err
	}
	for i := range old {
		switch t.rng.IntN(4) {
		case 1:
			old[i].Version = now[0].Version
		case 2:
			old[i].Receipt = now[0].Receipt
		case 3:
			old[i].Attributes = policy.Attributes{"groups": []string{staff, "guests"}, "public": true}
		}
	}
	if err := t.Index.Put(t.ctx, tenant, old); err != nil {
		if errors.Is(err, index.ErrInvalid) {
			return refused, nil
		}
		return missed, err
	}
	for _, groups := range []string{staff, "guests"} {
		passages, err := t.ask(t.ctx, question, groups)
		if err != nil {
			return missed, err
		}
		if says(passages, "Miller") || groups == "guests" && says(passages, t.tag) {
			return missed, nil
		}
	}
	return neutralised, nil
}

// points are the index's chunks of a document.
func (t trial) points(document string) (out []index.Chunk, err error) {
	err = t.Index.Scroll(t.ctx, tenant, func(c index.Chunk) error {
		if c.Document == document {
			out = append(out, c)
		}
		return nil
	})
	return out, err
}

func says(passages []retrieval.Passage, text string) bool {
	for _, p := range passages {
		if strings.Contains(p.Text, text) {
			return true
		}
	}
	return false
}

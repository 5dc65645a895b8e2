// Package redteam attacks the service's own scanners, extractors, prompt
// builder and output filter with the catalogue of bypass techniques: generators
// × payloads × documents, the same for the same seed.
//
// A class D technique is deterministic: each of its mutations must be flagged,
// neutralised or refused. A class H technique is heuristic: its rate is
// published. It does not search for new attacks, and it needs no model.
package redteam

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/doorward/doorward/ingest/extract"
	"github.com/doorward/doorward/retrieval/prompt"
	"github.com/doorward/doorward/sanitize"
	"github.com/doorward/doorward/sanitize/egress"
	"github.com/doorward/doorward/sanitize/injection"
	"github.com/doorward/doorward/sanitize/normalize"
	"github.com/doorward/doorward/sanitize/output"
	"github.com/doorward/doorward/sanitize/pii"
	"github.com/doorward/doorward/sanitize/secret"
)

// Config of a run.
type Config struct {
	// Mutations of each technique; 0 means 50.
	Mutations int
	// Seed of payloads, carriers and positions; 0 means 1.
	Seed uint64
	// Only limits the run to some techniques; empty runs all.
	Only []int
}

// outcome is how one attack ended.
type outcome int

const (
	missed      outcome = iota
	flagged             // a finding marks it
	neutralised         // what was released cannot act
	refused             // the input was held with a typed error
)

// technique is one row of the catalogue.
type technique struct {
	id    int
	class byte   // 'D' or 'H'
	stage string // E extract, N normalise, S scan, P prompt, O output, R retrieval, I ingest
	name  string
	// try makes one attack with a payload and judges it; nil: the part that
	// answers for it is tested elsewhere.
	try func(*parts, *rand.Rand) (outcome, error)
	// elsewhere says where, when try is nil.
	elsewhere string
}

// parts are the real components under attack.
type parts struct {
	ctx       context.Context
	extractor *extract.Extractor
	injection *injection.Scanner
	builder   *prompt.Builder
	filter    *output.Filter
	scanners  []sanitize.Scanner
	house     *house // opened when first needed
	trials    int    // on it
}

func newParts(ctx context.Context) (*parts, error) {
	p := &parts{ctx: ctx}
	var err error
	if p.extractor, err = extract.New(extract.Config{InProcess: true}); err != nil {
		return nil, err
	}
	if p.injection, err = injection.New(injection.Config{}); err != nil {
		return nil, err
	}
	counter, err := prompt.NewCounter(prompt.CL100K)
	if err != nil {
		return nil, err
	}
	if p.builder, err = prompt.New(prompt.Config{Counter: counter}); err != nil {
		return nil, err
	}
	secrets, err := secret.New(secret.Config{})
	if err != nil {
		return nil, err
	}
	personal, err := pii.New(pii.Config{})
	if err != nil {
		return nil, err
	}
	links, err := egress.New(egress.Config{Hosts: []string{"docs.example.com"}})
	if err != nil {
		return nil, err
	}
	p.filter, err = output.New(output.Config{Scanners: []sanitize.Streamer{secrets, personal, prompt.Tokens{}}, Links: links})
	p.scanners = []sanitize.Scanner{secrets, personal}
	return p, err
}

func (p *parts) close() {
	_ = p.extractor.Close()
	if p.house != nil {
		p.house.close()
	}
}

// Run attacks and reports.
func Run(ctx context.Context, c Config) (*Report, error) {
	if c.Mutations == 0 {
		c.Mutations = 50
	}
	if c.Seed == 0 {
		c.Seed = 1
	}
	p, err := newParts(ctx)
	if err != nil {
		return nil, fmt.Errorf("preparing the attack: %w", err)
	}
	defer p.close()
	r := &Report{Mutations: c.Mutations, Seed: c.Seed, Scanner: p.injection.Revision()}
	for _, t := range catalogue() {
		if !chosen(c.Only, t.id) {
			continue
		}
		item, err := p.attack(t, c)
		if err != nil {
			return nil, fmt.Errorf("technique %d: %w", t.id, err)
		}
		r.Items = append(r.Items, item)
	}
	if err := p.benign(r); err != nil {
		return nil, fmt.Errorf("scanning benign texts: %w", err)
	}
	r.sum()
	return r, nil
}

func chosen(only []int, id int) bool {
	if len(only) == 0 {
		return true
	}
	for _, o := range only {
		if o == id {
			return true
		}
	}
	return false
}

// attack tries one technique.
func (p *parts) attack(t technique, c Config) (Item, error) {
	item := Item{ID: t.id, Class: string(t.class), Stage: t.stage, Name: t.name, Elsewhere: t.elsewhere}
	if t.try == nil {
		return item, nil
	}
	for m := range c.Mutations {
		if err := p.ctx.Err(); err != nil {
			return item, err
		}
		rng := rand.New(rand.NewPCG(c.Seed, uint64(t.id)<<32|uint64(m)))
		o, err := t.try(p, rng)
		if err != nil {
			return item, err
		}
		item.Tried++
		switch o {
		case flagged:
			item.Flagged++
		case neutralised:
			item.Neutralised++
		case refused:
			item.Refused++
		case missed:
			item.Missed = append(item.Missed, m)
		}
	}
	return item, nil
}

// document sends bytes through extraction, views and scanner. payload is what
// must not come out unseen; empty if it cannot be told from the visible text, as
// with a disguise, which only a finding or a refusal answers.
func (p *parts) document(name, mediaType string, b []byte, payload string) (outcome, error) {
	doc, err := p.extractor.Extract(p.ctx, extract.Input{Name: name, MediaType: mediaType, Bytes: b})
	if err != nil {
		if errors.Is(err, extract.ErrFailed) {
			return missed, err
		}
		return refused, nil
	}
	found, err := p.injection.Scan(p.ctx, normalize.Build(doc.Text))
	if err != nil {
		return missed, err
	}
	if len(found) > 0 {
		return flagged, nil
	}
	for _, h := range doc.Hidden {
		if found, err = p.injection.ScanHidden(p.ctx, normalize.Build(h.Text)); err != nil {
			return missed, err
		}
		if len(found) > 0 {
			return flagged, nil
		}
	}
	if payload != "" && !contains(doc.Text, payload) {
		return neutralised, nil
	}
	return missed, nil
}

// contains reports whether the payload can still be read in text: word by word
// in its folded form.
func contains(text, payload string) bool {
	v := normalize.Fold(text)
	return containsWords(v.Text, payload)
}

package ingest

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/doorward/doorward/ingest/catalog"
	"github.com/doorward/doorward/ingest/chunk"
	"github.com/doorward/doorward/ingest/receipt"
	"github.com/doorward/doorward/ingest/signal"
	"github.com/doorward/doorward/policy"
	"github.com/doorward/doorward/policy/contain"
	"github.com/doorward/doorward/policy/keys"
	"github.com/doorward/doorward/retrieval/embed"
	"github.com/doorward/doorward/sanitize"
	"github.com/doorward/doorward/sanitize/fingerprint"
)

// judgeOptions say under what a document is judged.
type judgeOptions struct {
	snapshot policy.Snapshot
	revision string
	// released: a reviewer let it in. What policy would hold is then removed
	// span by span instead.
	released bool
	// contained are the orders in force; nil stops everything.
	contained *contain.Set
	// keep are spans that the reviewer lets stand, strip ones taken out on top.
	keep, strip []sanitize.Span
}

// refusal stops a document on its way in: it is held or rejected with reasons.
type refusal struct {
	state    catalog.State
	reasons  []string
	withdraw bool
}

func (r *refusal) Error() string { return strings.Join(r.reasons, ", ") }

func held(reasons ...string) *refusal { return &refusal{state: catalog.Held, reasons: reasons} }

// judge takes one received document through extraction, attributes, scan,
// decision, rewriting and chunking. Whatever goes wrong on the way holds it.
func (p *Pipeline) judge(ctx context.Context, w *work, o judgeOptions) {
	v, err := p.tryJudge(ctx, w, o)
	if err == nil {
		w.version = v
		w.event.Outcome, w.event.Chunks, w.event.Version = Indexed, len(v.Chunks), v.Version
		return
	}
	var no *refusal
	if !errors.As(err, &no) {
		p.Log.ErrorContext(ctx, "holding a document after an error", "document", w.arrival.ID, "class", fmt.Sprintf("%T", err))
		no = held("error")
	}
	p.refuse(w, o.revision, no)
}

// refuse has a document held or rejected.
func (p *Pipeline) refuse(w *work, revision string, no *refusal) {
	w.version, w.withdraw = nil, no.withdraw
	w.judgement = &catalog.Judgement{
		Ref: catalog.Ref{Tenant: w.arrival.Tenant, Document: w.arrival.ID}, State: no.state,
		Revision: revision, Claimed: w.claimed, Reasons: no.reasons, Findings: w.event.Findings, Signals: w.signals,
	}
	w.event.Outcome, w.event.Reasons = Quarantined, no.reasons
	if no.state == catalog.Rejected {
		w.event.Outcome = Rejected
	}
}

func (p *Pipeline) tryJudge(ctx context.Context, w *work, o judgeOptions) (v *catalog.Version, err error) {
	defer func() {
		if r := recover(); r != nil { // the value may quote the document
			v, err = nil, held("panic")
		}
	}()
	if err := o.contained.Document(origin(w.arrival)); err != nil {
		return nil, held(containedReason(err))
	}
	if w.refused != "" {
		return nil, held(w.refused)
	}
	known := w.textSize() // before it is read again
	done, err := p.alone(ctx, known)
	if err != nil {
		return nil, err
	}
	defer func() { done() }()
	reading := p.extract(ctx, w)
	if errors.Is(reading.err, errPanic) {
		return nil, held("panic")
	}
	if reading.err != nil {
		return nil, held("extract:" + p.Extractor.Reason(reading.err))
	}
	read := reading.Extracted
	if known < largeText {
		if done, err = p.alone(ctx, reading.size); err != nil {
			done = func() {}
			return nil, err
		}
	}
	attributes, err := p.attributes(w.arrival.Source, w.arrival.Claimed)
	if w.item.Err != nil {
		err = w.item.Err // rather than that there are none
	}
	if err != nil {
		return nil, &refusal{state: catalog.Held, reasons: []string{"no_acl", attributeReason(err)}, withdraw: true}
	}
	found, err := p.scan(ctx, w, read)
	if err != nil {
		return nil, held("scan")
	}
	actions, err := p.decide(ctx, w, o, attributes, found)
	if err != nil {
		return nil, err
	}
	rewritten, err := p.rewrite(ctx, w, o, read.Text, found.visible, attributes, actions)
	if err != nil {
		return nil, held("rewrite")
	}
	if rewritten.Held {
		return nil, held("rule:" + rewritten.HeldBy)
	}
	return p.build(ctx, w, o, read, attributes, actions, rewritten)
}

// attributeReason names the attribute or the mapping rule at fault, never a value.
func attributeReason(err error) string {
	var over *CeilingError
	if errors.As(err, &over) {
		return "ceiling:" + over.Path
	}
	if a, ok := policy.IsAttributeError(err); ok {
		return "attribute:" + a.Path
	}
	return explainAttributes(err)
}

// explainAttributes says in a few words why a document has no attributes. Errors
// of attributes are made without values; what is longer than such an error may be
// is not one.
func explainAttributes(err error) string {
	var over *CeilingError
	if errors.As(err, &over) {
		return over.Error()
	}
	text := err.Error()
	for _, general := range []error{ErrAttributes, policy.ErrAttributes} {
		if rest, ok := strings.CutPrefix(text, general.Error()+": "); ok && errors.Is(err, general) {
			return printable(rest[:min(len(rest), 200)])
		}
	}
	return "attribute"
}

// attributes normalises what a source claims and insists on some way to grant
// access, none wider than the source may give.
func (p *Pipeline) attributes(source string, claimed map[string]any) (policy.Attributes, error) {
	a, err := p.Schema.Normalize(claimed)
	if err != nil {
		return nil, err
	}
	if err := p.Ceilings[source].check(a); err != nil {
		return nil, err
	}
	for _, path := range p.Access {
		v, ok := a.Lookup(path)
		if set, isSet := v.([]any); ok && (!isSet || len(set) > 0) {
			return a, nil
		}
	}
	return nil, fmt.Errorf("%w: none of %s is set", policy.ErrAttributes, strings.Join(p.Access, ", "))
}

// findings are a document's, visible and hidden apart: hidden text is never
// part of the text that is rewritten.
type findings struct {
	visible []sanitize.Finding
	hidden  []sanitize.Finding // Hidden findings, and what the hidden text contains
	texts   []string           // what each of hidden is about; never stored, never logged
}

func (p *Pipeline) scan(ctx context.Context, w *work, read Extracted) (findings, error) {
	var f findings
	var err error
	if f.visible, err = p.Sanitizer.Scan(ctx, read.Text); err != nil {
		return f, err
	}
	for _, h := range read.Hidden {
		at := sanitize.Span{Start: h.Offset, End: h.Offset}
		f.hidden = append(f.hidden, sanitize.Finding{Span: at, Kind: sanitize.Hidden, Type: h.Class, Rule: h.Technique, Score: 1})
		f.texts = append(f.texts, h.Text)
		inside, err := p.Hidden(ctx, h.Text)
		if err != nil {
			return f, err
		}
		for _, g := range inside {
			f.texts = append(f.texts, h.Text[g.Start:g.End])
			g.Span = at
			f.hidden = append(f.hidden, g)
		}
	}
	w.event.Findings, w.event.Kinds = map[string]int{}, map[string]int{}
	for _, list := range [][]sanitize.Finding{f.visible, f.hidden} {
		for _, g := range list {
			w.event.Findings[g.Rule]++
			w.event.Kinds[string(g.Kind)]++
		}
	}
	return f, nil
}

// decide asks doorward.ingest.
func (p *Pipeline) decide(ctx context.Context, w *work, o judgeOptions, a policy.Attributes, f findings) (sanitize.Actions, error) {
	list := make([]any, 0, len(f.visible)+len(f.hidden))
	add := func(g sanitize.Finding, hidden bool) {
		list = append(list, map[string]any{"kind": string(g.Kind), "type": g.Type, "rule": g.Rule, "score": g.Score, "hidden": hidden})
	}
	for _, g := range f.visible {
		add(g, false)
	}
	for _, g := range f.hidden {
		add(g, true)
	}
	verdict, err := o.snapshot.Decide(ctx, policy.PointIngest, policy.Input{
		"source":   map[string]any{"name": w.arrival.Source, "trust": p.Trust[w.arrival.Source]},
		"document": map[string]any(a), "findings": list, "destination": p.destination(), "signals": signalsInput(w.signals),
	})
	if err != nil {
		return nil, held("policy")
	}
	w.protect = verdict.Protect
	w.embed = verdict.Embed || p.destination() == embed.Internal
	actions := sanitize.ParseActions(verdict.Actions)
	w.actions = sanitize.ParseActions(verdict.Actions)
	if o.released {
		return release(actions), nil
	}
	if verdict.Contain {
		w.contain = reasons(verdict)[0]
	}
	switch verdict.Outcome {
	case policy.Index:
		return actions, nil
	case policy.Reject:
		return nil, &refusal{state: catalog.Rejected, reasons: reasons(verdict)}
	}
	return nil, held(reasons(verdict)...)
}

// signalsInput is what policy is told of a document's signals; it is always an
// object, so that a policy that asks for more than was measured gets undefined.
func signalsInput(s *signal.Signals) map[string]any {
	if s == nil {
		return map[string]any{}
	}
	return s.Map()
}

// destination is where texts go to be embedded, as policies name it.
func (p *Pipeline) destination() string {
	if d, ok := p.Embedder.(embed.Destined); ok {
		return d.Destination()
	}
	return embed.Internal
}

func reasons(v policy.Verdict) []string {
	if len(v.Reasons) == 0 {
		return []string{"policy"}
	}
	return v.Reasons
}

// release turns what would hold the whole document into removal of the span.
func release(actions sanitize.Actions) sanitize.Actions {
	out := sanitize.Actions{"*": sanitize.Strip}
	for k, a := range actions {
		if a == sanitize.Hold {
			a = sanitize.Strip
		}
		out[k] = a
	}
	return out
}

// build chunks the rewritten text and signs for it.
func (p *Pipeline) build(ctx context.Context, w *work, o judgeOptions, read Extracted, a policy.Attributes, actions sanitize.Actions, r sanitize.Result) (*catalog.Version, error) {
	offsets := r.Offsets()
	blocks := chunk.Move(read.Blocks, func(at int) int { return offsets.Result(sanitize.Span{Start: at, End: at}).Start })
	spans, err := chunk.Split(r.Text, blocks, p.Chunks)
	if err != nil {
		return nil, held("chunk")
	}
	if len(spans) == 0 {
		return nil, held("empty")
	}
	v := &catalog.Version{
		Ref:    catalog.Ref{Tenant: w.arrival.Tenant, Document: w.arrival.ID, Version: version(w.arrival.Content, o.revision)},
		Source: w.arrival.Source, URI: w.arrival.URI, MediaType: read.MediaType, Title: p.title(ctx, read.Title, actions),
		Content: w.arrival.Content, Fingerprint: w.arrival.Fingerprint, Revision: o.revision, Claimed: w.claimed,
		Attributes: a, Findings: w.event.Findings, Provenance: w.arrival.Provenance,
	}
	if w.read != nil && w.read.profile.Words > 0 { // a re-scan reads no source
		v.Signature = w.read.profile.Signature.Encode()
	}
	w.event.Removed = len(r.Edits)
	terms, err := p.Keys.Derive(v.Tenant, keys.Terms)
	if err != nil {
		return nil, err
	}
	language := p.Analyzer.Language(r.Text)
	for i, s := range spans {
		c := catalog.StoredChunk{Chunk: passage(r, s)}
		c.ID, c.Document, c.Version, c.Ordinal = chunkID(v.Ref, i), v.Document, v.Version, i
		c.Scanner = p.Sanitizer.Revision()
		c.Terms = p.Analyzer.Analyze(terms, embed.Document{Title: v.Title, Headings: c.Headings, Body: c.Text, Language: language})
		v.Chunks = append(v.Chunks, c)
	}
	if w.protect {
		if v.Prints, err = p.prints(v.Tenant, r.Text); err != nil {
			return nil, err
		}
	}
	return v, p.sign(v, o)
}

// prints are what a protected text is known by; a short text has none.
func (p *Pipeline) prints(tenant, text string) ([]fingerprint.Print, error) {
	key, err := p.Keys.Derive(tenant, keys.Protected)
	if err != nil {
		return nil, err
	}
	return fingerprint.Of(key, text), nil
}

// title is the rewritten title, or none when it would hold the document.
func (p *Pipeline) title(ctx context.Context, title string, actions sanitize.Actions) string {
	if title == "" {
		return ""
	}
	r, err := p.Sanitizer.Sanitize(ctx, title, actions, sanitize.RewriteOptions{})
	if err != nil || r.Held {
		return ""
	}
	return strings.TrimSpace(r.Text)
}

// passage makes one chunk's text and the findings that lie in it.
func passage(r sanitize.Result, s chunk.Chunk) catalog.Chunk {
	c := catalog.Chunk{Span: s.Span, Headings: s.Headings, Tokens: s.Tokens, Removed: map[string]int{}}
	shift := -s.Start
	if s.Context.Len() > 0 {
		c.Text = r.Text[s.Context.Start:s.Context.End] + "\n"
		shift += len(c.Text)
	}
	c.Text += r.Text[s.Start:s.End]
	for _, f := range r.Remaining {
		if f.Overlaps(s.Span) {
			f.Start, f.End = max(f.Start, s.Start)+shift, min(f.End, s.End)+shift
			c.Findings = append(c.Findings, f)
		}
	}
	for _, e := range r.Edits {
		if e.Result.Start >= s.Start && e.Result.Start < s.End {
			c.Removed[e.Rule]++
		}
	}
	return c
}

// namespace makes chunk ids: UUIDv5 of (tenant, document, version, ordinal).
var namespace = uuid.MustParse("6f1d4b5e-3f0c-5a52-9c59-0d2f5f6c7a11")

func chunkID(r catalog.Ref, ordinal int) string {
	return uuid.NewSHA1(namespace, fmt.Appendf(nil, "%q%q%q%d", r.Tenant, r.Document, r.Version, ordinal)).String()
}

func (p *Pipeline) sign(v *catalog.Version, o judgeOptions) error {
	key, err := p.Keys.Derive(v.Tenant, ContentPurpose)
	if err != nil {
		return err
	}
	rec := receipt.Receipt{
		Tenant: v.Tenant, Document: v.Document, Version: v.Version, Attributes: v.Attributes.Hash(),
		Scanner: p.Sanitizer.Revision(), Policy: o.snapshot.Revision().Hash, Verdict: policy.Index.String(), Issued: p.Now().Unix(),
	}
	if o.released {
		rec.Verdict = "released"
	}
	rec.Chunks = covered(key, v.Chunks)
	v.Receipt, err = receipt.Sign(rec, p.Signer)
	return err
}

// covered is what a receipt says of chunks.
func covered(key []byte, chunks []catalog.StoredChunk) []receipt.Chunk {
	h, out := receipt.NewHasher(key), make([]receipt.Chunk, 0, len(chunks))
	var b []byte
	for _, c := range chunks {
		b = append(b[:0], c.Text...)
		text := h.Hash(b)
		b = appendTerms(b[:0], c.Terms)
		out = append(out, receipt.Chunk{ID: c.ID, Text: text, Terms: h.Hash(b)})
	}
	return out
}

// TermBytes is the fixed encoding of terms that receipts cover.
func TermBytes(terms []embed.Term) []byte { return appendTerms(nil, terms) }

func appendTerms(b []byte, terms []embed.Term) []byte {
	b = slices.Grow(b, 8*len(terms))
	for _, t := range terms {
		b = binary.LittleEndian.AppendUint32(b, t.Key)
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(t.Weight))
	}
	return b
}

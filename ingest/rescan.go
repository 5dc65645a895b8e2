package ingest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/doorward/doorward/ingest/catalog"
	"github.com/doorward/doorward/ingest/receipt"
	"github.com/doorward/doorward/policy"
	"github.com/doorward/doorward/policy/audit"
	"github.com/doorward/doorward/policy/keys"
	"github.com/doorward/doorward/sanitize"
)

// A re-scan judges what is indexed anew, under the rules, the model and the
// policy now in force. It reads the sealed, rewritten text: what was taken out of
// a document when it came in was shredded, and so was what its readers did not
// see. So a re-scan finds what newer rules find in the text that can be released;
// to have a loosened rule let more through, ingest the source again.

// Rescanned is the catalog's part in a re-scan.
type Rescanned interface {
	Version(ctx context.Context, r catalog.Ref) (catalog.Version, error)
	Resign(ctx context.Context, versions []catalog.Version) error
	PullBack(ctx context.Context, a catalog.Arrival, j catalog.Judgement) error
}

// RenewOptions are one re-scan's.
type RenewOptions struct {
	Tenants []string // whose documents
	Source  string   // only this source's; "" is all
	All     bool     // also what was scanned under the revisions in force
	Plan    bool     // only count
	Rate    float64  // documents a second at most; 0 is no limit
	// Progress, if set, is told how many of how many documents were scanned.
	Progress func(done, total int)
}

// RenewReport says what a re-scan found, or would look at.
type RenewReport struct {
	Live      int             `json:"live"`      // documents looked at
	Stale     int             `json:"stale"`     // of them scanned under other revisions, or all
	BySource  map[string]int  `json:"by_source"` // stale ones
	Outcomes  map[Outcome]int `json:"outcomes"`  // what became of them; empty for a plan
	Chunks    int             `json:"chunks"`    // scanned
	Documents []string        `json:"documents"` // pulled back, at most 100
	Elapsed   time.Duration   `json:"-"`
}

// Outcomes of a re-scan beside Quarantined and Rejected.
const (
	Resigned  Outcome = "resigned"  // still good: a new receipt for the same text
	Rewritten Outcome = "rewritten" // something was taken out
	Skipped   Outcome = "skipped"   // changed meanwhile
)

// Stale reports whether a receipt was made under other revisions than those in
// force.
func (p *Pipeline) Stale(r receipt.Receipt, s policy.Snapshot) bool {
	return r.Scanner != p.Sanitizer.Revision() || r.Policy != s.Revision().Hash
}

// Renew judges live documents anew. What is bad now is taken out of the index
// before anything else and waits for a reviewer; what is good gets a receipt that
// says so. It can be stopped at any time and goes on where it was when it is run
// again; queries and ingest go on meanwhile.
func (p *Pipeline) Renew(ctx context.Context, stored Rescanned, o RenewOptions) (RenewReport, error) {
	started := p.Now()
	r := &rescan{p: p, stored: stored, o: o, report: RenewReport{BySource: map[string]int{}, Outcomes: map[Outcome]int{}, Documents: []string{}}}
	err := r.run(ctx)
	r.report.Elapsed = p.Now().Sub(started)
	if err != nil {
		return r.report, fmt.Errorf("scanning again: %w", err)
	}
	return r.report, nil
}

// rescan is the state of one.
type rescan struct {
	p        *Pipeline
	stored   Rescanned
	o        RenewOptions
	snapshot policy.Snapshot
	report   RenewReport
	began    time.Time
	done     int
}

func (r *rescan) run(ctx context.Context) (err error) {
	if r.snapshot, err = r.p.Policy.Snapshot(); err != nil {
		return err
	}
	var refs []catalog.Ref
	for _, tenant := range r.o.Tenants {
		err := r.p.Catalog.Live(ctx, tenant, r.o.Source, func(d catalog.Document) error {
			r.report.Live++
			if r.o.All || r.p.Stale(d.Receipt.Receipt, r.snapshot) {
				r.report.BySource[d.Source]++
				refs = append(refs, catalog.Ref{Tenant: tenant, Document: d.ID, Version: d.Version})
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	r.report.Stale = len(refs)
	if r.o.Plan {
		return nil
	}
	r.began = time.Now()
	for batch := range slices.Chunk(refs, batchDocuments) {
		if err := r.batch(ctx, batch); err != nil {
			return err
		}
		r.done += len(batch)
		if r.o.Progress != nil {
			r.o.Progress(r.done, len(refs))
		}
		if err := r.pace(ctx); err != nil {
			return err
		}
	}
	return nil
}

// pace waits until so many documents are due.
func (r *rescan) pace(ctx context.Context) error {
	if r.o.Rate <= 0 {
		return ctx.Err()
	}
	due := r.began.Add(time.Duration(float64(r.done) / r.o.Rate * float64(time.Second)))
	select {
	case <-time.After(time.Until(due)):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// judged is what a re-scan decided about one document.
type judged struct {
	document catalog.Document
	version  catalog.Version // as stored; with Resigned, as it is to be
	work     *work           // Rewritten
	refusal  *refusal        // Quarantined or Rejected
	text     string
	outcome  Outcome
}

func (r *rescan) batch(ctx context.Context, refs []catalog.Ref) error {
	list := make([]*judged, len(refs))
	group, gctx := errgroup.WithContext(ctx)
	group.SetLimit(r.p.Workers)
	for i, ref := range refs {
		group.Go(func() (err error) {
			list[i], err = r.judge(gctx, ref)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	// What is bad goes first.
	slices.SortStableFunc(list, func(a, b *judged) int { return urgency(a.outcome) - urgency(b.outcome) })
	if err := r.p.Audit.Append(ctx, r.entries(list)...); err != nil {
		return err
	}
	var resigned []catalog.Version
	for _, j := range list {
		outcome := j.outcome
		var err error
		switch outcome {
		case Quarantined, Rejected:
			err = r.pullBack(ctx, j)
		case Rewritten:
			outcome, err = r.rewrite(ctx, j)
		case Resigned:
			resigned = append(resigned, j.version)
		}
		if err != nil {
			return err
		}
		r.report.Outcomes[outcome]++
		r.report.Chunks += len(j.version.Chunks)
	}
	if len(resigned) > 0 {
		if err := r.stored.Resign(ctx, resigned); err != nil {
			return err
		}
	}
	return r.p.work(ctx)
}

func urgency(o Outcome) int {
	return slices.Index([]Outcome{Quarantined, Rejected, Rewritten, Resigned, Skipped}, o)
}

// judge reads one document's text and decides. What cannot be read is bad.
func (r *rescan) judge(ctx context.Context, ref catalog.Ref) (*judged, error) {
	j := &judged{outcome: Skipped}
	docs, err := r.p.Catalog.Documents(ctx, ref.Tenant, []string{ref.Document})
	if err != nil {
		return j, err
	}
	d, ok := docs[ref.Document]
	if !ok || d.Version != ref.Version {
		return j, nil
	}
	v, err := r.stored.Version(ctx, ref)
	switch {
	case errors.Is(err, catalog.ErrNotFound):
		return j, nil
	case errors.Is(err, keys.ErrSealed):
		j.document, j.outcome, j.refusal = d, Quarantined, held("unreadable")
		return j, nil
	case err != nil:
		return j, err
	}
	v.Attributes, v.Receipt = d.Attributes, d.Receipt
	j.document, j.version, j.text = d, v, whole(v.Chunks)
	if err := r.decide(ctx, j); err != nil {
		if ctx.Err() != nil {
			return j, ctx.Err()
		}
		var no *refusal
		if !errors.As(err, &no) {
			no = held("error")
		}
		j.refusal, j.outcome = no, Quarantined
		if no.state == catalog.Rejected {
			j.outcome = Rejected
		}
	}
	return j, nil
}

// whole puts a version's text together from its chunks.
func whole(chunks []catalog.StoredChunk) string {
	end := 0
	for _, c := range chunks {
		end = max(end, c.Span.End)
	}
	text := make([]byte, end)
	for i := range text {
		text[i] = '\n' // what no chunk has: blanks between them
	}
	for _, c := range chunks {
		if n := c.Span.Len(); n <= len(c.Text) {
			copy(text[c.Span.Start:], c.Text[len(c.Text)-n:])
		}
	}
	return string(text)
}

// decide scans the whole text and asks the policy, as at the first time.
func (r *rescan) decide(ctx context.Context, j *judged) (err error) {
	defer func() {
		if recover() != nil { // the value may quote the document
			err = held("panic")
		}
	}()
	p, v := r.p, j.version
	o := judgeOptions{snapshot: r.snapshot, revision: p.revision(r.snapshot) + "/rescan", released: v.Receipt.Verdict == "released"}
	w := &work{tenant: v.Tenant, claimed: v.Claimed, event: Event{ID: v.Document},
		arrival: catalog.Arrival{Tenant: v.Tenant, ID: v.Document, Source: v.Source, URI: v.URI, Content: v.Content, Fingerprint: v.Fingerprint}}
	found, err := p.scan(ctx, w, Extracted{Text: j.text})
	if err != nil {
		return held("scan")
	}
	actions, err := p.decide(ctx, w, o, v.Attributes, found)
	if err != nil {
		return err
	}
	result, err := p.Sanitizer.Rewrite(ctx, j.text, found.visible, actions, sanitize.RewriteOptions{Pseudonym: p.pseudonym(v.Tenant, v.Attributes), Scanned: true})
	switch {
	case err != nil:
		return held("rewrite")
	case result.Held:
		return held("rule:" + result.HeldBy)
	}
	unprinted := false // protected from now on
	if w.protect && len(v.Prints) == 0 {
		prints, err := p.prints(v.Tenant, j.text)
		if err != nil {
			return err
		}
		unprinted = len(prints) > 0
	}
	if len(result.Edits) > 0 || p.title(ctx, v.Title, actions) != v.Title || unprinted {
		next, err := p.build(ctx, w, o, Extracted{Text: j.text, MediaType: v.MediaType, Title: v.Title}, v.Attributes, actions, result)
		if err != nil {
			return err
		}
		next.Signature, next.Revision = v.Signature, v.Revision // the next ingest looks at the source again
		w.version, w.event.Outcome, j.work, j.outcome = next, Rewritten, w, Rewritten
		return nil
	}
	j.outcome = Resigned
	return r.resign(j, o, result)
}

// resign makes the version as it is to be: same text, other findings, a new
// receipt.
func (r *rescan) resign(j *judged, o judgeOptions, result sanitize.Result) error {
	v := &j.version
	for i := range v.Chunks {
		c := &v.Chunks[i]
		shift := len(c.Text) - c.Span.Len() - c.Span.Start
		c.Findings, c.Scanner = nil, r.p.Sanitizer.Revision()
		for _, f := range result.Remaining {
			if f.Overlaps(c.Span) {
				f.Start, f.End = max(f.Start, c.Span.Start)+shift, min(f.End, c.Span.End)+shift
				c.Findings = append(c.Findings, f)
			}
		}
	}
	return r.p.sign(v, o)
}

// waiting reports whether a newer version of a document waits for a reviewer:
// then it stays, and the live one only goes.
func (r *rescan) waiting(ctx context.Context, d catalog.Document) (bool, error) {
	known, err := r.p.Catalog.Known(ctx, d.Tenant, []string{d.ID})
	k := known[d.ID]
	return k.State == catalog.Held || k.State == catalog.Rejected, err
}

func (r *rescan) pullBack(ctx context.Context, j *judged) error {
	d := j.document
	if len(r.report.Documents) < 100 {
		r.report.Documents = append(r.report.Documents, d.ID)
	}
	waiting, err := r.waiting(ctx, d)
	if err != nil {
		return err
	}
	if waiting || j.text == "" {
		return r.p.Catalog.Withdraw(ctx, []catalog.Ref{{Tenant: d.Tenant, Document: d.ID}})
	}
	key, err := r.p.Keys.Derive(d.Tenant, ContentPurpose)
	if err != nil {
		return err
	}
	a := catalog.Arrival{Tenant: d.Tenant, ID: d.ID, Source: d.Source, Name: "rescanned.txt", URI: d.URI, MediaType: "text/plain", Title: d.Title,
		Content: receipt.Hash(key, []byte(j.text)), Claimed: d.Attributes, Bytes: []byte(j.text), Received: r.p.Now()}
	return r.stored.PullBack(ctx, a, catalog.Judgement{Ref: catalog.Ref{Tenant: d.Tenant, Document: d.ID}, State: j.refusal.state,
		Claimed: policy.HashValue(a.Claimed), Reasons: j.refusal.reasons})
}

// rewrite replaces the live version by one with less in it, if it is still live.
func (r *rescan) rewrite(ctx context.Context, j *judged) (Outcome, error) {
	d := j.document
	release, err := r.p.intake.hold(ctx, d.Tenant, d.ID)
	if err != nil {
		return Skipped, err
	}
	defer release()
	waiting, err := r.waiting(ctx, d)
	if err != nil {
		return Skipped, err
	}
	if waiting {
		return Quarantined, r.p.Catalog.Withdraw(ctx, []catalog.Ref{{Tenant: d.Tenant, Document: d.ID}})
	}
	docs, err := r.p.Catalog.Documents(ctx, d.Tenant, []string{d.ID})
	if err != nil || docs[d.ID].Version != d.Version {
		return Skipped, err
	}
	return Rewritten, r.p.settle(ctx, []*work{j.work}, j.work.version.Revision)
}

// entries audit what is about to be done; a rewritten version's own entry comes
// with it.
func (r *rescan) entries(list []*judged) []audit.Entry {
	var out []audit.Entry
	for _, j := range list {
		if j.outcome == Rewritten || j.outcome == Skipped {
			continue
		}
		e := audit.Entry{Event: "rescan", Outcome: string(j.outcome), Tenant: j.document.Tenant, Documents: []string{j.document.ID + "@" + j.document.Version}, Policy: r.snapshot.Revision().Hash}
		if j.refusal != nil {
			e.Reason = j.refusal.reasons[0]
		}
		out = append(out, e)
	}
	return out
}

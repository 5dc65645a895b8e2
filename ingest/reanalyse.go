package ingest

import (
	"context"
	"fmt"

	"github.com/doorward/doorward/ingest/catalog"
	"github.com/doorward/doorward/ingest/receipt"
	"github.com/doorward/doorward/policy/audit"
	"github.com/doorward/doorward/policy/keys"
	"github.com/doorward/doorward/retrieval/embed"
	"github.com/doorward/doorward/sanitize/fingerprint"
)

// Analysed is the catalog's record of how terms and fingerprints were made.
type Analysed interface {
	Analysis(ctx context.Context) (string, error)
	SetAnalysis(ctx context.Context, analysis string) error
	Embeddable(ctx context.Context, yield func(catalog.Ref) error) error
	Resign(ctx context.Context, versions []catalog.Version) error
}

// AnalysisName names how terms and fingerprints are made. What was made in another
// way is never alike.
func AnalysisName(a *embed.Analyzer) string { return a.Fingerprint() + " " + fingerprint.Form }

// Reanalyse makes terms, fingerprints and receipts of every live document anew,
// from the text the catalog holds, where they were made in another way, and
// returns how many it made. A document whose receipt does not hold is withdrawn: a
// new receipt would vouch for it. What was on its way in is judged again, and
// batches taken in before cannot be rolled back any more: what they replaced is
// given up. Interrupted, it begins again. Nothing else may write meanwhile.
func (x *Inspector) Reanalyse(ctx context.Context, stored Analysed, progress func(done, total int)) (int, error) {
	to := AnalysisName(x.Pipeline.Analyzer)
	from, err := stored.Analysis(ctx)
	if err != nil || from == to {
		return 0, err
	}
	made, err := x.reanalyse(ctx, stored, progress)
	if err != nil {
		return made, fmt.Errorf("analysing again: %w", err)
	}
	e := audit.Entry{Event: "reindex", Outcome: "analysed", Tenant: "*", Counts: map[string]int{"documents": made}, Reason: "by another analysis"}
	if err := x.Pipeline.Audit.Append(ctx, e); err != nil {
		return made, fmt.Errorf("analysing again: %w", err)
	}
	return made, stored.SetAnalysis(ctx, to)
}

func (x *Inspector) reanalyse(ctx context.Context, stored Analysed, progress func(done, total int)) (int, error) {
	p, r := x.Pipeline, &inspection{Inspector: x}
	intents, err := p.Catalog.Intents(ctx)
	if err != nil {
		return 0, err
	}
	for _, v := range intents {
		if err := x.Catalog.Abandon(ctx, []catalog.Ref{v.Ref}); err != nil {
			return 0, err
		}
	}
	var refs []catalog.Ref
	if err := stored.Embeddable(ctx, func(ref catalog.Ref) error { refs = append(refs, ref); return nil }); err != nil {
		return 0, err
	}
	made := 0
	for i, ref := range refs {
		docs, err := p.Catalog.Documents(ctx, ref.Tenant, []string{ref.Document})
		if err != nil {
			return made, err
		}
		if d, ok := docs[ref.Document]; ok && d.Version == ref.Version {
			done, err := r.reanalyseOne(ctx, stored, d)
			if err != nil {
				return made, err
			}
			if done {
				made++
			}
		}
		if progress != nil {
			progress(i+1, len(refs))
		}
	}
	return made, nil
}

// reanalyseOne is done unless the document had to be withdrawn.
func (r *inspection) reanalyseOne(ctx context.Context, stored Analysed, d catalog.Document) (done bool, err error) {
	ref := catalog.Ref{Tenant: d.Tenant, Document: d.ID, Version: d.Version}
	v, err := r.Catalog.Version(ctx, ref)
	flaw := ""
	if err != nil {
		if ctx.Err() != nil {
			return false, err
		}
		flaw = damage(err, "text")
	} else if flaw = r.unproved(v, d.Receipt); flaw == "" && d.Receipt.Attributes != d.Attributes.Hash() {
		flaw = "attributes differ from the receipt"
	}
	if flaw != "" {
		if err := r.audit(ctx, "withdrawn", Fault{Tenant: d.Tenant, Document: d.ID, Version: d.Version, Flaw: flaw}); err != nil {
			return false, err
		}
		return false, r.Pipeline.Catalog.Withdraw(ctx, []catalog.Ref{ref})
	}
	v.Attributes, v.Receipt = d.Attributes, d.Receipt
	if err := r.Pipeline.analyse(&v); err != nil {
		return false, err
	}
	return true, stored.Resign(ctx, []catalog.Version{v})
}

// analyse makes a stored version's terms and fingerprints anew, and a receipt that
// says the same of everything else.
func (p *Pipeline) analyse(v *catalog.Version) error {
	key, err := p.Keys.Derive(v.Tenant, keys.Terms)
	if err != nil {
		return err
	}
	content, err := p.Keys.Derive(v.Tenant, ContentPurpose)
	if err != nil {
		return err
	}
	text := whole(v.Chunks)
	language := p.Analyzer.Language(text)
	rec := v.Receipt.Receipt
	rec.Issued = p.Now().Unix()
	for i := range v.Chunks {
		c := &v.Chunks[i]
		c.Terms = p.Analyzer.Analyze(key, embed.Document{Title: v.Title, Headings: c.Headings, Body: c.Text, Language: language})
	}
	rec.Chunks = covered(content, v.Chunks)
	if len(v.Prints) > 0 {
		if v.Prints, err = p.prints(v.Tenant, text); err != nil {
			return err
		}
	}
	v.Receipt, err = receipt.Sign(rec, p.Signer)
	return err
}

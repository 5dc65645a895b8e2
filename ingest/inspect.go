package ingest

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"

	"github.com/doorward/doorward/ingest/catalog"
	"github.com/doorward/doorward/ingest/receipt"
	"github.com/doorward/doorward/policy/audit"
	"github.com/doorward/doorward/policy/keys"
	"github.com/doorward/doorward/retrieval/index"
	"github.com/doorward/doorward/sanitize/fingerprint"
)

// Recorded is the catalog as it is inspected: row by row, so that one that
// cannot be read hides no other.
type Recorded interface {
	Records(ctx context.Context, yield func(catalog.Record) error) error
	Sound(ctx context.Context) ([]string, error)
	Version(ctx context.Context, r catalog.Ref) (catalog.Version, error)
	Owners(ctx context.Context, tenant string, prints []fingerprint.Print) ([][]string, error)
	Points(ctx context.Context, tenant string) iter.Seq2[index.Expected, error]
	Abandon(ctx context.Context, refs []catalog.Ref) error
	Sweep(ctx context.Context) (int, error)
}

// Places a [Fault] can be.
const (
	InCatalog = "catalog"
	InIndex   = "index"
	InSource  = "source"
)

// Fault is one thing that is wrong with what is stored. It holds no text.
type Fault struct {
	Where    string `json:"where"`
	Tenant   string `json:"tenant,omitempty"`
	Document string `json:"document,omitempty"`
	Version  string `json:"version,omitempty"`
	Chunk    string `json:"chunk,omitempty"`
	Flaw     string `json:"flaw"`
	// Mended is what was done about it; "" when nothing was, or could be.
	Mended string `json:"mended,omitempty"`
	// Advice is what is left for people to do.
	Advice string `json:"advice,omitempty"`

	kind string // of catalog record
}

// Inspection says what to look at and what to do about it.
type Inspection struct {
	// Deep opens every sealed text and holds it against its receipt.
	Deep bool
	// Repair mends the index from the catalog, finishes owed work, and withdraws
	// what can no longer be read or proved.
	Repair bool
	// Sources to compare with, by tenant and source; they are walked, not read.
	Sources []Compared
	// Progress, if set, is told how many of how many records were looked at.
	Progress func(done, total int)
}

// Compared is a source and whose documents it holds.
type Compared struct {
	Tenant string
	Source Source
}

// Inspected is what an inspection found.
type Inspected struct {
	States  map[string]int `json:"states"`  // records by kind and state, "document live" for example
	Chunks  int            `json:"chunks"`  // points compared with the catalog
	Opened  int            `json:"opened"`  // texts opened and held against their receipts
	Faults  []Fault        `json:"faults"`  // in the order found
	Removed int            `json:"removed"` // rows that belonged to nothing
}

// Left is the number of faults that nothing was done about.
func (r Inspected) Left() int {
	n := 0
	for _, f := range r.Faults {
		if f.Mended == "" {
			n++
		}
	}
	return n
}

// Inspector compares sources, catalog and index. It may run while the pipeline
// does: what looks wrong is looked at again before it is reported or mended.
type Inspector struct {
	Pipeline *Pipeline
	Catalog  Recorded
	Index    index.Mender
	Verifier receipt.Verifier
}

// Inspect looks at everything and returns what it found. Its error means that it
// could not look, not that something is wrong.
func (x *Inspector) Inspect(ctx context.Context, o Inspection) (Inspected, error) {
	r := &inspection{Inspector: x, o: o, out: Inspected{States: map[string]int{}, Faults: []Fault{}}}
	for _, step := range []func(context.Context) error{r.storage, r.records, r.mendCatalog, r.index, r.sources} {
		if err := step(ctx); err != nil {
			return r.out, fmt.Errorf("inspecting: %w", err)
		}
	}
	return r.out, nil
}

// inspection is one run's state.
type inspection struct {
	*Inspector
	o       Inspection
	out     Inspected
	list    []catalog.Record
	intents map[catalog.Ref]bool
}

func (r *inspection) fault(f Fault) { r.out.Faults = append(r.out.Faults, f) }

// storage has the database check itself.
func (r *inspection) storage(ctx context.Context) error {
	if !r.o.Deep {
		return nil
	}
	flaws, err := r.Catalog.Sound(ctx)
	if err != nil {
		return err
	}
	for _, flaw := range flaws {
		r.fault(Fault{Where: InCatalog, Flaw: "storage: " + flaw, kind: "storage",
			Advice: "run with --repair; if it stays, restore the last backup, or begin a new data directory and ingest again"})
	}
	return nil
}

// records lists the catalog's rows and looks at each. What looks wrong is looked
// at once more, if it is still there: it may have been changing.
func (r *inspection) records(ctx context.Context) error {
	if err := r.listRecords(ctx); err != nil {
		return err
	}
	suspect := map[catalog.Record]bool{}
	for i, rec := range r.list {
		if err := ctx.Err(); err != nil {
			return err
		}
		if r.look(ctx, rec) != nil {
			suspect[rec] = true
		}
		if r.o.Progress != nil {
			r.o.Progress(i+1, len(r.list))
		}
	}
	if len(suspect) == 0 {
		return nil
	}
	if err := r.listRecords(ctx); err != nil {
		return err
	}
	for _, rec := range r.list {
		if suspect[rec] {
			if f := r.look(ctx, rec); f != nil {
				r.fault(*f)
			}
		}
	}
	return ctx.Err()
}

func (r *inspection) listRecords(ctx context.Context) error {
	r.list, r.intents = nil, map[catalog.Ref]bool{}
	clear(r.out.States)
	err := r.Catalog.Records(ctx, func(rec catalog.Record) error {
		r.list = append(r.list, rec)
		if rec.Kind == catalog.VersionRecord && rec.State == catalog.Intent {
			r.intents[rec.Ref] = true
		}
		state := string(rec.State)
		if !rec.Known() {
			state = "unknown"
		}
		r.out.States[rec.Kind+" "+state]++
		return nil
	})
	if err != nil && ctx.Err() == nil {
		r.fault(Fault{Where: InCatalog, Flaw: "storage: some rows cannot be listed", kind: "storage",
			Advice: "run with --deep --repair; if it stays, restore the last backup"})
		return nil
	}
	return err
}

// look says what is wrong with one record; nil when nothing is.
func (r *inspection) look(ctx context.Context, rec catalog.Record) *Fault {
	f := Fault{Where: InCatalog, Tenant: rec.Tenant, Document: rec.Document, Version: rec.Version, kind: rec.Kind}
	flawed := func(flaw string) *Fault { f.Flaw = flaw; return &f }
	switch {
	case rec.Kind == catalog.ChunkRecord:
		return flawed("chunks that belong to no version")
	case !rec.Known():
		return flawed(rec.Kind + " in a state nobody knows")
	case rec.Kind == catalog.VersionRecord && rec.State == catalog.Live:
		docs, err := r.Pipeline.Catalog.Documents(ctx, rec.Tenant, []string{rec.Document})
		if err == nil && docs[rec.Document].Version != rec.Version {
			return flawed(withoutDocument)
		}
	case !r.o.Deep:
	case rec.Kind == catalog.VersionRecord: // intended, or kept to be put back
		if v, err := r.Catalog.Version(ctx, rec.Ref); err != nil {
			return flawed(damage(err, "version"))
		} else if flaw := r.unproved(v, v.Receipt); flaw != "" {
			return flawed(flaw)
		}
	case rec.Kind == catalog.ArrivalRecord:
		if flaw := r.arrival(ctx, rec); flaw != "" {
			return flawed(flaw)
		}
	case rec.Kind == catalog.DocumentRecord && rec.State == catalog.Live:
		if flaw := r.document(ctx, rec); flaw != "" {
			return flawed(flaw)
		}
	}
	return nil
}

// damage says in fixed words why something could not be read.
func damage(err error, what string) string {
	if errors.Is(err, keys.ErrSealed) {
		return what + " does not open"
	}
	return what + " cannot be read"
}

func (r *inspection) arrival(ctx context.Context, rec catalog.Record) string {
	a, err := r.Pipeline.Catalog.Arrival(ctx, rec.Tenant, rec.Document)
	if err != nil {
		return damage(err, "held document")
	}
	if a.State == catalog.Rejected {
		return ""
	}
	key, err := r.Pipeline.Keys.Derive(rec.Tenant, ContentPurpose)
	if err != nil || receipt.Hash(key, a.Bytes) != a.Content {
		return "held document differs from its hash"
	}
	return ""
}

// document proves a live document: row, sealed record, receipt, chunks, terms
// and fingerprints all belong together.
func (r *inspection) document(ctx context.Context, rec catalog.Record) string {
	docs, err := r.Pipeline.Catalog.Documents(ctx, rec.Tenant, []string{rec.Document})
	d, ok := docs[rec.Document]
	if err != nil || !ok {
		return damage(err, "document")
	}
	v, err := r.Catalog.Version(ctx, catalog.Ref{Tenant: d.Tenant, Document: d.ID, Version: d.Version})
	if err != nil {
		return damage(err, "text")
	}
	if flaw := r.unproved(v, d.Receipt); flaw != "" {
		return flaw
	}
	if d.Receipt.Attributes != d.Attributes.Hash() {
		return "attributes differ from the receipt"
	}
	r.out.Opened += len(v.Chunks)
	known, err := r.Pipeline.Catalog.Known(ctx, d.Tenant, []string{d.ID})
	k := known[d.ID]
	if err != nil {
		return damage(err, "document")
	}
	if k.State == catalog.Live && (k.Revision != v.Revision || k.Content != v.Content) ||
		d.Source != v.Source || d.URI != v.URI || d.Title != v.Title || d.MediaType != v.MediaType || d.Content != v.Content ||
		!maps.Equal(d.Findings, v.Findings) {
		return rowDiffers
	}
	owners, err := r.Catalog.Owners(ctx, d.Tenant, v.Prints)
	if err != nil {
		return damage(err, "fingerprints")
	}
	for _, o := range owners {
		if !slices.Contains(o, d.ID) {
			return "fingerprints are missing"
		}
	}
	return ""
}

// rowDiffers is the flaw that can be mended from the sealed record, as long as
// receipt and attributes hold.
const rowDiffers = "row differs from its sealed record"

// withoutDocument is the flaw of a version that no document calls its own.
const withoutDocument = "version without its document"

// unproved says what of a version its receipt does not cover.
func (r *inspection) unproved(v catalog.Version, s receipt.Signed) string {
	if err := s.Verify(r.Verifier, v.Tenant, v.Document, v.Version); err != nil {
		return "receipt does not hold"
	}
	key, err := r.Pipeline.Keys.Derive(v.Tenant, ContentPurpose)
	if err != nil {
		return "the tenant's key does not open"
	}
	if len(v.Chunks) != len(s.Chunks) {
		return "chunks are missing or added"
	}
	for i, c := range v.Chunks {
		want := s.Chunks[i]
		switch {
		case c.ID != want.ID || c.Ordinal != i || c.ID != chunkID(v.Ref, i):
			return "chunks are out of place"
		case receipt.Hash(key, []byte(c.Text)) != want.Text:
			return "text differs from the receipt"
		case receipt.Hash(key, TermBytes(c.Terms)) != want.Terms:
			return "terms differ from the receipt"
		case c.Scanner != s.Scanner:
			return "scanner revision differs from the receipt"
		}
	}
	return ""
}

// audit records what an inspection does, before it does it.
func (r *inspection) audit(ctx context.Context, outcome string, f Fault) error {
	e := audit.Entry{Event: "fsck", Outcome: outcome, Tenant: f.Tenant, Reason: f.Flaw}
	if e.Tenant == "" {
		e.Tenant = "*"
	}
	if f.Document != "" {
		e.Documents = []string{f.Document}
		if f.Version != "" {
			e.Documents[0] += "@" + f.Version
		}
	}
	return r.Pipeline.Audit.Append(ctx, e)
}

// Package ingest is the way in: it takes documents from a [Source], has them
// extracted, scanned, judged by policy, rewritten and chunked, and puts them
// into catalog and index so that nothing unscanned is ever findable and nothing
// acknowledged is ever lost.
//
// It knows contracts only; sources, extractors and stores are handed in.
package ingest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/doorward/doorward/ingest/catalog"
	"github.com/doorward/doorward/ingest/chunk"
	"github.com/doorward/doorward/ingest/manifest"
	"github.com/doorward/doorward/ingest/receipt"
	"github.com/doorward/doorward/ingest/signal"
	"github.com/doorward/doorward/policy"
	"github.com/doorward/doorward/policy/audit"
	"github.com/doorward/doorward/policy/contain"
	"github.com/doorward/doorward/policy/keys"
	"github.com/doorward/doorward/retrieval/embed"
	"github.com/doorward/doorward/retrieval/index"
	"github.com/doorward/doorward/sanitize"
)

// Arrivals is the catalog's waiting room.
type Arrivals interface {
	Receive(ctx context.Context, arrivals []catalog.Arrival) error
	Hold(ctx context.Context, judgements []catalog.Judgement) error
	Discard(ctx context.Context, tenant, id, reason string) error
	Risk(ctx context.Context, r catalog.Ref) (lost int, err error)
	Spare(ctx context.Context, r catalog.Ref) error
	Arrival(ctx context.Context, tenant, id string) (catalog.Arrival, error)
	Arrivals(ctx context.Context, tenant string, state catalog.State, yield func(catalog.Arrival) error) error
}

// Versions is the catalog's record of what is, or is about to be, live.
type Versions interface {
	Known(ctx context.Context, tenant string, ids []string) (map[string]catalog.Known, error)
	Documents(ctx context.Context, tenant string, ids []string) (map[string]catalog.Document, error)
	Live(ctx context.Context, tenant, source string, yield func(catalog.Document) error) error
	LiveIDs(ctx context.Context, tenant, source string, yield func(id string)) error
	Intend(ctx context.Context, versions []catalog.Version) error
	Commit(ctx context.Context, refs []catalog.Ref) error
	Retire(ctx context.Context, refs []catalog.Ref, state catalog.State) error
	Prune(ctx context.Context, refs []catalog.Ref, batch string) error
	Withdraw(ctx context.Context, refs []catalog.Ref) error
	SetAttributes(ctx context.Context, v catalog.Version) error
	SetFingerprints(ctx context.Context, list []catalog.Arrival) error
	Intents(ctx context.Context) ([]catalog.Version, error)
	Erased(ctx context.Context, tenant string, ids []string) (map[string]bool, error)
}

// Tasks is index work the catalog owes.
type Tasks interface {
	Tasks(ctx context.Context) ([]catalog.Task, []int64, error)
	Done(ctx context.Context, seqs []int64) error
	// Exclusively runs fn unless another process is inside an Exclusively of the
	// same name, and reports whether it ran. Should this process lose its
	// connection another may start beside it: what fn does must bear that.
	Exclusively(ctx context.Context, name string, fn func() error) (ran bool, err error)
}

// Cursors remembers where the reading of sources ended.
type Cursors interface {
	Cursor(ctx context.Context, tenant, source, settings string) (string, error)
	SetCursor(ctx context.Context, tenant, source, settings, cursor string) error
}

// Catalog is all the pipeline needs of the system of record.
type Catalog interface {
	Arrivals
	Versions
	Tasks
	Cursors
	Likeness
	Batches
	Manifests
}

// Extractor turns bytes into visible text and reports what was hidden. On an
// error nothing of the document is used.
type Extractor interface {
	Extract(ctx context.Context, u Upload) (Extracted, error)
	// Reason classes an error in one fixed word, for example "malformed".
	Reason(err error) string
	Revision() string
}

// Upload is a document as received.
type Upload struct {
	Name      string
	MediaType string
	Bytes     []byte
}

// Extracted is a document as read.
type Extracted struct {
	Text      string
	MediaType string
	Title     string
	Blocks    []chunk.Block
	Hidden    []HiddenText
}

// HiddenText is text a reader of the document does not see.
type HiddenText struct {
	Offset    int    // where in Extracted.Text it would stand
	Technique string // how it was hidden; names the finding's rule
	Class     string // metadata, markup or concealed; the finding's type
	Text      string // never stored, never logged
}

// Config is what a pipeline needs. Every field is required unless it says otherwise.
type Config struct {
	Catalog   Catalog
	Index     index.Writer
	Epochs    index.Epochs // nil: term statistics are declared elsewhere
	Audit     audit.Log
	Policy    policy.Source
	Schema    policy.Schema
	Keys      keys.Ring
	Signer    receipt.Signer
	Extractor Extractor
	Sanitizer *sanitize.Sanitizer
	// Hidden finds in text that readers of a document do not see, judged harder
	// than visible text; nil uses Sanitizer.
	Hidden   func(ctx context.Context, text string) ([]sanitize.Finding, error)
	Analyzer *embed.Analyzer
	Embedder embed.Embedder // nil: keyed terms only
	Chunks   chunk.Config
	// Access lists the attributes that can grant access. A document for which
	// none of them has a value is held as no_acl.
	Access []string
	// Trust is each source's trust tier, given to policy as input.source.trust;
	// may be nil.
	Trust map[string]string
	// Ceilings bound what each source's documents may claim; may be nil.
	Ceilings map[string]Ceiling
	// Connectors says whose signed manifests each source's documents need; may be
	// nil.
	Connectors map[string]manifest.Trust
	// Contained returns the containment orders in force; an error stops a run.
	// Contain gives one. Nil: there are none.
	Contained func(ctx context.Context) (*contain.Set, error)
	Contain   func(ctx context.Context, o contain.Order) error
	// Drawn says how far a document draws questions; nil: nobody counts.
	Drawn func(tenant, document string) signal.Magnet
	// Settings is the revision of configuration that changes what ingest yields
	// and is not covered by the other parts' revisions; may be empty.
	Settings string
	// Workers is how many documents are prepared at once; 0 means the number
	// of processors.
	Workers int
	// MaxBytes is the largest document read; 0 means 100 MiB.
	MaxBytes int64
	// InHand bounds the bytes of text that are judged and not settled yet, of all
	// batches together, but for a single document with more; 0 means 8 MiB.
	InHand int
	// Holds says which documents a legal hold keeps; nil: none.
	Holds *Holds
	// Retain is the attribute that says until when a document is kept; "" for none.
	Retain string
	Log    *slog.Logger     // nil discards
	Now    func() time.Time // nil is time.Now
}

// Pipeline ingests. It is safe for concurrent use on different documents.
type Pipeline struct {
	Config
	working sync.Mutex          // held while owed index work is done
	large   chan struct{}       // one document that is large; see alone
	room    *semaphore.Weighted // for text in hand; see hand
	intake  intake

	pushedMu sync.Mutex
	pushed   map[[2]string]*pushedUsual // by tenant and source
}

// DefaultMaxBytes bounds a document, as extraction does.
const DefaultMaxBytes = 100 << 20

// New checks the configuration.
func New(c Config) (*Pipeline, error) {
	for _, need := range []struct {
		name string
		ok   bool
	}{
		{"Catalog", c.Catalog != nil}, {"Index", c.Index != nil}, {"Audit", c.Audit != nil}, {"Policy", c.Policy != nil},
		{"Keys", c.Keys != nil}, {"Signer", c.Signer != nil}, {"Extractor", c.Extractor != nil}, {"Sanitizer", c.Sanitizer != nil},
		{"Analyzer", c.Analyzer != nil}, {"Access", len(c.Access) > 0}, {"Schema", len(c.Schema) > 0},
	} {
		if !need.ok {
			return nil, fmt.Errorf("making ingest pipeline: %s is missing", need.name)
		}
	}
	if c.Workers <= 0 {
		c.Workers = runtime.GOMAXPROCS(0)
	}
	if c.MaxBytes <= 0 {
		c.MaxBytes = DefaultMaxBytes
	}
	if c.InHand <= 0 {
		c.InHand = defaultInHand
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Hidden == nil {
		c.Hidden = c.Sanitizer.Scan
	}
	return &Pipeline{Config: c, large: make(chan struct{}, 1), room: semaphore.NewWeighted(int64(c.InHand))}, nil
}

// Options are one run's.
type Options struct {
	Tenant string // required
	// Prune retires documents of this source that it no longer has, unless they are
	// too many to be likely; the run then ends with a [PruneError].
	Prune bool
	// PruneAll retires them however many they are.
	PruneAll bool
	// Full reads everything, also where the source could say what changed.
	Full bool
	// Settings is the revision of the source's own settings: where it changed,
	// everything is read.
	Settings string
	// Batch names the run in the catalog; "" makes a name.
	Batch string
	// Submitter is who hands the documents in, as containment orders may name
	// them; may be empty.
	Submitter string
	// Queue, if set, receives changed documents in place of the catalog, durably,
	// for other processes to judge; their outcome is then Queued.
	Queue func(ctx context.Context, arrivals []catalog.Arrival) error
	// Rate bounds how many documents that changed are taken in a second; 0 is no
	// bound.
	Rate float64
	// Progress, if set, is called after every document, from one goroutine.
	Progress func(Event)
}

// Event is what became of one document.
type Event struct {
	ID       string
	Outcome  Outcome
	Version  string // the live version, when the document was indexed or its attributes changed
	Bytes    int64
	Chunks   int
	Reasons  []string       // held, rejected, failed: rules, policy reasons, error classes
	Findings map[string]int // rule → number
	Kinds    map[string]int // kind → number
	Removed  int            // spans taken out or replaced
	Err      error          // failed only
}

// Outcome is what became of a document in a run.
type Outcome string

// Outcomes.
const (
	Indexed     Outcome = "indexed"
	Unchanged   Outcome = "unchanged"
	Reattribute Outcome = "attributes" // only attributes changed
	Quarantined Outcome = "quarantined"
	Rejected    Outcome = "rejected"
	Retired     Outcome = "retired"
	Queued      Outcome = "queued" // received; another process will judge it
	Failed      Outcome = "failed" // could not be read; what was indexed before stays
)

// Report sums up a run.
type Report struct {
	Batch    string // the run's name in the catalog
	Outcomes map[Outcome]int
	Bytes    int64 // of documents that were read
	Chunks   int
	Elapsed  time.Duration
}

// Documents is how many documents a run came past.
func (r Report) Documents() int {
	n := 0
	for _, k := range r.Outcomes {
		n += k
	}
	return n
}

// Changed is how many documents were not as they were before.
func (r Report) Changed() int {
	return r.Documents() - r.Outcomes[Unchanged]
}

// Held is how many documents wait for a reviewer or were refused.
func (r Report) Held() int { return r.Outcomes[Quarantined] + r.Outcomes[Rejected] }

// Add counts one more document.
func (r *Report) Add(e Event) {
	if r.Outcomes == nil {
		r.Outcomes = map[Outcome]int{}
	}
	r.Outcomes[e.Outcome]++
	r.Bytes += e.Bytes
	r.Chunks += e.Chunks
}

// ErrTenant means a run did not name its tenant.
var ErrTenant = errors.New("no tenant named")

// revision names everything beside the bytes that shapes a version.
func (p *Pipeline) revision(s policy.Snapshot) string {
	h := sha256.New()
	fmt.Fprintf(h, "%q", []string{pipelineRevision, p.Extractor.Revision(), p.Sanitizer.Revision(), s.Revision().Hash,
		p.Analyzer.Fingerprint(), embedder, p.Settings, p.Schema.Hash(), fmt.Sprint(p.Chunks.MaxTokens, p.Chunks.MinTokens, p.Chunks.Overlap, p.Chunks.MaxBytes)})
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// embedder stood in revisions. Another embedder makes other vectors of the same
// version: see [Pipeline.Embed].
const embedder = ""

// pipelineRevision changes with every change of this package that makes another
// version of the same bytes.
const pipelineRevision = "ingest-1"

// version is a document version's name.
func version(content, revision string) string {
	sum := sha256.Sum256([]byte(content + "\x00" + revision))
	return hex.EncodeToString(sum[:12])
}

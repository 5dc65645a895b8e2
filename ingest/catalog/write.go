package catalog

import (
	"time"

	"github.com/doorward/doorward/ingest/receipt"
	"github.com/doorward/doorward/ingest/signal"
	"github.com/doorward/doorward/policy"
	"github.com/doorward/doorward/retrieval/embed"
)

// Arrival is a received document before it is scanned. Its bytes and facts are
// sealed under a key of its own, shredded once a version is committed or the
// arrival is discarded.
type Arrival struct {
	Tenant      string
	ID          string
	Source      string
	Name        string // file name, for type detection
	URI         string
	MediaType   string // as claimed
	Title       string
	Content     string         // keyed hash of Bytes
	Fingerprint string         // the source's own change mark, "" if it has none
	Claimed     map[string]any // attributes as the source claims them
	Bytes       []byte
	Received    time.Time
	Provenance

	Assignee string // who looks after it in quarantine

	// Set by Hold.
	State    State
	Revision string // the pipeline revision that judged it
	Reasons  []string
	Findings map[string]int
	Signals  *signal.Signals // nil: none were measured
}

// Provenance is how a document came: in which run, by whose hand, and under
// which signed statement.
type Provenance struct {
	Batch     string
	Submitter string
	Manifest  []byte // as it was verified; nil: none
	Connector string // key that signed it
	Sequence  int64
}

// Known is what the pipeline asks before it works: has anything changed?
type Known struct {
	Source      string
	Content     string // of the live version or of the held arrival, whichever is newer
	Fingerprint string
	Revision    string // pipeline revision of that judgement
	State       State  // Live, Held, Rejected or Retired
	Claimed     string // hash of the claimed attributes as last judged
	Version     string // the live version, if any
}

// Judgement says why an arrival is not indexed.
type Judgement struct {
	Ref
	State    State // Held or Rejected
	Revision string
	Claimed  string
	Reasons  []string
	Findings map[string]int
	Signals  *signal.Signals // as policy was given them
}

// Ref names a document, or one version of it.
type Ref struct {
	Tenant   string
	Document string
	Version  string
}

// Version is one judged, rewritten and chunked version, ready to be indexed.
type Version struct {
	Ref
	Source      string
	URI         string
	MediaType   string
	Title       string
	Content     string
	Fingerprint string
	Revision    string
	Claimed     string // hash of the claimed attributes
	Attributes  policy.Attributes
	Findings    map[string]int
	Receipt     receipt.Signed
	Chunks      []StoredChunk
	Prints      Prints // of a protected document's text; nil otherwise
	Signature   []byte // of what it is like, see ingest/signal; nil: not measured
	Provenance
}

// StoredChunk is a chunk with what the index gets of it, so that the index can
// be written again without analysing or embedding anew.
type StoredChunk struct {
	Chunk
	Terms  []embed.Term
	Vector []float32
}

// Task is index work that a commit owes: it is durable with the commit and
// removed when done, so that a crash in between loses nothing.
type Task struct {
	Ref
	Op         Op
	Attributes policy.Attributes // SetAttributes
	Receipt    string            // SetAttributes
}

// Op is a kind of index work.
type Op string

// Kinds of index work.
const (
	RetireOp     Op = "retire"
	EraseOp      Op = "erase"
	AttributesOp Op = "attributes"
	PutOp        Op = "put" // a version that was put back
)

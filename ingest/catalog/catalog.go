// Package catalog is the contract of the system of record: every document and
// version, its attributes, verdicts, receipts and sealed text. The index can be
// rebuilt from it; nothing is released that it does not vouch for.
package catalog

import (
	"context"
	"errors"
	"time"

	"github.com/doorward/doorward/ingest/receipt"
	"github.com/doorward/doorward/policy"
	"github.com/doorward/doorward/policy/contain"
	"github.com/doorward/doorward/sanitize"
)

// State is where a document stands.
type State string

// States, in the order a document passes them.
const (
	Received State = "received" // durable and sealed; not scanned
	Held     State = "held"     // quarantined, waiting for a reviewer
	Rejected State = "rejected" // refused by policy or a reviewer; text shredded
	Intent   State = "next"     // point ids and receipt durable; the index may or may not have them
	Live     State = "live"     // committed; may be released
	Retired  State = "retired"  // gone from its source or replaced
	Erased   State = "erased"   // keys shredded
)

// Document is what the catalog knows of a document. It holds no text.
type Document struct {
	Tenant     string
	ID         string // [A-Za-z0-9._~:-]{1,200}
	Source     string // the source's name
	URI        string // where it came from
	Title      string
	MediaType  string
	State      State
	Version    string // the live version; "" when there is none
	Content    string // keyed hash of the received bytes
	Attributes policy.Attributes
	Receipt    receipt.Signed // covers Version
	Reasons    []string       // why held or rejected: rules, policy reasons, error classes
	Findings   map[string]int // rule → number, for Version or the held bytes
	Received   time.Time
	Updated    time.Time
	Batch      string // the ingest run that brought Version; "" before runs were recorded
	Submitter  string // who handed Version in; "" when it was not said

	// What a catalog computed when it read the document; a document that was made
	// otherwise has none.
	computed *Computed
}

// Computed is what follows from a document's receipt and attributes alone.
type Computed struct {
	ReceiptID string // of Receipt
	Facts     string // hash of Attributes
}

// Compute returns what follows from receipt and attributes.
func (d Document) Compute() Computed {
	if d.computed != nil {
		return *d.computed
	}
	return Computed{ReceiptID: d.Receipt.ID(), Facts: d.Attributes.Hash()}
}

// Computed returns the document with what follows from it, so that it need not
// be computed again. Receipt and Attributes must not change from then on.
func (d Document) Computed() Document {
	c := d.Compute()
	d.computed = &c
	return d
}

// Origin is where a document came from, as containment orders name it.
func (d Document) Origin() contain.Origin {
	return contain.Origin{Tenant: d.Tenant, Source: d.Source, Batch: d.Batch, Submitter: d.Submitter}
}

// Chunk is a stored passage of one version. Text is sealed at rest.
type Chunk struct {
	ID       string
	Document string
	Version  string
	Ordinal  int
	Span     sanitize.Span // in the version's rewritten text
	Headings []string
	Tokens   int
	Text     string
	// Findings are those still in Text (spans within it), to be acted on at
	// query time; Removed counts, by rule, what ingest took out of it.
	Findings []sanitize.Finding
	Removed  map[string]int
	Scanner  string // scanner revision the findings stand for
}

// Writer and the rest of the write side are consumed, and declared, by package
// ingest.

// Reader is what the query path needs.
type Reader interface {
	// Documents returns the live documents among ids; others are absent.
	Documents(ctx context.Context, tenant string, ids []string) (map[string]Document, error)
	// Open returns the chunks of live versions among ids, with their text
	// unsealed; others are absent.
	Open(ctx context.Context, tenant string, ids []string) (map[string]Chunk, error)
}

// Sentinel errors of catalogs.
var (
	ErrNotFound    = errors.New("not in the catalog")
	ErrUnavailable = errors.New("catalog unavailable")
	ErrLocked      = errors.New("data directory is in use by another process")
	ErrPermissions = errors.New("file or folder is readable by others")
	ErrCursor      = errors.New("not a page of this list")
	ErrState       = errors.New("not possible in the document's present state")
	// ErrLegalHold means a document is kept by a legal hold, which wins over
	// everything that would take it away.
	ErrLegalHold = errors.New("kept by a legal hold")
	ErrTaken     = errors.New("taken over by another process")
)

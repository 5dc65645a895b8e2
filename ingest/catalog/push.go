package catalog

import (
	"errors"
	"time"
)

// Request names a request that may be sent again: the keyed hashes of the
// idempotency key its caller chose, and of all it asks for.
type Request struct {
	Tenant  string
	Backend string
	Key     string
	Hash    string
}

// Answer is what a request was answered, to be given again.
type Answer struct {
	Status int
	Body   []byte
}

// ErrMismatch means an idempotency key that was used for another request.
var ErrMismatch = errors.New("idempotency key was used for another request")

// Delivery is a batch of pushed documents as its sender sees it: which documents,
// and what became of each.
type Delivery struct {
	Tenant    string
	ID        string // of the batch; grows with time
	Source    string
	Backend   string
	Created   time.Time
	Finished  time.Time // zero while documents are on their way
	Documents []Delivered
}

// Delivered is what became of one document of a delivery.
type Delivered struct {
	Document string   `json:"document,omitempty"` // document id; "" when it has none
	ID       string   `json:"id,omitempty"`       // the caller's own
	Outcome  string   `json:"outcome,omitempty"`  // "" while it is on its way
	Reasons  []string `json:"reasons,omitempty"`
	Error    string   `json:"error,omitempty"` // in our own words
}

// Standings asks where documents of one source stand.
type Standings struct {
	Tenant string
	Source string
	IDs    []string // only these; nil: all
	After  string   // ids greater than this one
	Limit  int      // at most; 0 means 1000
}

package catalog

import (
	"encoding/json"
	"time"
)

// HeldQuery chooses among the held arrivals of a tenant; zero fields choose all.
type HeldQuery struct {
	Tenant   string // required
	Source   string
	Reason   string    // part of one of the reasons
	Assignee string    // "-": nobody's
	Batch    string    // which brought it, though others may have brought it again
	Before   time.Time // received before
	After    string    // Next of the page before
	Limit    int       // 0 means DefaultPage; at most MaxPage
}

// Sizes of a page.
const (
	DefaultPage = 100
	MaxPage     = 1000
)

// HeldPage is one page of held arrivals, oldest first, without their bytes.
type HeldPage struct {
	Held []Arrival
	Next string // "" on the last page
}

// HeldCounts sums up a tenant's quarantine.
type HeldCounts struct {
	Total     int            `json:"total"`
	Sources   map[string]int `json:"sources"`
	Reasons   map[string]int `json:"reasons"`
	Assignees map[string]int `json:"assignees"` // "-": nobody's
	Ages      map[string]int `json:"ages"`      // day, week, month, older
	Oldest    time.Time      `json:"oldest,omitzero"`
}

// Note is what a reviewer did about a held document, and why.
type Note struct {
	At   time.Time `json:"at"`
	Who  string    `json:"who"`
	Act  string    `json:"act"` // assign, note, release, discard, reveal, …
	Note string    `json:"note,omitempty"`
}

// Final, as the revision of a judgement, says that a person made it: a change of
// rules does not have the same bytes judged anew.
const Final = "*"

// Batch is one run of ingest over one source.
type Batch struct {
	Tenant    string         `json:"tenant"`
	ID        string         `json:"id"`
	Source    string         `json:"source"`
	Submitter string         `json:"submitter,omitempty"`
	Started   time.Time      `json:"started"`
	Finished  time.Time      `json:"finished,omitzero"`
	State     BatchState     `json:"state"`
	Counts    map[string]int `json:"counts,omitempty"` // outcome → documents
	// Restorable is how many documents a roll-back can still put back or take out.
	Restorable int `json:"restorable"`
}

// BatchState is where a batch stands.
type BatchState string

// BatchLease is how long a run that gives no sign of life is taken to be alive.
// Runs give one several times as often.
const BatchLease = 2 * time.Minute

// States of batches. What a settled one replaced is gone for good.
const (
	Running BatchState = "running"
	// Interrupted: its run ended before it was done, or nothing was heard of it for
	// [BatchLease]. What it brought stays, and the next run goes on from there.
	Interrupted BatchState = "interrupted"
	Finished    BatchState = "finished"
	Settled     BatchState = "settled"
	RolledBack  BatchState = "rolled_back"
)

// Undo is what rolling back did, or would do, to one document of a batch.
type Undo struct {
	Document string `json:"document"`
	// Did is restored, retired, discarded or skipped.
	Did     string `json:"did"`
	Version string `json:"version,omitempty"` // that is live afterwards
	Why     string `json:"why,omitempty"`     // skipped: changed since, text is gone, WhyPruned
}

// WhyPruned is why a roll-back does not put back what the batch took out because its
// source no longer had it.
const WhyPruned = "its source no longer had it: its text is gone"

// Lineage is where one version of a document came from and what became of it. It
// stays when the version is replaced; of an erased document only keyed hashes
// stay.
type Lineage struct {
	Tenant    string          `json:"tenant"`
	Document  string          `json:"document"`
	Version   string          `json:"version"`
	State     State           `json:"state"` // of this version: live, held, rejected, retired or erased
	Source    string          `json:"source"`
	Batch     string          `json:"batch,omitempty"`
	Submitter string          `json:"submitter,omitempty"`
	URI       string          `json:"uri,omitempty"`
	Content   string          `json:"content"` // keyed hash of the received bytes
	Manifest  json.RawMessage `json:"manifest,omitempty"`
	Connector string          `json:"connector,omitempty"` // key that signed the manifest
	Sequence  int64           `json:"sequence,omitempty"`
	Verdict   string          `json:"verdict,omitempty"`
	Scanner   string          `json:"scanner,omitempty"`
	Policy    string          `json:"policy,omitempty"`
	Receipt   string          `json:"receipt,omitempty"` // its id
	ReceiptBy string          `json:"receipt_key,omitempty"`
	Chunks    int             `json:"chunks"`
	Findings  map[string]int  `json:"findings,omitempty"`
	Reasons   []string        `json:"reasons,omitempty"` // held or rejected: why
	Recorded  time.Time       `json:"recorded"`
	Ended     time.Time       `json:"ended,omitzero"`
}

// Alike is an indexed document with nearly the same words.
type Alike struct {
	Document  string
	Source    string
	Content   string
	Signature []byte
}

// Marked is a manifest's mark: the last number and manifest accepted for a
// document, and whether the document is gone since.
type Marked struct {
	Source   string
	Document string
	Sequence int64
	ID       string
	Gone     bool
}

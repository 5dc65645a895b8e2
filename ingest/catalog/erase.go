package catalog

import "time"

// Scope says what an erasure or a legal hold is about.
type Scope string

// Scopes.
const (
	ByDocument Scope = "document" // one document's id
	BySource   Scope = "source"   // everything from a source
	BySubject  Scope = "subject"  // everything whose attributes name a person
	ByExpiry   Scope = "expired"  // everything past its retention
)

// LegalHold keeps documents from being erased, retired, replaced or discarded,
// whatever else is asked for.
type LegalHold struct {
	Tenant string
	ID     string
	Scope  Scope  // ByDocument, BySource or BySubject
	Target string // sealed at rest
	Reason string // sealed at rest
	By     string // who, as the audit log names people
	Added  time.Time
	Lifted time.Time // zero while in force
	LiftBy string
}

// Erasure is one request to erase, and how far it got.
type Erasure struct {
	Tenant string
	ID     string
	Key    string // keyed hash of the idempotency key, "" without
	Order  Order
	State  ErasureState
	// Receipt is the signed receipt of erasure once it is done, JSON.
	Receipt  []byte
	Started  time.Time
	Finished time.Time
}

// Order is what was asked. It is sealed until the erasure is done, and then
// forgotten.
type Order struct {
	Scope  Scope    `json:"scope"`
	Target string   `json:"target"`
	Reason string   `json:"reason"`
	By     string   `json:"by"`
	Policy string   `json:"policy,omitempty"`
	Items  []string `json:"items"` // ids of the documents
	Return bool     `json:"return,omitempty"`
}

// ErasureState is how far an erasure got.
type ErasureState string

// States of an erasure. One that is running is carried on after a restart.
const (
	Erasing    ErasureState = "running"
	ErasedDone ErasureState = "done"
)

// Gone counts what an erasure took out of the catalog.
type Gone struct {
	Documents int `json:"documents"` // that were live
	Versions  int `json:"versions"`  // with their keys
	Chunks    int `json:"chunks"`    // with their terms and vectors
	Arrivals  int `json:"arrivals"`  // received or held
	Prints    int `json:"prints"`    // fingerprints of protected text
	Others    int `json:"others"`    // signatures, notes, lineage, what batches kept
}

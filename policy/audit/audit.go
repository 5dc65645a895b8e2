// Package audit is the contract of the audit log: one [Entry] per effect,
// appended and durable before the effect takes place.
package audit

import (
	"context"
	"errors"
	"time"
)

// Entry says who did what to which documents, under which policy, and what was
// decided. It never holds document text, a query, a prompt or a finding's text.
type Entry struct {
	// Always set.
	Time    time.Time `json:"time"`
	Event   string    `json:"event"` // "ingest", "retrieve", "output", "admin", "alarm", "policy", "auth"
	Tenant  string    `json:"tenant"`
	Outcome string    `json:"outcome"` // for example "released", "denied", "quarantined", "failed"

	// Set where they apply.
	Subject   string         `json:"subject,omitempty"`   // keyed hash of the user id
	Backend   string         `json:"backend,omitempty"`   // backend key id
	Policy    string         `json:"policy,omitempty"`    // policy revision hash
	Documents []string       `json:"documents,omitempty"` // document ids, with "@version"
	Counts    map[string]int `json:"counts,omitempty"`    // rule, kind or reason → number
	Reason    string         `json:"reason,omitempty"`    // a class, never content
	Request   string         `json:"request,omitempty"`   // request id
	Model     string         `json:"model,omitempty"`     // of an answer through the gateway
	Prompt    string         `json:"prompt,omitempty"`    // hash of the prompt it was given
}

// Numbered is an entry with its place in the log.
type Numbered struct {
	Index uint64 `json:"index"` // from 0
	Entry
}

// ErrUnavailable means the log cannot take entries; nothing may be released.
var ErrUnavailable = errors.New("audit log unavailable")

// Log takes entries. The caller must not proceed with the effect on an error.
type Log interface {
	// Append returns once the entries are durable, in order.
	Append(ctx context.Context, entries ...Entry) error
}

// Package policy holds the nouns of authorisation: who asks ([Subject]), what a
// document is known by ([Attributes], described by a [Schema]), which documents
// may be searched ([Filter]) and what was decided ([Decision], [Verdict]).
//
// It is pure: no I/O, no policy language, nothing beyond the standard library.
// Package policy/rego evaluates Rego behind [Snapshot]. Every zero value in this
// package denies.
package policy

import (
	"context"
	"errors"
	"time"
)

// Subject is a verified identity: an end user as asserted by an identity
// provider, reached through an authenticated backend. It is always a parameter,
// never a context value.
type Subject struct {
	ID        string         // stable user id within Tenant
	Tenant    string         // the tenant every read and write is confined to
	Groups    []string       // sorted, unique
	Roles     []string       // sorted, unique
	Clearance int64          // ordered level; 0 is the lowest
	Claims    map[string]any // further verified claims, normalised against the subject schema
	Authn     Authn          // how and when the identity was proved
}

// Authn says how a subject was authenticated; policies may require more.
type Authn struct {
	Backend string    // id of the backend key the request came through
	Issuer  string    // who signed the assertion
	ACR     string    // authentication context class, as asserted
	AMR     []string  // authentication methods, for example "mfa"
	At      time.Time // when the user authenticated
	Issued  time.Time // when the assertion was made
}

// Context is what a request is for. Now is fixed once per request and used for
// the plan, the search and the check alike.
type Context struct {
	Now         time.Time
	Purpose     string
	Destination string // "internal" or a configured external provider's name
	Action      string // "read" unless said otherwise
}

// Attributes are a document's facts, normalised against a [Schema]: sets are
// always present (never nil), nothing is null, integers are int64, times are
// int64 epoch seconds, objects are map[string]any, sets are []any.
type Attributes map[string]any

// Obligations come with a plan; they are asked once, of subject and context alone.
type Obligations struct {
	MaxPassages int      // 0: no limit from policy
	Mask        []string // finding kinds or types to mask in passages
	RequireMFA  bool
	Quota       Quota          // of this user, in place of the configured ones
	Extra       map[string]any // obligations Doorward does not interpret, passed to the caller
}

// Quota bounds how much one user may take. A zero leaves the configured limit.
type Quota struct {
	Requests   int // a minute
	Passages   int // a minute
	Tokens     int // a minute
	Concurrent int // requests under way at once
	Coverage   int // distinct chunks in a day
}

// Decision is the full evaluation of one document for one subject.
type Decision struct {
	Allow  bool
	Reason string // a rule name or error class; never document content
}

// Point names a decision point asked through [Snapshot.Decide].
type Point string

// The decision points of DESIGN: one Rego package each.
const (
	PointAccess Point = "doorward.access"
	PointIngest Point = "doorward.ingest"
	PointOutput Point = "doorward.output"
	PointAdmin  Point = "doorward.admin"
)

// Input is the document given to a decision point; keys are source, document,
// findings, subject, context, operation as docs/policies.md describes.
type Input map[string]any

// Outcome is what becomes of a document at ingest. The zero value quarantines.
type Outcome int

// Outcomes of an ingest decision.
const (
	Quarantine Outcome = iota
	Index
	Reject
)

func (o Outcome) String() string {
	switch o {
	case Index:
		return "index"
	case Reject:
		return "reject"
	default:
		return "quarantine"
	}
}

// Verdict answers ingest, output and admin. Its zero value quarantines, stops
// and denies.
type Verdict struct {
	Allow   bool              // admin
	Outcome Outcome           // ingest
	Embed   bool              // ingest: the rewritten text may go to the external embedder named in the input
	Contain bool              // ingest: the whole run this document came in is to be held
	Protect bool              // ingest: answers to people who may not read the document must not repeat its text
	Actions map[string]string // kind, type or rule → action word (see sanitize.Action); absent means the strictest
	Reasons []string          // policy-authored; never document content
}

// Revision identifies a loaded policy: everything a cache key or receipt needs.
type Revision struct {
	Bundle string // where it came from: a directory or bundle name
	ID     string // author-given revision, if any
	Hash   string // hex SHA-256 over modules, data and schema
}

// Snapshot is one immutable revision of the policy. A request takes one
// snapshot and one Context.Now, and uses both throughout.
//
// Every method fails closed: on an error the returned filter denies all, the
// decisions deny, the verdict is its zero value.
type Snapshot interface {
	// Plan partially evaluates doorward.access for the subject.
	Plan(ctx context.Context, s Subject, c Context) (Filter, Obligations, error)
	// Check fully evaluates doorward.access for each document in one batch. The
	// result has exactly len(docs) decisions, or err is not nil.
	Check(ctx context.Context, s Subject, c Context, docs []Attributes) ([]Decision, error)
	// Decide asks one of the other decision points.
	Decide(ctx context.Context, p Point, in Input) (Verdict, error)
	Revision() Revision
}

// Source yields the snapshot in force. Implementations swap revisions
// atomically; a policy that fails to load never replaces a good one.
type Source interface {
	Snapshot() (Snapshot, error)
}

// Sentinel errors of the policy layer.
var (
	// ErrUnavailable means no usable policy is in force; nothing may be released.
	ErrUnavailable = errors.New("no policy in force")
	// ErrNotPushable means the policy cannot be turned into a search filter for
	// this subject; the request is denied.
	ErrNotPushable = errors.New("policy cannot be expressed as a filter")
	// ErrFailed means the policy failed while it was evaluated, by two rules that
	// contradict each other for example; the request is denied.
	ErrFailed = errors.New("policy failed")
	// ErrSubject means the subject does not fit the subject schema.
	ErrSubject = errors.New("subject does not fit the schema")
	// ErrAttributes means a document does not fit the document schema.
	ErrAttributes = errors.New("attributes do not fit the schema")
)

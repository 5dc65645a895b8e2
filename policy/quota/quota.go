// Package quota bounds how much may be taken: how often a backend and a user may
// ask, how much of a collection one user may read in a day, and how that budget
// shrinks while his questions look like a walk over the collection.
//
// It is asked twice per request, by [Keeper.Enter] before anything is searched
// and by [Pass.Spend] before anything is released. Both count what they allow in
// a [Store], which replicas share; a store that does not answer denies. No
// question, passage or user id is kept, only keyed hashes of them (see [Sketch]).
package quota

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/doorward/doorward/policy"
)

// ErrUnavailable means that the counts cannot be read or kept; nothing may be
// released.
var ErrUnavailable = errors.New("quotas cannot be counted")

// ErrExceeded is what every [Refusal] is.
var ErrExceeded = errors.New("quota exceeded")

// Limits bound one backend or one user. A zero does not bound.
type Limits struct {
	Requests   Rate
	Passages   Rate
	Tokens     Rate
	Concurrent int // requests under way at once
	Coverage   int // distinct chunks in a day; of users only
}

// Rate is a token bucket: Burst at once, refilled with PerMinute.
type Rate struct {
	PerMinute float64
	Burst     float64 // 0: a minute's worth
}

func (r Rate) burst() float64 {
	if r.Burst > 0 {
		return r.Burst
	}
	return r.PerMinute
}

// Within returns the limits with those that a policy's obligations name in
// their place.
func (l Limits) Within(o policy.Quota) Limits {
	rate := func(r *Rate, perMinute int) {
		if perMinute > 0 {
			*r = Rate{PerMinute: float64(perMinute)}
		}
	}
	rate(&l.Requests, o.Requests)
	rate(&l.Passages, o.Passages)
	rate(&l.Tokens, o.Tokens)
	if o.Concurrent > 0 {
		l.Concurrent = o.Concurrent
	}
	if o.Coverage > 0 {
		l.Coverage = o.Coverage
	}
	return l
}

// Caller names who is counted, by keyed hashes and ids that hold nothing
// personal.
type Caller struct {
	Tenant  string
	Backend string
	User    string // keyed hash, unique beyond the tenant
}

// Ask is a request about to be searched.
type Ask struct {
	Caller
	Now      time.Time
	User     policy.Quota // what the policy's obligations say of this user
	Authn    policy.Authn // for a step-up
	Question Sketch
}

// Release is what is about to be let out.
type Release struct {
	Chunks   []uint64 // keyed hashes of all chunks in it
	Text     Sketch   // of the passages
	Passages int
	Tokens   int
}

// Reasons of refusals and alarms; stable words for audit logs and metrics.
const (
	Requests   = "requests"
	Passages   = "passages"
	Tokens     = "tokens"
	Concurrent = "concurrent"
	Coverage   = "coverage"
	Pattern    = "pattern"
	MFA        = "mfa_required" // by policy
)

// Refusal says that nothing is released now, and when to come again.
type Refusal struct {
	Reason string
	Whose  string        // "user" or "backend"
	After  time.Duration // when it can be tried again; at least a second
	StepUp *StepUp       // if a stronger sign-in would help
}

func (r *Refusal) Error() string {
	if r.Reason == MFA {
		return "policy demands a sign-in with the second factor: sign in again with it"
	}
	if r.StepUp != nil {
		return "quota exceeded: sign in again, with the second factor, to go on"
	}
	return fmt.Sprintf("quota exceeded: %s of this %s; come again in %d seconds", r.Reason, r.Whose, r.Seconds())
}

// Unwrap makes every refusal an [ErrExceeded].
func (r *Refusal) Unwrap() error { return ErrExceeded }

// Seconds is After for a Retry-After header.
func (r *Refusal) Seconds() int { return max(1, int((r.After+time.Second-1)/time.Second)) }

// StepUp is a sign-in that dispels suspicion: by one of ACR, or with the second
// factor where it names none, and not longer ago than MaxAge.
type StepUp struct {
	ACR    []string
	MaxAge time.Duration // 0: however long ago
}

// met reports whether a subject signed in as demanded. One that does not say
// when is not recent.
func (s StepUp) met(a policy.Authn, now time.Time) bool {
	strong := len(s.ACR) == 0 && contains(a.AMR, "mfa") || a.ACR != "" && contains(s.ACR, a.ACR)
	recent := s.MaxAge == 0 || !a.At.IsZero() && now.Sub(a.At) <= s.MaxAge
	return strong && recent
}

func contains(list []string, w string) bool {
	for _, x := range list {
		if x == w {
			return true
		}
	}
	return false
}

// Store keeps states by key. policy/quota/memory keeps them for one process,
// policy/quota/postgres for all replicas.
type Store interface {
	// Update hands the states of the keys to change, in the same order, and keeps
	// what it made of them. Updates that share a key follow one another. A key
	// never seen has a zero State. An error means that nothing is known to be
	// kept; it wraps [ErrUnavailable].
	Update(ctx context.Context, keys []string, change func([]*State)) error
}

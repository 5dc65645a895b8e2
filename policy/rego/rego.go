// Package rego evaluates policies written in Rego, with Open Policy Agent as a
// library. [Load] turns a set of files into an immutable [Snapshot] or refuses
// it, saying in which file and line and what to write instead; [Source] holds
// the snapshot in force.
//
// Access is asked in two ways that must agree. The check is OPA's own full
// evaluation of the policy as written. The plan is OPA's partial evaluation of a
// rewritten copy (see rewrite.go), with the document and the time unknown; its
// residual is translated to a [policy.Filter] for the search. What cannot be
// translated exactly is refused when the policy loads, or, where that depends on
// the subject, denied when asked. Nothing is approximated.
//
// The package does no HTTP routing, no audit and no storage.
package rego

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync/atomic"
	"time"

	"github.com/doorward/doorward/policy"
	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/storage"
	"github.com/open-policy-agent/opa/v1/topdown"
)

// Config says what to load.
type Config struct {
	// Files holds the policy: every *.rego file in it, and data.json, data.yaml
	// or data.yml files, whose content stands under data at their folder's path.
	// Files ending in _test.rego are the policy's own tests. os.DirFS gives a
	// directory, fs.Sub a folder of an embedded file system.
	Files fs.FS
	// Name is where the policy came from, for Revision.Bundle: a directory or a
	// bundle's name.
	Name string
	// ID is the author's revision, for Revision.ID; empty if there is none.
	ID string
	// Document declares the attributes policies may read under input.document.
	Document policy.Schema
	// Claims declares what policies may read under input.subject.claims.
	Claims policy.Schema
	// Limits bound every filter; zero fields take their defaults.
	Limits policy.Limits
	// Timeout bounds one call to the policy; 0 means two seconds. A call that
	// takes longer is denied.
	Timeout time.Duration
	// CacheEntries is the number of plans kept; 0 means 4,096, negative none.
	CacheEntries int
	// SkipTests activates a policy without running its own tests. Only tools
	// that run them afterwards set it.
	SkipTests bool

	mutation mutation // switched by tests only
}

// mutation switches one mitigation off, so that tests can show that they would
// notice its loss.
type mutation struct {
	noBindingGuards bool // M1: definedness of bound references
	noOperandGuards bool // M2: definedness of the operands of negated calls
}

// Snapshot is one loaded revision. It is safe for concurrent use.
type Snapshot struct {
	cfg      Config
	revision policy.Revision
	loaded   time.Time
	modules  map[string]*ast.Module // as parsed, tests included
	compiled *ast.Compiler          // of the policy as written, without tests
	program  *ast.Compiler          // of the rewritten copy, for plans
	store    storage.Store
	data     map[string]any
	taint    *dependence
	reads    reads

	allow       rego.PreparedEvalQuery
	obligations *rego.PreparedEvalQuery // nil when the policy declares none
	points      map[policy.Point]rego.PreparedEvalQuery
	partial     rego.PreparedPartialQuery
	plans       *planCache
	counters    counters
}

// counters are read by [Snapshot.Stats].
type counters struct {
	plans, cached, checks, failed atomic.Int64
}

// Stats are counts since the snapshot was loaded.
type Stats struct {
	Plans  int64 // plans asked for
	Cached int64 // of these, answered from the cache
	Checks int64 // documents checked
	Failed int64 // calls that ended in an error, and so denied
}

// Stats returns the snapshot's counts.
func (s *Snapshot) Stats() Stats {
	c := &s.counters
	return Stats{Plans: c.plans.Load(), Cached: c.cached.Load(), Checks: c.checks.Load(), Failed: c.failed.Load()}
}

// Revision identifies what was loaded.
func (s *Snapshot) Revision() policy.Revision { return s.revision }

// Loaded is when the snapshot was loaded.
func (s *Snapshot) Loaded() time.Time { return s.loaded }

// Schemas returns the document and claims schemas the snapshot was loaded with.
func (s *Snapshot) Schemas() (document, claims policy.Schema) { return s.cfg.Document, s.cfg.Claims }

const defaultTimeout = 2 * time.Second

func (c Config) timeout() time.Duration {
	if c.Timeout <= 0 {
		return defaultTimeout
	}
	return c.Timeout
}

// ErrTimeout means a policy did not answer within Config.Timeout.
var ErrTimeout = errors.New("policy did not answer in time")

// guarded runs one evaluation under the configured time, and turns a panic
// inside OPA into an error: a bug in a library must deny, not crash.
//
// OPA is given a context that never ends and the cancel instead: it would start
// a goroutine per evaluation to watch an ending one.
func (s *Snapshot) guarded(ctx context.Context, what string, f func(run) error) (err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, s.cfg.timeout(), ErrTimeout)
	defer cancel()
	stop := topdown.NewCancel()
	defer context.AfterFunc(ctx, stop.Cancel)()
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%s: policy evaluation panicked: %v", what, panicClass(r))
		}
		if err != nil {
			s.counters.failed.Add(1)
			if cause := context.Cause(ctx); cause != nil {
				err = fmt.Errorf("%s: %w", what, cause)
			}
		}
	}()
	return f(run{caller: ctx, opa: context.WithoutCancel(ctx), stop: rego.EvalExternalCancel(stop)})
}

// run is what one guarded evaluation may use.
type run struct {
	caller context.Context // ends when the evaluation must
	opa    context.Context // for OPA
	stop   rego.EvalOption // for OPA: ends it when caller ends
}

// panicClass names a panic without printing its value, which may hold input.
func panicClass(r any) string {
	if e, ok := r.(error); ok {
		var re interface{ RuntimeError() }
		if errors.As(e, &re) {
			return e.Error()
		}
	}
	return fmt.Sprintf("%T", r)
}

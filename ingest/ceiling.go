package ingest

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/doorward/doorward/policy"
)

// Ceiling bounds what a source's documents may claim, so that a connector that
// is wrong, or taken over, cannot make documents more widely readable than its
// source is. An attribute that is not named is not bounded. A document that
// claims more is held as no_acl.
type Ceiling map[string]Bound

// Bound is one attribute's bound. Only what is set counts.
type Bound struct {
	OneOf []any  // the values, or a set's members, that may be claimed; empty but not nil: none
	Min   *int64 // for numbers and times
	Max   *int64
}

// check names the first attribute, in order, that is over its bound.
func (c Ceiling) check(a policy.Attributes) error {
	paths := make([]string, 0, len(c))
	for path := range c {
		paths = append(paths, path)
	}
	slices.Sort(paths)
	for _, path := range paths {
		b := c[path]
		v, ok := a.Lookup(path)
		// Without a number there is nothing to be within; a set, a word or a bool
		// that is absent grants nobody anything.
		if ok && !b.holds(v) || !ok && (b.Min != nil || b.Max != nil) {
			return &CeilingError{Path: path}
		}
	}
	return nil
}

func (b Bound) holds(v any) bool {
	if list, ok := v.([]any); ok {
		return !slices.ContainsFunc(list, func(x any) bool { return !b.holds(x) })
	}
	n, number := v.(int64)
	switch {
	case b.OneOf != nil && !slices.Contains(b.OneOf, v):
		return false
	case b.Min != nil && (!number || n < *b.Min):
		return false
	case b.Max != nil && (!number || n > *b.Max):
		return false
	}
	return true
}

// CeilingError names the attribute that a source may not claim so widely.
type CeilingError struct{ Path string }

// Error implements error. It names no value.
func (e *CeilingError) Error() string {
	return fmt.Sprintf("attribute %s is wider than its source may give", e.Path)
}

// Unwrap makes it an attribute error.
func (e *CeilingError) Unwrap() error { return policy.ErrAttributes }

// claims is the hash of what is claimed, under the bounds of its source: where
// either changes, attributes are looked at anew.
func (p *Pipeline) claims(source string, claimed map[string]any) string {
	c := p.Ceilings[source]
	if len(c) == 0 {
		return policy.HashValue(claimed)
	}
	return policy.HashValue([]any{claimed, c.String()})
}

// String writes a ceiling in one way.
func (c Ceiling) String() string {
	data, err := json.Marshal(c)
	if err != nil {
		return "unwritable"
	}
	return string(data)
}

package policy

import (
	"fmt"
	"time"
)

// Filter selects the documents a search may see. The zero Filter denies all;
// allowing everything has to be said with [AllowAll].
type Filter struct {
	expr     Expr      // nil denies all
	now      time.Time // the request's time, bound once
	needsNow bool      // expr refers to the time
}

// AllowAll returns the filter that matches every document.
func AllowAll() Filter { return Filter{expr: Bool(true)} }

// When returns the filter that matches where e holds. A nil or malformed e
// (a nil operand, an unknown operator, a constant of another type than string,
// int64 or bool) denies all: negation over a broken part must not release.
func When(e Expr) Filter {
	w := wellFormed{}
	if !w.check(e, inDocument, 0) {
		return Filter{}
	}
	return Filter{expr: e, needsNow: w.now}
}

// And returns the filter that matches where f does and e holds as well. A zero f
// goes on denying all.
func (f Filter) And(e Expr) Filter {
	if f.expr == nil {
		return Filter{}
	}
	g := When(And{f.expr, e})
	g.now = f.now
	return g
}

// At binds the request's time for Value.Now and NowCompare. An unbound filter
// that needs the time matches nothing.
func (f Filter) At(now time.Time) Filter { f.now = now; return f }

// Expr returns the expression with the bound time, for those who explain it.
// Stores use [Filter.Prepare]. ok is false when the filter denies all: nothing
// may reach a store then.
func (f Filter) Expr() (e Expr, now time.Time, ok bool) {
	if f.expr == nil || f.expr == Expr(Bool(false)) || f.unbound() {
		return nil, time.Time{}, false
	}
	return f.expr, f.now, true
}

func (f Filter) unbound() bool { return f.needsNow && f.now.IsZero() }

// Match reports whether the filter selects a document. It is the reference
// semantics every store is held to.
func (f Filter) Match(a Attributes) bool {
	if f.expr == nil || f.unbound() {
		return false
	}
	return matcher{now: f.now.Unix()}.document(f.expr, a)
}

// DeniesAll reports whether no document can match.
func (f Filter) DeniesAll() bool {
	_, _, ok := f.Expr()
	return !ok
}

// Hash identifies the filter in audit entries: the hex SHA-256 of the simplified
// expression, without the bound time. Filters that select the same documents by
// reordered conditions share a hash.
func (f Filter) Hash() string {
	if f.expr == nil {
		return hashExpr(Bool(false))
	}
	return hashExpr(f.expr)
}

// String prints the filter for humans. It holds the constants of the
// expression, so it belongs in an explanation, not in a log.
func (f Filter) String() string {
	if f.expr == nil {
		return "nothing"
	}
	switch f.expr {
	case Expr(Bool(true)):
		return "everything"
	case Expr(Bool(false)):
		return "nothing"
	}
	return FormatExpr(f.expr)
}

// Effect says what a prepared filter asks of a store. The zero value denies.
type Effect int

// Effects of a prepared filter.
const (
	SelectNone Effect = iota // do not search at all
	SelectAll                // no condition from policy; the tenant's still applies
	SelectSome               // search under the expression
)

// Prepare is the last gate before a store: it binds the time, simplifies, and
// checks that what remains can be rendered without becoming more permissive.
// The expression is not nil exactly when the effect is SelectSome; it then holds
// no constant, no empty operand list and no reference to the time. A store
// renders an empty filter as "everything", so none gets past here. With a nil
// schema, paths and types are not checked.
func (f Filter) Prepare(s Schema) (Effect, Expr, error) {
	if f.expr == nil || f.unbound() {
		return SelectNone, nil, nil
	}
	e := Simplify(Bind(f.expr, f.now))
	if b, ok := e.(Bool); ok {
		if b {
			return SelectAll, nil, nil
		}
		return SelectNone, nil, nil
	}
	if err := CheckRenderable(e, s); err != nil {
		return SelectNone, nil, fmt.Errorf("preparing filter: %w", err)
	}
	return SelectSome, e, nil
}

// Bind replaces every reference to the time by constants.
func Bind(e Expr, now time.Time) Expr {
	sec := now.Unix()
	switch x := e.(type) {
	case And:
		out := make(And, len(x))
		for i := range x {
			out[i] = Bind(x[i], now)
		}
		return out
	case Or:
		out := make(Or, len(x))
		for i := range x {
			out[i] = Bind(x[i], now)
		}
		return out
	case Not:
		return Not{Bind(x.X, now)}
	case Any:
		return Any{x.Path, Bind(x.X, now)}
	case Nested:
		return Nested{x.Path, Bind(x.X, now)}
	case Compare:
		if x.Value.Now {
			x.Value = Value{Const: sec + x.Value.Offset}
		}
		return x
	case NowCompare:
		return Bool(ordered(x.Op, sec+x.Offset, x.N))
	}
	return e
}

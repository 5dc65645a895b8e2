package policy

import "time"

// Filter selects the documents a search may see. The zero Filter denies all;
// allowing everything has to be said with [AllowAll].
type Filter struct {
	expr Expr      // nil denies all
	now  time.Time // the request's time, bound once
}

// AllowAll returns the filter that matches every document.
func AllowAll() Filter { return Filter{expr: Bool(true)} }

// When returns the filter that matches where e holds; a nil e denies all.
func When(e Expr) Filter { return Filter{expr: e} }

// At binds the request's time for Value.Now and NowCompare. An unbound filter
// that needs the time matches nothing.
func (f Filter) At(now time.Time) Filter { f.now = now; return f }

// Expr returns the expression with the bound time, for stores that render it.
// ok is false when the filter denies all: nothing may reach a store then.
func (f Filter) Expr() (e Expr, now time.Time, ok bool) {
	if f.expr == nil || f.expr == Expr(Bool(false)) {
		return nil, time.Time{}, false
	}
	return f.expr, f.now, true
}

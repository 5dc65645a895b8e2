package policy

import "fmt"

// Limits bound what a filter may cost a store. A filter beyond them is refused,
// and the request denied; it is never cut short.
type Limits struct {
	Nodes  int // expression nodes; 0 means 5,000
	Values int // constants in all In lists together; 0 means 20,000
	Depth  int // nesting; 0 means 40
}

func (l Limits) withDefaults() Limits {
	if l.Nodes <= 0 {
		l.Nodes = 5000
	}
	if l.Values <= 0 {
		l.Values = 20000
	}
	if l.Depth <= 0 {
		l.Depth = 40
	}
	return l
}

// Check reports whether the filter stays within the limits.
func (l Limits) Check(f Filter) error {
	if f.expr == nil {
		return nil
	}
	l = l.withDefaults()
	nodes, values, depth := size(f.expr)
	switch {
	case nodes > l.Nodes:
		return fmt.Errorf("%w: it has %d conditions, more than %d", ErrNotPushable, nodes, l.Nodes)
	case values > l.Values:
		return fmt.Errorf("%w: it lists %d values, more than %d", ErrNotPushable, values, l.Values)
	case depth > l.Depth:
		return fmt.Errorf("%w: it is nested %d deep, more than %d", ErrNotPushable, depth, l.Depth)
	}
	return nil
}

// Size returns the number of conditions and of listed constants in a filter.
func (f Filter) Size() (conditions, values int) {
	conditions, values, _ = size(f.expr)
	return conditions, values
}

func size(e Expr) (nodes, values, depth int) {
	add := func(es ...Expr) {
		for _, y := range es {
			n, v, d := size(y)
			nodes, values, depth = nodes+n, values+v, max(depth, d)
		}
	}
	nodes = 1
	switch x := e.(type) {
	case nil:
		return 0, 0, 0
	case And:
		add(x...)
	case Or:
		add(x...)
	case Not:
		add(x.X)
	case Any:
		add(x.X)
	case Nested:
		add(x.X)
	case In:
		values = len(x.Values)
	}
	return nodes, values, depth + 1
}

// place says where in an expression a node stands.
type place int

const (
	inDocument place = iota
	inElement
	inObject
)

// wellFormed checks structure when a filter is made.
type wellFormed struct{ now bool }

const maxExprDepth = 200

func (w *wellFormed) check(e Expr, at place, depth int) bool {
	if depth > maxExprDepth {
		return false
	}
	all := func(es []Expr) bool {
		for _, y := range es {
			if !w.check(y, at, depth+1) {
				return false
			}
		}
		return true
	}
	switch x := e.(type) {
	case Bool:
		return true
	case And:
		return all(x)
	case Or:
		return all(x)
	case Not:
		return w.check(x.X, at, depth+1)
	case Exists:
		return pathFits(x.Path, at)
	case Compare:
		w.now = w.now || x.Value.Now
		return pathFits(x.Path, at) && validOp(x.Op) && operandFits(x)
	case In:
		return pathFits(x.Path, at) && uniform(x.Values)
	case Any:
		return at == inDocument && x.Path != "" && w.check(x.X, inElement, depth+1)
	case Nested:
		return at == inDocument && x.Path != "" && w.check(x.X, inObject, depth+1)
	case Count:
		return at == inDocument && x.Path != "" && validOp(x.Op)
	case NowCompare:
		w.now = true
		return validOp(x.Op)
	}
	return false // nil, or a foreign type
}

func pathFits(path string, at place) bool { return (path == "") == (at == inElement) }

func validOp(op Op) bool {
	switch op {
	case Eq, Lt, Lte, Gt, Gte:
		return true
	}
	return false
}

func operandFits(c Compare) bool {
	if c.Value.Now {
		return c.Value.Const == nil
	}
	switch c.Value.Const.(type) {
	case int64:
		return true
	case string, bool:
		return c.Op == Eq
	}
	return false
}

func uniform(values []any) bool {
	strs, ints := 0, 0
	for _, v := range values {
		switch v.(type) {
		case string:
			strs++
		case int64:
			ints++
		}
	}
	return strs == len(values) || ints == len(values)
}

// CheckRenderable is the gate in front of every store. It passes only bound,
// simplified expressions in which nothing could be dropped or widened by a
// renderer: no constants, no And, Or or In without operands, no reference to
// the time, no list where a scalar belongs. With a schema, each path must be
// declared with a kind that fits its use, and each constant with the path.
func CheckRenderable(e Expr, s Schema) error {
	w := wellFormed{}
	if !w.check(e, inDocument, 0) {
		return fmt.Errorf("%w: it is malformed", ErrNotPushable)
	}
	if w.now {
		return fmt.Errorf("%w: the request's time is not bound", ErrNotPushable)
	}
	return gate{schema: s}.check(e, nil)
}

type gate struct{ schema Schema }

func (g gate) refuse(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrNotPushable, fmt.Sprintf(format, args...))
}

// check walks e; fields resolves paths inside Any and Nested, and is nil in the
// document itself.
func (g gate) check(e Expr, fields func(path string) (Kind, bool)) error {
	switch x := e.(type) {
	case And:
		return g.operands("and", x, fields)
	case Or:
		return g.operands("or", x, fields)
	case Not:
		return g.check(x.X, fields)
	case Exists:
		_, err := g.scalar(x.Path, fields)
		return err
	case Compare:
		k, err := g.scalar(x.Path, fields)
		if err != nil || k == 0 {
			return err
		}
		return g.operand(x.Path, k, x.Op, x.Value.Const)
	case In:
		return g.members(x, fields)
	case Any:
		return g.any(x)
	case Nested:
		return g.nested(x)
	case Count:
		return g.count(x)
	}
	return g.refuse("a constant or unknown node %T stands inside it", e)
}

func (g gate) operands(what string, es []Expr, fields func(string) (Kind, bool)) error {
	if len(es) == 0 {
		return g.refuse("it holds an empty %s", what)
	}
	for _, y := range es {
		if err := g.check(y, fields); err != nil {
			return err
		}
	}
	return nil
}

// scalar returns the kind at path, or 0 where no schema is given.
func (g gate) scalar(path string, fields func(string) (Kind, bool)) (Kind, error) {
	if g.schema == nil {
		return 0, nil
	}
	k, ok := g.schema[path].Kind, true
	if fields != nil {
		k, ok = fields(path)
	}
	if !ok || !k.Scalar() {
		return 0, g.refuse("%q is not a declared scalar", path)
	}
	return k, nil
}

func (g gate) operand(path string, k Kind, op Op, v any) error {
	if op != Eq && !k.Ordered() {
		return g.refuse("%q is a %s and has no order", path, k)
	}
	ok := false
	switch v.(type) {
	case string:
		ok = k == String
	case bool:
		ok = k == BoolKind
	case int64:
		ok = k.Ordered()
	}
	if !ok {
		return g.refuse("%q is a %s but is compared with another type", path, k)
	}
	return nil
}

func (g gate) members(x In, fields func(string) (Kind, bool)) error {
	if len(x.Values) == 0 {
		return g.refuse("membership in nothing")
	}
	k, err := g.scalar(x.Path, fields)
	if err != nil || k == 0 {
		return err
	}
	return g.operand(x.Path, k, Eq, x.Values[0])
}

func (g gate) any(x Any) error {
	kind := g.schema[x.Path].Kind
	if g.schema != nil && !kind.Set() {
		return g.refuse("%q is not a declared set", x.Path)
	}
	return g.check(x.X, func(p string) (Kind, bool) { return kind.Element(), p == "" })
}

func (g gate) nested(x Nested) error {
	a := g.schema[x.Path]
	if g.schema != nil && a.Kind != ObjectList {
		return g.refuse("%q is not a declared list of objects", x.Path)
	}
	return g.check(x.X, func(p string) (Kind, bool) { k, ok := a.Fields[p]; return k, ok })
}

func (g gate) count(x Count) error {
	if x.N < 0 {
		return g.refuse("a negative count")
	}
	if k := g.schema[x.Path].Kind; g.schema != nil && !k.Set() && k != ObjectList {
		return g.refuse("%q is not a declared set or list", x.Path)
	}
	return nil
}

package sqlite

import (
	"crypto/sha256"

	"github.com/doorward/doorward/policy"
)

// columns holds the attributes of a tenant's documents by path, so that a filter
// is evaluated over all rows at once: a condition is decided once per distinct
// value, then looked up per row. A row is one distinct set of attributes; chunks
// with equal attributes share it.
type columns struct {
	rows    int
	byHash  map[[16]byte]uint32
	scalars map[string]*scalarColumn
	sets    map[string]*setColumn
	objects map[string]map[uint32]policy.Attributes // path → rows with a non-empty list of objects
}

// values numbers distinct values from 1; 0 is "absent".
type values struct {
	codes map[any]uint32
	list  []any // by code minus one
}

func (v *values) code(x any) uint32 {
	if c, ok := v.codes[x]; ok {
		return c
	}
	if v.codes == nil {
		v.codes = map[any]uint32{}
	}
	v.list = append(v.list, x)
	v.codes[x] = uint32(len(v.list))
	return uint32(len(v.list))
}

type scalarColumn struct {
	values
	rows []uint32 // code by row; rows beyond the end are absent
}

type setColumn struct {
	values
	elements []uint32 // codes, row after row
	dense    []span32 // by row; rows beyond the end are empty
}

type span32 struct{ start, end uint32 }

func newColumns() *columns {
	return &columns{
		byHash: map[[16]byte]uint32{}, scalars: map[string]*scalarColumn{},
		sets: map[string]*setColumn{}, objects: map[string]map[uint32]policy.Attributes{},
	}
}

// row returns the row of attributes given in their stored form, adding it where
// it is new.
func (c *columns) row(stored string) (uint32, error) {
	sum := sha256.Sum256([]byte(stored))
	key := [16]byte(sum[:16])
	if r, ok := c.byHash[key]; ok {
		return r, nil
	}
	attrs, err := decodeAttributes(stored)
	if err != nil {
		return 0, err
	}
	r := uint32(c.rows)
	c.rows++
	c.byHash[key] = r
	c.place(r, "", attrs, attrs)
	return r, nil
}

func (c *columns) place(row uint32, prefix string, m map[string]any, whole policy.Attributes) {
	for k, v := range m {
		path := prefix + k
		switch x := v.(type) {
		case map[string]any:
			c.place(row, path+".", x, whole)
		case []any:
			c.placeList(row, path, x, whole)
		default:
			col := c.scalars[path]
			if col == nil {
				col = &scalarColumn{}
				c.scalars[path] = col
			}
			col.rows = padded(col.rows, int(row)+1)
			col.rows[row] = col.code(v)
		}
	}
}

func (c *columns) placeList(row uint32, path string, list []any, whole policy.Attributes) {
	if len(list) == 0 {
		return
	}
	if _, isObject := list[0].(map[string]any); isObject {
		if c.objects[path] == nil {
			c.objects[path] = map[uint32]policy.Attributes{}
		}
		c.objects[path][row] = whole
		return
	}
	col := c.sets[path]
	if col == nil {
		col = &setColumn{}
		c.sets[path] = col
	}
	start := uint32(len(col.elements))
	for _, v := range list {
		col.elements = append(col.elements, col.code(v))
	}
	col.dense = padded(col.dense, int(row)+1)
	col.dense[row] = span32{start, uint32(len(col.elements))}
}

func padded[T any](s []T, n int) []T {
	for len(s) < n {
		s = append(s, *new(T))
	}
	return s
}

// bits is a set of rows.
type bits []uint64

func newBits(n int) bits { return make(bits, (n+63)/64) }

// grown has room for n.
func (b bits) grown(n int) bits {
	for len(b) < (n+63)/64 {
		b = append(b, 0)
	}
	return b
}

func (b bits) set(i uint32)      { b[i>>6] |= 1 << (i & 63) }
func (b bits) has(i uint32) bool { return b[i>>6]&(1<<(i&63)) != 0 }
func (b bits) and(o bits)        { each2(b, o, func(x, y uint64) uint64 { return x & y }) }
func (b bits) or(o bits)         { each2(b, o, func(x, y uint64) uint64 { return x | y }) }
func (b bits) not()              { each2(b, b, func(x, _ uint64) uint64 { return ^x }) }
func each2(b, o bits, f func(x, y uint64) uint64) {
	for i := range b {
		b[i] = f(b[i], o[i])
	}
}

// eval returns the rows for which e, prepared by [policy.Filter.Prepare], holds.
// Bits beyond the last row are undefined.
func (c *columns) eval(e policy.Expr) bits {
	switch x := e.(type) {
	case policy.And:
		out := c.eval(x[0])
		for _, y := range x[1:] {
			out.and(c.eval(y))
		}
		return out
	case policy.Or:
		out := c.eval(x[0])
		for _, y := range x[1:] {
			out.or(c.eval(y))
		}
		return out
	case policy.Not:
		out := c.eval(x.X)
		out.not()
		return out
	}
	out := newBits(c.rows)
	c.leaf(e, out)
	return out
}

func (c *columns) leaf(e policy.Expr, out bits) {
	switch x := e.(type) {
	case policy.Exists:
		c.scalar(x.Path, out, func(any) bool { return true })
		// A list is "present" too, should a filter ask for it without a schema.
		c.set(x.Path, out, func(any) bool { return true })
		for r := range c.objects[x.Path] {
			out.set(r)
		}
	case policy.Compare:
		c.scalar(x.Path, out, func(v any) bool { return element(x, v) })
	case policy.In:
		member := memberOf(x)
		c.scalar(x.Path, out, member)
	case policy.Any:
		c.set(x.Path, out, elementTest(x.X))
	case policy.Nested:
		f := policy.When(x)
		for r, attrs := range c.objects[x.Path] {
			if f.Match(attrs) {
				out.set(r)
			}
		}
	case policy.Count:
		c.count(x, out)
	}
}

// scalar sets the rows whose value at path satisfies test.
func (c *columns) scalar(path string, out bits, test func(any) bool) {
	col := c.scalars[path]
	if col == nil {
		return
	}
	truth := col.decide(test)
	for r, code := range col.rows {
		if truth[code] {
			out.set(uint32(r))
		}
	}
}

// set sets the rows one of whose elements at path satisfies test.
func (c *columns) set(path string, out bits, test func(any) bool) {
	col := c.sets[path]
	if col == nil {
		return
	}
	truth := col.decide(test)
	for r, s := range col.dense {
		for _, code := range col.elements[s.start:s.end] {
			if truth[code] {
				out.set(uint32(r))
				break
			}
		}
	}
}

// decide evaluates test once per distinct value; index 0, "absent", is false.
func (v *values) decide(test func(any) bool) []bool {
	truth := make([]bool, len(v.list)+1)
	for i, x := range v.list {
		truth[i+1] = test(x)
	}
	return truth
}

func (c *columns) count(x policy.Count, out bits) {
	holds := func(n int) bool { return element(policy.Compare{Op: x.Op, Value: policy.Value{Const: x.N}}, int64(n)) }
	if holds(0) {
		out.not() // rows without the list count as 0; the others are set anew below
	}
	put := func(r uint32, n int) {
		if holds(n) {
			out.set(r)
		} else {
			out[r>>6] &^= 1 << (r & 63)
		}
	}
	if col := c.sets[x.Path]; col != nil {
		for r, s := range col.dense {
			put(uint32(r), int(s.end-s.start))
		}
	}
	for r, attrs := range c.objects[x.Path] {
		v, _ := attrs.Lookup(x.Path)
		list, _ := v.([]any)
		put(r, len(list))
	}
}

// elementTest compiles a condition on one element of a set, as allowed inside
// [policy.Any].
func elementTest(e policy.Expr) func(any) bool {
	switch x := e.(type) {
	case policy.And:
		tests := elementTests(x)
		return func(v any) bool {
			for _, t := range tests {
				if !t(v) {
					return false
				}
			}
			return true
		}
	case policy.Or:
		tests := elementTests(x)
		return func(v any) bool {
			for _, t := range tests {
				if t(v) {
					return true
				}
			}
			return false
		}
	case policy.Not:
		t := elementTest(x.X)
		return func(v any) bool { return !t(v) }
	case policy.Compare:
		return func(v any) bool { return element(x, v) }
	case policy.In:
		return memberOf(x)
	case policy.Exists:
		return func(any) bool { return true }
	}
	return func(any) bool { return false }
}

func elementTests(es []policy.Expr) []func(any) bool {
	out := make([]func(any) bool, len(es))
	for i, y := range es {
		out[i] = elementTest(y)
	}
	return out
}

func memberOf(x policy.In) func(any) bool {
	in := make(map[any]bool, len(x.Values))
	for _, v := range x.Values {
		in[v] = true
	}
	return func(v any) bool { return in[v] }
}

// element decides a comparison for a present value.
func element(c policy.Compare, v any) bool {
	if c.Op == policy.Eq {
		return v == c.Value.Const
	}
	a, ok1 := v.(int64)
	b, ok2 := c.Value.Const.(int64)
	if !ok1 || !ok2 {
		return false
	}
	switch c.Op {
	case policy.Lt:
		return a < b
	case policy.Lte:
		return a <= b
	case policy.Gt:
		return a > b
	case policy.Gte:
		return a >= b
	}
	return false
}

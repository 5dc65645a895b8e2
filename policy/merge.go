package policy

import (
	"encoding/binary"
	"slices"
)

// alternative is one operand of a disjunction, seen as a conjunction in which
// one atom may grow by the atoms of other alternatives.
type alternative struct {
	conj  []node
	sum   key    // commutative sum of the conjuncts' keys
	at    int    // position of the growing atom, -1 while none
	atoms []Expr // what the atom at has been merged with
}

// slotID says where two alternatives may merge: the same kind of atom on the
// same path beside the same other conjuncts.
type slotID struct {
	kind byte
	path string
	rest key
}

// merge joins alternatives that differ in one atom only:
// (A ∧ x∈S) ∨ (A ∧ x∈T) is A ∧ x∈S∪T, and likewise for Any and Nested, since
// "some" distributes over "or". One hash look-up per conjunct keeps it linear.
func merge(ns []node) []node {
	if len(ns) < 2 {
		return ns
	}
	slots := map[slotID]*alternative{}
	var order []*alternative
	for _, n := range ns {
		a := newAlternative(n)
		if !a.joinOne(slots) {
			order = append(order, a)
			a.register(slots)
		}
	}
	if len(order) == len(ns) {
		return ns
	}
	out := make([]node, len(order))
	for i, a := range order {
		out[i] = a.node()
	}
	return out
}

func newAlternative(n node) *alternative {
	a := &alternative{at: -1, conj: []node{n}}
	if isAnd(n.expr) {
		a.conj = slices.Clone(n.kids)
	}
	for _, c := range a.conj {
		a.sum = addKeys(a.sum, c.key)
	}
	return a
}

// joinOne merges a into an earlier alternative and reports whether it could.
func (a *alternative) joinOne(slots map[slotID]*alternative) bool {
	for i, c := range a.conj {
		kind, path, ok := mergeable(c.expr)
		if !ok {
			continue
		}
		other := slots[slotID{kind, path, subKeys(a.sum, c.key)}]
		if other == nil || !other.grow(kind, path, a, i) {
			continue
		}
		return true
	}
	return false
}

func (a *alternative) register(slots map[slotID]*alternative) {
	for _, c := range a.conj {
		if kind, path, ok := mergeable(c.expr); ok {
			id := slotID{kind, path, subKeys(a.sum, c.key)}
			if slots[id] == nil {
				slots[id] = a
			}
		}
	}
}

// grow adds b's atom at position j. The rest is compared key by key: a slot may
// have been registered before another of its atoms grew.
func (a *alternative) grow(kind byte, path string, b *alternative, j int) bool {
	i := a.at
	if i < 0 {
		i = slices.IndexFunc(a.conj, func(n node) bool {
			k, p, ok := mergeable(n.expr)
			return ok && k == kind && p == path && !b.holds(n.key)
		})
	}
	if i < 0 {
		return false
	}
	if k, p, _ := mergeable(a.conj[i].expr); k != kind || p != path || !sameRest(a.conj, i, b.conj, j) {
		return false
	}
	if a.at < 0 {
		a.at, a.atoms = i, []Expr{a.conj[i].expr}
	}
	a.atoms = append(a.atoms, b.conj[j].expr)
	return true
}

func (a *alternative) holds(k key) bool {
	return slices.ContainsFunc(a.conj, func(n node) bool { return n.key == k })
}

func sameRest(a []node, i int, b []node, j int) bool {
	if len(a) != len(b) {
		return false
	}
	rest := func(ns []node, skip int) []key {
		return sortedNodeKeys(slices.Delete(slices.Clone(ns), skip, skip+1))
	}
	return slices.Equal(rest(a, i), rest(b, j))
}

func (a *alternative) node() node {
	if a.at >= 0 {
		a.conj[a.at] = simplify(joinAtoms(a.atoms))
	}
	return conjunction(a.conj)
}

func mergeable(e Expr) (kind byte, path string, ok bool) {
	switch x := e.(type) {
	case Compare:
		switch x.Value.Const.(type) {
		case string, int64:
			return 'm', x.Path, x.Op == Eq && !x.Value.Now
		}
	case In:
		return 'm', x.Path, true
	case Any:
		return 'a', x.Path, true
	case Nested:
		return 'n', x.Path, true
	}
	return 0, "", false
}

func joinAtoms(atoms []Expr) Expr {
	var values []any
	var inner Or
	for _, e := range atoms {
		switch x := e.(type) {
		case Compare:
			values = append(values, x.Value.Const)
		case In:
			values = append(values, x.Values...)
		case Any:
			inner = append(inner, x.X)
		case Nested:
			inner = append(inner, x.X)
		}
	}
	switch x := atoms[0].(type) {
	case Compare:
		return In{x.Path, values}
	case In:
		return In{x.Path, values}
	case Any:
		return Any{x.Path, inner}
	case Nested:
		return Nested{x.Path, inner}
	}
	return Bool(false)
}

func addKeys(a, b key) (out key) {
	binary.BigEndian.PutUint64(out[:8], binary.BigEndian.Uint64(a[:8])+binary.BigEndian.Uint64(b[:8]))
	binary.BigEndian.PutUint64(out[8:], binary.BigEndian.Uint64(a[8:])+binary.BigEndian.Uint64(b[8:]))
	return out
}

func subKeys(a, b key) (out key) {
	binary.BigEndian.PutUint64(out[:8], binary.BigEndian.Uint64(a[:8])-binary.BigEndian.Uint64(b[:8]))
	binary.BigEndian.PutUint64(out[8:], binary.BigEndian.Uint64(a[8:])-binary.BigEndian.Uint64(b[8:]))
	return out
}

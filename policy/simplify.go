package policy

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// key identifies a simplified expression by structure. Keys are computed bottom
// up, once per node, from the keys of the operands: comparing large filters is
// linear, and equal keys mean equal expressions (truncated SHA-256).
type key [16]byte

// node is a simplified expression with its key and, for And and Or, its operands.
type node struct {
	expr Expr
	key  key
	kids []node
}

// Simplify returns an equivalent expression in a canonical form: constants
// folded, nested And and Or flattened, duplicates and absorbed operands dropped,
// and alternatives that differ in one membership merged, so that 500 groups
// become one In instead of 500 alternatives. The input is not changed.
func Simplify(e Expr) Expr { return simplify(e).expr }

func hashExpr(e Expr) string {
	n := simplify(e)
	sum := sha256.Sum256(append([]byte("doorward.filter.v1\x00"), n.key[:]...))
	return hex.EncodeToString(sum[:])
}

func makeKey(tag byte, operands ...key) key {
	buf := make([]byte, 1, 1+len(operands)*len(key{}))
	buf[0] = tag
	for _, k := range operands {
		buf = append(buf, k[:]...)
	}
	sum := sha256.Sum256(buf)
	return key(sum[:16])
}

func leafKey(tag byte, parts ...any) key {
	buf := make([]byte, 1, 96)
	buf[0] = tag
	for _, p := range parts {
		switch v := p.(type) {
		case string:
			buf = binary.BigEndian.AppendUint32(append(buf, 's'), uint32(len(v)))
			buf = append(buf, v...)
		case int64:
			buf = binary.BigEndian.AppendUint64(append(buf, 'i'), uint64(v))
		case bool:
			if v {
				buf = append(buf, 'T')
			} else {
				buf = append(buf, 'F')
			}
		case key:
			buf = append(append(buf, 'k'), v[:]...)
		default:
			buf = fmt.Appendf(buf, "?%T %v", p, p)
		}
	}
	sum := sha256.Sum256(buf)
	return key(sum[:16])
}

var (
	trueNode  = node{expr: Bool(true), key: leafKey('b', true)}
	falseNode = node{expr: Bool(false), key: leafKey('b', false)}
)

func boolNode(b bool) node {
	if b {
		return trueNode
	}
	return falseNode
}

func simplify(e Expr) node {
	switch x := e.(type) {
	case Bool:
		return boolNode(bool(x))
	case And:
		return conjunction(simplifyAll(x))
	case Or:
		return disjunction(simplifyAll(x))
	case Not:
		return negation(simplify(x.X))
	case Exists:
		return node{expr: x, key: leafKey('e', x.Path)}
	case Compare:
		return compareNode(x)
	case In:
		return membership(x.Path, x.Values)
	case Any:
		return quantified('a', x.Path, simplify(x.X), func(y Expr) Expr { return Any{x.Path, y} })
	case Nested:
		return quantified('n', x.Path, simplify(x.X), func(y Expr) Expr { return Nested{x.Path, y} })
	case Count:
		return countNode(x)
	case NowCompare:
		return node{expr: x, key: leafKey('t', x.Offset, string(x.Op), x.N)}
	}
	return falseNode // nil or foreign; When refuses these
}

func simplifyAll(es []Expr) []node {
	out := make([]node, len(es))
	for i, e := range es {
		out[i] = simplify(e)
	}
	return out
}

func compareNode(c Compare) node {
	if c.Value.Now {
		c.Value.Const = nil
	} else {
		c.Value.Offset = 0
	}
	return node{expr: c, key: leafKey('c', c.Path, string(c.Op), c.Value.Const, c.Value.Now, c.Value.Offset)}
}

func membership(path string, values []any) node {
	sorted := slices.Clone(values)
	slices.SortFunc(sorted, compareScalars)
	sorted = slices.CompactFunc(sorted, func(a, b any) bool { return compareScalars(a, b) == 0 })
	switch len(sorted) {
	case 0:
		return falseNode
	case 1:
		return compareNode(Compare{Path: path, Op: Eq, Value: Value{Const: sorted[0]}})
	}
	h := newHasher()
	h.value(sorted)
	return node{expr: In{path, sorted}, key: leafKey('m', path, h.sum())}
}

// compareScalars orders strings, integers and bools; other types by print.
func compareScalars(a, b any) int {
	switch x := a.(type) {
	case string:
		if y, ok := b.(string); ok {
			return strings.Compare(x, y)
		}
	case int64:
		if y, ok := b.(int64); ok {
			switch {
			case x < y:
				return -1
			case x > y:
				return 1
			}
			return 0
		}
	}
	return strings.Compare(fmt.Sprintf("%T %v", a, a), fmt.Sprintf("%T %v", b, b))
}

func quantified(tag byte, path string, x node, wrap func(Expr) Expr) node {
	switch x.key {
	case falseNode.key:
		return falseNode
	case trueNode.key: // some element at all
		return countNode(Count{path, Gte, 1})
	}
	return node{expr: wrap(x.expr), key: leafKey(tag, path, x.key)}
}

// countNode canonicalises: sizes are never negative, and "> n" is "≥ n+1".
func countNode(c Count) node {
	switch {
	case c.Op == Gt && c.N < MaxInteger:
		c.Op, c.N = Gte, c.N+1
	case c.Op == Lte && c.N < MaxInteger:
		c.Op, c.N = Lt, c.N+1
	}
	switch {
	case c.Op == Gte && c.N <= 0:
		return trueNode
	case c.Op == Lt && c.N <= 0, c.Op == Eq && c.N < 0:
		return falseNode
	}
	return node{expr: c, key: leafKey('#', c.Path, string(c.Op), c.N)}
}

func negation(x node) node {
	switch y := x.expr.(type) {
	case Bool:
		return boolNode(!bool(y))
	case Not:
		return x.kids[0]
	}
	return node{expr: Not{x.expr}, key: makeKey('!', x.key), kids: []node{x}}
}

func conjunction(operands []node) node {
	out, ok := gather(operands, isAnd, trueNode.key, falseNode.key)
	if !ok {
		return falseNode
	}
	out = absorb(dropImplied(out), isOr)
	switch len(out) {
	case 0:
		return trueNode
	case 1:
		return out[0]
	}
	return node{expr: And(exprs(out)), key: makeKey('&', sortedNodeKeys(out)...), kids: out}
}

func disjunction(operands []node) node {
	out, ok := gather(operands, isOr, falseNode.key, trueNode.key)
	if !ok {
		return trueNode
	}
	for range 4 { // each pass merges along one more position; four settle every shape seen
		before := len(out)
		if out, ok = gather(merge(out), isOr, falseNode.key, trueNode.key); !ok {
			return trueNode
		}
		if len(out) == before {
			break
		}
	}
	out = absorb(out, isAnd)
	switch len(out) {
	case 0:
		return falseNode
	case 1:
		return out[0]
	}
	if common, rests := factor(out); len(common) > 0 {
		return conjunction(append(common, disjunction(rests)))
	}
	return node{expr: Or(exprs(out)), key: makeKey('|', sortedNodeKeys(out)...), kids: out}
}

// factor takes out the conjuncts that all alternatives share: (A ∧ N) ∨ (B ∧ N)
// is N ∧ (A ∨ B). What forbids stands in every alternative of a typical plan.
func factor(alternatives []node) (common, rests []node) {
	count := map[key]int{}
	for _, a := range alternatives {
		if !isAnd(a.expr) {
			return nil, nil
		}
		for _, kid := range a.kids {
			count[kid.key]++
		}
	}
	shared := func(n node) bool { return count[n.key] == len(alternatives) }
	for _, kid := range alternatives[0].kids {
		if shared(kid) {
			common = append(common, kid)
		}
	}
	if len(common) == 0 {
		return nil, nil
	}
	for _, a := range alternatives {
		rests = append(rests, conjunction(slices.DeleteFunc(slices.Clone(a.kids), shared)))
	}
	return common, rests
}

func isAnd(e Expr) bool { _, ok := e.(And); return ok }
func isOr(e Expr) bool  { _, ok := e.(Or); return ok }

// gather flattens operands of the same connective and drops its neutral element
// and duplicates, keeping the order. ok is false when the dominating element is
// among them, or both an operand and its negation.
func gather(operands []node, same func(Expr) bool, neutral, dominating key) (out []node, ok bool) {
	seen := make(map[key]bool, len(operands))
	var add func(n node) bool
	add = func(n node) bool {
		if n.key == neutral || seen[n.key] {
			return true
		}
		if same(n.expr) {
			for _, kid := range n.kids {
				if !add(kid) {
					return false
				}
			}
			return true
		}
		if n.key == dominating {
			return false
		}
		seen[n.key] = true
		out = append(out, n)
		return true
	}
	for _, n := range operands {
		if !add(n) {
			return nil, false
		}
	}
	for _, n := range out {
		if _, negated := n.expr.(Not); negated && seen[n.kids[0].key] {
			return nil, false
		}
	}
	return out, true
}

// dropImplied removes Exists(p) beside a comparison on p, which implies it.
func dropImplied(ns []node) []node {
	var implied map[string]bool
	for _, n := range ns {
		if x, ok := n.expr.(Exists); ok {
			if implied == nil {
				implied = map[string]bool{}
			}
			implied[x.Path] = false
		}
	}
	if implied == nil {
		return ns
	}
	for _, n := range ns {
		switch x := n.expr.(type) {
		case Compare:
			implied[x.Path] = true
		case In:
			implied[x.Path] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(ns), func(n node) bool {
		x, ok := n.expr.(Exists)
		return ok && implied[x.Path]
	})
}

// absorb reduces a ∨ (a ∧ b) to a, and dually; inner is the other connective.
func absorb(ns []node, inner func(Expr) bool) []node {
	if len(ns) < 2 {
		return ns
	}
	have := make(map[key]bool, len(ns))
	for _, n := range ns {
		have[n.key] = true
	}
	return slices.DeleteFunc(slices.Clone(ns), func(n node) bool {
		return inner(n.expr) && slices.ContainsFunc(n.kids, func(kid node) bool { return have[kid.key] })
	})
}

func exprs(ns []node) []Expr {
	es := make([]Expr, len(ns))
	for i, n := range ns {
		es[i] = n.expr
	}
	return es
}

// sortedNodeKeys makes a key independent of the operands' order.
func sortedNodeKeys(ns []node) []key {
	ks := make([]key, len(ns))
	for i, n := range ns {
		ks[i] = n.key
	}
	slices.SortFunc(ks, func(a, b key) int { return slices.Compare(a[:], b[:]) })
	return ks
}

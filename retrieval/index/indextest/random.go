package indextest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/doorward/doorward/policy"
)

// Now is the instant the suite's filters are bound to.
func Now() time.Time { return time.Unix(1_800_000_000, 0) }

// RandomAttributes returns normalised attributes in which everything that may be
// absent or empty often is.
func RandomAttributes(r *rand.Rand) policy.Attributes {
	in := map[string]any{}
	maybe := func(path string, v any) {
		if r.IntN(3) > 0 {
			in[path] = v
		}
	}
	maybe("class", letter(r))
	maybe("level", int64(r.IntN(6)))
	maybe("until", Now().Unix()+int64(r.IntN(9)-4)*100)
	maybe("hold", r.IntN(2) == 0)
	maybe("acl.users", letters(r))
	maybe("acl.groups", letters(r))
	var years, grants []any
	for range r.IntN(4) {
		years = append(years, int64(2020+r.IntN(6)))
	}
	for range r.IntN(3) {
		g := map[string]any{}
		if r.IntN(4) > 0 {
			g["who"] = letter(r)
		}
		if r.IntN(4) > 0 {
			g["rank"] = int64(r.IntN(4))
		}
		if r.IntN(4) > 0 {
			g["revoked"] = r.IntN(2) == 0
		}
		if len(g) > 0 {
			grants = append(grants, g)
		}
	}
	maybe("years", years)
	maybe("grants", grants)
	for k, v := range in {
		if l, ok := v.([]any); ok && l == nil {
			delete(in, k)
		}
	}
	out, err := Schema().Normalize(in)
	if err != nil {
		panic(fmt.Sprintf("indextest: random attributes do not normalise: %v", err))
	}
	return out
}

func letter(r *rand.Rand) string { return string(rune('a' + r.IntN(6))) }

func letters(r *rand.Rand) []any {
	out := []any{}
	for range r.IntN(4) {
		if l := any(letter(r)); !slices.Contains(out, l) {
			out = append(out, l)
		}
	}
	return out
}

// RandomExpr returns an expression that every store can render,
// nested up to depth.
func RandomExpr(r *rand.Rand, depth int) policy.Expr {
	if depth == 0 || r.IntN(4) == 0 {
		return randomLeaf(r)
	}
	switch r.IntN(3) {
	case 0:
		return policy.Not{X: RandomExpr(r, depth-1)}
	case 1:
		out := policy.And{}
		for range 1 + r.IntN(3) {
			out = append(out, RandomExpr(r, depth-1))
		}
		return out
	default:
		out := policy.Or{}
		for range 1 + r.IntN(3) {
			out = append(out, RandomExpr(r, depth-1))
		}
		return out
	}
}

func randomLeaf(r *rand.Rand) policy.Expr {
	switch r.IntN(11) {
	case 0:
		return policy.Compare{Path: "class", Op: policy.Eq, Value: policy.Value{Const: letter(r)}}
	case 1:
		return policy.Compare{Path: "level", Op: randomOp(r), Value: policy.Value{Const: int64(r.IntN(6))}}
	case 2:
		return policy.Compare{Path: "until", Op: randomOp(r), Value: policy.Value{Now: true, Offset: int64(r.IntN(9)-4) * 100}}
	case 3:
		return policy.Compare{Path: "hold", Op: policy.Eq, Value: policy.Value{Const: r.IntN(2) == 0}}
	case 4:
		return policy.In{Path: "class", Values: []any{letter(r), letter(r)}}
	case 5:
		return policy.In{Path: "level", Values: []any{int64(r.IntN(6)), int64(r.IntN(6))}}
	case 6:
		return policy.Exists{Path: []string{"class", "level", "until", "hold"}[r.IntN(4)]}
	case 7:
		return policy.Any{Path: []string{"acl.users", "acl.groups"}[r.IntN(2)], X: stringElement(r)}
	case 8:
		return policy.Any{Path: "years", X: intElement(r)}
	case 9:
		return policy.Count{Path: []string{"acl.users", "acl.groups", "years", "grants"}[r.IntN(4)], Op: randomOp(r), N: int64(r.IntN(4))}
	default:
		return policy.Nested{Path: "grants", X: objectTest(r)}
	}
}

func randomOp(r *rand.Rand) policy.Op {
	return []policy.Op{policy.Eq, policy.Lt, policy.Lte, policy.Gt, policy.Gte}[r.IntN(5)]
}

func stringElement(r *rand.Rand) policy.Expr {
	eq := policy.Compare{Op: policy.Eq, Value: policy.Value{Const: letter(r)}}
	in := policy.In{Values: []any{letter(r), letter(r), letter(r)}}
	switch r.IntN(5) {
	case 0:
		return eq
	case 1:
		return in
	case 2:
		return policy.Not{X: eq}
	case 3:
		return policy.Not{X: in}
	default:
		return policy.And{in, policy.Not{X: eq}}
	}
}

func intElement(r *rand.Rand) policy.Expr {
	n := int64(2020 + r.IntN(6))
	cmp := func(op policy.Op, n int64) policy.Expr {
		return policy.Compare{Op: op, Value: policy.Value{Const: n}}
	}
	switch r.IntN(7) {
	case 5:
		return policy.And{cmp(policy.Gt, n-3), policy.Not{X: policy.In{Values: []any{n, n - 1}}}}
	case 6:
		return policy.Or{cmp(policy.Lt, n-1), policy.And{cmp(policy.Gte, n), policy.Not{X: cmp(policy.Eq, n+1)}}}
	case 0:
		return cmp(randomOp(r), n)
	case 1:
		return policy.In{Values: []any{n, n + 2}}
	case 2:
		return policy.Not{X: cmp(policy.Eq, n)}
	case 3:
		return policy.Not{X: cmp(policy.Lt, n)}
	default:
		return policy.And{cmp(policy.Gte, n), cmp(policy.Lt, n+2)}
	}
}

func objectTest(r *rand.Rand) policy.Expr {
	who := policy.Expr(policy.Compare{Path: "who", Op: policy.Eq, Value: policy.Value{Const: letter(r)}})
	rank := policy.Expr(policy.Compare{Path: "rank", Op: randomOp(r), Value: policy.Value{Const: int64(r.IntN(4))}})
	revoked := policy.Expr(policy.Compare{Path: "revoked", Op: policy.Eq, Value: policy.Value{Const: true}})
	switch r.IntN(6) {
	case 0:
		return who
	case 1:
		return policy.And{who, policy.Not{X: revoked}}
	case 2:
		return policy.Or{rank, revoked}
	case 3:
		return policy.And{rank, policy.Exists{Path: "who"}}
	case 4:
		return policy.Not{X: policy.And{who, rank}}
	default:
		return policy.And{policy.In{Path: "who", Values: []any{letter(r), letter(r)}}, policy.Not{X: revoked}, rank}
	}
}

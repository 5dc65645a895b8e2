package policy

import (
	"time"

	"pgregory.net/rapid"
)

// testSchema has one attribute of each kind, and nesting.
func testSchema() Schema {
	return Schema{
		"tenant":      {Kind: String},
		"owner":       {Kind: String},
		"level":       {Kind: Int},
		"public":      {Kind: BoolKind},
		"embargo":     {Kind: Time},
		"acl.groups":  {Kind: StringSet},
		"acl.mode":    {Kind: String},
		"years":       {Kind: IntSet},
		"acl.entries": {Kind: ObjectList, Fields: map[string]Kind{"id": String, "rank": Int, "revoked": BoolKind, "until": Time}},
	}
}

var (
	testStrings = []string{"a", "b", "c", ""}
	testInts    = []int64{0, 1, 2, 3}
	testNow     = time.Unix(2, 0)
)

// anyDocument draws normalised attributes in which much is missing.
func anyDocument(t *rapid.T) Attributes {
	in := map[string]any{}
	maybe := func(k string, v any) {
		if rapid.Bool().Draw(t, k+"?") {
			in[k] = v
		}
	}
	str := func(l string) string { return rapid.SampledFrom(testStrings).Draw(t, l) }
	num := func(l string) int64 { return rapid.SampledFrom(testInts).Draw(t, l) }
	maybe("tenant", str("tenant"))
	maybe("owner", str("owner"))
	maybe("level", num("level"))
	maybe("public", rapid.Bool().Draw(t, "public"))
	maybe("embargo", num("embargo"))
	maybe("acl.mode", str("mode"))
	maybe("acl.groups", rapid.SliceOfN(rapid.SampledFrom(testStrings), 0, 3).Draw(t, "groups"))
	maybe("years", rapid.SliceOfN(rapid.SampledFrom(testInts), 0, 3).Draw(t, "years"))
	var entries []any
	for range rapid.IntRange(0, 2).Draw(t, "entries") {
		e := map[string]any{}
		if rapid.Bool().Draw(t, "id?") {
			e["id"] = str("id")
		}
		if rapid.Bool().Draw(t, "rank?") {
			e["rank"] = num("rank")
		}
		if rapid.Bool().Draw(t, "revoked?") {
			e["revoked"] = rapid.Bool().Draw(t, "revoked")
		}
		entries = append(entries, e)
	}
	maybe("acl.entries", entries)
	if entries == nil {
		delete(in, "acl.entries")
	}
	doc, err := testSchema().Normalize(in)
	if err != nil {
		t.Fatalf("normalising a generated document: %v", err)
	}
	return doc
}

// anyExpr draws an expression over testSchema; fields chooses the scalar leaves.
func anyExpr(t *rapid.T, depth int, leaf func(t *rapid.T) Expr) Expr {
	if depth == 0 {
		return leaf(t)
	}
	operands := func() []Expr {
		out := make([]Expr, rapid.IntRange(0, 3).Draw(t, "n"))
		for i := range out {
			out[i] = anyExpr(t, depth-1, leaf)
		}
		return out
	}
	switch rapid.IntRange(0, 5).Draw(t, "connective") {
	case 0, 1:
		return And(operands())
	case 2, 3:
		return Or(operands())
	case 4:
		return Not{anyExpr(t, depth-1, leaf)}
	}
	return leaf(t)
}

func anyOp(t *rapid.T) Op { return rapid.SampledFrom([]Op{Eq, Lt, Lte, Gt, Gte}).Draw(t, "op") }

func anyStrings(t *rapid.T) []any {
	var out []any
	for _, s := range rapid.SliceOfN(rapid.SampledFrom(testStrings), 0, 3).Draw(t, "strings") {
		out = append(out, s)
	}
	return out
}

func documentLeaf(t *rapid.T) Expr {
	num := func() int64 { return rapid.SampledFrom(testInts).Draw(t, "n") }
	str := func() string { return rapid.SampledFrom(testStrings).Draw(t, "s") }
	switch rapid.IntRange(0, 10).Draw(t, "leaf") {
	case 0:
		return Bool(rapid.Bool().Draw(t, "bool"))
	case 1:
		return Exists{rapid.SampledFrom([]string{"owner", "level", "acl.mode"}).Draw(t, "path")}
	case 2:
		return Compare{"owner", Eq, Value{Const: str()}}
	case 3:
		return Compare{"level", anyOp(t), Value{Const: num()}}
	case 4:
		return In{rapid.SampledFrom([]string{"owner", "tenant"}).Draw(t, "path"), anyStrings(t)}
	case 5:
		return Compare{"embargo", anyOp(t), Value{Now: true, Offset: num() - 2}}
	case 6:
		return Count{rapid.SampledFrom([]string{"acl.groups", "acl.entries", "years"}).Draw(t, "path"), anyOp(t), num() - 1}
	case 7:
		return NowCompare{num() - 2, anyOp(t), num()}
	case 8:
		return Any{"acl.groups", anyExpr(t, 1, func(t *rapid.T) Expr { return In{"", anyStrings(t)} })}
	case 9:
		return Any{"years", anyExpr(t, 1, func(t *rapid.T) Expr { return Compare{"", anyOp(t), Value{Const: num()}} })}
	}
	return Nested{"acl.entries", anyExpr(t, 2, objectLeaf)}
}

func objectLeaf(t *rapid.T) Expr {
	switch rapid.IntRange(0, 3).Draw(t, "object leaf") {
	case 0:
		return In{"id", anyStrings(t)}
	case 1:
		return Compare{"rank", anyOp(t), Value{Const: rapid.SampledFrom(testInts).Draw(t, "rank")}}
	case 2:
		return Exists{"rank"}
	}
	return Compare{"revoked", Eq, Value{Const: rapid.Bool().Draw(t, "revoked")}}
}

package rego

import (
	"encoding/json"

	"github.com/doorward/doorward/policy"
	"github.com/open-policy-agent/opa/v1/ast"
)

// term translates a term to what it stands for.
func (t *translator) term(x *ast.Term, sc *scope) symbol {
	if t.err != nil {
		return undefined{}
	}
	switch v := x.Value.(type) {
	case ast.Var:
		if s, ok := sc.lookup(v); ok {
			return s
		}
		t.refuse("name the elements, not their positions", "a variable has no value a store could know (a position in a collection?)")
		return undefined{}
	case ast.Ref:
		return t.ref(v, sc)
	case ast.Call:
		return t.call(v[0].Value.String(), v[1:], sc)
	case *ast.SetComprehension:
		return t.comprehension(v.Term, v.Body, true, sc)
	case *ast.ArrayComprehension:
		return t.comprehension(v.Term, v.Body, false, sc)
	}
	if x.IsGround() && !holdsRefs(x) {
		return constant{x.Value}
	}
	switch v := x.Value.(type) {
	case *ast.Array:
		return t.literal(v.Foreach, sc)
	case ast.Set:
		return t.literal(v.Foreach, sc)
	}
	t.refuse("compare attributes one by one", "an object is built from attributes of the document")
	return undefined{}
}

func holdsRefs(x *ast.Term) bool {
	found := false
	ast.WalkTerms(x, func(y *ast.Term) bool {
		switch y.Value.(type) {
		case ast.Ref, ast.Call, ast.Var:
			found = true
		}
		return found
	})
	return found
}

func (t *translator) literal(each func(func(*ast.Term)), sc *scope) symbol {
	var out literal
	each(func(x *ast.Term) { out.of = append(out.of, t.term(x, sc)) })
	return out
}

// ref follows a reference from its root.
func (t *translator) ref(r ast.Ref, sc *scope) symbol {
	var cur symbol
	rest := r[1:]
	switch head := r[0].Value.(ast.Var); head {
	case ast.InputRootDocument.Value.(ast.Var):
		if len(rest) > 0 && rest[0].Value.Compare(termDocument.Value) == 0 {
			cur, rest = interior{}, rest[1:]
			break
		}
		return t.knownInput(r)
	case ast.DefaultRootDocument.Value.(ast.Var):
		return t.dataRef(r, sc)
	default:
		s, ok := sc.lookup(head)
		if !ok {
			t.refuse("", "a variable has no value")
			return undefined{}
		}
		cur = s
	}
	for _, key := range rest {
		if cur = t.step(cur, key, sc); t.err != nil {
			return undefined{}
		}
	}
	return cur
}

// knownInput resolves input.subject and input.context. Partial evaluation
// leaves such references in place inside comprehensions.
func (t *translator) knownInput(r ast.Ref) symbol {
	if r.Equal(nowRef) {
		return moment{}
	}
	if !knownInputRef(r) {
		t.refuse("refer to input.subject.…, input.document.… or input.context.…", "input is used as a whole")
		return undefined{}
	}
	if !r.IsGround() {
		t.refuse("iterate over it outside the comprehension", "known input is iterated inside a comprehension")
		return undefined{}
	}
	v, err := t.input.Find(r[1:])
	if err != nil {
		return undefined{}
	}
	return constant{v}
}

func (t *translator) dataRef(r ast.Ref, sc *scope) symbol {
	if len(t.support[r.String()]) > 0 {
		return support{r.String()}
	}
	if n := len(r) - 1; n > 0 && len(t.support[r[:n].String()]) > 0 { // deny["x"], deny[_]
		path := r[:n].String()
		if v, isVar := r[n].Value.(ast.Var); isVar {
			if _, bound := sc.lookup(v); bound {
				t.refuse("test membership of a constant", "%s is looked up by a value of the document", display(path))
				return undefined{}
			}
			return condition{t.supportSome(path, nil)}
		}
		return condition{t.supportSome(path, r[n].Value)}
	}
	if r.HasPrefix(partialRef) {
		return t.emptySupport(r)
	}
	if t.resolve != nil && r.IsGround() {
		if v, defined, known := t.resolve(r); known {
			if !defined {
				return undefined{}
			}
			return constant{v}
		}
	}
	t.refuse("bind it to a variable outside the comprehension, or write it as separate rules with the value true",
		"%s depends on the document and could not be resolved", display(r.String()))
	return undefined{}
}

// partialRef is where partial evaluation puts rules it could not inline.
var partialRef = ast.MustParseRef("data.partial")

// emptySupport stands for a reference to a rule of which nothing was left: a
// set without elements. Anything else is refused; to call it undefined would
// release under a negation.
func (t *translator) emptySupport(r ast.Ref) symbol {
	original := append(ast.Ref{r[0]}, r[2:]...)
	if t.isSet != nil && t.isSet(original) {
		return constant{ast.NewSet()}
	}
	t.refuse("write it as separate rules with the value true", "%s depends on the document and could not be resolved", display(original.String()))
	return undefined{}
}

// step follows one key of a reference.
func (t *translator) step(cur symbol, key *ast.Term, sc *scope) symbol {
	switch c := cur.(type) {
	case undefined:
		return c
	case interior:
		k, ok := key.Value.(ast.String)
		if !ok {
			t.refuse("name the attribute", "an attribute of the document is chosen at run time")
			return undefined{}
		}
		return t.attribute(join(c.path, string(k)))
	case attribute:
		return t.iterate(c, key, sc)
	case item:
		k, ok := key.Value.(ast.String)
		if !ok {
			t.refuse("name the field", "a field of %s is chosen at run time", c.of.path)
			return undefined{}
		}
		kind, declared := c.of.attr.Fields[string(k)]
		if !declared {
			t.refuse("declare the field in the schema, or correct the name", "%s has no field %s in the schema", c.of.path, string(k))
			return undefined{}
		}
		return field{c.of, string(k), kind}
	case constant:
		if v, isVar := key.Value.(ast.Var); isVar {
			s, _ := sc.lookup(v)
			k, ok := s.(constant)
			if !ok {
				t.refuse("bind it outside the comprehension", "a known value is iterated or looked up by the document inside a comprehension")
				return undefined{}
			}
			key = ast.NewTerm(k.value)
		}
		v, err := c.value.Find(ast.Ref{key})
		if err != nil {
			return undefined{}
		}
		return constant{v}
	}
	t.refuse("", "a value that is no collection is iterated or looked into")
	return undefined{}
}

func (t *translator) iterate(c attribute, key *ast.Term, sc *scope) symbol {
	if c.kind.Scalar() {
		t.refuse("declare it as a set, or compare it directly", "input.document.%s is a %s, not a collection", c.path, c.kind)
		return undefined{}
	}
	v, ok := key.Value.(ast.Var)
	if !ok {
		t.refuse("test membership: \"x\" in input.document."+c.path, "input.document.%s is read at a fixed position", c.path)
		return undefined{}
	}
	if _, bound := sc.lookup(v); bound {
		t.refuse("test membership with in", "input.document.%s is read at a computed position", c.path)
		return undefined{}
	}
	it := t.open(c, v, sc)
	if c.kind == policy.ObjectList {
		return item{it}
	}
	return element{it}
}

func join(path, seg string) string {
	if path == "" {
		return seg
	}
	return path + "." + seg
}

func (t *translator) attribute(path string) symbol {
	if a, ok := t.schema[path]; ok {
		return attribute{path, a.Kind}
	}
	if t.schema.Interior(path) {
		return interior{path}
	}
	t.refuse("declare it in the schema, or correct the name", "input.document.%s is not in the schema", path)
	return undefined{}
}

// kindOf is the kind of a scalar symbol, or 0.
func (t *translator) kindOf(s symbol) policy.Kind {
	switch x := s.(type) {
	case attribute:
		return x.kind
	case field:
		return x.kind
	case element:
		return x.of.attr.Kind.Element()
	case fallback:
		return t.kindOf(x.of)
	}
	return 0
}

// pathOf is the path of a scalar symbol in the expression being built.
func pathOf(s symbol) string {
	switch x := s.(type) {
	case attribute:
		return x.path
	case field:
		return tag(x.of, x.name)
	case element:
		return tag(x.of, "")
	}
	return ""
}

// constantOf checks that a known value has the kind it is compared with. Rego
// orders across types (every number is less than every string) and stores do
// not, so a value of another type is refused, not compared.
func (t *translator) constantOf(v ast.Value, k policy.Kind) any {
	switch x := v.(type) {
	case ast.String:
		if k == policy.String {
			return string(x)
		}
	case ast.Boolean:
		if k == policy.BoolKind {
			return bool(x)
		}
	case ast.Number:
		if k.Ordered() {
			return t.integer(x)
		}
	case ast.Null:
		t.refuse("a missing attribute is undefined, never null: use \"not input.document.x\"", "null is compared with an attribute of kind %s", k)
		return nil
	}
	t.refuse("compare with a value of the attribute's kind", "a value of type %s is compared with an attribute of kind %s", ast.ValueName(v), k)
	return nil
}

func (t *translator) integer(n ast.Number) any {
	i, ok := n.Int64()
	if !ok {
		f, err := json.Number(n).Float64()
		if err != nil || f != float64(int64(f)) {
			t.refuse("use whole numbers", "a number that is not whole is compared with an integer")
			return nil
		}
		i = int64(f)
	}
	if i > policy.MaxInteger || i < -policy.MaxInteger {
		t.refuse("use seconds, not nanoseconds", "an integer beyond ±2^53 is compared, which not every store holds exactly")
		return nil
	}
	return i
}

func (t *translator) constants(v ast.Value, k policy.Kind) []any {
	var out []any
	add := func(x *ast.Term) { out = append(out, t.constantOf(x.Value, k)) }
	switch c := v.(type) {
	case *ast.Array:
		c.Foreach(add)
	case ast.Set:
		c.Foreach(add)
	case ast.Object:
		c.Foreach(func(_, x *ast.Term) { add(x) })
	default:
		return nil // Rego: membership in a scalar never holds
	}
	return out
}

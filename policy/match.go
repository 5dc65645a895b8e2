package policy

// matcher evaluates expressions at one instant. Malformed expressions never get
// here: When refuses them, because under a Not "does not match" would release.
type matcher struct{ now int64 }

func (m matcher) document(e Expr, a Attributes) bool {
	return m.eval(e, func(path string) (any, bool) { return a.Lookup(path) })
}

// eval evaluates e; get resolves a path in the scope at hand: the document, the
// element of a set (path ""), or an object of a list.
func (m matcher) eval(e Expr, get func(path string) (any, bool)) bool {
	switch x := e.(type) {
	case Bool:
		return bool(x)
	case And:
		for _, y := range x {
			if !m.eval(y, get) {
				return false
			}
		}
		return true
	case Or:
		for _, y := range x {
			if m.eval(y, get) {
				return true
			}
		}
		return false
	case Not:
		return !m.eval(x.X, get)
	case Exists:
		_, ok := get(x.Path)
		return ok
	case Compare:
		return m.compare(x, get)
	case In:
		v, ok := get(x.Path)
		return ok && contains(x.Values, v)
	case Any:
		return m.some(x.Path, x.X, get)
	case Nested:
		return m.some(x.Path, x.X, get)
	case Count:
		v, _ := get(x.Path)
		list, _ := v.([]any)
		return ordered(x.Op, int64(len(list)), x.N)
	case NowCompare:
		return ordered(x.Op, m.now+x.Offset, x.N)
	}
	return false
}

func (m matcher) some(path string, x Expr, get func(string) (any, bool)) bool {
	v, _ := get(path)
	list, _ := v.([]any)
	for _, el := range list {
		inner := func(p string) (any, bool) {
			if p == "" {
				return el, el != nil
			}
			obj, _ := el.(map[string]any)
			f, ok := obj[p]
			return f, ok && f != nil
		}
		if m.eval(x, inner) {
			return true
		}
	}
	return false
}

func (m matcher) compare(c Compare, get func(string) (any, bool)) bool {
	v, ok := get(c.Path)
	if !ok {
		return false
	}
	want := c.Value.Const
	if c.Value.Now {
		want = m.now + c.Value.Offset
	}
	if c.Op == Eq {
		return v == want
	}
	have, ok1 := v.(int64)
	bound, ok2 := want.(int64)
	return ok1 && ok2 && ordered(c.Op, have, bound)
}

func contains(values []any, v any) bool {
	switch v.(type) {
	case string, int64, bool:
	default:
		return false // an uncomparable value is no scalar
	}
	for _, w := range values {
		if v == w {
			return true
		}
	}
	return false
}

func ordered(op Op, a, b int64) bool {
	switch op {
	case Eq:
		return a == b
	case Lt:
		return a < b
	case Lte:
		return a <= b
	case Gt:
		return a > b
	case Gte:
		return a >= b
	}
	return false
}

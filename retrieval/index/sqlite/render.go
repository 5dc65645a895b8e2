package sqlite

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/doorward/doorward/policy"
	"github.com/doorward/doorward/retrieval/index"
)

// Render writes a filter as an SQL condition on a column named attributes that
// holds normalised attributes as JSON. Constants and paths are bound parameters;
// every part of the condition is true or false and never NULL, so that NOT is
// exact. A filter that denies all renders as "0", one that allows all as "1";
// what cannot be rendered safely fails with [index.ErrFilter].
//
// Searches do not use it (the columns in memory are some fifty times faster); it
// serves queries over the file, and holds the columns to a second opinion.
func Render(f policy.Filter, schema policy.Schema) (where string, args []any, err error) {
	effect, e, err := f.Prepare(schema)
	switch {
	case err != nil:
		return "0", nil, fmt.Errorf("%w: %w", index.ErrFilter, err)
	case effect == policy.SelectAll:
		return "1", nil, nil
	case effect != policy.SelectSome || e == nil:
		return "0", nil, nil
	}
	r := &renderer{}
	where = r.expr(e, document{})
	if r.err != nil {
		return "0", nil, fmt.Errorf("%w: %w", index.ErrFilter, r.err)
	}
	return where, r.args, nil
}

type renderer struct {
	args  []any
	depth int
	err   error
}

// scope says how to get at a path's JSON type and value.
type scope interface {
	typeOf(r *renderer, path string) string
	valueOf(r *renderer, path string) string
}

type (
	document struct{}
	member   struct{ alias string } // an element of a set
	object   struct{ alias string } // an object of a list
)

func (document) typeOf(r *renderer, path string) string {
	return "json_type(attributes, " + r.path(path) + ")"
}
func (document) valueOf(r *renderer, path string) string {
	return "json_extract(attributes, " + r.path(path) + ")"
}
func (s member) typeOf(*renderer, string) string  { return s.alias + ".type" }
func (s member) valueOf(*renderer, string) string { return s.alias + ".value" }
func (s object) typeOf(r *renderer, path string) string {
	return "json_type(" + s.alias + ".value, " + r.path(path) + ")"
}
func (s object) valueOf(r *renderer, path string) string {
	return "json_extract(" + s.alias + ".value, " + r.path(path) + ")"
}

func (r *renderer) bind(v any) string {
	r.args = append(r.args, v)
	return "?"
}

// path binds an SQLite JSON path. Quotes cannot be escaped within one.
func (r *renderer) path(dotted string) string {
	if strings.ContainsAny(dotted, "\"\x00") || dotted == "" {
		r.err = fmt.Errorf("an attribute path is empty or holds a quote")
	}
	return r.bind(`$."` + strings.ReplaceAll(dotted, ".", `"."`) + `"`)
}

func (r *renderer) expr(e policy.Expr, s scope) string {
	switch x := e.(type) {
	case policy.And:
		return r.join(x, " AND ", s)
	case policy.Or:
		return r.join(x, " OR ", s)
	case policy.Not:
		return "(NOT " + r.expr(x.X, s) + ")"
	case policy.Exists:
		return "(COALESCE(" + s.typeOf(r, x.Path) + ", 'null') <> 'null')"
	case policy.Compare:
		return r.compare(x, s)
	case policy.In:
		return r.in(x, s)
	case policy.Any:
		return r.some(x.Path, func(alias string) string { return r.expr(x.X, member{alias}) })
	case policy.Nested:
		return r.some(x.Path, func(alias string) string {
			return "(" + alias + ".type IS 'object' AND " + r.expr(x.X, object{alias}) + ")"
		})
	case policy.Count:
		p := document{}
		return "((CASE " + p.typeOf(r, x.Path) + " WHEN 'array' THEN json_array_length(attributes, " + r.path(x.Path) + ") ELSE 0 END) " +
			r.op(x.Op) + " " + r.bind(x.N) + ")"
	}
	r.err = fmt.Errorf("no SQL for %T", e)
	return "0"
}

func (r *renderer) join(es []policy.Expr, op string, s scope) string {
	if len(es) == 0 {
		r.err = fmt.Errorf("an empty%sis not rendered", op)
		return "0"
	}
	parts := make([]string, len(es))
	for i, e := range es {
		parts[i] = r.expr(e, s)
	}
	return "(" + strings.Join(parts, op) + ")"
}

// compare checks the JSON type first: json_extract turns true into 1 and a list
// into text, which must not equal an integer or a string.
func (r *renderer) compare(x policy.Compare, s scope) string {
	switch v := x.Value.Const.(type) {
	case bool:
		return "(" + s.typeOf(r, x.Path) + " IS " + r.bind(fmt.Sprint(v)) + ")"
	case string:
		return "(" + s.typeOf(r, x.Path) + " IS 'text' AND " + s.valueOf(r, x.Path) + " IS " + r.bind(v) + ")"
	case int64:
		return "(" + s.typeOf(r, x.Path) + " IS 'integer' AND " + s.valueOf(r, x.Path) + " " + r.op(x.Op) + " " + r.bind(v) + ")"
	}
	r.err = fmt.Errorf("no SQL for an operand of type %T", x.Value.Const)
	return "0"
}

// in passes the whole list as one JSON parameter, whatever its length.
func (r *renderer) in(x policy.In, s scope) string {
	if len(x.Values) == 0 {
		r.err = fmt.Errorf("membership in nothing is not rendered")
		return "0"
	}
	kind := "integer"
	if _, ok := x.Values[0].(string); ok {
		kind = "text"
	}
	list, err := json.Marshal(x.Values)
	if err != nil {
		r.err = err
		return "0"
	}
	return "(" + s.typeOf(r, x.Path) + " IS '" + kind + "' AND " + s.valueOf(r, x.Path) +
		" IN (SELECT value FROM json_each(" + r.bind(string(list)) + ")))"
}

func (r *renderer) some(path string, test func(alias string) string) string {
	alias := fmt.Sprintf("e%d", r.depth)
	r.depth++
	defer func() { r.depth-- }()
	isList := document{}.typeOf(r, path)
	from := "json_each(attributes, " + r.path(path) + ") " + alias
	return "(" + isList + " IS 'array' AND EXISTS (SELECT 1 FROM " + from + " WHERE " + test(alias) + "))"
}

func (r *renderer) op(op policy.Op) string {
	switch op {
	case policy.Eq:
		return "="
	case policy.Lt, policy.Lte, policy.Gt, policy.Gte:
		return string(op)
	}
	r.err = fmt.Errorf("unknown operator")
	return "="
}

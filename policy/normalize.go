package policy

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// AttributeError says which attribute does not fit the schema and what was
// expected there. It never carries the value. It matches [ErrAttributes].
type AttributeError struct {
	Path   string // dotted; list positions as [3]
	Expect string // what the schema wants
	Found  string // what kind of thing was there
}

func (e *AttributeError) Error() string {
	return fmt.Sprintf("%s: attribute %s: expected %s, found %s", ErrAttributes, e.Path, e.Expect, e.Found)
}

// Is makes errors.Is(err, ErrAttributes) true.
func (e *AttributeError) Is(target error) bool { return target == ErrAttributes }

// Normalize checks claimed attributes against the schema and brings them into
// the one form that policies, plans and stores agree on: sets present, sorted
// and unique; no nulls; int64 integers; times as epoch seconds; interior objects
// present. Keys may be nested or dotted. A value of another type, an undeclared
// attribute or a null is an error, never a coercion: Rego orders across types
// and stores do not, so a document that slips through untyped is decided
// differently in the two places (research: 2,918 documents released wrongly).
//
// A Time may be epoch seconds, a time.Time, an RFC 3339 string or a date
// ("2026-03-01", midnight UTC). Other kinds take only their own type; integral
// JSON numbers count as integers.
func (s Schema) Normalize(in map[string]any) (Attributes, error) {
	return s.normalize(in, true)
}

// Project is Normalize for inputs that carry more than the schema declares,
// such as the claims of a token: undeclared keys are left out.
func (s Schema) Project(in map[string]any) (Attributes, error) {
	return s.normalize(in, false)
}

func (s Schema) normalize(in map[string]any, strict bool) (Attributes, error) {
	flat := make(map[string]any, len(s))
	if err := s.flatten("", in, flat, strict); err != nil {
		return nil, err
	}
	out := Attributes{}
	for _, path := range s.Paths() {
		attr := s[path]
		parent, leaf := out.place(path)
		raw, given := flat[path]
		if !given {
			if attr.Required {
				return nil, &AttributeError{path, attr.Kind.String() + " (required)", "nothing"}
			}
			if !attr.Kind.Scalar() {
				parent[leaf] = []any{}
			}
			continue
		}
		v, err := attr.value(path, raw)
		if err != nil {
			return nil, err
		}
		if list, ok := v.([]any); ok && attr.Required && len(list) == 0 {
			return nil, &AttributeError{path, "a non-empty " + attr.Kind.String() + " (required)", "an empty one"}
		}
		parent[leaf] = v
	}
	return out, nil
}

// flatten collects the declared leaves of in by dotted path.
func (s Schema) flatten(prefix string, in map[string]any, flat map[string]any, strict bool) error {
	for _, k := range sortedKeys(in) {
		path := k
		if prefix != "" {
			path = prefix + "." + k
		}
		if _, declared := s[path]; declared {
			if _, twice := flat[path]; twice {
				return &AttributeError{path, "one value", "two (nested and dotted)"}
			}
			flat[path] = in[k]
			continue
		}
		if !s.Interior(path) {
			if !strict {
				continue
			}
			return &AttributeError{printable(path), "a declared attribute", "one the schema does not declare"}
		}
		obj, ok := asObject(in[k])
		if !ok {
			return &AttributeError{path, "an object", describe(in[k])}
		}
		if err := s.flatten(path, obj, flat, strict); err != nil {
			return err
		}
	}
	return nil
}

// place makes the interior objects of a path and returns the innermost one.
func (a Attributes) place(path string) (map[string]any, string) {
	cur := map[string]any(a)
	for {
		head, rest, nested := strings.Cut(path, ".")
		if !nested {
			return cur, head
		}
		next, ok := cur[head].(map[string]any)
		if !ok {
			next = map[string]any{}
			cur[head] = next
		}
		cur, path = next, rest
	}
}

func (attr Attribute) value(path string, raw any) (any, error) {
	switch attr.Kind {
	case StringSet:
		return setOf(path, raw, String, func(a, b any) int { return cmp.Compare(a.(string), b.(string)) })
	case IntSet:
		return setOf(path, raw, Int, func(a, b any) int { return cmp.Compare(a.(int64), b.(int64)) })
	case ObjectList:
		return attr.objects(path, raw)
	}
	return scalar(path, raw, attr.Kind)
}

func setOf(path string, raw any, elem Kind, compare func(a, b any) int) (any, error) {
	list, ok := asList(raw)
	if !ok {
		return nil, &AttributeError{path, "a set of " + elem.String(), describe(raw)}
	}
	if len(list) > MaxElements {
		return nil, &AttributeError{path, fmt.Sprintf("at most %d elements", MaxElements), fmt.Sprintf("%d", len(list))}
	}
	out := make([]any, 0, len(list))
	for i, x := range list {
		v, err := scalar(fmt.Sprintf("%s[%d]", path, i), x, elem)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	slices.SortFunc(out, compare)
	return slices.CompactFunc(out, func(a, b any) bool { return a == b }), nil
}

func (attr Attribute) objects(path string, raw any) (any, error) {
	list, ok := asList(raw)
	if !ok {
		return nil, &AttributeError{path, "a list of objects", describe(raw)}
	}
	if len(list) > MaxElements {
		return nil, &AttributeError{path, fmt.Sprintf("at most %d elements", MaxElements), fmt.Sprintf("%d", len(list))}
	}
	out := make([]any, 0, len(list))
	for i, x := range list {
		at := fmt.Sprintf("%s[%d]", path, i)
		obj, ok := asObject(x)
		if !ok {
			return nil, &AttributeError{at, "an object", describe(x)}
		}
		item := make(map[string]any, len(obj))
		for _, f := range sortedKeys(obj) {
			kind, declared := attr.Fields[f]
			if !declared {
				return nil, &AttributeError{at + "." + printable(f), "a declared field", "one the schema does not declare"}
			}
			v, err := scalar(at+"."+f, obj[f], kind)
			if err != nil {
				return nil, err
			}
			item[f] = v
		}
		out = append(out, item)
	}
	return out, nil
}

func scalar(path string, raw any, k Kind) (any, error) {
	switch k {
	case String:
		if v, ok := raw.(string); ok {
			if why := badString(v); why != "" {
				return nil, &AttributeError{path, why, "a string that is not"}
			}
			return v, nil
		}
	case BoolKind:
		if v, ok := raw.(bool); ok {
			return v, nil
		}
	case Int:
		if v, ok := integer(raw); ok {
			return inRange(path, v)
		}
	case Time:
		if v, ok := integer(raw); ok {
			return inRange(path, v)
		}
		if v, ok := instant(raw); ok {
			return inRange(path, v)
		}
	}
	return nil, &AttributeError{path, kindPhrase(k), describe(raw)}
}

func kindPhrase(k Kind) string {
	if k == Time {
		return "time (epoch seconds, RFC 3339 or YYYY-MM-DD)"
	}
	return k.String()
}

// badString returns what a string must be and is not. NUL is refused because
// SQL stores end a comparison there.
func badString(s string) string {
	switch {
	case len(s) > MaxString:
		return fmt.Sprintf("a string of at most %d bytes", MaxString)
	case !utf8.ValidString(s):
		return "valid UTF-8"
	case strings.IndexByte(s, 0) >= 0:
		return "a string without NUL"
	}
	return ""
}

func inRange(path string, v int64) (any, error) {
	if v > MaxInteger || v < -MaxInteger {
		return nil, &AttributeError{path, "an integer within ±2^53 (seconds, not nanoseconds)", "a larger one"}
	}
	return v, nil
}

// integer accepts Go integers and JSON numbers that are integral.
func integer(raw any) (int64, bool) {
	switch v := raw.(type) {
	case int64:
		return v, true
	case int:
		return int64(v), true
	case json.Number:
		if i, err := v.Int64(); err == nil {
			return i, true
		}
		f, err := v.Float64()
		return integral(f, err == nil)
	case float64:
		return integral(v, true)
	}
	r := reflect.ValueOf(raw)
	switch {
	case !r.IsValid():
		return 0, false
	case r.CanInt() && r.Type() != reflect.TypeFor[time.Duration]():
		return r.Int(), true
	case r.CanUint() && r.Uint() <= math.MaxInt64:
		return int64(r.Uint()), true
	}
	return 0, false
}

func integral(f float64, ok bool) (int64, bool) {
	if !ok || f != math.Trunc(f) || math.Abs(f) > 1<<62 {
		return 0, false
	}
	return int64(f), true
}

func instant(raw any) (int64, bool) {
	switch v := raw.(type) {
	case time.Time:
		return v.Unix(), !v.IsZero()
	case string:
		for _, layout := range [...]string{time.RFC3339Nano, time.DateOnly} {
			if t, err := time.Parse(layout, v); err == nil {
				return t.Unix(), true
			}
		}
	}
	return 0, false
}

func asList(raw any) ([]any, bool) {
	if l, ok := raw.([]any); ok {
		return l, true // a nil slice is an empty one; JSON's null is no slice
	}
	r := reflect.ValueOf(raw)
	if !r.IsValid() || r.Kind() != reflect.Slice || r.Type().Elem().Kind() == reflect.Uint8 {
		return nil, false
	}
	out := make([]any, r.Len())
	for i := range out {
		out[i] = r.Index(i).Interface()
	}
	return out, true
}

func asObject(raw any) (map[string]any, bool) {
	switch v := raw.(type) {
	case map[string]any:
		return v, v != nil
	case Attributes:
		return v, v != nil
	}
	return nil, false
}

// describe names the type of a value, never the value.
func describe(raw any) string {
	switch raw.(type) {
	case nil:
		return "null"
	case string:
		return "a string"
	case bool:
		return "a bool"
	case float32, float64, json.Number:
		return "a number"
	case map[string]any, Attributes:
		return "an object"
	case time.Time:
		return "a time"
	}
	if _, ok := integer(raw); ok {
		return "a number"
	}
	if _, ok := asList(raw); ok {
		return "a list"
	}
	return "something else"
}

// printable keeps a key given by an untrusted source fit for a log line.
func printable(path string) string {
	if len(path) > MaxName*2 {
		path = path[:MaxName*2]
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == utf8.RuneError || r > '~' {
			return '?'
		}
		return r
	}, path)
}

// IsAttributeError returns the details of an attribute error, if err is one.
func IsAttributeError(err error) (*AttributeError, bool) {
	var e *AttributeError
	ok := errors.As(err, &e)
	return e, ok
}

// Lookup returns the value at a dotted path. ok is false when it is absent.
func (a Attributes) Lookup(path string) (v any, ok bool) {
	cur := map[string]any(a)
	for {
		head, rest, nested := strings.Cut(path, ".")
		v, ok = cur[head]
		if !ok || !nested {
			return v, ok && v != nil
		}
		if cur, ok = v.(map[string]any); !ok {
			return nil, false
		}
		path = rest
	}
}

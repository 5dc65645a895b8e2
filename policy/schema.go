package policy

import (
	"fmt"
	"slices"
	"strings"
)

// Kind is an attribute's type.
type Kind int

// Attribute kinds. The zero Kind is invalid, so that a forgotten one is refused.
const (
	_          Kind = iota
	String          // string
	Int             // int64, |v| ≤ 2^53
	Time            // int64 epoch seconds
	BoolKind        // bool
	StringSet       // always present after normalisation, sorted, unique
	IntSet          // always present after normalisation, sorted, unique
	ObjectList      // list of objects with scalar fields; always present
)

// The words ParseKind reads, in the order of the kinds.
var kindWords = [...]string{"invalid", "string", "int", "time", "bool", "set<string>", "set<int>", "list<object>"}

// String returns the kind's word as configurations write it.
func (k Kind) String() string {
	if k <= 0 || int(k) >= len(kindWords) {
		return kindWords[0]
	}
	return kindWords[k]
}

// ParseKind reads a kind's word: string, int, time, bool, set<string>, set<int>
// or list<object>.
func ParseKind(word string) (Kind, error) {
	for i, w := range kindWords {
		if i > 0 && w == word {
			return Kind(i), nil
		}
	}
	return 0, fmt.Errorf("unknown attribute kind %q: use one of %s", word, strings.Join(kindWords[1:], ", "))
}

// Scalar reports whether the kind holds one value that may be absent.
func (k Kind) Scalar() bool { return k >= String && k <= BoolKind }

// Set reports whether the kind is a set of scalars.
func (k Kind) Set() bool { return k == StringSet || k == IntSet }

// Ordered reports whether <, <=, > and >= mean something: integers and times.
func (k Kind) Ordered() bool { return k == Int || k == Time }

// Element returns the kind of a set's elements; the zero Kind for anything else.
func (k Kind) Element() Kind {
	switch k {
	case StringSet:
		return String
	case IntSet:
		return Int
	}
	return 0
}

// Attribute declares one attribute.
type Attribute struct {
	Kind     Kind
	Required bool            // scalars: a document without it is not usable; sets and lists: it may not be empty
	Fields   map[string]Kind // ObjectList only: scalar fields
}

// Schema maps dotted paths to attributes. One schema serves the normaliser, the
// policy linter, the planner and index creation.
type Schema map[string]Attribute

// Limits of a schema and of the values that fit it. They bound what one
// document can cost every later step.
const (
	MaxPaths    = 256     // attributes in a schema
	MaxDepth    = 6       // segments of a dotted path
	MaxName     = 64      // bytes of a path segment
	MaxString   = 8 << 10 // bytes of a string value
	MaxElements = 10_000  // elements of a set or list
	MaxInteger  = 1 << 53 // integers beyond ± this are not exact in every store
)

// Validate reports the first mistake in the schema, with the path it is at.
func (s Schema) Validate() error {
	if len(s) > MaxPaths {
		return fmt.Errorf("schema declares %d attributes, more than %d", len(s), MaxPaths)
	}
	paths := s.Paths()
	for _, p := range paths {
		if err := s.validateOne(p); err != nil {
			return err
		}
	}
	for _, p := range paths {
		for i := strings.IndexByte(p, '.'); i >= 0; {
			if _, ok := s[p[:i]]; ok {
				return fmt.Errorf("schema attribute %s lies inside %s, which is itself an attribute", p, p[:i])
			}
			next := strings.IndexByte(p[i+1:], '.')
			if next < 0 {
				break
			}
			i += 1 + next
		}
	}
	return nil
}

func (s Schema) validateOne(path string) error {
	segments := strings.Split(path, ".")
	if len(segments) > MaxDepth {
		return fmt.Errorf("schema attribute %s is more than %d levels deep", path, MaxDepth)
	}
	for _, seg := range segments {
		if !validName(seg) {
			return fmt.Errorf("schema attribute %q: each part must match [A-Za-z_][A-Za-z0-9_]* and have at most %d bytes", path, MaxName)
		}
	}
	a := s[path]
	if a.Kind <= 0 || int(a.Kind) >= len(kindWords) {
		return fmt.Errorf("schema attribute %s has no kind: use one of %s", path, strings.Join(kindWords[1:], ", "))
	}
	if a.Kind != ObjectList {
		if len(a.Fields) > 0 {
			return fmt.Errorf("schema attribute %s has fields but is a %s: only list<object> has fields", path, a.Kind)
		}
		return nil
	}
	if len(a.Fields) == 0 {
		return fmt.Errorf("schema attribute %s is a list<object> without fields", path)
	}
	for _, f := range sortedKeys(a.Fields) {
		if !validName(f) {
			return fmt.Errorf("schema attribute %s: field %q must match [A-Za-z_][A-Za-z0-9_]*", path, f)
		}
		if !a.Fields[f].Scalar() {
			return fmt.Errorf("schema attribute %s: field %s is a %s; fields are string, int, time or bool", path, f, a.Fields[f])
		}
	}
	return nil
}

func validName(s string) bool {
	if s == "" || len(s) > MaxName {
		return false
	}
	for i, c := range []byte(s) {
		switch {
		case c == '_', 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z':
		case '0' <= c && c <= '9' && i > 0:
		default:
			return false
		}
	}
	return true
}

// Paths returns the declared paths in ascending order.
func (s Schema) Paths() []string { return sortedKeys(s) }

// Interior reports whether path names an object that holds attributes, such as
// "acl" where "acl.groups" is declared. The empty path is the document itself.
func (s Schema) Interior(path string) bool {
	if path == "" {
		return true
	}
	for p := range s {
		if len(p) > len(path) && p[len(path)] == '.' && p[:len(path)] == path {
			return true
		}
	}
	return false
}

// Hash returns the hex SHA-256 of the schema's canonical form.
func (s Schema) Hash() string {
	h := newHasher()
	for _, p := range s.Paths() {
		a := s[p]
		h.str(p)
		h.num(int64(a.Kind))
		h.bool(a.Required)
		h.num(int64(len(a.Fields)))
		for _, f := range sortedKeys(a.Fields) {
			h.str(f)
			h.num(int64(a.Fields[f]))
		}
	}
	return h.sum()
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

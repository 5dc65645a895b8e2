package policy

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

// Attribute declares one attribute.
type Attribute struct {
	Kind     Kind
	Required bool            // scalars: a document without it is not usable
	Fields   map[string]Kind // ObjectList only: scalar fields
}

// Schema maps dotted paths to attributes. One schema serves the normaliser, the
// policy linter, the planner and index creation.
type Schema map[string]Attribute

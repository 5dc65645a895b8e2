package policy

// Expr is a closed, two-valued expression over a document's attributes: a node
// is true exactly when the policy's condition holds; there is no "unknown".
// Paths are dotted schema paths ("acl.groups"). Stores render it (index/sqlite,
// index/qdrant); [Filter.Match] is the reference semantics they are held to.
type Expr interface{ expr() }

// Op is a comparison operator.
type Op string

// Comparison operators.
const (
	Eq  Op = "=="
	Lt  Op = "<"
	Lte Op = "<="
	Gt  Op = ">"
	Gte Op = ">="
)

// Value is an operand: a constant (string, int64 or bool), or the request's
// time plus Offset seconds when Now is set.
type Value struct {
	Const  any
	Now    bool
	Offset int64
}

type (
	// Bool is a constant.
	Bool bool
	// And is true when all of its operands are; And{} is true.
	And []Expr
	// Or is true when one of its operands is; Or{} is false.
	Or []Expr
	// Not negates.
	Not struct{ X Expr }
	// Exists is true when a scalar attribute is present. Sets and lists always
	// are, by normalisation.
	Exists struct{ Path string }
	// Compare is true when the scalar at Path is present and satisfies Op. Inside
	// Any, Path "" is the element; inside Nested, Path is relative to the object.
	Compare struct {
		Path  string
		Op    Op
		Value Value
	}
	// In is true when the scalar at Path is present and equals one of Values
	// (all string or all int64).
	In struct {
		Path   string
		Values []any
	}
	// Any is true when some element of the set at Path satisfies X, which holds
	// only Compare and In with Path "", and And, Or, Not over them.
	Any struct {
		Path string
		X    Expr
	}
	// Nested is true when some object of the list at Path satisfies X.
	Nested struct {
		Path string
		X    Expr
	}
	// Count compares the number of elements of the set or list at Path.
	Count struct {
		Path string
		Op   Op
		N    int64
	}
	// NowCompare compares the request's time (epoch seconds, plus Offset) with N.
	NowCompare struct {
		Offset int64
		Op     Op
		N      int64
	}
)

func (Bool) expr()       {}
func (And) expr()        {}
func (Or) expr()         {}
func (Not) expr()        {}
func (Exists) expr()     {}
func (Compare) expr()    {}
func (In) expr()         {}
func (Any) expr()        {}
func (Nested) expr()     {}
func (Count) expr()      {}
func (NowCompare) expr() {}

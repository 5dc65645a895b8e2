package policy

import (
	"fmt"
	"strconv"
	"strings"
)

// FormatExpr prints an expression for humans, for example
//
//	tenant == "acme" and (public == true or some groups: in {"eng", "ops"})
//
// The form is for explanations and golden files; nothing parses it.
func FormatExpr(e Expr) string {
	var b strings.Builder
	format(&b, e, "", 0)
	return b.String()
}

const (
	looseOr = iota
	looseAnd
	tight
)

func format(b *strings.Builder, e Expr, self string, tightness int) {
	switch x := e.(type) {
	case Bool:
		b.WriteString(strconv.FormatBool(bool(x)))
	case And:
		formatAll(b, x, self, " and ", "true", tightness > looseAnd, looseAnd+1)
	case Or:
		formatAll(b, x, self, " or ", "false", tightness > looseOr, looseOr+1)
	case Not:
		b.WriteString("not ")
		format(b, x.X, self, tight)
	case Exists:
		b.WriteString("has " + name(x.Path, self))
	case Compare:
		fmt.Fprintf(b, "%s%s %s", pad(name(x.Path, self)), x.Op, x.Value)
	case In:
		fmt.Fprintf(b, "%sin {", pad(name(x.Path, self)))
		for i, v := range x.Values {
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(Value{Const: v}.String())
		}
		b.WriteByte('}')
	case Any:
		b.WriteString("some " + x.Path + ": ")
		format(b, x.X, "", tight)
	case Nested:
		b.WriteString("some " + x.Path + " with ")
		format(b, x.X, "", tight)
	case Count:
		fmt.Fprintf(b, "count(%s) %s %d", x.Path, x.Op, x.N)
	case NowCompare:
		fmt.Fprintf(b, "%s %s %d", Value{Now: true, Offset: x.Offset}, x.Op, x.N)
	default:
		b.WriteString("malformed")
	}
}

func formatAll(b *strings.Builder, es []Expr, self, sep, empty string, wrap bool, inner int) {
	if len(es) == 0 {
		b.WriteString(empty)
		return
	}
	if wrap {
		b.WriteByte('(')
	}
	for i, y := range es {
		if i > 0 {
			b.WriteString(sep)
		}
		format(b, y, self, inner)
	}
	if wrap {
		b.WriteByte(')')
	}
}

func name(path, self string) string {
	if path == "" {
		return self
	}
	return path
}

func pad(s string) string {
	if s == "" {
		return ""
	}
	return s + " "
}

// String prints an operand: a quoted string, an integer, a bool, or now ± n.
func (v Value) String() string {
	if v.Now {
		switch {
		case v.Offset > 0:
			return fmt.Sprintf("now+%d", v.Offset)
		case v.Offset < 0:
			return fmt.Sprintf("now%d", v.Offset)
		}
		return "now"
	}
	if s, ok := v.Const.(string); ok {
		return strconv.Quote(s)
	}
	return fmt.Sprint(v.Const)
}

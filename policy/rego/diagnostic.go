package rego

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
)

// Severity orders diagnostics.
type Severity int

// Severities. A policy with an Error does not load.
const (
	Error Severity = iota
	Warning
	Note
)

func (s Severity) String() string {
	return [...]string{"error", "warning", "note"}[min(max(s, 0), 2)]
}

// MarshalText makes severities words in JSON.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Diagnostic is one remark on a policy, for its author.
type Diagnostic struct {
	Severity Severity `json:"severity"`
	File     string   `json:"file,omitempty"`
	Line     int      `json:"line,omitempty"`
	Column   int      `json:"column,omitempty"`
	Code     string   `json:"code"`              // a stable word, for suppressing and searching
	Message  string   `json:"message"`           // what is wrong
	Instead  string   `json:"instead,omitempty"` // what to write instead
}

func (d Diagnostic) String() string {
	var b strings.Builder
	if d.File != "" {
		fmt.Fprintf(&b, "%s:%d: ", d.File, d.Line)
	}
	fmt.Fprintf(&b, "%s: %s [%s]", d.Severity, d.Message, d.Code)
	if d.Instead != "" {
		b.WriteString("\n    instead: " + d.Instead)
	}
	return b.String()
}

// Diagnostics are the remarks on one policy, in file order.
type Diagnostics []Diagnostic

// Errors returns those that keep the policy from loading.
func (ds Diagnostics) Errors() Diagnostics {
	var out Diagnostics
	for _, d := range ds {
		if d.Severity == Error {
			out = append(out, d)
		}
	}
	return out
}

func (ds Diagnostics) String() string {
	lines := make([]string, len(ds))
	for i, d := range ds {
		lines[i] = d.String()
	}
	return strings.Join(lines, "\n")
}

// LoadError is returned when a policy is refused; its diagnostics say why.
type LoadError struct {
	Name        string // Config.Name
	Diagnostics Diagnostics
}

func (e *LoadError) Error() string {
	errs := e.Diagnostics.Errors()
	head := "refusing the policy"
	if e.Name != "" {
		head += " in " + e.Name
	}
	if len(errs) == 0 {
		return head
	}
	more := ""
	if n := len(errs) - 1; n > 0 {
		more = fmt.Sprintf(" (and %d more)", n)
	}
	return head + ": " + errs[0].String() + more
}

// collector gathers diagnostics without repeating one.
type collector struct{ list Diagnostics }

func (c *collector) add(sev Severity, loc *ast.Location, code, instead, format string, args ...any) {
	d := Diagnostic{Severity: sev, Code: code, Instead: instead, Message: fmt.Sprintf(format, args...)}
	if loc != nil {
		d.File, d.Line, d.Column = loc.File, loc.Row, loc.Col
	}
	if !slices.Contains(c.list, d) {
		c.list = append(c.list, d)
	}
}

func (c *collector) failed() bool { return len(c.list.Errors()) > 0 }

func (c *collector) sorted() Diagnostics {
	slices.SortStableFunc(c.list, func(a, b Diagnostic) int {
		if n := strings.Compare(a.File, b.File); n != 0 {
			return n
		}
		return a.Line - b.Line
	})
	return c.list
}

// addOPA takes over OPA's own parse and compile errors.
func (c *collector) addOPA(err error) {
	var list ast.Errors
	if !errors.As(err, &list) {
		c.add(Error, nil, "compile", "", "%v", err)
		return
	}
	for _, e := range list {
		msg := e.Message
		if e.Details != nil {
			msg += " (" + strings.Join(e.Details.Lines(), "; ") + ")"
		}
		instead := ""
		if strings.Contains(msg, "undefined function") {
			instead = "use only deterministic built-ins; time comes as input.context.now, everything from outside as data or attributes"
		}
		c.add(Error, e.Location, e.Code, instead, "%s", msg)
	}
}

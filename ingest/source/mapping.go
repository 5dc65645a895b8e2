package source

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/doorward/doorward/ingest"
)

// Mapping says how a source's own facts become attributes. All rules whose
// pattern matches apply, in order; a later one overrides an earlier one.
type Mapping struct {
	// Rules are tried in order.
	Rules []Rule `yaml:"rules" json:"rules"`
}

// Rule sets attributes on the documents its pattern matches.
type Rule struct {
	// Match is a pattern for the document's path (its name, for sources without
	// paths): "*" is any run of characters but "/", "?" one, "**" any number of
	// whole path parts, "{a,b}" either. "" matches all. It is matched against the
	// whole path.
	Match string `yaml:"match" json:"match"`
	// Set is attribute → value. A text value may hold placeholders:
	//
	//	${path.N}   the N-th part of the path from 0; -1 is the file's name
	//	${name}     the file's name      ${stem} without its extension
	//	${ext}      the extension without its dot
	//	${match.N}  what the N-th "*" or "**" of the pattern matched, from 1
	//	${field.X}  a field of the source's record; X may be dotted
	//	${source}   the source's name
	//
	// A value that is one placeholder and nothing else takes the field's type;
	// otherwise the result is text. A placeholder without a value is an error for
	// that document, unless it ends in "?" ("${field.team?}"): then the attribute
	// is not set by this rule.
	Set map[string]any `yaml:"set" json:"set"`
	// Final keeps sidecar files and later rules from changing what this rule
	// sets: they may repeat it, anything else is an error for that document.
	Final bool `yaml:"final" json:"final"`
}

// Facts is what a source knows of a document.
type Facts struct {
	Source string
	Path   string         // with "/" between parts
	Fields map[string]any // of the source's record; nil for files
}

// Mapper applies a checked Mapping. Its zero value sets nothing.
type Mapper struct {
	rules []mapRule
}

type mapRule struct {
	Rule
	pattern *regexp.Regexp // nil matches all
	names   []string       // attributes in order
}

var (
	placeholder   = regexp.MustCompile(`\$\{([^{}]*)\}`)
	attributeName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*$`)
	pathWord      = regexp.MustCompile(`^path\.(-?\d+)$`)
	matchWord     = regexp.MustCompile(`^match\.([1-9]\d?)$`)
)

// NewMapper checks a mapping. The error names the rule, from 1, and what is
// wrong with it.
func NewMapper(m Mapping) (Mapper, error) {
	var out Mapper
	for i, r := range m.Rules {
		mr, err := checkRule(r)
		if err != nil {
			return Mapper{}, fmt.Errorf("%w: mapping rule %d: %v", ErrConfig, i+1, err)
		}
		out.rules = append(out.rules, mr)
	}
	return out, nil
}

func checkRule(r Rule) (mapRule, error) {
	mr := mapRule{Rule: r}
	if r.Match != "" {
		re, err := globPattern(r.Match)
		if err != nil {
			return mr, err
		}
		mr.pattern = re
	}
	if len(r.Set) == 0 {
		return mr, fmt.Errorf("set is empty")
	}
	for name, value := range r.Set {
		if !attributeName.MatchString(name) {
			return mr, fmt.Errorf("%q is no attribute name", name)
		}
		if err := checkValue(value, mr.pattern); err != nil {
			return mr, fmt.Errorf("attribute %s: %v", name, err)
		}
		mr.names = append(mr.names, name)
	}
	slices.Sort(mr.names)
	return mr, nil
}

// checkValue checks the placeholders of a value.
func checkValue(value any, pattern *regexp.Regexp) error {
	switch v := value.(type) {
	case nil:
		return fmt.Errorf("has no value")
	case string:
		for _, m := range placeholder.FindAllStringSubmatch(v, -1) {
			if err := checkPlaceholder(strings.TrimSuffix(m[1], "?"), pattern); err != nil {
				return err
			}
		}
		if strings.Contains(placeholder.ReplaceAllString(v, ""), "${") {
			return fmt.Errorf("a placeholder is not closed")
		}
	case []any:
		for _, e := range v {
			if err := checkValue(e, pattern); err != nil {
				return err
			}
		}
	case map[string]any:
		for _, e := range v {
			if err := checkValue(e, pattern); err != nil {
				return err
			}
		}
	}
	return nil
}

func checkPlaceholder(word string, pattern *regexp.Regexp) error {
	if m := matchWord.FindStringSubmatch(word); m != nil {
		n, _ := strconv.Atoi(m[1])
		if pattern == nil || n > pattern.NumSubexp() {
			return fmt.Errorf("${%s}: the pattern has no such wildcard", word)
		}
		return nil
	}
	field, isField := strings.CutPrefix(word, "field.")
	switch {
	case word == "name", word == "stem", word == "ext", word == "source", pathWord.MatchString(word), isField && field != "":
		return nil
	}
	return fmt.Errorf("${%s} is no placeholder; there are path.N, name, stem, ext, match.N, field.X, source", word)
}

// Map returns a document's attributes: those of the rules, then those of own (a
// sidecar file or the connector; nil for none) over them. On an error, which
// wraps ingest.ErrAttributes, there are none.
func (m Mapper) Map(f Facts, own map[string]any) (map[string]any, error) {
	out, final := map[string]any{}, map[string]bool{}
	put := func(name string, value any, who string) error {
		if final[name] && !same(out[name], value) {
			return fmt.Errorf("%w: %s changes %s, which a final rule has set", ingest.ErrAttributes, who, name)
		}
		out[name] = value
		return nil
	}
	for i, r := range m.rules {
		captures, ok := r.matches(f.Path)
		if !ok {
			continue
		}
		for _, name := range r.names {
			value, set, err := expand(r.Set[name], f, captures)
			if err != nil {
				return nil, fmt.Errorf("%w: rule %d, attribute %s: %v", ingest.ErrAttributes, i+1, name, err)
			}
			if !set {
				continue
			}
			if err := put(name, value, fmt.Sprintf("rule %d", i+1)); err != nil {
				return nil, err
			}
			final[name] = final[name] || r.Final
		}
	}
	for name, value := range own {
		if err := put(name, value, "the document's own attribute file or record"); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (r mapRule) matches(path string) ([]string, bool) {
	if r.pattern == nil {
		return nil, true
	}
	m := r.pattern.FindStringSubmatch(path)
	return m, m != nil
}

// expand fills a value's placeholders; set is false when an optional one has no
// value.
func expand(value any, f Facts, captures []string) (out any, set bool, err error) {
	switch v := value.(type) {
	case string:
		return expandText(v, f, captures)
	case []any:
		list := make([]any, 0, len(v))
		for _, e := range v {
			x, ok, err := expand(e, f, captures)
			if err != nil {
				return nil, false, err
			}
			if ok {
				list = append(list, x)
			}
		}
		return list, true, nil
	case map[string]any:
		object := make(map[string]any, len(v))
		for k, e := range v {
			x, ok, err := expand(e, f, captures)
			if err != nil {
				return nil, false, err
			}
			if ok {
				object[k] = x
			}
		}
		return object, true, nil
	}
	return value, true, nil
}

func expandText(v string, f Facts, captures []string) (any, bool, error) {
	if m := placeholder.FindStringSubmatch(v); m != nil && m[0] == v {
		x, ok := f.lookup(strings.TrimSuffix(m[1], "?"), captures)
		if !ok && !strings.HasSuffix(m[1], "?") {
			return nil, false, fmt.Errorf("${%s} has no value", m[1])
		}
		return x, ok, nil
	}
	var missing error
	absent := false
	out := placeholder.ReplaceAllStringFunc(v, func(p string) string {
		word := p[2 : len(p)-1]
		x, ok := f.lookup(strings.TrimSuffix(word, "?"), captures)
		s, isText := scalar(x)
		switch {
		case ok && isText:
			return s
		case ok:
			missing = fmt.Errorf("${%s} is a list or an object and stands within text", word)
		case strings.HasSuffix(word, "?"):
			absent = true
		default:
			missing = fmt.Errorf("${%s} has no value", word)
		}
		return ""
	})
	if missing != nil {
		return nil, false, missing
	}
	return out, !absent, nil
}

// lookup is a placeholder's value.
func (f Facts) lookup(word string, captures []string) (any, bool) {
	parts := strings.Split(f.Path, "/")
	name := parts[len(parts)-1]
	dot := strings.LastIndexByte(name, '.')
	if dot <= 0 {
		dot = len(name)
	}
	if m := pathWord.FindStringSubmatch(word); m != nil {
		n, _ := strconv.Atoi(m[1])
		if n < 0 {
			n += len(parts)
		}
		if n < 0 || n >= len(parts) {
			return nil, false
		}
		return parts[n], true
	}
	if m := matchWord.FindStringSubmatch(word); m != nil {
		n, _ := strconv.Atoi(m[1])
		return captures[n], captures[n] != ""
	}
	switch word {
	case "name":
		return name, name != ""
	case "stem":
		return name[:dot], dot > 0
	case "ext":
		return strings.TrimPrefix(name[dot:], "."), dot < len(name)-1
	case "source":
		return f.Source, true
	}
	return field(f.Fields, strings.TrimPrefix(word, "field."))
}

// field follows a dotted name; a null has no value.
func field(fields map[string]any, dotted string) (any, bool) {
	if v, ok := fields[dotted]; ok {
		return v, v != nil
	}
	head, rest, nested := strings.Cut(dotted, ".")
	inner, ok := fields[head].(map[string]any)
	if !nested || !ok {
		return nil, false
	}
	return field(inner, rest)
}

// scalar writes a value that can stand within text.
func scalar(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case bool, int, int64, float64, uint64:
		return fmt.Sprint(v), true
	case fmt.Stringer:
		return v.String(), true
	}
	return "", false
}

// same compares two attribute values as they would be written.
func same(a, b any) bool { return fmt.Sprintf("%T %v", a, a) == fmt.Sprintf("%T %v", b, b) }

package contract

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Markdown is the reference for people: every route and schema.
func Markdown() (string, error) {
	d, err := load("")
	if err != nil {
		return "", err
	}
	var w strings.Builder
	w.WriteString("# HTTP API reference\n\nMade from the OpenAPI document by `doorward openapi --markdown`; do not edit. The document itself is served at `/openapi.json`. Problem types: [problems](problems.md). Recipes: [recipes](recipes.md).\n")
	for _, l := range []Listener{Public, Operator} {
		one, err := load(l)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&w, "\n## The %s listener\n", l)
		for _, path := range slices.Sorted(maps.Keys(object(one["paths"]))) {
			item := object(object(one["paths"])[path])
			for _, method := range []string{"get", "put", "post", "patch", "delete"} {
				if op := object(item[method]); op != nil {
					page{&w, d}.operation(strings.ToUpper(method), path, op)
				}
			}
		}
	}
	w.WriteString("\n## Schemas\n")
	schemas := object(object(d["components"])["schemas"])
	for _, name := range slices.Sorted(maps.Keys(schemas)) {
		page{&w, d}.schema(name, object(schemas[name]))
	}
	return w.String(), nil
}

// ProblemsMarkdown is the list of problem types for people.
func ProblemsMarkdown() (string, error) {
	list, err := Problems()
	if err != nil {
		return "", err
	}
	var w strings.Builder
	w.WriteString("# Problems\n\nEvery error is an [RFC 9457](https://www.rfc-editor.org/rfc/rfc9457) problem: `type` is `" + Base + "` and one of the words below, which stay as they are between releases; `request` is the id that the log and the audit log repeat. A problem never quotes a document, a question or an answer. Made by `doorward openapi --problems`; do not edit.\n\n| type | status | title | what it means | what to do |\n|---|---|---|---|---|\n")
	for _, p := range list {
		fmt.Fprintf(&w, "| `%s` | %d | %s | %s | %s |\n", p.Type, p.Status, p.Title, p.Means, p.Do)
	}
	return w.String(), nil
}

// page writes parts of the reference.
type page struct {
	w *strings.Builder
	d map[string]any
}

func (p page) operation(method, path string, op map[string]any) {
	fmt.Fprintf(p.w, "\n### %s %s\n\n%s\n", method, path, text(op["summary"]))
	if d := text(op["description"]); d != "" {
		fmt.Fprintf(p.w, "\n%s\n", d)
	}
	if list, ok := op["parameters"].([]any); ok && len(list) > 0 {
		p.w.WriteString("\n| parameter | in | type | what |\n|---|---|---|---|\n")
		for _, v := range list {
			o := p.resolve(object(v))
			fmt.Fprintf(p.w, "| `%s`%s | %s | %s | %s |\n", text(o["name"]), star(o["required"] == true), text(o["in"]), p.kind(object(o["schema"])), text(o["description"]))
		}
	}
	if body := p.resolve(object(op["requestBody"])); body != nil {
		fmt.Fprintf(p.w, "\nRequest: %s\n", p.content(object(body["content"])))
	}
	p.w.WriteString("\n| status | answer |\n|---|---|\n")
	responses := object(op["responses"])
	for _, status := range slices.Sorted(maps.Keys(responses)) {
		r := p.resolve(object(responses[status]))
		fmt.Fprintf(p.w, "| %s | %s %s |\n", status, text(r["description"]), p.content(object(r["content"])))
	}
}

// content lists media types with the schema of each.
func (p page) content(c map[string]any) string {
	var out []string
	for _, media := range slices.Sorted(maps.Keys(c)) {
		if media == "*/*" {
			continue
		}
		m := object(c[media])
		switch {
		case m["x-lines"] != nil:
			out = append(out, fmt.Sprintf("`%s`, lines of %s", media, p.kind(object(m["x-lines"]))))
		case m["schema"] != nil:
			out = append(out, fmt.Sprintf("`%s` %s", media, p.kind(object(m["schema"]))))
		default:
			out = append(out, "`"+media+"`")
		}
	}
	return strings.Join(out, "; ")
}

func (p page) schema(name string, s map[string]any) {
	fmt.Fprintf(p.w, "\n### %s\n", name)
	if d := text(s["description"]); d != "" {
		fmt.Fprintf(p.w, "\n%s\n", d)
	}
	fields := object(s["properties"])
	if fields == nil {
		fmt.Fprintf(p.w, "\n%s\n", p.kind(s))
		return
	}
	p.w.WriteString("\n| field | type | what |\n|---|---|---|\n")
	p.fields("", s)
}

// fields lists properties, those of objects within them behind a dot.
func (p page) fields(prefix string, s map[string]any) {
	required, _ := s["required"].([]any)
	properties := object(s["properties"])
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		f := object(properties[name])
		fmt.Fprintf(p.w, "| `%s%s`%s | %s | %s |\n", prefix, name, star(slices.Contains(required, any(name))), p.kind(f), text(f["description"]))
		if object(f["properties"]) != nil {
			p.fields(prefix+name+".", f)
		}
		if items := object(f["items"]); object(items["properties"]) != nil {
			p.fields(prefix+name+"[].", items)
		}
	}
}

// kind says in a few words what a schema takes.
func (p page) kind(s map[string]any) string {
	if ref, ok := s["$ref"].(string); ok {
		name := ref[strings.LastIndex(ref, "/")+1:]
		return fmt.Sprintf("[%s](#%s)", name, strings.ToLower(name))
	}
	if list, ok := s["enum"].([]any); ok {
		if len(list) > 12 {
			return "a word, see [problems](problems.md)"
		}
		var words []string
		for _, v := range list {
			if v != "" {
				words = append(words, fmt.Sprintf("`%v`", v))
			}
		}
		return strings.Join(words, ", ")
	}
	if c, ok := s["const"]; ok {
		return fmt.Sprintf("`%v`", c)
	}
	word := ""
	switch t := s["type"].(type) {
	case string:
		word = t
	case []any:
		var words []string
		for _, v := range t {
			words = append(words, fmt.Sprint(v))
		}
		word = strings.Join(words, " or ")
	}
	if items := object(s["items"]); items != nil {
		word += " of " + p.kind(items)
	}
	if more := object(s["additionalProperties"]); more != nil {
		word += " of " + p.kind(more)
	}
	if f := text(s["format"]); f != "" {
		word += ", " + f
	}
	for _, bound := range []string{"minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems"} {
		if v, ok := s[bound]; ok {
			word += fmt.Sprintf(", %s %v", bound, v)
		}
	}
	return word
}

// resolve follows one reference into the components.
func (p page) resolve(s map[string]any) map[string]any {
	ref, ok := s["$ref"].(string)
	if !ok {
		return s
	}
	at := p.d
	for part := range strings.SplitSeq(strings.TrimPrefix(ref, "#/"), "/") {
		at = object(at[part])
	}
	return at
}

func text(v any) string { s, _ := v.(string); return strings.TrimSpace(s) }

func star(required bool) string {
	if required {
		return " *"
	}
	return ""
}

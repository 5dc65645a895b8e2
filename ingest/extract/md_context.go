package extract

import (
	"html"
	"regexp"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/util"
)

var xmlDeclaration = regexp.MustCompile(`^\s*<\?xml[^>]*\?>`)

// markdownContext keeps the link definitions of one document, which no renderer
// shows: `[//]: # (a note)` is a common way to write a comment.
type markdownContext struct{ parser.Context }

func newMarkdownContext() markdownContext { return markdownContext{parser.NewContext()} }

func (c markdownContext) option() parser.ParseOption { return parser.WithContext(c.Context) }

// unused reports the titles of link definitions.
func (c markdownContext) unused(b *builder, _ ast.Node) {
	for _, r := range c.References() {
		b.hide(Markup, "markdown-definition", "link definition", string(r.Title()))
		if words(string(r.Label())) >= 3 {
			b.hide(Markup, "markdown-definition", "link definition", string(r.Label()))
		}
	}
}

// unescapeMarkdown resolves backslash escapes and character references, which
// goldmark leaves to its renderer.
func unescapeMarkdown(p []byte) []byte {
	return util.ResolveEntityNames(util.ResolveNumericReferences(util.UnescapePunctuations(p)))
}

func escapeHTML(s string) string { return html.EscapeString(s) }

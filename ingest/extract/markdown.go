package extract

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/renderer/html"
	"github.com/yuin/goldmark/text"
)

var frontMatter = regexp.MustCompile(`^(?:---[ \t]*\r?\n(?s:.*?)\r?\n(?:---|\.\.\.)[ \t]*(?:\r?\n|$)|\+\+\+[ \t]*\r?\n(?s:.*?)\r?\n\+\+\+[ \t]*(?:\r?\n|$))`)

// readMarkdown renders CommonMark with GitHub's tables, strike-through and task
// lists, raw HTML left in, and reads the page that makes: so HTML around or
// within Markdown hides what it would hide in a browser. Front matter, image
// descriptions, link titles and link definitions are reported. Front matter is
// never read for attributes.
func readMarkdown(b *builder, in Input, _ int) error {
	s, err := decode(in.Bytes, charsetOf(in.MediaType))
	if err != nil {
		return err
	}
	if m := frontMatter.FindString(s); m != "" {
		b.hide(Metadata, "front-matter", "front matter", strings.Trim(m, "-+. \r\n"))
		s = s[len(m):]
	}
	// Zero characters were refused in decoding; the parser replaces them anyway.
	source := []byte(s)
	md := goldmark.New(goldmark.WithExtensions(extension.GFM, extension.DefinitionList), goldmark.WithRendererOptions(html.WithUnsafe()))
	ctx := parser.NewContext()
	root := md.Parser().Parse(text.NewReader(source), parser.WithContext(ctx))
	if b.stopped() {
		return b.err
	}
	var page bytes.Buffer
	if err := md.Renderer().Render(&page, source, root); err != nil {
		return fmt.Errorf("%w: Markdown that cannot be rendered", ErrMalformed)
	}
	if err := b.html(page.String()); err != nil {
		return err
	}
	// `[//]: # (a note)` is a common way to write a comment.
	for _, r := range ctx.References() {
		b.hide(Markup, "markdown-definition", "link definition", string(r.Title()))
		if words(string(r.Label())) >= 3 {
			b.hide(Markup, "markdown-definition", "link definition", string(r.Label()))
		}
	}
	return b.err
}

package extract

import (
	"bytes"
	"regexp"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	extast "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/text"

	"github.com/doorward/doorward/ingest/chunk"
)

var frontMatter = regexp.MustCompile(`^(?:---[ \t]*\r?\n(?s:.*?)\r?\n(?:---|\.\.\.)[ \t]*(?:\r?\n|$)|\+\+\+[ \t]*\r?\n(?s:.*?)\r?\n\+\+\+[ \t]*(?:\r?\n|$))`)

// readMarkdown renders CommonMark with GitHub's extensions. Front matter, raw
// HTML's hidden parts, image descriptions, link titles and unused link
// definitions are not shown by a renderer and are reported. Front matter is
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
	b.gap()
	source := []byte(s)
	md := goldmark.New(goldmark.WithExtensions(extension.GFM, extension.Footnote, extension.DefinitionList))
	ctx := newMarkdownContext()
	root := md.Parser().Parse(text.NewReader(source), ctx.option())
	m := &mdWalk{page: page{builder: b, sheet: newSheet()}, source: source}
	m.children(root)
	ctx.unused(b, root)
	return b.err
}

// mdWalk walks a Markdown tree; raw HTML in it is collected and read as HTML.
type mdWalk struct {
	page
	source []byte
	deep   int
}

func (m *mdWalk) children(n ast.Node) {
	if m.deep++; m.deep > 400 {
		m.err = ErrTooLarge
		return
	}
	defer func() { m.deep-- }()
	for c := n.FirstChild(); c != nil && !m.stopped(); c = c.NextSibling() {
		if raw, ok := c.(*ast.RawHTML); ok {
			c = m.rawRun(raw)
			continue
		}
		m.node(c)
	}
}

// node adds one node.
func (m *mdWalk) node(n ast.Node) {
	switch n := n.(type) {
	case *ast.Heading:
		m.wrap(n, chunk.Heading, n.Level)
	case *ast.Paragraph:
		m.edge(true)
		m.children(n)
		m.edge(true)
	case *ast.TextBlock:
		m.edge(false)
		m.children(n)
		m.edge(false)
	case *ast.List:
		m.list(n)
	case *ast.FencedCodeBlock:
		m.code(n)
	case *ast.CodeBlock:
		m.code(n)
	case *ast.HTMLBlock:
		m.htmlBlock(n)
	case *ast.ThematicBreak:
		m.gap()
	case *extast.Table:
		m.mdTable(n)
	case *ast.LinkReferenceDefinition:
		m.hide(Markup, "markdown-definition", "link definition", string(n.Title))
	default:
		m.span(n)
	}
}

// span adds an inline node.
func (m *mdWalk) span(n ast.Node) {
	switch n := n.(type) {
	case *ast.Text:
		m.inline(string(unescapeMarkdown(n.Segment.Value(m.source))))
		if n.HardLineBreak() {
			m.lineOrBlank()
		} else if n.SoftLineBreak() {
			m.space = true
		}
	case *ast.String:
		m.inline(string(n.Value))
	case *ast.AutoLink:
		m.inline(string(n.Label(m.source)))
	case *ast.Image:
		m.skip("image/*")
		m.hide(Metadata, "markdown-image", "image description", mdText(n, m.source)+" "+string(n.Title))
	case *ast.Link:
		m.hide(Metadata, "markdown-title", "link title", string(n.Title))
		m.children(n)
	case *extast.TaskCheckBox:
		if n.IsChecked {
			m.inline("[x] ")
		} else {
			m.inline("[ ] ")
		}
	default:
		m.children(n)
	}
}

// wrap adds a node's children as one block.
func (m *mdWalk) wrap(n ast.Node, kind chunk.Kind, level int) {
	m.edge(true)
	start := len(m.out)
	m.flat++
	m.children(n)
	m.flat--
	m.block(kind, level, start)
	m.edge(true)
}

func (m *mdWalk) list(n *ast.List) {
	m.edge(true)
	start := len(m.out)
	m.quiet++
	for item := n.FirstChild(); item != nil && !m.stopped(); item = item.NextSibling() {
		m.lineOrBlank()
		m.raw("- ")
		m.children(item)
	}
	m.quiet--
	m.block(chunk.List, 0, start)
	m.edge(true)
}

func (m *mdWalk) code(n ast.Node) {
	m.gap()
	start := len(m.out)
	for i := 0; i < n.Lines().Len() && !m.stopped(); i++ {
		seg := n.Lines().At(i)
		m.raw(string(seg.Value(m.source)))
	}
	m.block(chunk.Code, 0, start)
	m.gap()
}

func (m *mdWalk) mdTable(n *extast.Table) {
	m.gap()
	start, head := len(m.out), 0
	for row := n.FirstChild(); row != nil && !m.stopped(); row = row.NextSibling() {
		for cell := row.FirstChild(); cell != nil; cell = cell.NextSibling() {
			if cell != row.FirstChild() {
				m.space = false
				m.raw(" | ")
			}
			m.flat++
			m.children(cell)
			m.flat--
			m.space = false
		}
		m.line()
		if head == 0 {
			head = len(m.out)
		}
	}
	m.tableBlock(start, head)
	m.gap()
}

// htmlBlock reads a block of raw HTML as a page of its own.
func (m *mdWalk) htmlBlock(n *ast.HTMLBlock) {
	var raw bytes.Buffer
	for i := 0; i < n.Lines().Len(); i++ {
		seg := n.Lines().At(i)
		raw.Write(seg.Value(m.source))
	}
	if n.HasClosure() {
		raw.Write(n.ClosureLine.Value(m.source))
	}
	m.gap()
	m.setErr(m.builder.html(raw.String()))
	m.gap()
}

// rawRun reads inline HTML: from one tag to the end of its siblings' last tag,
// so that a hidden element hides the Markdown inside it. It returns the last
// node it took.
func (m *mdWalk) rawRun(from *ast.RawHTML) ast.Node {
	var raw strings.Builder
	last := ast.Node(from)
	for c := ast.Node(from); c != nil; c = c.NextSibling() {
		if r, ok := c.(*ast.RawHTML); ok {
			for i := 0; i < r.Segments.Len(); i++ {
				seg := r.Segments.At(i)
				raw.Write(seg.Value(m.source))
			}
		} else {
			raw.WriteString(escapeHTML(mdText(c, m.source)))
		}
		last = c
	}
	space := m.space
	m.space = space
	m.setErr(m.builder.html(raw.String()))
	return last
}

func (m *mdWalk) setErr(err error) {
	if m.err == nil && err != nil {
		m.err = err
	}
}

// mdText joins the text under a node, image descriptions aside.
func mdText(n ast.Node, source []byte) string {
	var s strings.Builder
	_ = ast.Walk(n, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.Text:
			s.Write(unescapeMarkdown(n.Segment.Value(source)))
			if n.SoftLineBreak() || n.HardLineBreak() {
				s.WriteByte(' ')
			}
		case *ast.String:
			s.Write(n.Value)
		case *ast.AutoLink:
			s.Write(n.Label(source))
		}
		return ast.WalkContinue, nil
	})
	return s.String()
}

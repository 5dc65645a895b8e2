package extract

import (
	"fmt"
	"strings"
	"unicode"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"github.com/doorward/doorward/ingest/chunk"
)

// readHTML reads a page as a browser with scripts off and without the network
// would show it.
func readHTML(b *builder, in Input, _ int) error {
	s, err := decodeMarkup(in)
	if err != nil {
		return err
	}
	return b.html(s)
}

// html adds a page's visible text.
func (b *builder) html(s string) error {
	root, err := html.ParseWithOptions(strings.NewReader(s), html.ParseOptionEnableScripting(false))
	if err != nil {
		// The parser's words name limits only, yet they are not ours to vouch for.
		return fmt.Errorf("%w: HTML that cannot be parsed, or is nested too deep", ErrMalformed)
	}
	p := &page{builder: b, sheet: newSheet()}
	p.collect(root)
	p.sheet.index()
	p.external = p.external || p.sheet.external
	p.walk(root, look{color: black, back: white, size: 16, opacity: 1})
	if p.external {
		b.warn("external stylesheet not read")
	}
	return b.err
}

// page walks a parsed page.
type page struct {
	*builder
	sheet    *sheet
	external bool
	flat     int // inside cells of a data table: blocks become blanks
	cells    int // cells so far in the row
	quiet    int // inside a heading or list item that marks the block itself
}

// collect reads the style sheets of the page.
func (p *page) collect(n *html.Node) {
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		if c.Type == html.ElementNode {
			switch c.Data {
			case "style":
				p.sheet.add(textOf(c), attr(c, "media"))
			case "link":
				if !strings.Contains(strings.ToLower(attr(c, "rel")), "stylesheet") {
					break
				}
				if css, ok := dataText(attr(c, "href")); ok {
					p.sheet.add(css, attr(c, "media"))
				} else {
					p.external = true
				}
			}
		}
		p.collect(c)
	}
}

// walk adds the children of n, seen as l.
func (p *page) walk(n *html.Node, l look) {
	for c := n.FirstChild; c != nil && !p.stopped(); c = c.NextSibling {
		switch c.Type {
		case html.TextNode:
			p.textNode(c.Data, l)
		case html.CommentNode:
			p.hide(Markup, "html-comment", "comment", c.Data)
		case html.ElementNode:
			p.element(c, l)
		}
	}
}

// textNode adds text, or reports it when the look hides it.
func (p *page) textNode(s string, l look) {
	if technique, locator := l.hidden(); technique != "" {
		p.hideRun(Concealed, technique, locator, s)
		p.space = p.space || strings.ContainsFunc(s, unicode.IsSpace)
		return
	}
	if l.pre && p.flat == 0 {
		p.raw(s)
		return
	}
	p.inline(s)
}

// never are elements no browser with these settings shows, and how they are
// reported.
var never = map[string]struct {
	class     Class
	technique string
}{
	"script": {Markup, "html-script"}, "style": {Markup, ""}, "template": {Markup, "html-template"}, "noscript": {Markup, "html-noscript"},
	"noframes": {Markup, "html-noscript"}, "noembed": {Markup, "html-noscript"}, "title": {Metadata, "html-title"},
	"svg": {Markup, "html-svg"}, "iframe": {Markup, "html-fallback"}, "object": {Markup, "html-fallback"}, "video": {Markup, "html-fallback"},
	"audio": {Markup, "html-fallback"}, "canvas": {Markup, "html-fallback"}, "datalist": {Markup, "html-datalist"}, "frameset": {Markup, "html-fallback"},
	"annotation": {Markup, "html-mathml"}, "annotation-xml": {Markup, "html-mathml"}, "rp": {Markup, "html-fallback"}, "head": {},
}

// element adds one element.
func (p *page) element(n *html.Node, l look) {
	p.attributes(n)
	if how, ok := never[n.Data]; ok && n.Data != "head" {
		p.unseen(n, how.class, how.technique)
		return
	}
	l = p.sheet.apply(n, l)
	p.generated(n, l)
	if n.Data == "head" {
		p.walk(n, l)
		return
	}
	if technique, _ := l.hidden(); technique != "" {
		edge := blockElements[n.Data] || unflowed[n.Data]
		p.apart = p.apart || edge
		if n.Data == "input" {
			p.hide(Concealed, technique, "value of a hidden input", attr(n, "value"))
		}
		p.walk(n, l) // its text nodes are reported one by one
		p.apart = p.apart || edge
		return
	}
	p.shown(n, l)
}

// unseen reports the text of an element that is never shown.
func (p *page) unseen(n *html.Node, class Class, technique string) {
	if technique == "" {
		return
	}
	locator := "element " + n.Data
	var visit func(*html.Node)
	visit = func(n *html.Node) {
		switch n.Type {
		case html.TextNode:
			p.hideRun(class, technique, locator, n.Data)
		case html.CommentNode:
			p.hide(class, technique, locator, n.Data)
		case html.ElementNode:
			p.apart = p.apart || blockElements[n.Data] || unflowed[n.Data]
			p.attributes(n)
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			visit(c)
		}
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		visit(c)
	}
}

// shown adds a visible element by its role.
func (p *page) shown(n *html.Node, l look) {
	switch n.DataAtom {
	case atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6:
		p.marked(n, l, chunk.Heading, int(n.Data[1]-'0'))
	case atom.Br:
		p.lineOrBlank()
	case atom.Hr:
		p.gapOrBlank()
	case atom.Pre:
		l.pre = true
		p.marked(n, l, chunk.Code, 0)
	case atom.Ul, atom.Ol, atom.Menu:
		p.marked(n, l, chunk.List, 0)
	case atom.Li:
		p.item(n, l)
	case atom.Table:
		p.tableElement(n, l)
	case atom.Tr:
		p.rowElement(n, l)
	case atom.Td, atom.Th:
		p.cell(n, l)
	case atom.Img:
		p.skip("image/*")
	case atom.Input:
		p.input(n)
	case atom.Option:
		p.lineOrBlank()
		p.walk(n, l)
		p.lineOrBlank()
	default:
		p.plain(n, l)
	}
}

var blockElements = set(`address article aside blockquote body center dd details dialog dir div dl dt fieldset figcaption
figure footer form header html legend main nav p section summary caption thead tbody tfoot textarea select optgroup`)

// unflowed are elements with a role of their own that begin a new line or cell.
var unflowed = set("h1 h2 h3 h4 h5 h6 br hr pre ul ol menu li table tr td th option")

// plain adds an element without a role of its own.
func (p *page) plain(n *html.Node, l look) {
	isBlock := blockElements[n.Data] || l.block
	if !isBlock {
		p.walk(n, l)
		return
	}
	gap := n.DataAtom == atom.P || n.DataAtom == atom.Blockquote || n.DataAtom == atom.Section || n.DataAtom == atom.Article
	p.edge(gap)
	l.block = false
	p.walk(n, l)
	p.edge(gap)
}

func (p *page) edge(gap bool) {
	if gap && p.quiet == 0 {
		p.gapOrBlank()
	} else {
		p.lineOrBlank()
	}
}

func (p *page) lineOrBlank() {
	if p.flat > 0 {
		p.space, p.apart = true, true
		return
	}
	if p.atMark() {
		return
	}
	p.line()
}

// atMark reports whether the line so far is a list item's mark only: the item's
// own text goes on the same line.
func (p *page) atMark() bool {
	n := len(p.out)
	return n >= 2 && p.out[n-1] == ' ' && p.out[n-2] == '-' && (n == 2 || p.out[n-3] == '\n')
}

func (p *page) gapOrBlank() {
	if p.flat > 0 {
		p.space, p.apart = true, true
		return
	}
	if p.atMark() {
		return
	}
	p.gap()
}

// marked adds an element as a block of its own kind.
func (p *page) marked(n *html.Node, l look, kind chunk.Kind, level int) {
	p.edge(true)
	start := len(p.out)
	p.quiet++
	if kind == chunk.Heading {
		p.flat++
	}
	p.walk(n, l)
	if kind == chunk.Heading {
		p.flat--
	}
	p.quiet--
	if p.flat == 0 {
		p.block(kind, level, start)
	}
	p.edge(true)
}

// item adds a list item.
func (p *page) item(n *html.Node, l look) {
	p.lineOrBlank()
	if p.flat == 0 && !p.atMark() {
		p.raw("- ")
	}
	p.walk(n, l)
	if p.atMark() {
		p.out = p.out[:len(p.out)-2] // an item without text, or of an image
		return
	}
	p.lineOrBlank()
}

// tableElement adds a data table row by row; a table used for layout is walked
// as blocks.
func (p *page) tableElement(n *html.Node, l look) {
	if p.flat > 0 || !dataTable(n) {
		layout := l
		layout.layout = true
		p.gapOrBlank()
		p.walk(n, layout)
		p.gapOrBlank()
		return
	}
	l.layout = false
	p.gap()
	start := len(p.out)
	p.walk(n, l)
	p.line()
	p.tableBlock(start, headerEnd(p.out[start:], n)+start)
	p.gap()
}

// rowElement adds a table row.
func (p *page) rowElement(n *html.Node, l look) {
	p.lineOrBlank()
	before := p.cells
	p.cells = 0
	p.walk(n, l)
	p.cells = before
	p.lineOrBlank()
}

// cell adds a table cell: on one line in a data table.
func (p *page) cell(n *html.Node, l look) {
	if l.layout {
		l.layout = false
		p.edge(false)
		p.walk(n, l)
		p.edge(false)
		return
	}
	if p.cells > 0 {
		p.bar()
	}
	p.cells++
	p.flat++
	p.walk(n, l)
	p.flat--
	p.space = false
}

// input adds the text a form control shows.
func (p *page) input(n *html.Node) {
	switch strings.ToLower(attr(n, "type")) {
	case "hidden", "password":
		p.hide(Markup, "html-input-hidden", "input not shown", attr(n, "value"))
	case "checkbox", "radio", "image", "file", "color", "range":
		p.hide(Metadata, "html-attribute", "attribute value", attr(n, "value"))
	default:
		p.inline(" " + attr(n, "value") + " ")
	}
}

// dataTable tells tables of data from tables used for layout.
func dataTable(table *html.Node) bool {
	data := true
	var visit func(*html.Node)
	visit = func(n *html.Node) {
		for c := n.FirstChild; c != nil && data; c = c.NextSibling {
			switch c.Data {
			case "table", "ul", "ol", "h1", "h2", "h3", "h4", "h5", "h6", "pre", "section", "article", "blockquote":
				data = false
			}
			visit(c)
		}
	}
	visit(table)
	return data
}

// headerEnd returns the length of the header row in a table's text: the first
// line, when the table begins with header cells.
func headerEnd(text []byte, table *html.Node) int {
	row := first(table, "tr")
	if row == nil || first(row, "th") == nil && first(table, "thead") == nil {
		return 0
	}
	if i := strings.IndexByte(string(text), '\n'); i >= 0 {
		return i + 1
	}
	return 0
}

func first(n *html.Node, name string) *html.Node {
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		if c.Type == html.ElementNode && c.Data == name {
			return c
		}
		if f := first(c, name); f != nil {
			return f
		}
	}
	return nil
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func hasAttr(n *html.Node, name string) bool {
	for _, a := range n.Attr {
		if a.Key == name {
			return true
		}
	}
	return false
}

// textOf joins all text under n.
func textOf(n *html.Node) string {
	var s strings.Builder
	var visit func(*html.Node)
	visit = func(n *html.Node) {
		if n.Type == html.TextNode {
			s.WriteString(n.Data)
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			visit(c)
		}
	}
	visit(n)
	return s.String()
}

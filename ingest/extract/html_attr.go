package extract

import (
	"strings"

	"golang.org/x/net/html"
)

// textAttributes always hold words for people or machines, never shown in place.
var textAttributes = set(`alt title aria-label aria-description aria-roledescription aria-valuetext aria-placeholder placeholder
summary label abbr content longdesc standby srcdoc prompt`)

// layoutAttributes may hold blanks but no words.
var layoutAttributes = set(`class style rel srcset sizes imagesizes imagesrcset d points viewbox transform media allow sandbox headers
ping accept dir rev values keytimes keysplines coords preserveaspectratio stroke-dasharray font-family face archive itemprop itemtype
aria-labelledby aria-describedby aria-controls aria-owns for`)

func set(words string) map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(words) {
		m[w] = true
	}
	return m
}

// attributes reports the words in an element's attributes.
func (p *page) attributes(n *html.Node) {
	for _, a := range n.Attr {
		switch {
		case n.Data == "meta":
			p.meta(n, a)
		case textAttributes[a.Key]:
			p.hide(Metadata, "html-attribute", "attribute "+a.Key, a.Val)
		case strings.HasPrefix(a.Key, "on"):
			p.hide(Markup, "html-script", "event attribute", a.Val)
		case a.Key == "href" || a.Key == "src" || a.Key == "action" || a.Key == "data" || a.Key == "formaction":
			p.address(a)
		case n.Data == "input" && a.Key == "value" || layoutAttributes[a.Key]:
		case strings.HasPrefix(a.Key, "data-") && words(a.Val) >= 1 && len(a.Val) > 3, words(a.Val) >= 2, len(a.Val) > 200:
			p.hide(Metadata, "html-attribute", "attribute of an element", a.Val)
		}
	}
}

// meta reports a meta element's content once, whatever its name.
func (p *page) meta(n *html.Node, a html.Attribute) {
	if a.Key == "content" && !hasAttr(n, "http-equiv") || a.Key == "content" && words(a.Val) >= 3 {
		p.hide(Metadata, "html-meta", "meta content", a.Val)
	}
}

// address reports links that carry a document or a program, or words.
func (p *page) address(a html.Attribute) {
	v := strings.ToLower(strings.TrimSpace(a.Val))
	if strings.HasPrefix(v, "javascript:") || strings.HasPrefix(v, "vbscript:") || strings.HasPrefix(v, "data:text/") {
		p.hide(Markup, "html-script", "address that is a program or page", a.Val)
		return
	}
	if strings.HasPrefix(v, "mailto:") || strings.HasPrefix(v, "data:") {
		return
	}
	// An address with an instruction in it: many words, however they are joined.
	spelt := strings.NewReplacer("%20", " ", "+", " ", "_", " ").Replace(a.Val)
	if words(spelt) >= 8 {
		p.hide(Metadata, "html-address", "words in an address", spelt)
	}
}

// words counts blank-separated words that have a letter.
func words(s string) int {
	n := 0
	for _, w := range strings.Fields(s) {
		if strings.ContainsFunc(w, func(r rune) bool { return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r > 0x7f }) {
			n++
		}
	}
	return n
}

// generated reports text that a style sheet adds.
func (p *page) generated(n *html.Node, l look) {
	for _, s := range l.content {
		p.hide(Markup, "css-content", "style sheet content", s)
	}
}

// hidingClasses are class names that the common style sheets hide with; they
// count when the page's own sheets say nothing about them.
var hidingClasses = set(`sr-only visually-hidden visuallyhidden screen-reader-text screen-reader-only hidden hide d-none invisible
is-hidden is-invisible u-hidden display-none element-invisible a11y-hidden show-for-sr cdk-visually-hidden offscreen off-screen
preheader mso-hide`)

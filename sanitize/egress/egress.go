// Package egress finds what in a model's answer would make a reader's program
// act: links, images, reference definitions, bare addresses, HTML and other
// active content. Data leaves an organisation through these when a model obeys a
// document (EchoLeak, CVE-2025-32711): one rendered image is one request.
//
// It reads Markdown (CommonMark with GFM) and HTML as they arrive and decides by
// structure, never by replacing patterns. Where renderers differ it takes the
// reading that is most dangerous: a construct passes only if every reading of it
// is harmless. What is reported must be replaced by text that is not blank and
// means nothing in Markdown, or for [TypeQuery] by a blank; sanitize/output does.
//
// Inside code nothing is a link, so there only addresses are looked for. A page
// that shows answers as raw HTML, without reading Markdown, may therefore still
// find tags in code that lead to no other host.
//
// It passes an address only if it is plain https to a listed host, without user,
// port, query or fragment, unless the address is exactly that of a document
// behind the answer. It does not fetch, resolve or rewrite anything, and it does
// not stop data that is told to the reader as text.
package egress

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"

	"golang.org/x/net/idna"

	"github.com/doorward/doorward/sanitize"
)

// Rules of the findings; all have the kind egress.
const (
	RuleImage     = "egress-image"     // an image, wherever it points
	RuleLink      = "egress-link"      // a link whose address may not be given out
	RuleReference = "egress-reference" // a reference definition: [label]: address
	RuleURL       = "egress-url"       // an address in running text
	RuleHTML      = "egress-html"      // raw HTML that does something
	RuleHost      = "egress-host"      // a bare host name that carries data or a path
	RuleQuery     = "egress-query"     // query and fragment of an address that may otherwise stay
	RuleObscured  = "egress-obscured"  // characters written as entities to hide an address
)

// TypeQuery marks the query of an address that may itself stay: it is cut off,
// not replaced by words.
const TypeQuery = "QUERY"

// Config says what may be linked to.
type Config struct {
	// Hosts are the host names that links may point to: exact names, no ports, no
	// addresses, no wildcards. None means no links at all.
	Hosts []string
	// AnyPath lets a link to a listed host have a path that is not made of parts
	// of the retrieved documents' addresses, as long as it carries little.
	AnyPath bool
	// Relative lets links stay that have no host: they lead to wherever the answer
	// is shown. Addresses of the form "#name" always may.
	Relative bool
	// TrustRegistered lets the retrieved documents' own addresses stay although
	// their host is not listed.
	TrustRegistered bool
}

// ErrHost means a host that may not be listed.
var ErrHost = errors.New("host may not be listed")

// Scanner finds active content. It is immutable and safe for concurrent use.
type Scanner struct {
	config   Config
	hosts    map[string]bool
	exact    map[string]bool            // registered addresses
	segments map[string]map[string]bool // path segments of registered addresses, by host
}

// New returns a Scanner. A host that is not an exact, plain name, or that is
// known to forward to any address it is given, is refused.
func New(c Config) (*Scanner, error) {
	s := &Scanner{config: c, hosts: map[string]bool{}}
	for _, h := range c.Hosts {
		name, err := plainHost(h)
		if err != nil {
			return nil, fmt.Errorf("listing %q for links: %w", h, err)
		}
		s.hosts[name] = true
	}
	return s, nil
}

// forwarders redirect to, or fetch, an address named in their own path or query.
var forwarders = map[string]bool{
	"google.com": true, "www.google.com": true, "translate.google.com": true, "webcache.googleusercontent.com": true, "t.co": true, "bit.ly": true,
	"tinyurl.com": true, "goo.gl": true, "l.facebook.com": true, "lnkd.in": true, "www.linkedin.com": true, "www.youtube.com": true, "youtu.be": true,
	"slack-redir.net": true, "out.reddit.com": true, "web.archive.org": true, "r.jina.ai": true, "camo.githubusercontent.com": true,
	"nam12.safelinks.protection.outlook.com": true, "statics.teams.cdn.office.net": true, "urldefense.com": true, "urldefense.proofpoint.com": true,
}

// plainHost returns a host in the form addresses are compared in.
func plainHost(h string) (string, error) {
	name, err := idna.Lookup.ToASCII(strings.TrimSuffix(strings.ToLower(strings.TrimSpace(h)), "."))
	if err != nil || name == "" || strings.ContainsAny(name, "/:@*?#[] ") {
		return "", fmt.Errorf("%w: give an exact name such as docs.example.com", ErrHost)
	}
	if _, err := netip.ParseAddr(name); err == nil || numeric(name) {
		return "", fmt.Errorf("%w: it is an address, not a name", ErrHost)
	}
	if forwarders[name] {
		return "", fmt.Errorf("%w: it forwards to any address it is given", ErrHost)
	}
	return name, nil
}

// numeric reports hosts that programs read as an IPv4 address: the last label is
// a number, decimal or hexadecimal.
func numeric(host string) bool {
	last := host[strings.LastIndexByte(host, '.')+1:]
	return strings.Trim(last, "0123456789") == "" || strings.HasPrefix(last, "0x")
}

// For returns a Scanner that knows the registered addresses of the documents
// behind one answer. They may be given out whole, query and fragment included,
// and other links to their hosts may be made of their paths' segments.
func (s *Scanner) For(urls []string) sanitize.Streamer {
	if len(urls) == 0 {
		return s
	}
	with := *s
	with.exact = make(map[string]bool, len(urls))
	with.segments = map[string]map[string]bool{}
	for _, raw := range urls {
		u, err := url.Parse(raw)
		if err != nil || u.Scheme != "https" || u.User != nil || strings.ContainsAny(raw, "\\\"'`<>()[]{}|^ \t\r\n") {
			continue // cannot be written so that every program reads it alike
		}
		host := strings.ToLower(u.Host)
		if !s.hosts[host] && !(s.config.TrustRegistered && u.Port() == "" && !numeric(host)) {
			continue
		}
		with.exact[raw] = true
		if with.segments[host] == nil {
			with.segments[host] = map[string]bool{}
		}
		for _, part := range strings.Split(u.EscapedPath(), "/") {
			with.segments[host][part] = true
		}
	}
	return &with
}

// Scan implements [sanitize.Scanner] on the source text; spans come in order.
func (s *Scanner) Scan(_ context.Context, v sanitize.Views) ([]sanitize.Finding, error) {
	l := newLexer(s)
	_, found := l.Write([]byte(v.Source))
	return append(found, l.Close()...), nil
}

// NewStream implements [sanitize.Streamer].
func (s *Scanner) NewStream() sanitize.Stream { return newLexer(s) }

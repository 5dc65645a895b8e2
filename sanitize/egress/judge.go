package egress

import (
	"html"
	"math"
	"strings"
)

// verdict on an address.
type verdict uint8

const (
	refused verdict = iota
	allowed
	cutQuery // allowed up to its query or fragment
)

// judge decides on an absolute address as it is written. A spelling that needs
// any decoding is refused: programs differ in how they decode.
func (s *Scanner) judge(raw string) verdict {
	if s.exact[raw] || strings.Contains(raw, "&amp;") && s.exact[strings.ReplaceAll(raw, "&amp;", "&")] {
		return allowed
	}
	rest, ok := cutPrefixFold(raw, "https://")
	if !ok {
		return refused
	}
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	host := strings.ToLower(rest[:end])
	if !s.hosts[host] {
		return refused
	}
	path := rest[end:]
	q := strings.IndexAny(path, "?#")
	if q >= 0 {
		path = path[:q]
	}
	if !s.pathAllowed(host, path) {
		return refused
	}
	if q >= 0 {
		return cutQuery
	}
	return allowed
}

const maxPath = 256 // bytes of a path that AnyPath lets pass

// pathAllowed reports whether a path may be given out: its segments are those of
// registered addresses, or, with AnyPath, plain words that carry little.
func (s *Scanner) pathAllowed(host, path string) bool {
	if path == "" || path == "/" {
		return true
	}
	if len(path) > maxPath || strings.Trim(path, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/") != "" {
		return false
	}
	for i, part := range strings.Split(path, "/") {
		if i == 0 || s.segments[host][part] {
			continue
		}
		if !s.config.AnyPath || part == "." || part == ".." || dense(part) {
			return false
		}
	}
	return !strings.Contains(path, "//")
}

// dense reports a word that carries more than a name would: 16 or more
// characters that look drawn at random.
func dense(s string) bool {
	if len(s) < 16 {
		return false
	}
	for word := range strings.FieldsFuncSeq(s, func(r rune) bool { return r == '-' || r == '_' || r == '.' }) {
		if len(word) >= 16 && (entropy(word) > 3.4 || strings.ContainsAny(word, "0123456789")) {
			return true
		}
	}
	return len(s) >= 48 && entropy(s) > 3.9
}

// entropy is Shannon's, in bits per byte, of the distribution of bytes in s.
func entropy(s string) float64 {
	var count [256]int
	for i := range len(s) {
		count[s[i]]++
	}
	h, n := 0.0, float64(len(s))
	for _, c := range count {
		if c > 0 {
			p := float64(c) / n
			h -= p * math.Log2(p)
		}
	}
	return h
}

// destination decides on the address of a link, as written between brackets.
// Plain means it reads as an ordinary word, and no program finds a host in it.
func (s *Scanner) destination(raw string) (v verdict, plain bool) {
	if strings.HasPrefix(raw, "#") && strings.Trim(raw[1:], "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") == "" {
		return allowed, false
	}
	if v := s.judge(raw); v != refused {
		return v, false
	}
	if relative(raw) {
		if s.config.Relative {
			return allowed, true
		}
		return refused, true
	}
	return refused, false
}

// relative reports whether an address has no host in any reading of it: after
// undoing entities, escapes and percent signs it has no scheme and doesn't begin
// with two slashes.
func relative(raw string) bool {
	for range 3 {
		raw = html.UnescapeString(raw)
	}
	raw = strings.Map(func(r rune) rune {
		if r <= ' ' || r == 0x7F || r >= 0x80 {
			return -1
		}
		return r
	}, strings.ReplaceAll(raw, "\\", "/"))
	return !strings.ContainsAny(raw, ":%&") && !strings.HasPrefix(raw, "//") && !strings.Contains(raw, "//")
}

func cutPrefixFold(s, prefix string) (string, bool) {
	if len(s) < len(prefix) || !strings.EqualFold(s[:len(prefix)], prefix) {
		return s, false
	}
	return s[len(prefix):], true
}

package egress

import (
	"bytes"
	"html"
	"strings"

	"golang.org/x/net/publicsuffix"
)

// schemes that a program might act on when it sees them in running text.
var schemes = []string{"http", "https", "ftp", "ftps", "ws", "wss", "file", "data", "javascript", "vbscript", "blob", "mailto"}

const wwwWord = "www"

// schemePrefix is the index from which the end of what was read could still be
// the beginning of a scheme or of "www.": so much of it waits.
func (l *lexer) schemePrefix() int {
	end := l.pos
	if end > 0 && l.buf[end-1] == '\\' {
		end--
	}
	start := end
	for start > 0 && end-start <= len("javascript") && letter(l.buf[start-1]) {
		start--
	}
	if start == end || alnum(l.at(start-1)) {
		return l.pos
	}
	word := strings.ToLower(string(l.buf[start:end]))
	for _, s := range schemes {
		if strings.HasPrefix(s, word) {
			return start
		}
	}
	if strings.HasPrefix(wwwWord, word) {
		return start
	}
	return l.pos
}

// schemeBefore is the index where the known scheme that ends before i begins, or
// i when there is none. A backslash, as JSON and Markdown write it, may stand
// between.
func (l *lexer) schemeBefore(i int) (start int, name string) {
	end := i
	if end > 0 && l.buf[end-1] == '\\' {
		end--
	}
	start = end
	for start > 0 && end-start <= len("javascript") && letter(l.buf[start-1]) {
		start--
	}
	if start == end || alnum(l.at(start-1)) {
		return i, ""
	}
	word := strings.ToLower(string(l.buf[start:end]))
	for _, s := range schemes {
		if s == word {
			return start, s
		}
	}
	return i, ""
}

// colon reads a colon that may belong to an address. limit is the end of what
// may be looked at.
func (l *lexer) colon(i, limit int) (n, hold int) {
	more := !l.final && limit == len(l.buf)
	start, scheme := l.schemeBefore(i)
	if i+1 >= limit {
		if more {
			return 0, start
		}
		return 1, 0
	}
	next := l.buf[i+1]
	if scheme == "" {
		if next != '/' && next != '\\' {
			return 1, 0
		}
		if i+2 >= limit {
			if more {
				return 0, i
			}
			return 1, 0
		}
		if second := l.buf[i+2]; second != '/' && (second != '\\' || next == '\\') {
			return 1, 0
		}
	} else if blank(next) || strings.IndexByte("\"'`)]>,;|*", next) >= 0 {
		return 1, 0
	}
	end, ok := l.addressEnd(i+1, limit)
	if !ok && more {
		return 0, start
	}
	if scheme == "data" && bytes.IndexByte(l.buf[i:end], ',') < 0 {
		return 1, 0
	}
	if end <= i+1 || scheme == "" && end <= i+3 {
		if scheme == "" && i+3 < limit && !blank(l.buf[i+3]) && strings.IndexByte("\"')]}<>", l.buf[i+3]) < 0 {
			l.flag(i, i+3, "LINK", RuleURL) // marks are a host's name, for some
		}
		return 1, 0
	}
	if scheme != "" {
		switch raw := string(l.buf[start:end]); l.rules.judge(raw) {
		case allowed:
			if hasBacktick(l.buf[end:limit]) {
				l.paragraph.unpaired = true // a backtick there may be the address's
			}
			return end - i, 0
		case cutQuery:
			l.flag(start+strings.IndexAny(raw, "?#"), end, TypeQuery, RuleQuery)
			return end - i, 0
		}
	}
	l.flag(start, end, "LINK", RuleURL)
	return end - i, 0
}

// closers are the marks at the end of an address that are taken to belong to the
// sentence.
const closers = "?!.,:;*_~'\")]}`|>"

// addressEnd is where an address in running text ends: at a blank, at "<", at
// the end of a link's text, without the punctuation before. ok is false when
// more may come.
func (l *lexer) addressEnd(i, limit int) (end int, ok bool) {
	end = i
	for ; end < limit && end-i < maxLook; end++ {
		b := l.buf[end]
		if b <= ' ' || b == '<' || b == 0x7F {
			ok = true
			break
		}
		if b == ']' && end+1 < limit {
			if c := l.buf[end+1]; c == '(' || c == '[' || c == ':' {
				ok = true
				break
			}
		}
	}
	ok = ok || end-i >= maxLook || l.final || limit < len(l.buf)
	for end > i && strings.IndexByte(closers, l.buf[end-1]) >= 0 {
		end--
	}
	return end, ok
}

// hostByte reports bytes that programs take as part of a host name.
func hostByte(b byte) bool { return alnum(b) || b == '-' || b == '.' || b >= 0x80 }

// dot reads a dot that may stand in a bare host name. Programs make links of
// "www.name" and many of "name.tld/…"; a name that is only mentioned stays, unless
// it carries data: resolving it would be enough to give that away. What is
// reported begins at the dot; the label before it is a word by itself.
func (l *lexer) dot(i int) (n, hold int) {
	start := i
	if i >= 3 && strings.EqualFold(string(l.buf[i-3:i]), wwwWord) && !alnum(l.at(i-4)) {
		start = i - 3
	} else if !hostByte(l.at(i-1)) || l.at(i-1) == '.' {
		return 1, 0
	}
	end := i + 1
	for end < len(l.buf) && end-i < maxTag && hostByte(l.buf[end]) {
		end++
	}
	more := !l.final && end-i < maxTag
	if end == len(l.buf) && more {
		return 0, start
	}
	if end == i+1 || !alnum(l.buf[i+1]) && l.buf[i+1] < 0x80 {
		return 1, 0
	}
	first := i
	for first > i-lookback && hostByte(l.at(first-1)) {
		first--
	}
	host := l.slice(first, end)
	trimmed := strings.TrimRight(host, ".-_")
	if start == i && !knownTLD(trimmed) && end-i < maxTag {
		return end - i, 0
	}
	if end < len(l.buf) && strings.IndexByte("/?#:\\", l.buf[end]) >= 0 {
		if end+1 == len(l.buf) && more {
			return 0, start
		}
		if end+1 < len(l.buf) && !blank(l.buf[end+1]) && (l.buf[end] != ':' || digit(l.buf[end+1])) {
			return l.hostPath(i, start, first, end)
		}
	}
	if start < i || carriesData(trimmed) || end-i >= maxTag {
		if start < i && l.rules.judge("https://"+trimmed) == allowed {
			return end - i, 0
		}
		l.flag(start, end, "LINK", RuleHost)
	}
	return end - i, 0
}

// hostPath judges a bare host name with a path: it begins at first (or before),
// the path at slash.
func (l *lexer) hostPath(i, start, first, slash int) (n, hold int) {
	end, ok := l.addressEnd(slash, len(l.buf))
	if !ok {
		return 0, start
	}
	end = max(end, slash)
	raw := "https://" + l.slice(first, end)
	switch l.rules.judge(raw) {
	case allowed:
	case cutQuery:
		l.flag(first+strings.IndexAny(raw, "?#")-len("https://"), end, TypeQuery, RuleQuery)
	default:
		l.flag(start, end, "LINK", RuleHost)
	}
	return end - i, 0
}

// slice is the text between two indices, of which the first may lie before buf.
func (l *lexer) slice(from, to int) string {
	if from >= 0 {
		return string(l.buf[from:to])
	}
	from = max(0, len(l.tail)+from)
	return string(l.tail[from:]) + string(l.buf[:to])
}

// knownTLD reports whether a name ends in a top-level domain of the public list.
func knownTLD(host string) bool {
	last := host[strings.LastIndexByte(host, '.')+1:]
	if len(last) < 2 {
		return false
	}
	for i := range len(last) {
		if last[i] >= 0x80 {
			return true
		}
	}
	_, icann := publicsuffix.PublicSuffix("x." + strings.ToLower(last))
	return icann
}

// carriesData reports names that tell more than where something is: a long label
// that looks drawn at random, or many labels.
func carriesData(host string) bool {
	labels := strings.Split(host, ".")
	for _, label := range labels {
		if dense(label) || len(label) > 40 {
			return true
		}
	}
	return len(labels) > 5 || len(host) > 80
}

// slashes reads "//": before a host name some programs make it a link. limit is
// the end of what may be looked at.
func (l *lexer) slashes(i, limit int) (n, hold int) {
	if prev := l.at(i - 1); prev == ':' || prev == '/' || prev == '\\' || alnum(prev) {
		return 1, 0
	}
	start := i + 1
	for start < limit && start-i < 8 && (l.buf[start] == '/' || l.buf[start] == '\\') {
		start++
	}
	end := start
	for end < limit && end-start < maxTag && hostByte(l.buf[end]) {
		end++
	}
	if end == len(l.buf) && !l.final && end-start < maxTag {
		return 0, i
	}
	host := strings.TrimRight(string(l.buf[start:end]), ".-_")
	inCode := l.fence.open() || limit < len(l.buf)
	if start == i+1 || !strings.Contains(host, ".") || inCode && !knownTLD(host) {
		return start - i, 0
	}
	end, ok := l.addressEnd(end, limit)
	if !ok {
		return 0, i
	}
	end = max(end, start+len(host))
	l.flag(i, end, "LINK", RuleURL)
	return end - i, 0
}

// entity reads a character reference. Those for letters, digits and the marks of
// addresses have no use in an answer but to hide an address from a filter:
// programs look for links after decoding them.
func (l *lexer) entity(i int) (n, hold int) {
	end := i + 1
	for end < len(l.buf) && end-i < 34 && (alnum(l.buf[end]) || l.buf[end] == '#' && end == i+1) {
		end++
	}
	if end == len(l.buf) && !l.final && end-i < 34 {
		return 0, i
	}
	if end-i < 3 || end == len(l.buf) || l.buf[end] != ';' {
		return 1, 0
	}
	plain := html.UnescapeString(string(l.buf[i : end+1]))
	if len(plain) == 1 && (alnum(plain[0]) || strings.Contains(":/.\\@%?#_-\t\n\r", plain)) {
		l.flag(i, end+1, "LINK", RuleObscured)
	}
	return end + 1 - i, 0
}

// hasBacktick reports a backtick among the marks that an address ends with.
func hasBacktick(after []byte) bool {
	for _, b := range after {
		if b == '`' {
			return true
		}
		if strings.IndexByte(closers, b) < 0 {
			return false
		}
	}
	return false
}

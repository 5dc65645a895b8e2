package pii

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/doorward/doorward/sanitize"
)

// email decides about the '@' at i.
func (r *run) email(i int) int {
	start := i
	for start > 0 && i-start < maxLocal && isLocal(r.text[start-1]) {
		start--
	}
	if i-start == maxLocal && start > 0 && isLocal(r.text[start-1]) {
		return i + 1
	}
	start = r.trimLocal(start, i)
	if start == i || r.text[i-1] == '.' {
		return i + 1
	}
	end := r.host(i + 1)
	if end < 0 || !mailHost(r.text[i+1:end]) {
		return i + 1
	}
	if r.byteAt(end) == ':' && r.text[start:i] == "git" { // a repository's address, git@host:path
		return end
	}
	r.report(emailType, "email", sanitize.Span{Start: start, End: end}, 0.95)
	r.low = max(r.low, end)
	return end
}

// trimLocal leaves out what stands before an address in bytes it may have.
func (r *run) trimLocal(start, i int) int {
	for start < i && (r.text[start] < utf8.RuneSelf && !isAlnum(r.text[start]) && r.text[start] != '_' || !utf8.RuneStart(r.text[start])) {
		start++
	}
	for k, ru := range r.text[start:i] { // "邮箱ann@site.org": the words before belong to no address
		if after := start + k + utf8.RuneLen(ru); wide(ru) && after < i && r.text[after] < utf8.RuneSelf {
			return after
		}
	}
	return start
}

// isSpelledLocal reports bytes of a local part before a spelled "(at)".
func isSpelledLocal(c byte) bool { return isAlnum(c) || strings.IndexByte("._%+-", c) >= 0 }

// isLocal reports bytes of an unquoted local part, including those of letters
// beyond ASCII (RFC 6531).
func isLocal(c byte) bool {
	return isAlnum(c) || c >= utf8.RuneSelf || strings.IndexByte(".!#$%&'*+-/=?^_`{|}~", c) >= 0
}

// wide reports runes of scripts written without spaces, and their punctuation.
func wide(r rune) bool { return r >= 0x2E80 && r < 0xFF10 || r >= 0x20000 }

// notHosts are file name endings that follow an '@' in names of images and
// modules.
var notHosts = map[string]bool{"png": true, "jpg": true, "jpeg": true, "gif": true, "svg": true, "webp": true, "css": true, "js": true, "html": true, "php": true, "json": true, "txt": true, "xml": true, "yaml": true, "yml": true}

func mailHost(h string) bool {
	dot := strings.LastIndexByte(h, '.')
	top := strings.ToLower(h[dot+1:])
	if len(top) < 2 || len(top) > 24 || dot <= 0 || notHosts[top] {
		return false
	}
	return strings.HasPrefix(top, "xn--") || strings.IndexFunc(top, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsMark(r) }) < 0
}

// bracketedAt decides about "(at)" or "[at]" at i: "jane.doe (at) example.org".
func (r *run) bracketedAt(i int) int {
	if r.byteAt(i+1)|0x20 != 'a' || r.byteAt(i+2)|0x20 != 't' || r.byteAt(i+3) != ')' && r.byteAt(i+3) != ']' {
		return i + 1
	}
	end := i
	for end > 0 && r.text[end-1] == ' ' && i-end < 2 {
		end--
	}
	start := end
	for start > 0 && end-start < maxLocal && isSpelledLocal(r.text[start-1]) {
		start--
	}
	h := i + 4
	for h < i+6 && r.byteAt(h) == ' ' {
		h++
	}
	stop := r.spelledHost(h)
	if start == end || stop < 0 {
		return i + 4
	}
	r.report(emailType, "email-obfuscated", sanitize.Span{Start: start, End: stop}, 0.8)
	r.low = stop
	return stop
}

// spelledHost reads "example.org", "example dot org", "example [dot] org".
func (r *run) spelledHost(i int) int {
	end, labels := i, 0
	for labels < 6 {
		l := end
		for l-end < 63 && (isAlnum(r.byteAt(l)) || r.byteAt(l) == '-') {
			l++
		}
		if l == end {
			return -1
		}
		end = l
		labels++
		next := r.spelledSeparator(end)
		if next < 0 {
			break
		}
		if !isAlnum(r.byteAt(next)) {
			break
		}
		end = next
	}
	last := end
	for last > i && isLetter(r.text[last-1]) {
		last--
	}
	if top := end - last; labels < 2 || top < 2 || top > 12 {
		return -1
	}
	return end
}

// spelledSeparator reads ".", " dot ", "(dot)" or "[dot]" with blanks around.
func (r *run) spelledSeparator(i int) int {
	if r.byteAt(i) == '.' {
		return i + 1
	}
	for n := 0; n < 2 && r.byteAt(i) == ' '; n++ {
		i++
	}
	open := r.byteAt(i) == '(' || r.byteAt(i) == '['
	if open {
		i++
	}
	if r.byteAt(i)|0x20 != 'd' || r.byteAt(i+1)|0x20 != 'o' || r.byteAt(i+2)|0x20 != 't' {
		return -1
	}
	i += 3
	if open {
		if c := r.byteAt(i); c != ')' && c != ']' {
			return -1
		}
		i++
	} else if r.byteAt(i) != ' ' {
		return -1
	}
	for n := 0; n < 2 && r.byteAt(i) == ' '; n++ {
		i++
	}
	return i
}

// spelledDot decides about a 'd' at i that begins " dot ": the last of the dots
// in "jane dot doe at example dot org".
func (r *run) spelledDot(i int) int {
	if i < 8 || r.text[i-1] != ' ' || r.byteAt(i+1)|0x20 != 'o' || r.byteAt(i+2)|0x20 != 't' || r.byteAt(i+3) != ' ' {
		return i + 1
	}
	host := spelledWord(r.text, i-1)
	if host < 4 || strings.ToLower(r.text[host-4:host]) != " at " || host == i-1 {
		return i + 1
	}
	start := spelledWord(r.text, host-4)
	if start > 5 && strings.ToLower(r.text[start-5:start]) == " dot " {
		start = spelledWord(r.text, start-5)
	}
	end := r.spelledHost(host)
	if end < 0 || start == host-4 || !topDomains[strings.ToLower(r.text[lastLabel(r.text[:end]):end])] {
		return i + 1
	}
	r.report(emailType, "email-obfuscated", sanitize.Span{Start: start, End: end}, 0.7)
	r.low = end
	return end
}

// spelledWord is where the word that ends at end begins, at most 24 bytes back.
func spelledWord(text string, end int) int {
	s := end
	for s > 0 && end-s < 24 && (isAlnum(text[s-1]) || text[s-1] == '.' || text[s-1] == '_' || text[s-1] == '-') {
		s--
	}
	return s
}

func lastLabel(s string) int {
	i := len(s)
	for i > 0 && isLetter(s[i-1]) {
		i--
	}
	return i
}

package pii

import (
	"net/netip"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/doorward/doorward/sanitize"
)

// Bounds of RFC 5321 and RFC 1035, and of what is still a web address.
const (
	maxLocal = 64
	maxHost  = 253
	maxURL   = 2048
)

// host reads a host name of two labels or more at i and returns its end, or -1.
func (r *run) host(i int) int {
	end, label, dots := i, 0, 0
	for end-i < maxHost {
		c := r.byteAt(end)
		if c >= utf8.RuneSelf {
			if end+utf8.UTFMax > len(r.text) {
				r.short = true
			}
			ru, size := utf8.DecodeRuneInString(r.text[end:])
			if !unicode.IsLetter(ru) && !unicode.IsMark(ru) || wide(ru) && label > 0 && r.text[end-1] < utf8.RuneSelf {
				break
			}
			end += size
			label++
			continue
		}
		if c == '.' && label > 0 {
			if n := r.byteAt(end + 1); !isAlnum(n) && n < utf8.RuneSelf {
				break
			}
			dots++
			label = 0
			end++
			continue
		}
		if !isAlnum(c) && c != '-' {
			break
		}
		label++
		end++
	}
	for end > i && (r.text[end-1] == '-' || r.text[end-1] == '.') {
		end--
	}
	if dots == 0 {
		return -1
	}
	return end
}

// colon decides about the ':' at i: a web address, an IPv6 or a MAC address.
func (r *run) colon(i int) int {
	if r.byteAt(i+1) == '/' && r.byteAt(i+2) == '/' {
		return r.url(i)
	}
	start := i
	for start > 0 && i-start < 5 && isHex(r.text[start-1]) {
		start--
	}
	end := r.hexRun(i)
	if i-start > 4 || r.wordBefore(start) || start > 0 && r.text[start-1] == '.' {
		return i + 1 + strings.LastIndexByte(r.text[i:end], ':') // an IPv4 address may follow
	}
	if end-start > 64 {
		return end
	}
	text := strings.TrimRight(r.text[start:end], ".")
	if strings.HasSuffix(text, ":") && !strings.HasSuffix(text, "::") {
		text = text[:len(text)-1]
	}
	if r.wordAfter(start+len(text)) && !strings.Contains(text, ".") {
		return end
	}
	if isMAC(text, ':', 2) {
		r.report(macType, "mac", sanitize.Span{Start: start, End: start + len(text)}, 0.9)
		r.low = max(r.low, start+len(text))
		return end
	}
	return r.ipv6(start, text, end)
}

// ipv6 reports text if it is an address, with a prefix length behind it.
func (r *run) ipv6(start int, text string, end int) int {
	if len(text) < 3 || len(text) > 45 || strings.Count(text, ":") < 2 {
		return end
	}
	if !strings.ContainsAny(text, "0123456789") && strings.Count(text, ":") < 4 {
		return end // a::b is a name in many programming languages
	}
	a, err := netip.ParseAddr(text)
	if err != nil || !a.Is6() {
		return end
	}
	span := sanitize.Span{Start: start, End: r.prefix(start+len(text), 128)}
	r.report(ipType, "ipv6", span, 0.9)
	r.low = max(r.low, span.End)
	return max(end, span.End)
}

// prefix extends an address ending at i over "/24".
func (r *run) prefix(i, most int) int {
	if r.byteAt(i) != '/' {
		return i
	}
	n, end := 0, i+1
	for end < i+5 && isDigit(r.byteAt(end)) {
		n = n*10 + int(r.text[end]-'0')
		end++
	}
	if end == i+1 || n > most || isAlnum(r.byteAt(end)) {
		return i
	}
	return end
}

// hexRun returns the end of the hexadecimal digits, colons and dots at i.
func (r *run) hexRun(i int) int {
	for c := r.byteAt(i); isHex(c) || c == ':' || c == '.'; c = r.byteAt(i) {
		i++
	}
	return i
}

func isHex(c byte) bool { return isDigit(c) || c|0x20 >= 'a' && c|0x20 <= 'f' }

func isHexAt(r *run, i int) bool { return isHex(r.byteAt(i)) }

// isMAC reports groups of n hexadecimal digits, twelve in all, that are not all
// the same.
func isMAC(s string, sep byte, n int) bool {
	if len(s) != 12+12/n-1 {
		return false
	}
	same := true
	for i := 0; i < len(s); i++ {
		if i%(n+1) == n {
			if s[i] != sep {
				return false
			}
			continue
		}
		if !isHex(s[i]) {
			return false
		}
		same = same && s[i] == s[0]
	}
	return !same
}

// dashedMAC decides about the '-' at i: "AA-BB-CC-DD-EE-FF".
func (r *run) dashedMAC(i int) int {
	if i < 2 || !isHex(r.text[i-1]) || !isHex(r.text[i-2]) || !isHexAt(r, i+1) || !isHexAt(r, i+2) || r.byteAt(i+3) != '-' || r.byteAt(i+14) == 0 {
		return i + 1
	}
	end := i + 15
	if i-2 >= r.low && isMAC(r.text[i-2:end], '-', 2) && !r.wordBefore(i-2) && !r.wordAfter(end) && r.byteAt(end) != '-' {
		r.report(macType, "mac", sanitize.Span{Start: i - 2, End: end}, 0.9)
		r.low = end
		return end
	}
	return i + 1
}

// url decides about the "://" at i.
func (r *run) url(i int) int {
	start := i
	for start > 0 && i-start < 6 && isLetter(r.text[start-1]) {
		start--
	}
	switch strings.ToLower(r.text[start:i]) {
	case "http", "https", "ftp", "ftps":
	default:
		return i + 3
	}
	if r.wordBefore(start) {
		return i + 3
	}
	end := r.urlEnd(i + 3)
	if end < i+6 {
		return i + 3
	}
	r.report(urlType, "url", sanitize.Span{Start: start, End: end}, 0.7)
	return i + 3 // what it carries (addresses, cards) is looked at too
}

// urlEnd reads to a blank, a quote or a bracket and leaves closing punctuation.
func (r *run) urlEnd(i int) int {
	end := i
	for end-i < maxURL {
		c := r.byteAt(end)
		if c <= ' ' || strings.IndexByte("\"'<>`{}|\\^()[]", c) >= 0 {
			break
		}
		if c >= utf8.RuneSelf && r.wideAt(end) {
			break
		}
		end++
	}
	for end > i && strings.IndexByte(".,;:!?*", r.text[end-1]) >= 0 {
		end--
	}
	for end > i && end < len(r.text) && !utf8.RuneStart(r.text[end]) {
		end--
	}
	return end
}

// wideAt reports a rune at i that ends a web address: addresses write such
// scripts in percent signs.
func (r *run) wideAt(i int) bool {
	if i+utf8.UTFMax > len(r.text) {
		r.short = true
	}
	ru, _ := utf8.DecodeRuneInString(r.text[i:])
	return wide(ru)
}

// domain decides about the '.' at i: a host name without a scheme.
func (r *run) domain(i int) int {
	if i == 0 || !isAlnum(r.text[i-1]) || !isLetter(r.byteAt(i+1)) {
		return i + 1
	}
	if i >= 4 && isHex(r.text[i-4]) && isHex(r.text[i-3]) && isHex(r.text[i-2]) && isHex(r.text[i-1]) && isHexAt(r, i+1) && isHexAt(r, i+2) && r.byteAt(i+5) == '.' && r.byteAt(i+9) != 0 && isMAC(r.text[i-4:i+10], '.', 4) && !r.wordBefore(i-4) && !r.wordAfter(i+10) && i-4 >= r.low {
		r.report(macType, "mac", sanitize.Span{Start: i - 4, End: i + 10}, 0.9)
		r.low = i + 10
		return i + 10
	}
	start := i
	for start > 0 && i-start < 63 && (isAlnum(r.text[start-1]) || r.text[start-1] == '-') {
		start--
	}
	if start > 0 && (r.text[start-1] == '@' || r.text[start-1] == '/' || r.text[start-1] == '.' || r.wordBefore(start)) {
		return i + 1
	}
	end := r.host(start)
	if end < 0 {
		return i + 1
	}
	h := strings.ToLower(r.text[start:end])
	if r.wordAfter(end) || r.byteAt(end) == '@' || r.byteAt(end) == '(' || !domainName(h) {
		return end
	}
	if r.byteAt(end) == '/' {
		end = max(end, r.urlEnd(end))
	}
	r.report(urlType, "domain", sanitize.Span{Start: start, End: end}, 0.6)
	return end
}

// topDomains are endings that are hardly ever a file's or a program's.
var topDomains = func() map[string]bool {
	m := map[string]bool{}
	for _, t := range strings.Fields(`com org net edu gov mil info biz int io co eu uk de fr es it nl be at ch dk se no fi pt gr ie
		us ca mx br ar cl au nz jp cn kr in il tr ru ua pl cz sk hu ro bg hr si ee lv lt lu za ng ke eg ae sa sg hk tw th vn ph my id
		app dev shop online site store cloud blog xyz club vlaanderen berlin london`) {
		m[t] = true
	}
	return m
}()

func domainName(h string) bool {
	if strings.HasPrefix(h, "www.") && strings.Count(h, ".") < 2 {
		return false
	}
	return topDomains[h[strings.LastIndexByte(h, '.')+1:]]
}

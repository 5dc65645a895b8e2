package secret

import (
	"strings"

	"github.com/doorward/doorward/sanitize"
)

// findNearVendor looks behind a vendor's name, on the same line, for a value
// that a machine made.
func findNearVendor(text string, start int, final bool) (m, secret sanitize.Span, v verdict) {
	const reach = 64
	if start > 0 && (isWord[text[start-1]] && text[start-1] != '_' || text[start-1] == '/' || text[start-1] == '@') {
		return m, secret, no
	}
	at := start
	for at < len(text) && isName[text[at]] && at-start < maxName {
		at++
	}
	if at < len(text) && (text[at] == '/' || text[at] == '@') {
		return m, secret, no // part of an address
	}
	for at < len(text) && at-start < reach && text[at] != '\n' {
		if !isValue[text[at]] {
			at++
			continue
		}
		end := at
		for end < len(text) && end-at < maxValue && isValue[text[end]] {
			end++
		}
		if end == len(text) && !final && end-at < maxValue {
			return m, secret, more
		}
		value := text[at:end]
		if (text[at-1] == ' ' || text[at-1] == '=' || text[at-1] == ':' || text[at-1] == '"' || text[at-1] == '\'' || text[at-1] == '`') &&
			(end == len(text) || text[end] != '/' && text[end] != '@' && text[end] != '(') && likeToken(value, false) {
			secret = sanitize.Span{Start: at, End: end}
			return sanitize.Span{Start: start, End: end}, secret, yes
		}
		at = end
	}
	if at == len(text) && at-start < reach && !final {
		return m, secret, more
	}
	return m, secret, no
}

var isValue = bytesOf(func(c byte) bool { return isWord[c] || c == '-' || c == '+' })

// findURLPassword looks for user information in the URL whose "://" is at start
// (RFC 3986, section 3.2.1).
func findURLPassword(text string, start int, final bool) (m, secret sanitize.Span, v verdict) {
	const most = 320
	scheme := start
	for scheme > 0 && start-scheme < 24 && (isWord[text[scheme-1]] || text[scheme-1] == '+' || text[scheme-1] == '-' || text[scheme-1] == ':') {
		scheme--
	}
	if scheme == start {
		return m, secret, no
	}
	at := start + 3
	if text[start] == '%' {
		at = start + 9
	} else if text[start+1] == '\\' {
		at = start + 5
	}
	end, sign, colon := at, -1, -1
	for end < len(text) && end-at < most && !isAuthorityEnd[text[end]] {
		switch text[end] {
		case '@':
			sign = end
		case ':':
			if colon < 0 {
				colon = end
			}
		}
		end++
	}
	if end == len(text) && !final && end-at < most {
		return m, secret, more
	}
	if sign < 0 || sign+1 >= end {
		return m, secret, no
	}
	if colon < 0 || colon > sign {
		colon = sign
	}
	if user := text[at:colon]; colon == sign || tokenUsers[text[colon+1:sign]] {
		// A token in the user's place: https://TOKEN:x-oauth-basic@host.
		m, secret = sanitize.Span{Start: scheme, End: sign}, sanitize.Span{Start: at, End: colon}
		if len(user) >= 20 && likeToken(user, true) {
			return m, secret, yes
		}
		return m, secret, no
	}
	value := text[colon+1 : sign]
	if len(value) < 2 || reference(value) && !urlWords[strings.ToLower(value)] || placeholderPassword(value) || strings.ContainsAny(value, "${}[]") {
		return m, secret, no
	}
	return sanitize.Span{Start: scheme, End: sign}, sanitize.Span{Start: colon + 1, End: sign}, yes
}

// tokenUsers stand where the password would when the user is a token.
var tokenUsers = wordSet("x-oauth-basic x-token-auth oauth2 api_token")

// urlWords are passwords that are none elsewhere.
var urlWords = wordSet("password secret test pass token")

var isAuthorityEnd = bytesOf(func(c byte) bool {
	return c <= ' ' || strings.IndexByte("/?#\"'<>`\\|^", c) >= 0
})

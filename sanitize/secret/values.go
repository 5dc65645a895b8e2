package secret

import (
	"regexp"
	"strings"
)

// notValues are what stands where a value would in code and documentation.
var notValues = regexp.MustCompile(`(?i)^(?:none|null|nil|true|false|undefined|string|str|bytes?|int|integer|number|bool|boolean|object|any|void|optional|required|default|empty|unset|secret|secrets|token|tokens|password|passwords|passwd|passphrase|pass|pwd|key|keys|apikey|api[_-]?key|credentials?|basic|bearer|oauth2?|auth|username|user|login|example|sample|test|foo|bar|baz|todo|tbd|n/?a|hidden|value|text|input|type|name|id|prompt|plain|file|env|self|this|new|get|set|your.*|my[_-]?(?:password|secret|token|key)|<.*|change.?me.*|enter.*|insert.*|please.*|some.*|redacted|masked|removed|deleted|encrypted|unknown|missing|disabled|enabled|yes|no|on|off|async|await|function|func|return|const|let|var|private|public|static|final|import|from|if|else|with|and|or|not|the|is|are|was|in|as|to|of|for|be|by|on|at|an?)$`)

var (
	isReference = regexp.MustCompile(`^[$%@#&]|^!(?:Ref|Sub|Get|Import|vault)|^\*[A-Za-z]|^\{|\}$|^\(|\($|\)$|\(\)|\[\]|\[['"\d]|^\*+$|^[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+$|^(?:[A-Za-z_]\w*(?:\.|->|::))+[A-Za-z_]\w*$|^/(?:[\w.-]+/?)+$|^\.{1,2}/|^(?:https?|s3|gs|file|ssm|vault|arn|op|env|secret|ref|kms|jdbc)[:/]|^process\.env|^os\.|^env\.|^vars?\.|^secrets\.|^config\.|^\\|\.(?:go|py|js|ts|json|ya?ml|txt|pem|md|html|php|rb|java|crt|cer|log|sh|toml|conf|cfg|env|xml|key)$`)
	hexDigits   = regexp.MustCompile(`^(?:0x)?[A-Fa-f0-9]+$`)
	uuidShape   = regexp.MustCompile(`^[A-Fa-f0-9]{8}(?:-[A-Fa-f0-9]{4}){3}-[A-Fa-f0-9]{12}$`)
)

// shape counts a value's characters.
type shape struct {
	lower, upper, digit, other, changes, run int
	spaces                                   int
}

// shapeOf also counts changes of kind from one character to the next, which are
// frequent in what a machine made, and the longest run of letters of one case.
func shapeOf(v string) (s shape) {
	last, run := 0, 0
	for i := 0; i < len(v); i++ {
		kind := 4
		switch c := v[i]; {
		case 'a' <= c && c <= 'z':
			s.lower++
			kind = 1
		case 'A' <= c && c <= 'Z':
			s.upper++
			kind = 2
		case '0' <= c && c <= '9':
			s.digit++
			kind = 3
		case c == ' ':
			s.spaces++
		default:
			s.other++
		}
		if kind != last && i > 0 {
			s.changes++
		}
		if kind == last && kind < 3 {
			run++
		} else {
			run = 1
		}
		if kind < 3 {
			s.run = max(s.run, run)
		}
		last = kind
	}
	return s
}

// longValue is how much of a value is read for signs of being none: what is
// longer than that is not a name.
const longValue = 96

// reference reports whether a value names, calls or quotes something else.
func reference(v string) bool {
	if len(v) > longValue {
		v = v[:longValue]
	}
	return notValues.MatchString(v) || isReference.MatchString(v) || strings.Contains(v, "{") && strings.Contains(v, "}") || strings.Contains(v, "${") || strings.Contains(v, "<") && strings.Contains(v, ">")
}

// likePassword judges the value of a name that says password.
func likePassword(v string, quoted bool) bool {
	if len(v) < 4 || len(v) > 128 || placeholderPassword(v) || reference(v) {
		return false
	}
	s := shapeOf(v)
	switch {
	case s.spaces > 0:
		return quoted && s.spaces <= 3 && len(v) >= 8 && s.digit > 0 && s.other > 0
	case s.digit > 0 && s.lower+s.upper+s.other > 0, s.digit >= 6:
		return true
	case s.other > 0 && s.lower+s.upper > 0:
		// pass-word and pass_word are names, p@ss and pass! are not
		return strings.ContainsAny(v, "!@#$%^&*?~+") || quoted && len(v) >= 8 && !strings.ContainsAny(v, "_./: ")
	case quoted:
		return len(v) >= 5
	}
	return len(v) >= 8 && s.upper > 0 && s.lower > 0 && s.changes >= 3
}

func placeholderPassword(v string) bool {
	l := strings.ToLower(v)
	for _, w := range [...]string{"your", "changeme", "change_me", "change-me", "placeholder", "redacted", "xxxx", "****", "....", "example.com", "insert", "replace"} {
		if strings.Contains(l, w) {
			return true
		}
	}
	return strings.Trim(v, v[:1]) == ""
}

// likeToken judges a value that should have been made by a machine. A name that
// says so asks for less than the mere neighbourhood of a vendor's.
func likeToken(v string, named bool) bool {
	least := 16
	if named {
		least = 10
	}
	if len(v) < least || len(v) > 4096 || placeholder(v) || reference(v) {
		return false
	}
	if uuidShape.MatchString(v) {
		return true
	}
	s := shapeOf(v)
	if s.spaces > 0 {
		return false
	}
	letters := s.lower + s.upper
	if hexDigits.MatchString(v) && len(v) >= 16 {
		return named || len(v) >= 20 && s.digit > 0 && letters > 0
	}
	if s.digit == len(v) {
		return named && len(v) >= 16
	}
	words := s.other > 0 && s.run >= 4 && s.digit*6 < len(v) // some-words-joined2
	switch {
	case strings.Contains(v, "/") && s.run >= 4 && !strings.HasSuffix(v, "="), strings.Contains(v, "://"):
		return false
	case s.digit == 0:
		return named && len(v) >= 20 && s.upper > 0 && s.lower > 0 && s.changes*3 >= len(v) && entropy(v) > 3.8
	case named:
		return !words && entropy(v) >= 2.8 && (s.changes*6 >= len(v) || s.run <= 6) || entropy(v) >= 4
	}
	return !words && letters > 0 && entropy(v) >= 3.2 && s.changes*5 >= len(v)
}

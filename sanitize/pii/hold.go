package pii

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// held returns where the earliest match that is still possible begins: every
// recogniser that may yet be triggered, at r.at or behind it, is asked how far
// back it would reach in the text that stands there. Words that only say what a
// later number is are looked at again when it comes and hold nothing.
//
// In prose that is the word under way, because an '@' may follow, and a word of
// up to six letters before it, because "AB 12 34 56 C" begins with one. More is
// held only after " at " or " dot " ("jane at example dot org", at most 82
// bytes), and after the capitalised beginning of a street's name ("Calle Mayor,
// 12", at most 42). A number waits for its chain's end and up to 24 bytes for
// words behind it, longer only while one of those is under way.
func (r *run) held() int {
	at := r.at
	low := min(r.heldToken(at), r.heldLocal(at), r.heldStreet(at), r.heldSpelled(at))
	for low > 0 && low < len(r.text) && !utf8.RuneStart(r.text[low]) {
		low--
	}
	return low
}

// heldToken is where a chain, a host name, a web address or a hexadecimal
// address would begin.
func (r *run) heldToken(at int) int {
	start := at
	for start > 0 && at-start < lookBack && isAlnum(r.text[start-1]) {
		start--
	}
	low := start
	for low > 0 && at-low < lookBack && (isAlnum(r.text[low-1]) || r.text[low-1] == '-') { // host names
		low--
	}
	for n := 0; n < 2 && start > n && (r.text[start-n-1] == '+' || r.text[start-n-1] == '('); n++ {
		low = min(low, start-n-1)
	}
	return min(low, r.chainStart(start))
}

// heldLocal is where the local part of an e-mail address would begin, written
// with '@' or with "(at)".
func (r *run) heldLocal(at int) int {
	end := at
	for end > 0 && at-end < 2 && r.text[end-1] == ' ' {
		end--
	}
	spelled := end
	for spelled > 0 && end-spelled < maxLocal && isSpelledLocal(r.text[spelled-1]) {
		spelled--
	}
	start := at
	for start > 0 && at-start <= maxLocal && isLocal(r.text[start-1]) {
		start--
	}
	if at-start > maxLocal {
		return spelled // too long already
	}
	return min(spelled, r.trimLocal(start, at))
}

// heldStreet is where a street's name would begin that a house number follows;
// see streetBefore.
func (r *run) heldStreet(at int) int {
	end := at
	for end > 0 && at-end < 2 && (r.text[end-1] == ' ' || r.text[end-1] == ',') {
		end--
	}
	held, start, low := at, end, max(0, end-addressReach)
	for words := 0; words < 5 && start > low; words++ {
		w := streetWord(r.text, low, start)
		if w == low && low > 0 {
			break
		}
		if ru, _ := utf8.DecodeRuneInString(r.text[w:start]); unicode.IsUpper(ru) {
			word := r.lowerWord(r.text[w:start])
			if words == 0 && (end == at || compoundStreet(word)) || isStreetFirst(word) {
				held = w
			}
		}
		if w == 0 || r.text[w-1] != ' ' || w == start {
			break
		}
		start = w - 1
	}
	return held
}

// heldSpelled is where an address written out in words would begin, "jane dot
// doe at example dot org"; see spelledDot.
func (r *run) heldSpelled(at int) int {
	word := spelledWord(r.text, at)
	low := r.spelledFrom(at)
	if word == 0 || r.text[word-1] != ' ' {
		return low
	}
	switch at - word {
	case 0: // a blank: "at" or "dot" may follow
		return min(low, r.spelledFrom(word-1))
	case 1, 2, 3:
		if w := r.text[word:at]; strings.EqualFold("at"[:min(2, len(w))], w) || strings.EqualFold("dot"[:len(w)], w) {
			return min(low, r.spelledFrom(word-1))
		}
	}
	return low
}

// spelledFrom goes back from the end of a word over what may belong to a
// spelled address that it is part of.
func (r *run) spelledFrom(end int) int {
	start := spelledWord(r.text, end)
	if start >= 4 && strings.EqualFold(r.text[start-4:start], " at ") {
		start = spelledWord(r.text, start-4)
	}
	if start >= 5 && strings.EqualFold(r.text[start-5:start], " dot ") {
		start = spelledWord(r.text, start-5)
	}
	return start
}

// loneOpen reports whether a text that begins with this may still be one value,
// and nothing else: see loneValue, alone and the telephone numbers that are
// believed only then.
func (r *run) loneOpen(text string) bool {
	if len(text) > maxLone {
		return false
	}
	text = strings.TrimLeft(text, aroundLone)
	inner := strings.TrimRight(text, aroundLone)
	if inner == "" || strings.Trim(inner, "0123456789+() -./#,xXeEtTnNsSiIoO") == "" && !isLetter(inner[0]) {
		return true
	}
	n, dead := 0, false
	for i := 0; i < len(inner) && !dead; i++ {
		switch c := inner[i]; {
		case isAlnum(c):
			if dead = n == maxLen; !dead {
				r.value[n] = upper(c)
				n++
			}
		case strings.IndexByte(" -./_+", c) < 0:
			dead = true
		}
	}
	if dead {
		return false
	}
	for k := range r.s.rules {
		u := &r.s.rules[k]
		if u.alone > 0 && len(u.pattern) >= n && u.begins(r.value[:n]) {
			return true
		}
	}
	return false
}

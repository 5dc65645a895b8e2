package prompt

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// A canary is canaryRandom random bytes and as many of their HMAC under the
// tenant's key, in hex: whoever holds the key recognises every canary ever made
// without keeping any, so that an answer that comes back as a document is known
// for what it is.
const (
	canaryRandom = 6
	canaryBytes  = 2 * canaryRandom
	canaryHex    = 2 * canaryBytes
	maxRun       = 128 // hex digits in a row; what is longer is data
)

// NewCanary makes a canary under a tenant's key.
func NewCanary(key []byte) string {
	b := make([]byte, canaryRandom, canaryBytes)
	_, _ = rand.Read(b) // never fails: crypto/rand ends the process instead
	return hex.EncodeToString(append(b, canaryTag(key, b)...))
}

func canaryTag(key, random []byte) []byte {
	m := hmac.New(sha256.New, key)
	m.Write([]byte("canary\x00"))
	m.Write(random)
	return m.Sum(nil)[:canaryRandom]
}

// HoldsCanary reports whether a text holds a canary made under the key, in
// either case. A text without one passes for one with probability 2^-48 for each
// run of 24 hex digits.
func HoldsCanary(key []byte, text string) bool {
	var raw [canaryBytes]byte
	for i := 0; i+canaryHex <= len(text); {
		// From behind: most often one look passes over as many bytes as a canary has.
		last := i + canaryHex - 1
		for last >= i && hexDigits[text[last]] {
			last--
		}
		if last >= i {
			i = last + 1
			continue
		}
		end := i + canaryHex // a run begins at i
		for ; ; end++ {
			if _, err := hex.Decode(raw[:], []byte(text[end-canaryHex:end])); err == nil && hmac.Equal(raw[canaryRandom:], canaryTag(key, raw[:canaryRandom])) {
				return true
			}
			if end == len(text) || !hexDigits[text[end]] || end-i == maxRun {
				break
			}
		}
		for end < len(text) && hexDigits[text[end]] {
			end++
		}
		i = end
	}
	return false
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

var hexDigits = func() (t [256]bool) {
	for c := range t {
		t[c] = isHex(byte(c))
	}
	return t
}()

// Labels counts the citation labels, in brackets, that a text holds.
func Labels(text string) int {
	n := 0
	for {
		i := strings.IndexByte(text, '[')
		if i < 0 {
			return n
		}
		text = text[i:]
		l := labelLen(text)
		if l > 0 {
			n++
		}
		text = text[max(l, 1):]
	}
}

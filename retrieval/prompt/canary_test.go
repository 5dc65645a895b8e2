package prompt

import (
	"crypto/hmac"
	"encoding/hex"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// Of 100 answers that hold their canary all are known again, whatever stands
// around it; none under another key, and none with a digit changed.
func TestAnswersAreKnownAgain(t *testing.T) {
	key, other := []byte("one tenant's key, 32 bytes long!"), []byte("another tenant's, 32 bytes long!")
	for i := range 100 {
		c := NewCanary(key)
		if i%2 == 1 {
			c = strings.ToUpper(c)
		}
		answer := "Ada leads sales (reference " + c + strings.Repeat("0", i%3) + "), as the chart says."
		if !HoldsCanary(key, answer) {
			t.Fatalf("answer %d is not known again", i)
		}
		changed := []byte(c)
		changed[i%len(changed)] ^= 1
		if HoldsCanary(other, answer) || HoldsCanary(key, string(changed)) {
			t.Fatalf("answer %d passes under another key or changed", i)
		}
	}
	if HoldsCanary(key, strings.Repeat("0123456789abcdef", 1000)) || HoldsCanary(key, "") {
		t.Error("hex digits pass for a canary")
	}
	if n := Labels("see [S1-ab12] and [S22-00ff], not [S1] or [S1-zz12]"); n != 2 {
		t.Errorf("%d labels", n)
	}
}

// TestCanariesWhereverTheyStand: passing over what holds none finds what reading byte
// by byte does.
func TestCanariesWhereverTheyStand(t *testing.T) {
	key := []byte("0123456789abcdef0123456789abcdef")
	bytewise := func(text string) bool {
		run := 0
		for i := range len(text) {
			if !isHex(text[i]) {
				run = 0
				continue
			}
			if run++; run >= canaryHex && run <= maxRun {
				raw, err := hex.DecodeString(text[i+1-canaryHex : i+1])
				if err == nil && hmac.Equal(raw[canaryRandom:], canaryTag(key, raw[:canaryRandom])) {
					return true
				}
			}
		}
		return false
	}
	rapid.Check(t, func(t *rapid.T) {
		var b strings.Builder
		for range rapid.IntRange(0, 8).Draw(t, "parts") {
			switch rapid.IntRange(0, 3).Draw(t, "kind") {
			case 0:
				b.WriteString(NewCanary(key))
			case 1:
				b.WriteString(strings.Repeat("aB0", 50)[:rapid.IntRange(0, 150).Draw(t, "hex")])
			case 2:
				b.WriteString(NewCanary(key)[:rapid.IntRange(0, canaryHex).Draw(t, "cut")])
			default:
				b.WriteString(strings.Repeat("the cab, ", 9)[:rapid.IntRange(0, 60).Draw(t, "prose")])
			}
		}
		if text := b.String(); HoldsCanary(key, text) != bytewise(text) {
			t.Fatalf("%q: %t", text, HoldsCanary(key, text))
		}
	})
}

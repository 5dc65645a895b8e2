package normalize

import (
	"testing"

	"pgregory.net/rapid"
)

// TestPlainlyEnglish holds the short cut to what it stands for: no line that
// passes by it would have been deciphered.
func TestPlainlyEnglish(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		line := rapid.StringMatching(`([a-zA-Z]{1,8}|the|and|ing|[ .,0-9é])*`).Draw(t, "line")
		if letters, grams := trigrams(line); plainlyEnglish(line) && line != "" && grams*9 < letters {
			t.Fatalf("%q passes with %d of %d", line, grams, letters)
		}
	})
}

func TestNextHigh(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`[a-c]{0,20}é?[a-c]{0,20}`).Draw(t, "text")
		from := rapid.IntRange(0, len(text)).Draw(t, "from")
		want := -1
		for i := len(text) - 1; i >= from; i-- {
			if text[i] >= 0x80 {
				want = i
			}
		}
		if got := nextHigh(text, from); got != want {
			t.Fatalf("%q from %d: %d, want %d", text, from, got, want)
		}
	})
}

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

// trigrams counts a line's letters and the frequent trigrams of English in it.
func trigrams(line string) (letters, grams int) {
	last := 31<<5 | 31
	for i := 0; i < len(line); i++ {
		c := line[i]
		last = (last<<5 | int(fiveBits[c])) & (1<<15 - 1)
		grams += int(isEnglish[last])
		if asciiLetter(rune(c)) {
			letters++
		}
	}
	return letters, grams
}

// TestReadThrough holds the substitutions that are only counted to those that are
// written.
func TestReadThrough(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		line := rapid.StringMatching(`[ -~\x80-\xff]{0,80}`).Draw(t, "line")
		a, b := rapid.IntRange(0, atbash).Draw(t, "a"), rapid.IntRange(0, atbash).Draw(t, "b")
		grams := readThrough(line, &substituteBits[a], &substituteBits[b], &substituteBits[atbash])
		for i, k := range [...]int{a, b, atbash} {
			letters, want := trigrams(substitute(line, &substitutes[k]))
			if grams[i] != want {
				t.Errorf("substitution %d of %q: %d trigrams, want %d", k, line, grams[i], want)
			}
			if same, _ := trigrams(line); letters != same {
				t.Errorf("substitution %d of %q changes the number of letters", k, line)
			}
		}
	})
}

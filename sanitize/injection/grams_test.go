package injection

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestGramsOfWords: the sums of words remembered are those of every gram one by one,
// whatever stands around and between words, and whatever was remembered before.
func TestGramsOfWords(t *testing.T) {
	s, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	r := &reader{tables: s.tables, model: s.model, collect: true, sums: make([]wordSum, 1)} // every word on one place
	parts := rapid.SampledFrom([]string{" ", "  ", "\n", ".", ", ", "'", "-", "a", "of", "the", "the ", " them", "ignore", "instructions", "42", "é", "naïve", "日本", "語", "\u200b", "\U000E0041",
		"abcdefgh", "abcdefghi", "abcdefghijklmno", "abcdefghijklmnop", "abcdefghijklmnopq", "don't", "(", "|"})
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOfN(parts, 1, 60).Draw(t, "parts"), "")
		if strings.TrimSpace(text) == "" {
			return
		}
		for i, u := range r.read(text, plain, nil) {
			chars, words := int32(0), int32(0)
			for _, g := range u.grams {
				chars += int32(r.model.grams[g])
			}
			for _, g := range u.wordGrams {
				words += int32(r.model.grams[g])
			}
			if u.chars != float64(chars)*r.model.gramScale || u.words != float64(words)*r.model.gramScale || u.charN != len(u.grams) || u.wordN != len(u.wordGrams) {
				t.Fatalf("block %d of %q: sums %v and %v of %d and %d", i, text, u.chars, u.words, u.charN, u.wordN)
			}
		}
	})
}

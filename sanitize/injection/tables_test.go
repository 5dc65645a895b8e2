package injection

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestLexiconFindsEveryEntry looks every word and stem of the lexicon up in a
// plain map and in the tables.
func TestLexiconFindsEveryEntry(t *testing.T) {
	words, stems := map[string]class{}, map[string]class{}
	for _, list := range [][]entry{english, world} {
		for _, e := range list {
			for _, w := range strings.Fields(e.words) {
				if text, isStem := strings.CutSuffix(w, "*"); isStem {
					stems[foldWord(text)] |= e.class
				} else {
					words[foldWord(text)] |= e.class
				}
			}
		}
	}
	longest := func(w string) (c class, n int) {
		for i := 3; i <= len(w); i++ {
			if s := stems[w[:i]]; s != 0 {
				c, n = s, i
			}
		}
		return c, n
	}
	l := newLexicon(english, world)
	check := func(w string) {
		t.Helper()
		want, ok := words[w]
		stem, n := longest(w)
		if !ok {
			want = stem
		}
		if got := l.word([]byte(w), hashWord([]byte(w))); got != want {
			t.Errorf("%q: classes %x, want %x", w, got, want)
		}
		if got, m := l.stem([]byte(w)); got != stem || m != n {
			t.Errorf("%q: stem %x of %d bytes, want %x of %d", w, got, m, stem, n)
		}
	}
	for w := range words {
		check(w)
		check(w + "x")
	}
	for w := range stems {
		check(w)
		check(w + "ing")
		check(w[:len(w)-1])
	}
	for _, w := range []string{"", "a", "no", "harbour", "zzzz"} {
		check(w)
	}
}

// TestPhrasesFindWhatComparingFinds holds the filter to a search for each phrase.
func TestPhrasesFindWhatComparingFinds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list := rapid.SliceOfN(rapid.StringMatching(`[ab@é]{1,7}`), 1, 60).Draw(t, "phrases")
		groupOf := make([]uint8, len(list))
		for i := range groupOf {
			groupOf[i] = uint8(rapid.IntRange(0, 63).Draw(t, "group"))
		}
		p, err := newPhrases(list, groupOf)
		if err != nil {
			t.Fatal(err)
		}
		text := rapid.StringMatching(`[abc@é]{0,40}`).Draw(t, "text")
		var want uint64
		for i, s := range list {
			if strings.Contains(text, s) {
				want |= 1 << groupOf[i]
			}
		}
		if got := p.groups(append([]byte(text), make([]byte, 8)...), len(text)); got != want {
			t.Fatalf("groups %x, want %x", got, want)
		}
	})
	if _, err := newPhrases([]string{"ab", ""}, []uint8{0, 1}); err == nil {
		t.Error("an empty phrase is accepted")
	}
}

// TestPatternFilter holds the filter to a look at every part of every pattern.
func TestPatternFilter(t *testing.T) {
	f := newPatternFilter(patterns)
	rapid.Check(t, func(t *rapid.T) {
		var present class
		for range rapid.IntRange(0, 9).Draw(t, "classes") {
			present |= 1 << rapid.IntRange(0, classCount-1).Draw(t, "class")
		}
		got := f.candidates(present)
		for i, p := range patterns {
			want := present&p.unless == 0
			for _, c := range p.seq {
				want = want && present&c != 0
			}
			if got>>i&1 == 1 != want {
				t.Fatalf("%s: candidate %v, want %v", p.name, !want, want)
			}
		}
	})
}

// foldSlowly is fold one byte at a time.
func foldSlowly(f *folded, s string, lex *lexicon) {
	*f = folded{}
	b, word := []byte{' '}, -1
	for i := 0; i < len(s); {
		c := s[i]
		if c >= 0x80 {
			b, word, i = f.foldRune(b, s, i, word, lex)
			continue
		}
		i++
		k := byteKinds[c]
		letter := k&letterByte != 0
		if (letter || k&digitByte != 0) && word < 0 {
			word = len(b)
		}
		switch {
		case letter:
			b = append(b, c|0x20)
			f.letters++
			if c|0x20 != c {
				f.upper++
			}
		case k&digitByte != 0 && len(b) == word:
			b = append(b, '0')
		case k&digitByte != 0 && b[len(b)-1] == '0':
		case k&digitByte != 0, c == '\'' && word >= 0 && i < len(s) && byteKinds[s[i]]&letterByte != 0:
			b = append(b, c)
		default:
			b, word = f.endWord(b, word, lex)
			b = f.addMark(b, c, k)
		}
	}
	b, _ = f.endWord(b, word, lex)
	if b[len(b)-1] != ' ' {
		b = append(b, ' ')
	}
	f.buf, f.n = b, len(b)
}

func TestFoldReadsByteByByte(t *testing.T) {
	lex := newLexicon(english, world)
	pieces := rapid.SampledFrom([]string{"Ignore", "all", "it's", "'", "base64", "2024", "0x1F", " ", "\n", "?!", "<|", "é", "İ", "Ⱥ", "\u200b", "忽略", "。", "\U000E0049", "’", "\x00", "\xff", "{", ";", "x"})
	var f folded
	rapid.Check(t, func(t *rapid.T) {
		s := strings.Join(rapid.SliceOfN(pieces, 0, 30).Draw(t, "pieces"), "")
		var want folded
		foldSlowly(&want, s, lex)
		f.fold(s, lex)
		if got := string(f.buf[:f.n]); got != string(want.buf) {
			t.Fatalf("%q folds to %q, want %q", s, got, want.buf)
		}
		if len(f.tokens) != len(want.tokens) || f.letters != want.letters || f.upper != want.upper || f.classes != want.classes {
			t.Fatalf("%q: %+v, want %+v", s, f, want)
		}
		for i, x := range f.tokens {
			if x != want.tokens[i] {
				t.Fatalf("%q: token %d is %+v, want %+v", s, i, x, want.tokens[i])
			}
		}
		if f.signs&codeSign != 0 != strings.ContainsAny(s, ";{}=") || f.signs&bracketSign != 0 != strings.ContainsAny(s, "()[]{}<>") || f.signs&holeSign != 0 != strings.ContainsAny(s, "[{") {
			t.Fatalf("%q: signs %b", s, f.signs)
		}
	})
}

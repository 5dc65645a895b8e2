package embed

import (
	"bufio"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// reference is analysis as it is defined, word by word and without anything
// remembered. What an index holds was made so; it must never change.
type reference struct {
	a   *Analyzer
	key []byte
}

// block is AES-256 under a key that HKDF expands from the tenant's.
func (r reference) block(purpose string) cipher.Block {
	key, err := hkdf.Expand(sha256.New, r.key, "doorward terms 2: "+purpose, 32)
	if err != nil {
		panic(err)
	}
	b, err := aes.NewCipher(key)
	if err != nil {
		panic(err)
	}
	return b
}

// mac is CBC-MAC of a message that is padded with zeros.
func mac(b cipher.Block, message []byte) []byte {
	message = append(message, make([]byte, -len(message)&15)...)
	cipher.NewCBCEncrypter(b, make([]byte, 16)).CryptBlocks(message, message)
	return message[len(message)-16:]
}

func (r reference) of(space byte, term string) []byte {
	return mac(r.block("terms"), append(binary.BigEndian.AppendUint32([]byte{space}, uint32(len(term))), term...))
}

func (r reference) termKey(space byte, term string) uint32 {
	if space == spacePair {
		before, word, _ := strings.Cut(term, " ")
		pair := mac(r.block("pairs"), slices.Concat(r.of(spaceWord, before)[8:], r.of(spaceWord, word)[8:]))
		bucket := binary.BigEndian.Uint32(pair) % pairBuckets
		return binary.BigEndian.Uint32(mac(r.block("terms"), binary.BigEndian.AppendUint32([]byte{spacePair, 0, 0, 0, 0}, bucket)))
	}
	return binary.BigEndian.Uint32(r.of(space, term))
}

func (r reference) features(text string, l language, yield func(space byte, term string)) {
	before := ""
	for _, t := range tokens(text) {
		if t.ideographic {
			yield(spaceWord, t.text)
			before = ""
			continue
		}
		if l.stop(t.text) {
			continue
		}
		w := fold(l.safeStem(t.text))
		yield(spaceWord, w)
		eachGram(w, func(g string) { yield(spaceGram, g) })
		if before != "" {
			yield(spacePair, before+" "+w)
		}
		before = w
	}
}

func (r reference) analyze(d Document) []Term {
	l, _ := languageByCode(d.Language)
	tf := map[byte]map[string]float64{spaceWord: {}, spaceGram: {}, spacePair: {}}
	length := map[byte]float64{}
	add := func(text string, weight float64) {
		r.features(text, l, func(space byte, term string) {
			tf[space][term] += weight
			length[space] += weight
		})
	}
	c := r.a.cfg
	add(d.Title, c.TitleWeight)
	for _, h := range d.Headings {
		add(h, c.HeadingWeight)
	}
	add(d.Body, c.BodyWeight)
	out := map[uint32]float32{}
	for space, pivot := range map[byte]float64{spaceWord: c.Pivot, spaceGram: c.Pivot * gramsPerWord, spacePair: c.Pivot} {
		norm := c.K1 * (1 - c.B + c.B*length[space]/pivot)
		for term, n := range tf[space] {
			w := max(math.Round(n*(c.K1+1)/(n+norm)/quantum)*quantum, quantum)
			k := r.termKey(space, term)
			out[k] = max(out[k], float32(w))
		}
	}
	if len(out) > 0 {
		out[r.termKey(spaceMark, l.code)] = quantum
	}
	return sorted(out, c.MaxTerms)
}

// words are what texts are made of to be difficult: marks that join with what
// stands before them, cases that change length, separators of all kinds.
var difficult = rapid.SliceOf(rapid.OneOf(
	rapid.SampledFrom([]string{"the", "budget", "Running", "x", "INV-2268/B", "don't", "don’t", "naïve", "<\u0338b", "a\u0301b", " \u0301c", "ﬁne", "İstanbul", "ß",
		"本公司的年度", "ひらがな", "ไทย", "½", "٣٤", "Договоры", "и", "на", "el", "perro", "的", "\xff", "\xe6\x9c", "¨", "…", "\u200d", "ǅ", "ＡＢＣ", strings.Repeat("q", 70), strings.Repeat("é", 70)}),
	rapid.SampledFrom([]string{" ", "\n", ", ", ". ", "=", "<", ">", "\u00a0", "\u3000", "_", ""}),
	rapid.String(),
))

func TestAnalysisIsAsDefined(t *testing.T) {
	a, err := NewAnalyzer(Config{})
	if err != nil {
		t.Fatal(err)
	}
	r := reference{a, []byte("a tenant's key for terms, 32 B..")}
	rapid.Check(t, func(rt *rapid.T) {
		text := func(name string) string { return strings.Join(difficult.Draw(rt, name), "") }
		d := Document{Title: text("title"), Headings: []string{text("heading"), text("heading")}, Body: text("body"), Language: rapid.SampledFrom(Languages()).Draw(rt, "language")}
		if got, want := a.Analyze(r.key, d), r.analyze(d); !slices.Equal(got, want) {
			rt.Fatalf("%d terms, want %d", len(got), len(want))
		}
		var x lexicon
		var got []token
		for _, w := range x.read(nil, d.Body, 0) {
			got = append(got, token{w.text, w.ideographic})
		}
		if want := tokens(d.Body); !slices.Equal(got, want) {
			rt.Fatalf("%q reads as %v, want %v", d.Body, got, want)
		}
		first := x.read(nil, d.Body, 5)
		for i, w := range first {
			if w.text != got[i].text {
				rt.Fatalf("the first words of %q differ", d.Body)
			}
		}
		if len(first) != min(5, len(got)) {
			rt.Fatalf("%d of the first words", len(first))
		}
	})
}

// TestLexiconForgets analyses more words and tenants than are remembered.
func TestLexiconForgets(t *testing.T) {
	a, err := NewAnalyzer(Config{})
	if err != nil {
		t.Fatal(err)
	}
	word := func(i int) string {
		b := []byte("w")
		for ; i > 0; i /= 26 {
			b = append(b, byte('a'+i%26))
		}
		return string(b)
	}
	for i := range 400 {
		var b strings.Builder
		for j := range 150 {
			b.WriteString(word(i*150+j) + " ")
		}
		key := []byte(word(i % 7))
		d := Document{Body: b.String(), Language: "en"}
		got := a.Analyze(key, d)
		if i%40 != 0 {
			continue
		}
		if want := (reference{a, key}).analyze(d); !slices.Equal(got, want) {
			t.Fatalf("document %d: %d terms, want %d", i, len(got), len(want))
		}
	}
	for i := range maxTenants + 10 {
		a.Query([]byte(word(i)), nil, "budget")
	}
	x := a.lexicons.borrow()
	if len(x.words) > maxLexemes+1000 || len(x.tenants) > maxTenants+1 {
		t.Errorf("remembers %d words, %d tenants", len(x.words), len(x.tenants))
	}
}

// BenchmarkAnalyze analyses this package's own source, chunk by chunk.
func BenchmarkAnalyze(b *testing.B) {
	var chunks []string
	f, err := os.Open("analyzer.go")
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	var c strings.Builder
	for s := bufio.NewScanner(f); s.Scan(); {
		c.WriteString(s.Text() + "\n")
		if c.Len() > 1400 {
			chunks = append(chunks, c.String())
			c.Reset()
		}
	}
	a, err := NewAnalyzer(Config{})
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(chunks[0])))
	for i := range b.N {
		a.Analyze([]byte("key"), Document{Body: chunks[i%len(chunks)], Language: "en"})
	}
}

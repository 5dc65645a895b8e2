package fingerprint_test

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/doorward/doorward/sanitize/fingerprint"
	"pgregory.net/rapid"
)

var key = []byte(strings.Repeat("k", 32))

func words(text string) (out []string) {
	fingerprint.Each(text, func(w fingerprint.Word) { out = append(out, text[w.Start:w.End]) })
	return out
}

func TestWords(t *testing.T) {
	for text, want := range map[string]string{
		"Hello, big-world 42!": "Hello|big|world|42",
		"日本 go":                "日|本|go",
		"Éa éa":                "Éa|éa",
		"":                     "",
		"...":                  "",
		"cafe\u0301 x":         "cafe\u0301|x",
	} {
		if got := strings.Join(words(text), "|"); got != want {
			t.Errorf("%q is cut into %q, want %q", text, got, want)
		}
	}
}

func TestACutterCutsAnySplitAlike(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.String().Draw(t, "text")
		var want, got []fingerprint.Word
		fingerprint.Each(text, func(w fingerprint.Word) { want = append(want, w) })
		var c fingerprint.Cutter
		for rest := []byte(text); len(rest) > 0; {
			n := rapid.IntRange(1, len(rest)).Draw(t, "n")
			c.Write(rest[:n], func(w fingerprint.Word) { got = append(got, w) })
			rest = rest[n:]
		}
		c.Close(func(w fingerprint.Word) { got = append(got, w) })
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("%q: %v, want %v", text, got, want)
		}
	})
}

// TestWinnowing holds what is kept against the definition: of every Window runs the
// rightmost of the smallest, each print once.
func TestWinnowing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOf(rapid.SampledFrom(strings.Fields("a b c d e f g"))).Draw(t, "words"), " ")
		var prints, want []fingerprint.Print
		h := fingerprint.NewHasher(key)
		fingerprint.Each(text, func(w fingerprint.Word) {
			if p, ok := h.Word(w.Hash); ok {
				prints = append(prints, p)
			}
		})
		for i := range max(1, len(prints)-fingerprint.Window+1) {
			window := prints[min(i, len(prints)):min(i+fingerprint.Window, len(prints))]
			if len(window) == 0 {
				break
			}
			if p := slices.Min(window); !slices.Contains(want, p) {
				want = append(want, p)
			}
		}
		if got := fingerprint.Of(key, text); !slices.Equal(got, want) {
			t.Fatalf("kept %v, want %v", got, want)
		}
	})
}

// TestAPrint is the definition: CBC-MAC of the hashes of the words, three blocks, under
// a key that HKDF expands.
func TestAPrint(t *testing.T) {
	expanded, err := hkdf.Expand(sha256.New, key, "doorward fingerprints 2", 32)
	if err != nil {
		t.Fatal(err)
	}
	b, err := aes.NewCipher(expanded)
	if err != nil {
		t.Fatal(err)
	}
	message := make([]byte, 0, 48)
	h := fingerprint.NewHasher(key)
	for i := range uint64(9) {
		p, ok := h.Word(i)
		message = binary.LittleEndian.AppendUint64(message, i)
		if len(message) > 8*fingerprint.Run {
			message = message[8:]
		}
		if ok != (i >= fingerprint.Run-1) {
			t.Fatalf("word %d: %v", i, ok)
		}
		if !ok {
			continue
		}
		sum := make([]byte, 48)
		copy(sum, message)
		cipher.NewCBCEncrypter(b, make([]byte, 16)).CryptBlocks(sum, sum)
		if want := fingerprint.Print(binary.LittleEndian.Uint64(sum[32:])); p != want {
			t.Errorf("word %d: %x, want %x", i, p, want)
		}
	}
}

// all returns every print of a text, as the one who looks up does.
func all(text string) map[fingerprint.Print]bool {
	out := map[fingerprint.Print]bool{}
	h := fingerprint.NewHasher(key)
	fingerprint.Each(text, func(w fingerprint.Word) {
		if p, ok := h.Word(w.Hash); ok {
			out[p] = true
		}
	})
	return out
}

func randomWords(r *rand.Rand, n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprint("w", r.IntN(5000))
	}
	return out
}

func TestACommonRunOfTheGuaranteedLengthIsNeverMissed(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 300 {
		document := randomWords(r, 20+r.IntN(200))
		at := r.IntN(len(document) - fingerprint.Guarantee)
		quote := strings.ToUpper(strings.Join(document[at:at+fingerprint.Guarantee], " ,"))
		seen := all(strings.Join(randomWords(r, 7), " ") + " " + quote + " " + strings.Join(randomWords(r, 7), " "))
		hit := false
		for _, p := range fingerprint.Of(key, strings.Join(document, " ")) {
			hit = hit || seen[p]
		}
		if !hit {
			t.Fatal("a common run was missed")
		}
	}
}

func TestPrintsTellNothingWithoutTheKey(t *testing.T) {
	text := strings.Join(randomWords(rand.New(rand.NewPCG(1, 1)), 300), " ")
	a, b := fingerprint.Of(key, text), fingerprint.Of([]byte(strings.Repeat("z", 32)), text)
	seen := map[fingerprint.Print]bool{}
	for _, p := range a {
		seen[p] = true
	}
	for _, p := range b {
		if seen[p] {
			t.Fatal("two keys made the same print")
		}
	}
	if n := len(a); n < 300/fingerprint.Window-10 || n > 250 {
		t.Errorf("%d prints of 300 words", n)
	}
	if len(fingerprint.Of(key, "only four words here")) != 0 {
		t.Error("a text shorter than a run has a print")
	}
	if len(fingerprint.Of(key, "now there are five words")) != 1 {
		t.Error("a text of one run has not one print")
	}
}

func Example() {
	document := "The merger with Initech is planned for the second quarter of next year."
	kept := map[fingerprint.Print]bool{}
	for _, p := range fingerprint.Of(key, document) {
		kept[p] = true
	}
	h := fingerprint.NewHasher(key)
	answer := "I read that the merger with INITECH is planned for the second quarter."
	recognised := false
	fingerprint.Each(answer, func(w fingerprint.Word) {
		if p, ok := h.Word(w.Hash); ok && kept[p] {
			recognised = true
		}
	})
	fmt.Println(recognised)
	// Output: true
}

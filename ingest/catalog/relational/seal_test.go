package relational

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/doorward/doorward/retrieval/embed"
	"github.com/doorward/doorward/sanitize"
)

// TestTermsRoundTrip: stored terms come back, also those stored before in eight
// bytes each, and what is cut is not taken for terms.
func TestTermsRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		terms := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) embed.Term {
			w := rapid.OneOf(rapid.Just(float32(0.3)), rapid.Map(rapid.IntRange(1, 300), func(n int) float32 { return float32(n) / 64 })).Draw(t, "weight")
			return embed.Term{Key: rapid.Uint32().Draw(t, "key"), Weight: w}
		}), 0, 40).Draw(t, "terms")
		b := encodeTerms(terms)
		if got, err := decodeTerms(b); err != nil || !slices.Equal(got, terms) {
			t.Fatalf("%v, %v, not %v", got, err, terms)
		}
		if !sameTerms(terms, b) || len(terms) > 0 && sameTerms(terms[1:], b) {
			t.Fatal("what is stored compares wrongly")
		}
		if got, err := decodeTerms(encodeWide(terms)); err != nil || !slices.Equal(got, terms) {
			t.Fatalf("of before: %v, %v, not %v", got, err, terms)
		}
	})
	for _, b := range [][]byte{{0}, {3}, {9, 9, 9, 9, 9, 3}, {1, 2, 3, 4, 1}, {1, 2, 3, 4, 0, 1}, {1, 2, 3, 4, 0, 7, 1}} {
		if got, err := decodeTerms(b); !errors.Is(err, errTerms) {
			t.Errorf("%v: %v, %v", b, got, err)
		}
	}
}

// encodeWide is how terms were stored before schema version 12.
func encodeWide(terms []embed.Term) []byte {
	var b bytes.Buffer
	for _, t := range terms {
		b.Write(encodeVector([]float32{t.Weight}))
		x := b.Bytes()[b.Len()-4:]
		w := slices.Clone(x)
		x[0], x[1], x[2], x[3] = byte(t.Key), byte(t.Key>>8), byte(t.Key>>16), byte(t.Key>>24)
		b.Write(w)
	}
	return b.Bytes()
}

// plain seals nothing but what belongs to it.
type plain struct{}

func (plain) Seal(b, associated []byte) ([]byte, error) {
	return append(slices.Clone(associated), b...), nil
}

func (plain) Open(b, associated []byte) ([]byte, error) {
	rest, ok := bytes.CutPrefix(b, associated)
	if !ok {
		return nil, errors.New("sealed for something else")
	}
	return rest, nil
}

// TestSealedPassages: texts come back as they were, those sealed before too, and
// what is cut off does not open.
func TestSealedPassages(t *testing.T) {
	for _, text := range []string{"", "a", "{\"text\": \"\\\n\x00 ünï\"}", string(make([]byte, 5000))} {
		want := passage{Span: sanitize.Span{Start: 1, End: 2}, Headings: []string{"h"}, Tokens: 3, Scanner: "s"}
		sealed, err := sealWith(plain{}, want, []byte(text), "chunk", "t", "id")
		if err != nil {
			t.Fatal(err)
		}
		var got passage
		rest, err := openWith(plain{}, sealed, &got, "chunk", "t", "id")
		if err != nil || string(rest) != text || rest == nil || got.Tokens != 3 || got.Text != "" {
			t.Fatalf("%q, %+v, %v", rest, got, err)
		}
		want.Text = text
		if sealed, err = sealJSON(plain{}, want, "chunk", "t", "id"); err != nil {
			t.Fatal(err)
		}
		got = passage{}
		if rest, err := openWith(plain{}, sealed, &got, "chunk", "t", "id"); err != nil || rest != nil || got.Text != text {
			t.Fatalf("of before: %q, %+v, %v", rest, got, err)
		}
		if _, err := openWith(plain{}, sealed, &got, "chunk", "t", "other"); err == nil {
			t.Error("what belongs to another chunk opens")
		}
	}
	for _, b := range [][]byte{{1}, {1, 5, '{', '}'}, {1, 255, 255, 255}, {}} {
		if _, err := openWith(plain{}, b, &passage{}); err == nil {
			t.Errorf("%v opens", b)
		}
	}
}

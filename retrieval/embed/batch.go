package embed

import (
	"context"
	"fmt"
	"math"
	"strings"
	"sync"
	"unicode/utf8"
)

// Batch bounds what goes into one request.
type Batch struct {
	// Texts per request. 0: 32.
	Texts int
	// Bytes of text per request. 0: 256 KiB.
	Bytes int
	// TextBytes is where a single text is cut, at a rune border: models read a
	// few thousand tokens at most. 0: 32 KiB.
	TextBytes int
}

// WithDefaults fills in what is zero.
func (b Batch) WithDefaults() Batch {
	if b.Texts == 0 {
		b.Texts = 32
	}
	if b.Bytes == 0 {
		b.Bytes = 256 << 10
	}
	if b.TextBytes == 0 {
		b.TextBytes = 32 << 10
	}
	return b
}

// Each cuts texts into requests and calls f for each with the offset of its
// first text, at most concurrency at a time. The first error cancels the rest
// and is returned. Invalid UTF-8 is replaced, because JSON cannot carry it.
func (b Batch) Each(ctx context.Context, texts []string, concurrency int, f func(ctx context.Context, offset int, part []string) error) error {
	b = b.WithDefaults()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	slots := make(chan struct{}, max(concurrency, 1))
	var wg sync.WaitGroup
	for start := 0; start < len(texts) && ctx.Err() == nil; {
		var part []string
		bytes := 0
		for start+len(part) < len(texts) && len(part) < b.Texts {
			t := b.fit(texts[start+len(part)])
			if len(part) > 0 && bytes+len(t) > b.Bytes {
				break
			}
			part = append(part, t)
			bytes += len(t)
		}
		offset := start
		start += len(part)
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			if err := f(ctx, offset, part); err != nil {
				cancel(err)
			}
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}

func (b Batch) fit(text string) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	if len(text) <= b.TextBytes {
		return text
	}
	cut := b.TextBytes
	for cut > 0 && !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut]
}

// CheckVectors verifies a server's answer: want vectors, all of one dimension
// (dim, unless that is 0), finite, not all zero. It returns the dimension.
func CheckVectors(vectors [][]float32, want, dim int) (int, error) {
	if len(vectors) != want {
		return 0, fmt.Errorf("%w: %d vectors for %d texts", ErrUnavailable, len(vectors), want)
	}
	for _, v := range vectors {
		if dim == 0 {
			dim = len(v)
		}
		if len(v) != dim || dim == 0 {
			return 0, fmt.Errorf("%w: it answers %d dimensions, expected are %d", ErrModel, len(v), dim)
		}
		sum := 0.0
		for _, x := range v {
			sum += float64(x) * float64(x)
		}
		if math.IsNaN(sum) || math.IsInf(sum, 0) || sum == 0 {
			return 0, fmt.Errorf("%w: a vector is zero or not finite", ErrUnavailable)
		}
	}
	return dim, nil
}

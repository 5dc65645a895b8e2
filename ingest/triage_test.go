package ingest

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"
)

// TestReadExpected reads what there is, whatever was expected and however it comes;
// what is expected rightly takes no more room than it has bytes.
func TestReadExpected(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := make([]byte, rapid.IntRange(0, 200_000).Draw(t, "bytes"))
		for i := range want {
			want[i] = byte(i * 31)
		}
		expected := rapid.OneOf(rapid.Just(len(want)), rapid.IntRange(0, 400_000)).Draw(t, "expected")
		var f io.Reader = bytes.NewReader(want)
		switch rapid.IntRange(0, 2).Draw(t, "how") {
		case 1:
			f = iotest.HalfReader(f)
		case 2:
			f = iotest.DataErrReader(f)
		}
		got, err := readExpected(f, expected)
		if err != nil || !bytes.Equal(got, want) {
			t.Fatalf("%d bytes of %d, %v", len(got), len(want), err)
		}
	})
	large := make([]byte, 9<<20+17)
	if got, err := readExpected(bytes.NewReader(large), len(large)); err != nil || len(got) != len(large) || cap(got) > len(large)+1 {
		t.Errorf("%d bytes in room for %d, %v", len(got), cap(got), err)
	}
	if got, err := readExpected(bytes.NewReader(large[:5<<20]), 1<<40); err != nil || len(got) != 5<<20 || cap(got) > 4*len(got)+1 {
		t.Errorf("%d bytes in room for %d where more was promised, %v", len(got), cap(got), err)
	}
	fault := errors.New("the disk broke")
	if _, err := readExpected(io.MultiReader(bytes.NewReader(large[:10]), iotest.ErrReader(fault)), 20); !errors.Is(err, fault) {
		t.Errorf("a fault: %v", err)
	}
}

package bundle

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// TestUnpackToTheEnd appends to a tar file: zeroes, as tar pads with, and bytes that
// nobody signed.
func TestUnpackToTheEnd(t *testing.T) {
	dir := t.TempDir()
	from := filepath.Join(dir, "from")
	if err := errors.Join(os.Mkdir(from, 0o700), os.WriteFile(filepath.Join(from, "a"), []byte("text"), 0o600)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, rest string
		want       error
	}{
		{"nothing", "", nil},
		{"zeroes", string(make([]byte, 10240)), nil},
		{"a byte", "x", ErrUnsound},
		{"a byte after zeroes", string(make([]byte, 2000)) + "x", ErrUnsound},
	} {
		t.Run(c.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "b.tar")
			if err := Pack(from, file); err != nil {
				t.Fatal(err)
			}
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, append(data, c.rest...), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := Unpack(t.Context(), file, t.TempDir(), nil); !errors.Is(err, c.want) {
				t.Errorf("unpacking: %v, want %v", err, c.want)
			}
		})
	}
}

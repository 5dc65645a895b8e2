//go:build !unix

package sqlite

import (
	"io"
	"os"
)

// mapFile reads a file into memory where it cannot be mapped.
func mapFile(f *os.File, size int) (data []byte, release func(), err error) {
	data = make([]byte, size)
	if _, err := io.ReadFull(io.NewSectionReader(f, 0, int64(size)), data); err != nil {
		return nil, nil, err
	}
	return data, func() {}, nil
}

//go:build unix

package sqlite

import (
	"os"

	"golang.org/x/sys/unix"
)

// mapFile maps a file for reading; release ends that.
func mapFile(f *os.File, size int) (data []byte, release func(), err error) {
	data, err = unix.Mmap(int(f.Fd()), 0, size, unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return nil, nil, err
	}
	return data, func() { unix.Munmap(data) }, nil
}

//go:build unix

package source

import (
	"io/fs"
	"strconv"
	"syscall"
)

// nonBlock keeps opening a pipe from waiting for its writer.
const nonBlock = syscall.O_NONBLOCK

// changeTime is the file's number, and the time of its last change, which no
// program can set.
func changeTime(info fs.FileInfo) string {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return ""
	}
	return "-" + strconv.FormatUint(uint64(st.Ino), 36) + "-" + strconv.FormatInt(ctime(st), 36)
}

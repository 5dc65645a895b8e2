//go:build !unix

package source

import "io/fs"

const nonBlock = 0

func changeTime(fs.FileInfo) string { return "" }

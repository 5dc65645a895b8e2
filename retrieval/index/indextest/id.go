package indextest

import (
	"crypto/sha1"
	"encoding/binary"
	"fmt"
)

// namespace separates Doorward's point ids from other UUIDs of version 5.
const namespace = "\x6d\x1f\x0f\x7e\x54\x0c\x5c\x0b\x9e\x3a\x7b\x1d\x52\x0a\xd8\x41"

// PointID returns the UUIDv5 of a chunk: the same version ingested again gets
// the same ids. The parts are length-prefixed, so no two tuples share a name.
func PointID(tenant, document, version string, ordinal int) string {
	name := []byte(namespace)
	for _, part := range []string{tenant, document, version} {
		name = binary.BigEndian.AppendUint32(name, uint32(len(part)))
		name = append(name, part...)
	}
	name = binary.BigEndian.AppendUint64(name, uint64(ordinal))
	u := sha1.Sum(name)
	u[6] = u[6]&0x0f | 0x50
	u[8] = u[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", u[0:4], u[4:6], u[6:8], u[8:10], u[10:16])
}

// Package source holds the document stores Doorward reads: directories, JSON
// lines, mail boxes, git repositories, SQL queries and buckets, all behind
// ingest.Source. An adapter finds documents, names them, opens their bytes and
// maps what the store knows about them to attributes. It does not look into
// documents: nothing a document says of itself becomes an attribute.
package source

import (
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"strings"

	"github.com/doorward/doorward/ingest"
)

// ErrConfig means settings that cannot be used.
var ErrConfig = errors.New("source settings cannot be used")

var idHash = base32.StdEncoding.WithPadding(base32.NoPadding)

// DocumentID makes a document id, [A-Za-z0-9._~:-]{1,200}, of a source's own
// name for a document. A name of those characters without "~" is its own id;
// a slash becomes ":"; a colon and anything else becomes "~" and two hex digits
// for each byte; a name that would be too long ends in "~~" and a hash of all
// of it. Two names never share an id (short of a SHA-256 collision). An empty
// name has none.
func DocumentID(name string) (string, error) {
	if name == "" {
		return "", fmt.Errorf("%w: a document without a name", ErrConfig)
	}
	return shorten(escape(name, ":", "~3a"), name), nil
}

// escape writes a name in the characters of ids, with the given words for
// slashes and colons.
func escape(name, slash, colon string) string {
	var b strings.Builder
	for i := 0; i < len(name); i++ {
		switch c := name[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '.', c == '_', c == '-':
			b.WriteByte(c)
		case c == '/':
			b.WriteString(slash)
		case c == ':':
			b.WriteString(colon)
		default:
			fmt.Fprintf(&b, "~%02x", c)
		}
	}
	return b.String()
}

// shorten cuts an id that is too long and ends it in a hash of all of name.
func shorten(id, name string) string {
	if len(id) <= ingest.MaxID {
		return id
	}
	sum := sha256.Sum256([]byte(name))
	tail := "~~" + idHash.EncodeToString(sum[:])
	head := id[:ingest.MaxID-len(tail)]
	// Not in the middle of an escape, which would read as another name's.
	if i := strings.LastIndexByte(head, '~'); i >= len(head)-2 {
		head = head[:i]
	}
	return head + tail
}

// checkName checks a source's name, which stands in audit entries and metrics.
func checkName(name string) error {
	if name == "" || len(name) > 64 || strings.ContainsFunc(name, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._-", r))
	}) {
		return fmt.Errorf("%w: a source's name has 1 to 64 of the characters A-Z a-z 0-9 . _ -", ErrConfig)
	}
	return nil
}

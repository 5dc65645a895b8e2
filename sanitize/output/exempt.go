package output

import (
	"bytes"
	"strings"

	"github.com/doorward/doorward/sanitize"
)

// minOwn is the length of the shortest match that the user's own prompt can
// exempt: shorter ones could be tried all at once.
const minOwn = 6

// ownText returns a test for matches that stand in the user's own prompt: a
// person is not told that what they wrote themselves is sensitive, whether or
// not it is. Canaries and template tokens are never a person's own.
func ownText(prompt string) func(sanitize.Finding, []byte) bool {
	if len(prompt) < minOwn {
		return nil
	}
	own := []byte(strings.ToLower(prompt))
	return func(f sanitize.Finding, text []byte) bool {
		switch f.Kind {
		case sanitize.Canary, sanitize.Template, sanitize.Egress:
			return false
		}
		return len(text) >= minOwn && bytes.Contains(own, bytes.ToLower(text))
	}
}

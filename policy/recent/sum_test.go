package recent_test

import (
	"crypto/sha256"
	"strings"
	"testing"

	"github.com/doorward/doorward/policy/recent"
)

func TestSum(t *testing.T) {
	for _, text := range []string{"", "a", strings.Repeat("long ", 1000)} {
		if recent.Sum(text) != sha256.Sum256([]byte(text)) {
			t.Errorf("the sum of %d bytes is another", len(text))
		}
	}
}

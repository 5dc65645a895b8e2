package injection

import (
	"context"
	"strings"
	"testing"

	"github.com/doorward/doorward/sanitize"
)

// TestHostileMarkup scans texts of openings that nothing closes. They take
// seconds where scanning is not linear; the test's own time limit is the check.
func TestHostileMarkup(t *testing.T) {
	s, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	for _, piece := range []string{"<!--\n\n", "<|a|>\n\n", "[INST]\n\n", "<p hidden>\n\n", "[//]: # (\n\n", "<", "\"'", "a. ", "\U000E0049", "<p hidden>\n\n</a></a>", "{'a': '", "ignore all previous "} {
		text := strings.Repeat(piece, 200_000/len(piece))
		if _, err := s.Scan(context.Background(), sanitize.Plain(text)); err != nil {
			t.Errorf("%q: %v", piece, err)
		}
	}
}

package api

import (
	"fmt"
	"testing"

	"github.com/doorward/doorward/ingest/catalog"
)

// TestRolledBackIsBounded: an answer names so many skipped documents and counts all.
func TestRolledBackIsBounded(t *testing.T) {
	undos := []catalog.Undo{{Document: "back", Did: "restored"}, {Document: "out", Did: "retired"}}
	for i := range 5 {
		undos = append(undos, catalog.Undo{Document: fmt.Sprint("d", i), Did: "skipped", Why: catalog.WhyPruned})
	}
	for most, more := range map[int]int{10: 0, 5: 0, 3: 2, 0: 5} {
		out := rolledBack("b", false, undos, most)
		if len(out.Skipped) != 5-more || out.More != more || out.Counts["skipped"] != 5 || out.Counts["restored"] != 1 {
			t.Errorf("at most %d: %+v", most, out)
		}
		if len(out.Skipped) > 0 && out.Skipped[0] != (Skipped{"d0", catalog.WhyPruned}) {
			t.Errorf("the first is %+v", out.Skipped[0])
		}
	}
}

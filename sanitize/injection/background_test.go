package injection

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestBackground holds the running selection to sorting all logits.
func TestBackground(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		logits := rapid.SliceOfN(rapid.Float64Range(-20, 10), 0, 30).Draw(t, "logits")
		var b Background
		for _, z := range logits {
			b.Add(z)
		}
		want := 0.0
		if slices.Sort(logits); len(logits) >= backgroundRank {
			want = min(backgroundMost, max(0, backgroundShare*(logits[len(logits)-backgroundRank]-backgroundFloor)))
		}
		if got := b.Lift(); got != want {
			t.Fatalf("lift %v, want %v", got, want)
		}
	})
}

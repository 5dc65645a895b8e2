package redteam

import (
	"context"
	"os"
	"testing"
)

// TestCatalogue tries every technique a few times. The full run is
// `doorward redteam --gate`.
func TestCatalogue(t *testing.T) {
	r, err := Run(context.Background(), Config{Mutations: 4})
	if err != nil {
		t.Fatal(err)
	}
	if testing.Verbose() {
		if err := r.Write(os.Stdout); err != nil {
			t.Fatal(err)
		}
	}
	seen := map[int]int{}
	d := 0
	for _, i := range r.Items {
		seen[i.ID]++
		if i.Class == "D" {
			d++
		}
	}
	for id := 1; id <= 120; id++ {
		if seen[id] != 1 {
			t.Errorf("technique %d stands %d times in the catalogue", id, seen[id])
		}
	}
	if err := r.Gate(); err != nil {
		t.Error(err)
	}
}

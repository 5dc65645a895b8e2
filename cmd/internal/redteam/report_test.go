package redteam

import (
	"errors"
	"testing"
)

func TestGate(t *testing.T) {
	good := Item{ID: 1, Class: "D", Tried: 50, Flagged: 50}
	for name, c := range map[string]struct {
		report Report
		fails  bool
	}{
		"all held":        {Report{Items: []Item{good}, Benign: 300}, false},
		"one D miss":      {Report{Items: []Item{good, {ID: 2, Class: "D", Tried: 50, Flagged: 49, Missed: []int{7}}}}, true},
		"H misses":        {Report{Items: []Item{good, {ID: 3, Class: "H", Tried: 50, Missed: []int{1, 2, 3}}}}, false},
		"elsewhere":       {Report{Items: []Item{good, {ID: 118, Class: "D"}}}, false},
		"benign flagged":  {Report{Items: []Item{good}, Benign: 300, BenignFlagged: []string{"a", "b"}}, true},
		"benign in bound": {Report{Items: []Item{good}, Benign: 300, BenignFlagged: []string{"a"}}, false},
	} {
		if err := c.report.Gate(); errors.Is(err, ErrGate) != c.fails {
			t.Errorf("%s: %v", name, err)
		}
	}
}

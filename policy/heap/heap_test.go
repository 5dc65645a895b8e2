package heap

import (
	"runtime"
	"runtime/debug"
	"testing"
	"time"
)

func TestPercentFor(t *testing.T) {
	for _, c := range []struct {
		floor, alive uint64
		want         int
	}{
		{192, 0, 4700}, {192, 1, 4700}, {192, 48, 300}, {192, 64, 200}, {192, 95, 100}, {192, 96, 100}, {192, 500, 100},
	} {
		if got := percentFor(c.floor<<20, c.alive<<20); got != c.want {
			t.Errorf("%d of %d: %d %%, want %d", c.alive, c.floor, got, c.want)
		}
	}
}

var kept [][]byte

// TestPace follows what is alive: the heap may grow to the floor, and to twice what
// is alive where that is more; while it is tight, a quarter more.
func TestPace(t *testing.T) {
	t.Setenv("GOGC", "")
	t.Setenv("GOMEMLIMIT", "")
	defer debug.SetGCPercent(debug.SetGCPercent(100))
	defer func() { kept = nil }()
	var p Pace
	p.Floor(64 << 20)
	within := func(least, most int, when string) {
		t.Helper()
		got := 0
		for range 100 { // a mark made while a collection ran outlives it
			runtime.GC()
			time.Sleep(5 * time.Millisecond)
			if got = int(read("/gc/heap/goal:bytes")) >> 20; got >= least && got <= most {
				return
			}
		}
		t.Errorf("goal of %d MiB %s, not %d to %d", got, when, least, most)
	}
	within(55, 70, "with a floor of 64")
	for range 50 {
		kept = append(kept, make([]byte, 1<<20))
	}
	within(95, 115, "with 50 alive")
	loosen := p.Tighten()
	within(60, 75, "with 50 alive, tight")
	loosen()
	kept = nil
	within(55, 70, "afterwards")
	p.mu.Lock()
	defer p.mu.Unlock()
	p.floor, p.percent = 0, 0 // no longer
}

func TestWhoSetsThePaceKeepsIt(t *testing.T) {
	t.Setenv("GOGC", "50")
	var p Pace
	if p.Floor(64 << 20); p.floor != 0 || p.percent != 0 {
		t.Errorf("%+v", p.percent)
	}
}

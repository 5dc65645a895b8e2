// Package heap paces the garbage collector. Its usual pace lets the heap grow to
// twice what is alive, whatever that is: a service whose memos and day's counts are
// filling collects often while it is small, and takes two bytes for each they keep
// until they are full. With a floor it takes the same memory from the first minute
// on, and collects less.
package heap

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
)

// tight is how much may be allocated until the collector runs, in hundredths of what is
// alive, where garbage is to be little: half as much again of its processor time.
const tight = 25

// least is how much counts as alive at least: at 100, the runtime takes no less than
// that for a heap, and so many times more at more.
const least = 4 << 20

// usual is what the process began with: 100, or GOGC.
var usual = int(read("/gc/gogc:percent"))

// Pace is the pace of a process's collector. The zero value leaves it as it is; a
// process should have one.
type Pace struct {
	mu      sync.Mutex
	floor   uint64
	tight   int // how many hold it tight
	percent int // as last set; 0: never
}

// Process is the pace of this process.
var Process Pace

// Floor lets the heap grow to that many bytes at least before it is collected. Who
// sets GOGC or GOMEMLIMIT has said what the pace is: nothing changes then.
func (p *Pace) Floor(bytes uint64) {
	if os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	p.mu.Lock()
	begun := p.floor > 0
	p.floor = bytes
	p.mu.Unlock()
	p.set()
	if !begun {
		p.follow()
	}
}

// follow sets the pace anew after each collection, which is when what was not
// reachable is cleaned up, while there is a floor.
func (p *Pace) follow() {
	runtime.AddCleanup(new(mark), func(p *Pace) {
		p.mu.Lock()
		ended := p.floor == 0
		p.mu.Unlock()
		if !ended {
			p.set()
			p.follow()
		}
	}, p)
}

// mark is garbage at once. It holds a pointer, so that it is not put into one block
// with others that live on.
type mark struct{ _ *mark }

// Tighten makes the collector run sooner, for work whose garbage would be large,
// until loosen is called. What is garbage then goes back to the system, before the
// first and after the last such work.
func (p *Pace) Tighten() (loosen func()) {
	p.hold(1)
	return sync.OnceFunc(func() { p.hold(-1) })
}

func (p *Pace) hold(change int) {
	p.mu.Lock()
	was := p.tight
	p.tight += change
	turned := (was == 0) != (p.tight == 0)
	p.mu.Unlock()
	p.set()
	if turned {
		debug.FreeOSMemory()
	}
}

// set gives the collector the percentage for what is alive now.
func (p *Pace) set() {
	p.mu.Lock()
	defer p.mu.Unlock()
	percent := usual
	switch {
	case p.tight > 0:
		percent = tight
	case p.floor > 0:
		percent = percentFor(p.floor, alive())
	}
	if percent != p.percent {
		debug.SetGCPercent(percent)
		p.percent = percent
	}
}

// percentFor lets what is alive grow to the floor, and to twice itself at least. Steps of
// five in a hundred keep it from being set anew after each collection.
func percentFor(floor, alive uint64) int {
	percent := int(floor*100/max(alive, least)) - 100
	return max(usual, percent-percent%5)
}

// alive is how many bytes the last collection found in use, with what counts as
// such when the next one is planned.
func alive() uint64 {
	return read("/gc/heap/live:bytes") + read("/gc/scan/stack:bytes") + read("/gc/scan/globals:bytes")
}

// read is a figure of the runtime.
func read(name string) uint64 {
	of := []metrics.Sample{{Name: name}}
	if metrics.Read(of); of[0].Value.Kind() != metrics.KindUint64 {
		return 0 // no runtime of ours lacks it
	}
	return of[0].Value.Uint64()
}

package test

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// seen is one look at the service.
type seen struct {
	at                         time.Duration // since the soak began
	rss, live, goroutines, fds float64       // bytes; bytes the last collection found in use; counts
	cpu                        float64       // seconds, so far
}

// most is what may be seen of a service that does not grow (P15).
const (
	mostRSS        = 1 << 20 // bytes an hour
	mostGoroutines = 10      // more than at the beginning
	mostFiles      = 5
)

// watch looks at the service every few seconds and says at intervals what it
// saw. What it saw is sent once the context has ended.
func (s *soak) watch(ctx context.Context, length time.Duration) <-chan []seen {
	out := make(chan []seen, 1)
	every := max(time.Second, min(5*time.Second, length/400))
	lines := max(length/48, time.Second)
	started := time.Now()
	fmt.Printf("%8s %8s %8s %6s %6s %6s | %9s %9s %9s %9s | %8s %6s %6s %8s %8s %6s\n", "time", "rss MiB", "live MiB", "gorout", "files", "cpu", "catalog", "index", "wal", "audit MiB", "requests", "errors", "shed", "p50 ms", "p99 ms", "behind")
	go func() {
		var list []seen
		defer func() { out <- list }()
		tick := time.NewTicker(every)
		defer tick.Stop()
		said := time.Duration(0)
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			m, err := gauges(ctx, s.operator)
			if err != nil {
				if ctx.Err() == nil {
					s.mu.Lock()
					s.err("reading metrics", err)
					s.mu.Unlock()
				}
				continue
			}
			x := seen{time.Since(started), m["process_resident_memory_bytes"], m["go_gc_heap_live_bytes"], m["go_goroutines"], m["process_open_fds"], m["process_cpu_seconds_total"]}
			list = append(list, x)
			if x.at-said >= lines {
				s.line(x, x.cpu/x.at.Seconds())
				said = x.at
			}
		}
	}()
	return out
}

const mib = 1 << 20

// line is one line of the table: now, and times since the line before.
func (s *soak) line(x seen, cpu float64) {
	data := filepath.Join(s.dir, "data")
	took := s.asked.take()
	fmt.Printf("%8s %8.1f %8.1f %6.0f %6.0f %6.2f | %9.1f %9.1f %9.1f %9.1f | %8d %6d %6d %8.1f %8.1f %6d\n", x.at.Round(time.Second), x.rss/mib, x.live/mib, x.goroutines, x.fds, cpu,
		float64(size(data, "catalog.db"))/mib, float64(size(data, "index"))/mib, float64(size(data, "-wal"))/mib, float64(size(data, "audit"))/mib, s.done.Load(), s.errs.Load(), s.shed.Load(), at(took, .5), at(took, .99), s.behind.Load())
}

// report ends the soak with what was done and the verdict. Growth is judged over
// what follows the first quarter, and only where it lasted long enough to tell.
func (s *soak) report(length time.Duration, rate float64, list []seen) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Printf("\n%d requests in %v (%.0f a second asked for): %v; replaced: %v\n", s.done.Load(), length, rate, s.kinds, s.reload)
	if path := os.Getenv("DOORWARD_SOAK_SAMPLES"); path != "" {
		s.save(path, list)
	}
	for what, n := range s.wrong {
		fmt.Printf("  %6d × %s\n", n, what)
	}
	verdict(s.t.Errorf, "errors", float64(s.errs.Load()), 0, "")
	for kind, least := range map[string]int{"policy": 1, "keys": 1, "certificate": 1} {
		if s.reload[kind] < least {
			s.t.Errorf("%s was never replaced", kind)
		}
	}
	if len(list) < 40 || length < 20*time.Minute {
		fmt.Println("too short to judge growth")
		return
	}
	warm := list[len(list)/4:]
	quarter := len(warm) / 3
	first, last := warm[:quarter], warm[len(warm)-quarter:]
	slope, spread := growth(warm, func(x seen) float64 { return x.rss })
	verdict(s.t.Errorf, "resident memory grows by", slope/mib, float64(mostRSS)/mib, fmt.Sprintf("MiB an hour (± %.2f)", spread/mib))
	slope, spread = growth(warm, func(x seen) float64 { return x.live })
	fmt.Printf("%-34s %10.2f MiB an hour (± %.2f), not judged: memos and the day's counts fill\n", "what is alive grows by", slope/mib, spread/mib)
	verdict(s.t.Errorf, "goroutines grew by", mean(last, func(x seen) float64 { return x.goroutines })-mean(first, func(x seen) float64 { return x.goroutines }), mostGoroutines, "")
	verdict(s.t.Errorf, "open files grew by", mean(last, func(x seen) float64 { return x.fds })-mean(first, func(x seen) float64 { return x.fds }), mostFiles, "")
}

func (s *soak) save(path string, list []seen) {
	f, err := os.Create(path)
	if err != nil {
		s.t.Error(err)
		return
	}
	defer f.Close()
	for _, x := range list {
		fmt.Fprintf(f, "%.0f\t%.0f\t%.0f\t%.0f\t%.0f\n", x.at.Seconds(), x.rss, x.live, x.goroutines, x.fds)
	}
}

// verdict prints a figure beside its bound, and complains when it is over.
func verdict(complain func(string, ...any), what string, got, most float64, unit string) {
	word := "met"
	if got > most {
		word = "MISSED"
		complain("%s %.2f %s, at most %.2f", what, got, unit, most)
	}
	fmt.Printf("%-34s %10.2f %s; at most %.2f: %s\n", what, got, unit, most, word)
}

func mean(list []seen, of func(seen) float64) float64 {
	var sum float64
	for _, x := range list {
		sum += of(x)
	}
	return sum / float64(len(list))
}

// growth is the slope an hour of a straight line through what was seen, by least
// squares, and the slope's standard error as if the looks were independent.
func growth(list []seen, of func(seen) float64) (slope, spread float64) {
	mx, my := mean(list, func(x seen) float64 { return x.at.Hours() }), mean(list, of)
	var xx, xy float64
	for _, p := range list {
		dx := p.at.Hours() - mx
		xx += dx * dx
		xy += dx * (of(p) - my)
	}
	slope = xy / xx
	var rest float64
	for _, p := range list {
		d := of(p) - my - slope*(p.at.Hours()-mx)
		rest += d * d
	}
	return slope, math.Sqrt(rest / float64(len(list)-2) / xx)
}

func TestGrowthIsTheSlopeAnHour(t *testing.T) {
	var list []seen
	for i := range 1440 { // two hours, with noise of ±4 MiB
		noise := float64(i*7919%100-50) / 50 * 4 * mib
		list = append(list, seen{at: time.Duration(i) * 5 * time.Second, rss: 150*mib + float64(i)/720*3*mib + noise})
	}
	if slope, spread := growth(list, func(x seen) float64 { return x.rss }); math.Abs(slope-3*mib) > 3*spread || spread > mib/4 {
		t.Errorf("slope %.2f ± %.2f MiB an hour", slope/mib, spread/mib)
	}
}

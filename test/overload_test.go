package test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// TestOverload asks for more than a service can answer (P8): first alone, then
// as fast as it answers, then at twice that rate whether or not it answers, which
// is what many callers do. It prints how much was answered, how fast, and how the
// rest was refused. DOORWARD_OVERLOAD is how long (`make overload`: ten minutes).
//
// Beside it stands what this machine gives at best: the same, asked of a bare
// handler behind the same admission, which uses as much processor time for each
// request and does nothing else.
func TestOverload(t *testing.T) {
	length := lengthOf(t, "DOORWARD_OVERLOAD", 2*time.Second) // the first is not judged, see burst
	overloads(t, length, func(start func()) { start() })
}

// overloads does it with a service that start starts within starting.
func overloads(t *testing.T, length time.Duration, starting func(start func())) {
	documents := 2000
	if length < 10*time.Second {
		documents = 100
	}
	dir, operator := t.TempDir(), freeAddress(t)
	config := strings.Replace(serviceConfig, "limits: {concurrent: 64, queue: 64, wait: 5s}\n", "", 1)
	write(t, filepath.Join(dir, "doorward.yaml"), []byte(strings.Replace(config, "OPERATOR", operator, 1)))
	write(t, filepath.Join(dir, "documents.jsonl"), kilobytes(documents))
	must(t, dir, "keys", "init")
	must(t, dir, "ingest")
	b := register(t, dir, "chat", "--operator")
	b.client = &http.Client{Timeout: time.Minute}
	call := &caller{backend: b}
	var stop func()
	starting(func() { b.url, stop = serve(t, dir) })
	answer := call.twenty(t)
	turn := min(length/2, 20*time.Second)
	call.rate(t, b.url, 8, turn/2, "", &rate{}) // warm
	real := call.overloading(t, b.url, operator, turn, length)
	real.print()
	stop()
	cpu := time.Duration(real.one.cpu / float64(real.one.done) * float64(time.Second))
	var url string
	starting(func() { url = anchor(t, cpu, answer) })
	call.rate(t, url, 8, turn/2, "", &rate{}) // warm
	bare := call.overloading(t, url, "", min(turn, 5*time.Second), min(length, 30*time.Second))
	fmt.Printf("\nanchor: a bare handler behind the same admission that takes %.1f ms of processor time\n", cpu.Seconds()*1000)
	bare.print()
	verdict(t.Errorf, "refused without Retry-After", float64(real.over.bare.Load()+real.over.other.Load()), 0, "")
	fmt.Printf("%-34s %10.2f ×\n", "answers' p99 ratio / the anchor's", real.ratio(.99)/bare.ratio(.99))
}

// overloading is what one caller, two, eight, and a crowd get. Two find no queue on
// two processors: what they wait longer than one is the machine's, not admission's.
type overloading struct {
	one, two, peak rate
	over           *overloaded
	due, sent      []time.Duration
	length         time.Duration
}

func (c *caller) overloading(t *testing.T, url, operator string, turn, length time.Duration) *overloading {
	t.Helper()
	o := &overloading{length: length}
	c.rate(t, url, 1, turn, operator, &o.one)
	c.rate(t, url, 2, turn, "", &o.two)
	c.rate(t, url, 8, turn, "", &o.peak)
	if operator != "" {
		profiled := c.profile(t, operator)
		defer profiled.Wait()
		operator = "http://" + operator
	}
	o.over = c.overload(t, url, 2*o.peak.perSecond(), length, operator)
	o.due, o.sent = o.over.took.take(), o.over.sent.take()
	for _, r := range []*rate{&o.one, &o.two, &o.peak} {
		r.took = sorted(r.took)
	}
	return o
}

// ratio is how much longer the crowd's answers took than one caller's.
func (o *overloading) ratio(q float64) float64 { return at(o.due, q) / at(o.one.took, q) }

// goodput is how much of what eight callers get the crowd got, once it was known
// for a crowd.
func (o *overloading) goodput() float64 {
	return float64(len(o.due)) / (o.length - burst).Seconds() / o.peak.perSecond()
}

func (o *overloading) print() {
	line := func(what string, perSecond float64, took []time.Duration, more string) {
		fmt.Printf("%-34s %8.0f /s  p50 %8.1f ms  p99 %8.1f ms%s\n", what, perSecond, at(took, .5), at(took, .99), more)
	}
	x := o.over
	line("one caller", o.one.perSecond(), o.one.took, "")
	line("two callers", o.two.perSecond(), o.two.took, fmt.Sprintf(", p99 %.2f × one caller's", at(o.two.took, .99)/at(o.one.took, .99)))
	line("eight callers", o.peak.perSecond(), o.peak.took, fmt.Sprintf(", %d refused", o.peak.shed))
	judged := (o.length - burst).Seconds()
	line("asked for", x.asked, o.due, fmt.Sprintf(" from when they were due, for %v", o.length))
	line("", float64(len(o.sent))/judged, o.sent, " from when they were sent")
	first := x.first.take()
	line("in the first second, not judged", float64(len(first))/burst.Seconds(), first, "")
	fmt.Printf("answered %d, refused %d with Retry-After, %d without, other answers %d, not sent %d; the generator took %.0f %% of a core, the service %.0f %%\n",
		x.good.Load(), x.shed.Load(), x.bare.Load(), x.other.Load(), x.unsent.Load(), 100*x.generator/o.length.Seconds(), 100*x.service/o.length.Seconds())
	atLeast("answered, of what eight callers get", o.goodput(), .8)
	verdict(func(string, ...any) {}, "answers' p99 / one caller's p99", o.ratio(.99), 2, "×")
	fmt.Printf("%-34s %10.2f ×\n", "answers' p50 / one caller's p50", o.ratio(.5))
	if len(x.seen) > 40 {
		slope, spread := growth(x.seen[len(x.seen)/4:], func(s seen) float64 { return s.rss })
		fmt.Printf("%-34s %10.2f MiB in its time (± %.2f)\n", "resident memory grows by", slope*o.length.Hours()/mib, spread*o.length.Hours()/mib)
	}
}

func sorted(list []time.Duration) []time.Duration {
	t := times{took: list}
	return t.take()
}

func atLeast(what string, got, least float64) {
	word := "met"
	if got < least {
		word = "MISSED"
	}
	fmt.Printf("%-34s %10.2f ; at least %.2f: %s\n", what, got, least, word)
}

// overloaded is what came of asking for too much.
type overloaded struct {
	asked                           float64 // requests a second
	took, sent, first               times   // of answers, from when they were due and sent; and of the first second's
	good, shed, bare, other, unsent atomic.Int64
	generator, service              float64 // seconds of processor time
	seen                            []seen
}

// overload sends requests when they are due, whatever became of those before, over
// as many connections as may be needed. No more than mostUnder are under way: a
// generator has limits too, and says so. It shares the machine with what it loads,
// so the first 30 seconds' requests are written before, and answers are not looked
// into.
func (c *caller) overload(t *testing.T, url string, perSecond float64, length time.Duration, operator string) *overloaded {
	t.Helper()
	const mostUnder = 256
	o := &overloaded{asked: perSecond}
	ctx, cancel := context.WithTimeout(context.Background(), length)
	defer cancel()
	ready := c.writtenAhead(t, ctx, url, int(perSecond*min(length, 30*time.Second).Seconds())+1)
	var group sync.WaitGroup
	if operator != "" {
		group.Go(func() { o.watch(ctx, operator, length) })
	}
	lines := make(chan *line, mostUnder)
	for range mostUnder {
		lines <- nil // connected when it is needed
	}
	own, service := ownProcessor(), c.processor(t, strings.TrimPrefix(operator, "http://"))
	began := time.Now()
	for n := 0; ; n++ {
		due := began.Add(time.Duration(float64(n) / perSecond * float64(time.Second)))
		select {
		case <-ctx.Done():
			group.Wait()
			o.generator, o.service = ownProcessor()-own, c.processor(t, strings.TrimPrefix(operator, "http://"))-service
			for range mostUnder {
				if l := <-lines; l != nil {
					l.Close()
				}
			}
			return o
		case <-time.After(time.Until(due)):
		}
		var l *line
		select {
		case l = <-lines:
		default:
			o.unsent.Add(1)
			continue
		}
		request, took := <-ready, &o.took
		if due.Sub(began) < burst {
			took = &o.first
		}
		group.Go(func() { lines <- o.one(l, url, request, due, took) })
	}
}

// ownProcessor is this process's processor time so far, in seconds.
func ownProcessor() float64 {
	var used syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &used) != nil {
		return 0
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano()).Seconds()
}

// writtenAhead signs and writes n requests before it returns, and a new one for
// each that is taken; an assertion holds for five minutes at most.
func (c *caller) writtenAhead(t *testing.T, ctx context.Context, url string, n int) <-chan []byte {
	r := rand.New(rand.NewPCG(9, 9))
	ready := make(chan []byte, n)
	for range n {
		ready <- c.written(t, url, r)
	}
	go func() {
		for ctx.Err() == nil {
			select {
			case ready <- c.written(t, url, r):
			case <-ctx.Done():
			}
		}
	}()
	return ready
}

// burst is what may wait, as bursts may, before it shows that it is a surplus: ten
// minutes do not notice, the few seconds of a short run would measure it alone.
const burst = time.Second

// one sends a request over a connection, or a new one, and returns it for the next;
// nil when it ended.
func (o *overloaded) one(l *line, url string, request []byte, due time.Time, took *times) *line {
	sent := time.Now()
	var err error
	if l == nil {
		if l, err = dialLine(url); err != nil {
			o.other.Add(1)
			return nil
		}
	}
	a, err := l.ask(request)
	switch {
	case err != nil:
		o.other.Add(1)
		l.Close()
		return nil
	case a.status == http.StatusOK:
		o.good.Add(1)
		took.add(time.Since(due))
		if took == &o.took {
			o.sent.add(time.Since(sent))
		}
	case a.status != http.StatusServiceUnavailable && a.status != http.StatusTooManyRequests:
		o.other.Add(1)
	case a.retry:
		o.shed.Add(1)
	default:
		o.bare.Add(1)
	}
	return l
}

// watch follows the service's memory.
func (o *overloaded) watch(ctx context.Context, operator string, length time.Duration) {
	began := time.Now()
	tick := time.NewTicker(max(200*time.Millisecond, length/200))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if m, err := gauges(ctx, operator); err == nil {
			o.seen = append(o.seen, seen{at: time.Since(began), rss: m["process_resident_memory_bytes"]})
		}
	}
}

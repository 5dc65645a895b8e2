package test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/doorward/doorward/policy"
)

// TestOverload asks for more than a service can answer (P8): first alone, then
// as fast as it answers, then at twice that rate whether or not it answers, which
// is what many callers do. It prints how much was answered, how fast, and how the
// rest was refused. DOORWARD_OVERLOAD is how long (`make overload`: ten minutes).
func TestOverload(t *testing.T) {
	length := lengthOf(t, "DOORWARD_OVERLOAD", time.Second)
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
	b := register(t, dir, "chat")
	b.client = &http.Client{Timeout: time.Minute, Transport: &http.Transport{MaxIdleConnsPerHost: 512}}
	call := &caller{backend: b}
	b.url, _ = serve(t, dir)
	turn := min(length/2, 20*time.Second)
	call.rate(t, b.url, 8, turn/2, "", &rate{}) // warm
	var alone, peak rate
	call.rate(t, b.url, 1, turn, "", &alone)
	call.rate(t, b.url, 8, turn, "", &peak)
	o := call.overload(t, b.url, 2*peak.perSecond(), length, "http://"+operator)

	line := func(what string, perSecond float64, took []time.Duration, more string) {
		fmt.Printf("%-34s %8.0f /s  p50 %8.1f ms  p99 %8.1f ms%s\n", what, perSecond, at(took, .5), at(took, .99), more)
	}
	one, sent := sorted(alone.took), o.sent.take()
	line("one caller", alone.perSecond(), one, "")
	line("eight callers", peak.perSecond(), sorted(peak.took), fmt.Sprintf(", %d refused", peak.shed))
	due := o.took.take()
	line("asked for", o.asked, due, fmt.Sprintf(" from when they were due, for %v", length))
	line("", float64(len(sent))/length.Seconds(), sent, " from when they were sent")
	fmt.Printf("answered %d, refused %d with Retry-After, %d without, other answers %d, not sent %d; the generator took %.0f %% of a core, the service %.0f %%\n",
		o.good.Load(), o.shed.Load(), o.bare.Load(), o.other.Load(), o.unsent.Load(), 100*o.generator/length.Seconds(), 100*o.service/length.Seconds())
	never := func(string, ...any) {}
	goodput := float64(o.good.Load()) / length.Seconds()
	atLeast("answered, of what eight callers get", goodput/peak.perSecond(), .8)
	verdict(never, "answers' p99 / one caller's p99", at(due, .99)/at(one, .99), 2, "×")
	verdict(never, "the same from when they were sent", at(sent, .99)/at(one, .99), 2, "×")
	fmt.Printf("%-34s %10.2f ×\n", "answers' p50 / one caller's p50", at(due, .5)/at(one, .5))
	verdict(t.Errorf, "refused without Retry-After", float64(o.bare.Load()+o.other.Load()), 0, "")
	if len(o.seen) > 40 {
		slope, spread := growth(o.seen[len(o.seen)/4:], func(x seen) float64 { return x.rss })
		fmt.Printf("%-34s %10.2f MiB in its time (± %.2f)\n", "resident memory grows by", slope*length.Hours()/mib, spread*length.Hours()/mib)
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
	took, sent                      times   // of answers, from when they were due and sent
	good, shed, bare, other, unsent atomic.Int64
	generator, service              float64 // seconds of processor time
	seen                            []seen
}

// overload sends requests when they are due, whatever became of those before. No
// more than mostUnder are under way: a generator has limits too, and says so. It
// shares the machine with the service, so the first 30 seconds' requests are signed
// before, and answers are not looked into.
func (c *caller) overload(t *testing.T, url string, perSecond float64, length time.Duration, operator string) *overloaded {
	t.Helper()
	const mostUnder = 400
	o := &overloaded{asked: perSecond}
	ctx, cancel := context.WithTimeout(context.Background(), length)
	defer cancel()
	ready := c.signedAhead(t, ctx, url, int(perSecond*min(length, 30*time.Second).Seconds())+1)
	var group sync.WaitGroup
	group.Go(func() { o.watch(ctx, operator, length) })
	places := make(chan bool, mostUnder)
	own, service := ownProcessor(), c.processor(t, strings.TrimPrefix(operator, "http://"))
	began := time.Now()
	for n := 0; ; n++ {
		due := began.Add(time.Duration(float64(n) / perSecond * float64(time.Second)))
		select {
		case <-ctx.Done():
			group.Wait()
			o.generator, o.service = ownProcessor()-own, c.processor(t, strings.TrimPrefix(operator, "http://"))-service
			return o
		case <-time.After(time.Until(due)):
		}
		select {
		case places <- true:
		default:
			o.unsent.Add(1)
			continue
		}
		req := <-ready
		group.Go(func() {
			defer func() { <-places }()
			o.one(c, req, due)
		})
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

// signedAhead signs n requests before it returns, and a new one for each that is
// taken; an assertion holds for five minutes at most.
func (c *caller) signedAhead(t *testing.T, ctx context.Context, url string, n int) <-chan *http.Request {
	r := rand.New(rand.NewPCG(9, 9))
	sign := func() *http.Request {
		body, _ := json.Marshal(twentyOf(r))
		req, err := c.signed(context.Background(), policy.Subject{ID: fmt.Sprintf("user%03d", r.IntN(200)), Groups: []string{"staff"}}, "POST", url+"/v1/retrieve", bytes.NewReader(body))
		if err != nil {
			t.Error(err)
		}
		return req
	}
	ready := make(chan *http.Request, n)
	for range n {
		ready <- sign()
	}
	go func() {
		for ctx.Err() == nil {
			select {
			case ready <- sign():
			case <-ctx.Done():
			}
		}
	}()
	return ready
}

func (o *overloaded) one(c *caller, req *http.Request, due time.Time) {
	sent := time.Now()
	resp, err := c.client.Do(req)
	if err != nil {
		o.other.Add(1)
		return
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	switch resp.StatusCode {
	case http.StatusOK:
		o.good.Add(1)
		o.took.add(time.Since(due))
		o.sent.add(time.Since(sent))
	case http.StatusServiceUnavailable, http.StatusTooManyRequests:
		if resp.Header.Get("Retry-After") == "" {
			o.bare.Add(1)
			return
		}
		o.shed.Add(1)
	default:
		o.other.Add(1)
	}
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

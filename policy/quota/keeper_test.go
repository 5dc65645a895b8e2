package quota_test

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/doorward/doorward/policy"
	"github.com/doorward/doorward/policy/quota"
	"github.com/doorward/doorward/policy/quota/memory"
)

var start = time.Unix(1_800_000_000, 0).UTC().Truncate(24 * time.Hour).Add(9 * time.Hour)

type fixture struct {
	*testing.T
	*quota.Keeper
	sketch quota.Sketcher
	now    time.Time
	authn  policy.Authn
	next   int
}

func keep(t *testing.T, c quota.Config) *fixture {
	t.Helper()
	if c.Store == nil {
		c.Store = &memory.Store{}
	}
	k, err := quota.New(c)
	if err != nil {
		t.Fatal(err)
	}
	key := sha256.Sum256([]byte("key"))
	s, err := quota.NewSketcher(key[:])
	if err != nil {
		t.Fatal(err)
	}
	return &fixture{T: t, Keeper: k, sketch: s, now: start}
}

func (f *fixture) enter(user, question string) (*quota.Pass, error) {
	return f.Enter(context.Background(), quota.Ask{Caller: quota.Caller{Tenant: "acme", Backend: "chat", User: user}, Now: f.now, Authn: f.authn, Question: f.sketch.Text(question)})
}

// take asks and reads the chunks, or says why not.
func (f *fixture) take(user string, chunks ...uint64) (string, *quota.Pass) {
	f.Helper()
	p, err := f.enter(user, fmt.Sprintf("question number%d", len(chunks)))
	if err == nil {
		err = p.Spend(context.Background(), quota.Release{Chunks: chunks, Passages: len(chunks), Tokens: 100 * len(chunks)})
	}
	var r *quota.Refusal
	if errors.As(err, &r) {
		return r.Reason, p
	}
	if err != nil {
		f.Fatal(err)
	}
	return "", p
}

// fresh are chunks nobody had.
func (f *fixture) fresh(n int) []uint64 {
	out := make([]uint64, n)
	for i := range out {
		f.next++
		out[i] = uint64(f.next)
	}
	return out
}

func TestRequestsRefill(t *testing.T) {
	f := keep(t, quota.Config{User: quota.Limits{Requests: quota.Rate{PerMinute: 6, Burst: 2}}})
	for i, want := range []string{"", "", quota.Requests} {
		if got, _ := f.take("ann"); got != want {
			t.Errorf("request %d: %q", i, got)
		}
	}
	if got, _ := f.take("bob"); got != "" {
		t.Errorf("another user: %q", got)
	}
	f.now = f.now.Add(9 * time.Second)
	if got, _ := f.take("ann"); got != quota.Requests {
		t.Errorf("before the bucket refilled: %q", got)
	}
	f.now = f.now.Add(2 * time.Second)
	if got, _ := f.take("ann"); got != "" {
		t.Errorf("after it: %q", got)
	}
}

// Clocks that jump give nobody more, and nobody waits for a negative time.
func TestClocksThatJump(t *testing.T) {
	f := keep(t, quota.Config{User: quota.Limits{Requests: quota.Rate{PerMinute: 6, Burst: 2}, Coverage: 4}})
	f.take("ann", 1, 2)
	f.take("ann", 3, 4)
	for _, jump := range []time.Duration{-10 * time.Minute, 10 * time.Minute, -48 * time.Hour} {
		f.now = start.Add(jump)
		for range 10 {
			p, err := f.enter("ann", "q")
			var r *quota.Refusal
			if err == nil {
				err = p.Spend(context.Background(), quota.Release{Chunks: f.fresh(1)})
			}
			if errors.As(err, &r) && (r.After < 0 || r.Seconds() < 1 || r.After > 24*time.Hour) {
				t.Errorf("after a jump of %v: wait %v", jump, r.After)
			}
			if err == nil {
				t.Errorf("a jump of %v gave more coverage", jump)
			}
		}
	}
	f.now = start.Add(24 * time.Hour)
	if got, _ := f.take("ann", f.fresh(1)...); got != "" {
		t.Errorf("the next day: %q", got)
	}
}

func TestConcurrency(t *testing.T) {
	f := keep(t, quota.Config{User: quota.Limits{Concurrent: 2}, Backend: quota.Limits{Concurrent: 3}})
	a, _ := f.enter("ann", "q")
	if _, err := f.enter("ann", "q"); err != nil {
		t.Fatal(err)
	}
	if got, _ := f.take("ann"); got != quota.Concurrent {
		t.Errorf("third of one user: %q", got)
	}
	if _, err := f.enter("bob", "q"); err != nil {
		t.Fatal(err)
	}
	if got, _ := f.take("cid"); got != quota.Concurrent {
		t.Errorf("fourth of the backend: %q", got)
	}
	a.Leave(context.Background())
	a.Leave(context.Background())
	if got, _ := f.take("cid"); got != "" {
		t.Errorf("after one left: %q", got)
	}
	f.now = f.now.Add(3 * time.Minute) // places of a process that died
	for range 2 {
		if _, err := f.enter("ann", "q"); err != nil {
			t.Error(err)
		}
	}
}

func TestCoverageCountsDistinctChunks(t *testing.T) {
	f := keep(t, quota.Config{User: quota.Limits{Coverage: 10}})
	for range 50 {
		if got, _ := f.take("ann", 1, 2, 3, 4, 5); got != "" {
			t.Fatalf("reading the same again: %q", got)
		}
	}
	if got, _ := f.take("ann", 6, 7, 8, 9, 10); got != "" {
		t.Fatal(got)
	}
	got, p := f.take("ann", 1)
	if got != quota.Coverage || p.Alarm != quota.Coverage {
		t.Errorf("beyond the budget: %q, alarm %q", got, p.Alarm)
	}
	if _, p = f.take("ann", 1); p.Alarm != "" {
		t.Error("a second alarm on one day")
	}
}

// Patience does not add up: the budget is halved for each day it was used up.
func TestStrikes(t *testing.T) {
	f := keep(t, quota.Config{User: quota.Limits{Coverage: 64}})
	day := func() int {
		n := 0
		for {
			if got, _ := f.take("ann", f.fresh(1)...); got != "" {
				f.now = f.now.Add(24 * time.Hour)
				return n
			}
			n++
		}
	}
	for i, want := range []int{64, 32, 16, 8, 4, 4} {
		if n := day(); n != want {
			t.Errorf("day %d: %d chunks, want %d", i+1, n, want)
		}
	}
	f.now = f.now.Add(60 * 24 * time.Hour)
	if n := day(); n != 64 {
		t.Errorf("after two months: %d chunks", n)
	}
}

func TestPolicySetsLimits(t *testing.T) {
	f := keep(t, quota.Config{User: quota.Limits{Coverage: 2}})
	a := quota.Ask{Caller: quota.Caller{Tenant: "acme", Backend: "chat", User: "ann"}, Now: start, User: policy.Quota{Coverage: 5}}
	p, err := f.Enter(context.Background(), a)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Spend(context.Background(), quota.Release{Chunks: []uint64{1, 2, 3, 4, 5}}); err != nil {
		t.Error(err)
	}
	a.User = policy.Quota{Coverage: 1}
	if _, err := f.Enter(context.Background(), a); !errors.Is(err, quota.ErrExceeded) {
		t.Errorf("under a smaller limit: %v", err)
	}
}

// broken is a store that does not answer.
type broken struct{}

func (broken) Update(context.Context, []string, func([]*quota.State)) error {
	return errors.New("no route to the database")
}

func TestUnreachableStateDenies(t *testing.T) {
	f := keep(t, quota.Config{Store: broken{}})
	if _, err := f.enter("ann", "q"); !errors.Is(err, quota.ErrUnavailable) || errors.Is(err, quota.ErrExceeded) {
		t.Errorf("got %v", err)
	}
}

// sweep asks about something else every time.
func sweep(f *fixture, n int) (last string, alarms int, pass *quota.Pass) {
	for i := range n {
		p, err := f.enter("ann", fmt.Sprintf("entry%d alpha%d", i, i))
		if p != nil && p.Alarm != "" {
			alarms++
		}
		if err == nil {
			err = p.Spend(context.Background(), quota.Release{Chunks: f.fresh(4)})
		}
		pass = p
		var r *quota.Refusal
		if errors.As(err, &r) {
			last = r.Reason
		}
	}
	return last, alarms, pass
}

func TestSweepIsAnswered(t *testing.T) {
	all := quota.Patterns{Shrink: .75, At: .6, Alarm: true}
	t.Run("alarm, once", func(t *testing.T) {
		f := keep(t, quota.Config{Patterns: all})
		if _, n, _ := sweep(f, 40); n != 1 {
			t.Errorf("%d alarms", n)
		}
	})
	t.Run("slow", func(t *testing.T) {
		f := keep(t, quota.Config{Patterns: quota.Patterns{At: .6, Slow: true}})
		if _, _, p := sweep(f, 40); p.Delay != 2*time.Second {
			t.Errorf("delay %v", p.Delay)
		}
	})
	t.Run("deny", func(t *testing.T) {
		f := keep(t, quota.Config{Patterns: quota.Patterns{At: .6, Deny: true}})
		if why, _, _ := sweep(f, 40); why != quota.Pattern {
			t.Errorf("refused for %q", why)
		}
	})
	t.Run("smaller budget", func(t *testing.T) {
		f := keep(t, quota.Config{User: quota.Limits{Coverage: 100}, Patterns: all})
		why, _, _ := sweep(f, 20)
		if why != quota.Coverage {
			t.Errorf("80 chunks of a budget of 100 were given to a sweep: %q", why)
		}
	})
	t.Run("step up", func(t *testing.T) {
		f := keep(t, quota.Config{Patterns: quota.Patterns{At: .6, StepUp: &quota.StepUp{ACR: []string{"gold"}, MaxAge: time.Minute}}})
		sweep(f, 40)
		_, err := f.enter("ann", "more")
		var r *quota.Refusal
		if !errors.As(err, &r) || r.StepUp == nil || strings.Contains(err.Error(), "more") {
			t.Fatalf("got %v", err)
		}
		for name, tc := range map[string]struct {
			authn policy.Authn
			want  bool
		}{
			"stale": {policy.Authn{ACR: "gold", At: start.Add(-time.Hour)}, false}, "undated": {policy.Authn{ACR: "gold"}, false},
			"weak": {policy.Authn{ACR: "silver", AMR: []string{"mfa"}, At: start}, false}, "fresh": {policy.Authn{ACR: "gold", At: start}, true},
		} {
			f.authn = tc.authn
			if _, err := f.enter("ann", "more"); (err == nil) != tc.want {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

// A user who comes back to his topics is not suspected.
func TestOrdinaryUseIsLeftAlone(t *testing.T) {
	f := keep(t, quota.Config{User: quota.Limits{Coverage: 200}, Patterns: quota.Patterns{Shrink: .75, At: .6, Alarm: true, Deny: true}})
	for i := range 120 {
		topic := uint64(i / 12 * 1000)
		chunks := []uint64{topic, topic + 1, topic + uint64(i%12), topic + uint64(i%12) + 1}
		if why, p := f.take("ann", chunks...); why != "" || p.Alarm != "" {
			t.Fatalf("request %d: %q, alarm %q", i, why, p.Alarm)
		}
	}
}

// What is stored holds no word of what was asked or read.
func TestNoTextIsKept(t *testing.T) {
	store := &memory.Store{}
	f := keep(t, quota.Config{Store: store})
	words := "zanzibar quartz protocol for the annual marmalade review of penguins"
	p, err := f.enter("ann", words)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Spend(context.Background(), quota.Release{Chunks: []uint64{f.sketch.ID("chunk-7")}, Text: f.sketch.Text(words + " " + words)}); err != nil {
		t.Fatal(err)
	}
	err = store.Update(context.Background(), []string{"u:ann"}, func(l []*quota.State) {
		data, err := json.Marshal(l[0])
		if err != nil || len(data) < 50 {
			t.Fatalf("state %s, %v", data, err)
		}
		for _, w := range strings.Fields(words + " chunk-7") {
			if len(w) > 3 && strings.Contains(string(data), w) {
				t.Errorf("the state holds %q", w)
			}
		}
		var back quota.State
		if err := json.Unmarshal(data, &back); err != nil || len(back.Seen) != 1 || len(back.Runs) == 0 || len(back.Recent) != 1 {
			t.Errorf("read back %+v, %v", back, err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	other := sha256.Sum256([]byte("another tenant's key"))
	s, _ := quota.NewSketcher(other[:])
	if s.ID("chunk-7") == f.sketch.ID("chunk-7") {
		t.Error("sketches do not depend on the key")
	}
}

// TestWalkersHaveOneBudgetAWeek: who used up his budget by a sweep may read again
// what he had, and hardly anything new until the week is over, unless he signs in
// with the second factor where that is asked for.
func TestWalkersHaveOneBudgetAWeek(t *testing.T) {
	f := keep(t, quota.Config{User: quota.Limits{Coverage: 100}, Patterns: quota.Patterns{Shrink: .75, At: .6, StepUp: nil}})
	var had []uint64
	took := func() (n int) {
		for range 40 { // a sweep: nothing twice
			chunks := f.fresh(4)
			if why, _ := f.take("walker", chunks...); why != "" {
				continue
			}
			n, had = n+4, append(had, chunks...)
		}
		return n
	}
	first := took()
	if first < 25 || first > 100 {
		t.Fatalf("%d chunks on the first day", first)
	}
	more := 0
	for range 6 {
		f.now = f.now.Add(24 * time.Hour)
		more += took()
		if why, _ := f.take("walker", had[:4]...); why != "" {
			t.Errorf("what he had is refused: %q", why)
		}
	}
	if more > 8 {
		t.Errorf("%d chunks in the six days after %d on the first", more, first)
	}
	if why, _ := f.take("ann", f.fresh(50)...); why != "" {
		t.Errorf("another user: %q", why)
	}
	f.now = f.now.Add(24 * time.Hour)
	if why, _ := f.take("walker", f.fresh(4)...); why != "" {
		t.Errorf("after the week: %q", why)
	}
}

// TestStepUpLiftsTheWeek: the strong sign-in that dispels suspicion does.
func TestStepUpLiftsTheWeek(t *testing.T) {
	f := keep(t, quota.Config{User: quota.Limits{Coverage: 100}, Patterns: quota.Patterns{Shrink: .75, At: 1.1, StepUp: &quota.StepUp{}}})
	refused := func() (n int) {
		for range 40 {
			if why, _ := f.take("walker", f.fresh(4)...); why != "" {
				n++
			}
		}
		return n
	}
	if refused() == 0 {
		t.Fatal("a sweep was not refused")
	}
	f.now = f.now.Add(24 * time.Hour)
	if n := refused(); n < 39 {
		t.Errorf("the next day %d of 40 were refused", n)
	}
	f.authn = policy.Authn{AMR: []string{"mfa"}}
	if why, _ := f.take("walker", f.fresh(4)...); why != "" {
		t.Errorf("with the second factor: %q", why)
	}
}

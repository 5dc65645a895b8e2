package quota_test

import (
	"context"
	"testing"
	"time"

	"github.com/doorward/doorward/policy/quota"
)

// TestStandingAndLift walks until it is refused: the standing says so and changes
// nothing, however often it is read; lifted, the user begins anew, and nobody else
// does. Requests under way stay counted.
func TestStandingAndLift(t *testing.T) {
	f := keep(t, quota.Config{User: quota.Limits{Coverage: 400, Concurrent: 4}, Patterns: quota.Patterns{Shrink: .75, At: .6, Deny: true, Alarm: true}})
	ctx := context.Background()
	standing := func(user string) quota.Standing {
		t.Helper()
		s, err := f.Standing(ctx, quota.Caller{Tenant: "acme", User: user}, f.now)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	if s := standing("nobody"); s.Given != 0 || s.Coverage != 400 || s.Reason != "" || s.Responds {
		t.Errorf("a user never seen: %+v", s)
	}
	for _, user := range []string{"walker", "other"} {
		refused := ""
		for i := 0; i < 40 && refused == ""; i++ {
			refused, _ = f.take(user, f.fresh(3)...)
		}
		if refused != quota.Pattern {
			t.Fatalf("%s: refused for %q", user, refused)
		}
	}
	before := standing("walker")
	if before.Reason != quota.Pattern || before.Suspect != 100 || !before.Responds || before.Given == 0 || before.Coverage != 100 || before.Waits < 1 {
		t.Errorf("a walker: %+v", before)
	}
	if again := standing("walker"); again != before {
		t.Errorf("looking changed %+v to %+v", before, again)
	}
	if got, p := f.take("walker", f.fresh(1)...); got != quota.Pattern || p == nil || p.Alarm != "" {
		t.Errorf("after looking: %q, %+v", got, p)
	}
	for range 12 { // suspected from the next one on, which has yet to raise the alarm
		f.take("third", f.fresh(3)...)
	}
	if s := standing("third"); s.Reason != quota.Pattern {
		t.Errorf("about to be refused: %+v", s)
	}
	if _, p := f.take("third", f.fresh(1)...); p == nil || p.Alarm != quota.Pattern {
		t.Errorf("looking used up the alarm: %+v", p)
	}
	if err := f.Lift(ctx, quota.Caller{Tenant: "acme", User: "walker"}); err != nil {
		t.Fatal(err)
	}
	if s := standing("walker"); s.Given != 0 || s.Coverage != 400 || s.Reason != "" || s.Suspect != 0 {
		t.Errorf("lifted: %+v", s)
	}
	if got, _ := f.take("walker", f.fresh(1)...); got != "" {
		t.Errorf("lifted, and refused for %q", got)
	}
	if got, _ := f.take("other", f.fresh(1)...); got != quota.Pattern {
		t.Errorf("another user was lifted too: %q", got)
	}
	p, err := f.enter("walker", "a question under way")
	if err != nil {
		t.Fatal(err)
	}
	defer p.Leave(ctx)
	if err := f.Lift(ctx, quota.Caller{Tenant: "acme", User: "walker"}); err != nil {
		t.Fatal(err)
	}
	if s := standing("walker"); s.UnderWay != 1 {
		t.Errorf("requests under way were forgotten: %+v", s)
	}
}

// TestStandingOfAWeek: a budget used up by a walk shows with its end, and lifting
// ends it.
func TestStandingOfAWeek(t *testing.T) {
	f := keep(t, quota.Config{User: quota.Limits{Coverage: 40}, Patterns: quota.Patterns{Shrink: .75}})
	ctx := context.Background()
	walker := quota.Caller{Tenant: "acme", User: "walker"}
	for refused := ""; refused == ""; {
		refused, _ = f.take("walker", f.fresh(1)...)
	}
	f.now = f.now.Add(24 * time.Hour)
	s, err := f.Standing(ctx, walker, f.now)
	if err != nil || s.Strikes != 2 || !s.Until.After(f.now.Add(5*24*time.Hour)) || s.Coverage >= 40 {
		t.Errorf("%+v %v", s, err)
	}
	if err := f.Lift(ctx, walker); err != nil {
		t.Fatal(err)
	}
	if s, err = f.Standing(ctx, walker, f.now); err != nil || s.Strikes != 0 || !s.Until.IsZero() || s.Coverage != 40 {
		t.Errorf("lifted: %+v %v", s, err)
	}
}

func TestStandingOfStateAway(t *testing.T) {
	f := keep(t, quota.Config{Store: broken{}})
	if _, err := f.Standing(context.Background(), quota.Caller{}, f.now); err == nil {
		t.Error("a standing of nothing")
	}
	if f.Lift(context.Background(), quota.Caller{}) == nil {
		t.Error("lifted nothing")
	}
}

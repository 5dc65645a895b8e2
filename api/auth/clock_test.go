package auth

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// Whatever a clock does, no assertion is accepted later than its expiry and the
// skew, none before it was made, and none twice.
func TestClocks(t *testing.T) {
	f := newFixture(t)
	clock := now
	f.Now = func() time.Time { return clock }
	accepted := map[string]bool{}
	rapid.Check(t, func(r *rapid.T) {
		made := clock
		life := time.Duration(rapid.IntRange(1, 300).Draw(r, "life")) * time.Second
		s := alice()
		token := f.mint(t, f.creds.Assertion, s, made, life)
		for range rapid.IntRange(1, 4).Draw(r, "tries") {
			clock = made.Add(time.Duration(rapid.IntRange(-600, 600).Draw(r, "jump")) * time.Second)
			_, err := f.ask(f.creds.Key, token)
			early, late := clock.Before(made.Add(-f.Skew)), clock.After(made.Add(life+f.Skew))
			switch {
			case err == nil && (early || late):
				r.Fatalf("accepted %v from when it was made, life %v", clock.Sub(made), life)
			case err == nil && accepted[token]:
				r.Fatal("accepted twice")
			case err != nil && !early && !late && !accepted[token]:
				r.Fatalf("refused within its life: %v", err)
			}
			if err == nil {
				accepted[token] = true
			}
		}
		clock = now.Add(time.Duration(rapid.IntRange(-60, 60).Draw(r, "drift")) * time.Second)
	})
}

func TestSkewIsBounded(t *testing.T) {
	f := newFixture(t)
	for _, skew := range []time.Duration{MaxSkew + 1, -time.Second} {
		if _, err := New(Config{Audience: "doorward", Backends: f.Backends, Skew: skew}); err == nil {
			t.Errorf("a skew of %v was taken", skew)
		}
	}
}

// A clock set back does not make used assertions good again, however far.
func TestReplayAcrossClocksSetBack(t *testing.T) {
	for _, ahead := range []time.Duration{time.Minute, 10 * time.Minute, time.Hour, 48 * time.Hour} {
		m := &Memory{}
		first := func(id string, until, at time.Time) bool {
			ok, err := m.First(context.Background(), id, until, at)
			if err != nil {
				t.Fatal(err)
			}
			return ok
		}
		if !first("used", now.Add(time.Minute), now) {
			t.Fatal("the first use was refused")
		}
		for i := range 5 { // sweeps, with the clock ahead
			first(fmt.Sprint(i), now.Add(ahead+time.Minute), now.Add(ahead).Add(time.Duration(i)*2*time.Minute))
		}
		if first("used", now.Add(time.Minute), now) {
			t.Errorf("a clock that ran %v ahead made a replay good", ahead)
		}
	}
}

// full is a memory that cannot be asked.
type full struct{}

func (full) First(context.Context, string, time.Time, time.Time) (bool, error) {
	return true, errors.New("the database is away")
}

func TestMemoryOfAssertionsAwayDenies(t *testing.T) {
	f := newFixture(t)
	f.Replays = full{}
	if _, err := f.ask(f.creds.Key, f.mint(t, f.creds.Assertion, alice(), now, time.Minute)); !errors.Is(err, ErrIssuer) {
		t.Errorf("got %v", err)
	}
}

// While keys rotate, assertions signed with either are good; afterwards only the
// new one's.
func TestAssertionKeysRotate(t *testing.T) {
	f := newFixture(t)
	clock := now
	f.Now = func() time.Time { return clock }
	second, err := f.Backends.Rotate("chat", Rotation{Overlap: time.Hour, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []Credentials{f.creds, second} {
		if _, err := f.ask(second.Key, f.mint(t, key.Assertion, alice(), clock, time.Minute)); err != nil {
			t.Error(err)
		}
	}
	clock = now.Add(2 * time.Hour)
	if _, err := f.ask(second.Key, f.mint(t, f.creds.Assertion, alice(), clock, time.Minute)); err == nil {
		t.Error("the old assertion key signs on")
	}
	if _, err := f.ask(second.Key, f.mint(t, second.Assertion, alice(), clock, time.Minute)); err != nil {
		t.Error(err)
	}
}

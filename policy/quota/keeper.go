package quota

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// Config is what a Keeper needs.
type Config struct {
	Store    Store // required
	User     Limits
	Backend  Limits
	Patterns Patterns
	// SlowBy is the delay of a slowed answer; 0 means 2 s.
	SlowBy time.Duration
}

// Keeper counts and decides. It is safe for concurrent use.
type Keeper struct {
	Config
	mu    sync.Mutex
	usual map[string]*usual // tenants' profiles, as last read
}

type usual struct {
	profile profile
	read    time.Time
}

// New checks the configuration.
func New(c Config) (*Keeper, error) {
	if c.Store == nil {
		return nil, errors.New("making quotas: Store is missing")
	}
	if c.SlowBy == 0 {
		c.SlowBy = 2 * time.Second
	}
	return &Keeper{Config: c, usual: map[string]*usual{}}, nil
}

// Pass is a request that was let in. Its holder must Leave.
type Pass struct {
	// Alarm is the reason to raise one, "" for none; Signs counts what it was
	// judged by, in percent.
	Alarm string
	Signs map[string]int
	// Delay is how long the answer has to wait.
	Delay time.Duration

	keeper *Keeper
	ask    Ask
	limits Limits
	share  float64 // of the coverage budget
	proved bool    // who asks is beyond suspicion
	lease  uint64
	left   bool
}

func (a Ask) keys() []string {
	return []string{"b:" + a.Tenant + "/" + a.Backend, userKey(a.Caller.User)}
}

// Enter asks whether a request may be searched for, and counts it. The error is
// a [*Refusal], or wraps [ErrUnavailable].
func (k *Keeper) Enter(ctx context.Context, a Ask) (*Pass, error) {
	p := &Pass{keeper: k, ask: a, limits: k.User.Within(a.User), lease: rand.Uint64(), share: 1}
	usual := k.tenant(a)
	var refusal *Refusal
	tell := false
	err := k.Store.Update(ctx, a.keys(), func(s []*State) {
		backend, user := s[0], s[1]
		user.today(a.Now)
		if refusal = k.admit(p, backend, user, usual); refusal != nil {
			return
		}
		until := a.Now.Add(leaseLife).Unix()
		backend.Leases = append(backend.Leases, lease{p.lease, until})
		user.Leases = append(user.Leases, lease{p.lease, until})
		backend.Requests.Level--
		user.Requests.Level--
		tell = p.note(user)
	})
	if err != nil {
		return nil, unavailable(err)
	}
	if refusal != nil {
		return p, refusal
	}
	if tell {
		k.learn(ctx, a)
	}
	return p, nil
}

// admit decides about a request; what it returns was not counted.
func (k *Keeper) admit(p *Pass, backend, user *State, usual *profile) *Refusal {
	now := p.ask.Now
	for _, x := range []struct {
		whose string
		s     *State
		l     Limits
	}{{"backend", backend, k.Backend}, {"user", user, p.limits}} {
		x.s.Requests.refill(x.l.Requests, now)
		x.s.Passages.refill(x.l.Passages, now)
		x.s.Tokens.refill(x.l.Tokens, now)
		if n := x.s.under(now); x.l.Concurrent > 0 && n >= x.l.Concurrent {
			return &Refusal{Reason: Concurrent, Whose: x.whose, After: time.Second}
		}
		for _, b := range []struct {
			reason string
			bucket *bucket
			rate   Rate
		}{{Requests, &x.s.Requests, x.l.Requests}, {Passages, &x.s.Passages, x.l.Passages}, {Tokens, &x.s.Tokens, x.l.Tokens}} {
			if wait := b.bucket.wait(b.rate, 1); wait > 0 {
				return &Refusal{Reason: b.reason, Whose: x.whose, After: wait}
			}
		}
	}
	if r := k.judge(p, user, usual); r != nil {
		return r
	}
	return p.covered(user, 0)
}

// judge reads the pattern and settles what follows from it.
func (k *Keeper) judge(p *Pass, user *State, usual *profile) *Refusal {
	c := k.Patterns
	if c.StepUp != nil && c.StepUp.met(p.ask.Authn, p.ask.Now) {
		p.proved = true
		return nil
	}
	g := user.signs(usual)
	suspicion := g.suspicion()
	p.share = 1 - c.Shrink*max(suspicion, g.broad()*2/3)
	if c.At <= 0 || suspicion < c.At {
		return nil
	}
	if c.Alarm && user.Alarmed != user.Day {
		user.Alarmed, p.Alarm = user.Day, Pattern
		p.Signs = g.percent()
	}
	if c.Slow {
		p.Delay = k.SlowBy
	}
	switch {
	case c.StepUp != nil:
		return &Refusal{Reason: Pattern, Whose: "user", After: time.Second, StepUp: c.StepUp}
	case c.Deny:
		return &Refusal{Reason: Pattern, Whose: "user", After: midnight(p.ask.Now)}
	}
	return nil
}

func (g signs) percent() map[string]int {
	return map[string]int{"novelty_percent": int(100 * g.novelty), "breadth_percent": int(100 * g.breadth), "sweep_percent": int(100 * g.sweep), "quoting_percent": int(100 * g.quoting), "drift_percent": int(100 * g.drift)}
}

// covered reports that the day's budget has no room for so many new chunks, or
// for any at all.
func (p *Pass) covered(user *State, fresh int) *Refusal {
	if p.limits.Coverage <= 0 {
		return nil
	}
	budget, after := p.budget(user), midnight(p.ask.Now)
	if n := len(user.Seen); n < budget && n+fresh <= budget || fresh == 0 && user.held() {
		return nil
	}
	if user.held() && !p.proved {
		return &Refusal{Reason: Coverage, Whose: "user", After: after}
	}
	if !user.struck() {
		p.Alarm = Coverage
	}
	// Who walked or ranged over everything did not just have a long day.
	user.strike(budget, p.share < 1)
	return &Refusal{Reason: Coverage, Whose: "user", After: after}
}

// budget is how many distinct chunks the user may be given by now.
func (p *Pass) budget(user *State) int {
	budget := max(1, int(float64(user.budget(p.limits.Coverage))*p.share))
	if held := user.held(); held && p.proved {
		return p.limits.Coverage
	} else if held || user.struck() {
		// Reading the same again does not raise it any more. Of a week's there is a
		// little more every day, so that nobody is shut out.
		most := user.Cap
		if held {
			most += int(user.Day-user.Struck) * max(1, p.limits.Coverage/trickle)
			budget = max(budget, most)
		}
		budget = min(budget, most)
	}
	return budget
}

// trickle is the part of the coverage that a day adds where a budget is for a week.
const trickle = 256

// midnight is how long the day still lasts, in UTC.
func midnight(now time.Time) time.Duration {
	return time.Duration(86400-now.Unix()%86400) * time.Second
}

// note remembers the question, and reports whether it is time to tell the
// tenant's profile.
func (p *Pass) note(user *State) bool {
	words := p.ask.Question.Words
	user.Recent = append(user.Recent, asked{Words: words, Quotes: user.quotes(p.ask.Question)})
	if over := len(user.Recent) - window; over > 0 {
		gone := user.Recent[:over]
		if user.Usual == nil {
			user.Usual = &profile{}
		}
		for _, q := range gone { // what left the window becomes part of what is usual
			user.Usual.add(q.Words)
		}
		user.Recent = slices.Clone(user.Recent[over:])
	}
	user.Unsaid++
	if user.Unsaid < 8 {
		return false
	}
	user.Unsaid = 0
	return true
}

// Spend asks whether passages may be released, and counts them. The error is a
// [*Refusal], or wraps [ErrUnavailable]; nothing may be released then.
func (p *Pass) Spend(ctx context.Context, r Release) error {
	var refusal *Refusal
	err := p.keeper.Store.Update(ctx, p.ask.keys(), func(s []*State) {
		backend, user := s[0], s[1]
		user.today(p.ask.Now)
		fresh := user.fresh(r.Chunks)
		backend.end(p.lease)
		user.end(p.lease)
		if refusal = p.covered(user, len(fresh)); refusal != nil {
			return
		}
		user.Seen = append(user.Seen, fresh...)
		user.Released += len(r.Chunks)
		if p.limits.Coverage <= 0 {
			user.thin()
		}
		user.keep(r.Text.Runs)
		if n := len(user.Recent); n > 0 {
			user.Recent[n-1].New += len(fresh)
			user.Recent[n-1].Old += len(r.Chunks) - len(fresh)
		}
		for _, x := range []*State{backend, user} {
			x.Passages.Level -= float64(r.Passages)
			x.Tokens.Level -= float64(r.Tokens)
		}
	})
	if err != nil {
		return unavailable(err)
	}
	p.left = true
	if refusal != nil {
		return refusal
	}
	return nil
}

// fresh are the chunks that were not released in this budget, in one pass over
// those that were.
func (s *State) fresh(chunks []uint64) []uint64 {
	missing := make(map[uint64]bool, len(chunks))
	for _, c := range chunks {
		missing[c] = true
	}
	for _, c := range s.Seen {
		delete(missing, c)
	}
	var out []uint64
	for _, c := range chunks {
		if missing[c] {
			delete(missing, c)
			out = append(out, c)
		}
	}
	return out
}

// Leave gives the place back. It may be called more than once.
func (p *Pass) Leave(ctx context.Context) {
	if p == nil || p.left || p.keeper == nil {
		return
	}
	p.left = true
	// Left undone it lapses by itself.
	_ = p.keeper.Store.Update(ctx, p.ask.keys(), func(s []*State) {
		for _, x := range s {
			x.end(p.lease)
		}
	})
}

func unavailable(err error) error {
	if errors.Is(err, ErrUnavailable) {
		return err
	}
	return errors.Join(ErrUnavailable, err)
}

// tenant is the tenant's usual distribution as last read; nil is none yet.
func (k *Keeper) tenant(a Ask) *profile {
	k.mu.Lock()
	defer k.mu.Unlock()
	if u := k.usual[a.Tenant]; u != nil {
		return &u.profile
	}
	return nil
}

// learn adds a question to its tenant's usual distribution. Nothing depends on
// its success.
func (k *Keeper) learn(ctx context.Context, a Ask) {
	var now profile
	err := k.Store.Update(ctx, []string{"t:" + a.Tenant}, func(s []*State) {
		if s[0].Usual == nil {
			s[0].Usual = &profile{}
		}
		s[0].Usual.add(a.Question.Words)
		now = *s[0].Usual
	})
	if err != nil {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.usual[a.Tenant] = &usual{profile: now, read: a.Now}
}

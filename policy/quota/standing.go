package quota

import (
	"context"
	"time"
)

// Standing is where a user stands: what he may still be given, and why it is less
// than others get. It holds nothing of what was asked or given.
type Standing struct {
	Given    int       `json:"given"`             // distinct chunks, of the coverage in force
	Coverage int       `json:"coverage"`          // of them he may be given in all; 0: not bounded
	Strikes  int       `json:"strikes"`           // each halves the coverage; one a week is forgiven
	Until    time.Time `json:"until,omitzero"`    // what was left of the day's coverage lasts until then
	Suspect  int       `json:"suspicion_percent"` // of walking over the collection
	Responds bool      `json:"responds"`          // the configured responses are made
	Recent   int       `json:"recent"`            // questions that is read from
	UnderWay int       `json:"under_way"`         // requests
	Waits    int       `json:"waits,omitempty"`   // seconds until the next request is let in
	Reason   string    `json:"reason,omitempty"`  // what refuses it, for example "coverage"
	Step     bool      `json:"step_up,omitempty"` // a stronger sign-in would help
}

// Standing reads where a user stands under the configured limits; a policy's
// obligations may set others. user is unique beyond the tenant, as in [Caller].
func (k *Keeper) Standing(ctx context.Context, c Caller, now time.Time) (Standing, error) {
	var out Standing
	usual := k.tenant(Ask{Caller: c})
	err := k.Store.Update(ctx, []string{userKey(c.User)}, func(s []*State) {
		was := *s[0] // judged on a copy: looking changes nothing
		user := was
		user.Leases = append([]lease(nil), was.Leases...)
		user.today(now)
		p := &Pass{keeper: k, ask: Ask{Caller: c, Now: now}, limits: k.User, share: 1}
		suspicion := user.signs(usual).suspicion()
		out = Standing{Given: len(user.Seen), Strikes: user.Strikes, Suspect: int(100 * suspicion), Responds: k.Patterns.At > 0 && suspicion >= k.Patterns.At,
			Recent: len(user.Recent), UnderWay: user.under(now)}
		if user.held() {
			out.Until = time.Unix((user.Struck+week)*86400, 0).UTC()
		}
		if r := k.admit(p, &State{}, &user, usual); r != nil {
			out.Reason, out.Waits, out.Step = r.Reason, r.Seconds(), r.StepUp != nil
		}
		if out.Coverage = p.limits.Coverage; out.Coverage > 0 {
			out.Coverage = p.budget(&user)
		}
		*s[0] = was
	})
	if err != nil {
		return Standing{}, unavailable(err)
	}
	return out, nil
}

// Lift forgives a user: his coverage is whole again, no day on which it was used up
// counts, his buckets are full, and how he asked until now says nothing any more.
// What is usual for him stays known, and requests under way stay counted.
func (k *Keeper) Lift(ctx context.Context, c Caller) error {
	err := k.Store.Update(ctx, []string{userKey(c.User)}, func(s []*State) {
		was := *s[0]
		*s[0] = State{Leases: was.Leases, Usual: was.Usual, Unsaid: was.Unsaid, Day: was.Day, Used: was.Used}
	})
	if err != nil {
		return unavailable(err)
	}
	return nil
}

func userKey(user string) string { return "u:" + user }

package configs

import (
	"slices"
	"time"
)

// Quota bounds how much backends and users may take. Zeros do not bound.
type Quota struct {
	State    string        `yaml:"state"`    // auto, off, memory, or postgres: shared by replicas
	User     QuotaLimits   `yaml:"user"`     // of each user
	Backend  QuotaLimits   `yaml:"backend"`  // of each backend, all its users together
	Coverage int           `yaml:"coverage"` // distinct chunks a user may be given in a day
	Patterns QuotaPatterns `yaml:"patterns"`
}

// QuotaLimits are rates by the minute, and how many requests may be under way.
type QuotaLimits struct {
	Requests   int `yaml:"requests_per_minute"`
	Burst      int `yaml:"burst"` // requests at once; 0: a minute's worth
	Passages   int `yaml:"passages_per_minute"`
	Tokens     int `yaml:"tokens_per_minute"`
	Concurrent int `yaml:"concurrent"`
}

// QuotaPatterns say what follows when a user's questions look like a walk over
// the collection. Suspicion runs from 0 to 1.
type QuotaPatterns struct {
	Shrink  float64       `yaml:"shrink"`  // share of the coverage budget taken away at full suspicion
	At      float64       `yaml:"at"`      // suspicion from which the responses are made
	Respond []string      `yaml:"respond"` // alert, slow, step_up, deny
	SlowBy  time.Duration `yaml:"slow_by"`
	ACR     []string      `yaml:"acr"`     // sign-ins that satisfy a step-up; none: the second factor (amr mfa)
	MaxAge  time.Duration `yaml:"max_age"` // how old such a sign-in may be; 0: any age
}

// Responds reports whether a response is configured.
func (p QuotaPatterns) Responds(how string) bool { return slices.Contains(p.Respond, how) }

// defaultQuota leaves ordinary use alone; docs/measurements.md has what it stops.
func defaultQuota() Quota {
	return Quota{
		State:    "auto",
		User:     QuotaLimits{Requests: 120, Passages: 1200, Tokens: 400_000, Concurrent: 16},
		Backend:  QuotaLimits{Concurrent: 1024},
		Coverage: 380,
		Patterns: QuotaPatterns{Shrink: 0.75, At: 0.6, Respond: []string{"alert", "slow"}, SlowBy: 2 * time.Second, MaxAge: 15 * time.Minute},
	}
}

func (q Quota) validate(v *problems) {
	v.oneOf("quota.state", q.State, "auto", "off", "memory", "postgres")
	for name, l := range map[string]QuotaLimits{"user": q.User, "backend": q.Backend} {
		v.need(min(l.Requests, l.Burst, l.Passages, l.Tokens, l.Concurrent) >= 0, "quota."+name+": use 0 (no bound) or more")
	}
	v.need(q.Coverage >= 0, "quota.coverage: use 0 (no bound) or more chunks a day")
	p := q.Patterns
	v.need(p.Shrink >= 0 && p.Shrink <= 1 && p.At >= 0 && p.At <= 1, "quota.patterns: shrink and at are shares, 0 to 1")
	v.need(p.SlowBy >= 0 && p.SlowBy <= 30*time.Second, "quota.patterns.slow_by: use at most 30s")
	v.need(p.MaxAge >= 0, "quota.patterns.max_age: use 0 (any age) or more")
	for _, how := range p.Respond {
		v.oneOf("quota.patterns.respond", how, "alert", "slow", "step_up", "deny")
	}
}

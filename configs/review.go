package configs

import (
	"fmt"
	"time"
)

// Review says how the quarantine is looked after.
type Review struct {
	Expire time.Duration `yaml:"expire"` // held longer than this: discarded, never released; 0 never
	// Every is how often a service discards what was held too long and gives up
	// replaced versions that are kept no longer; 0 never.
	Every time.Duration `yaml:"every"`
	Local LocalOperator `yaml:"local"`
}

// LocalOperator is what doorward.admin is told of whoever runs commands on the
// machine itself, whom the operating system has let in.
type LocalOperator struct {
	Roles   []string `yaml:"roles"`
	Factors []string `yaml:"factors"` // such as mfa, where logins to the machine need it
}

// Contain bounds how quickly containment holds and how long a batch can be
// rolled back.
type Contain struct {
	Keep  time.Duration `yaml:"keep"`  // how long replaced versions are kept, sealed; 0: their text is gone at once
	Fresh time.Duration `yaml:"fresh"` // how old this process's knowledge of orders given elsewhere may be
}

// Connector says whose signed manifests a source's documents need.
type Connector struct {
	Required bool     `yaml:"required"`
	Keys     []string `yaml:"keys"` // PEM files of public keys, see `doorward keys connector`
}

func (c *Config) validateReview(v *problems) {
	v.need(c.Review.Expire >= 0, "review.expire: use a duration, or 0 for never")
	v.need(c.Review.Every >= 0, "review.every: use a duration, or 0 for never")
	v.need(c.Contain.Keep >= 0 && c.Contain.Keep <= 90*24*time.Hour, "contain.keep: use 0 to 2160h")
	v.need(c.Contain.Fresh > 0 && c.Contain.Fresh <= time.Minute, "contain.fresh: use more than 0 and at most 1m")
	for i, s := range c.Sources {
		v.need(!s.Manifest.Required || len(s.Manifest.Keys) > 0, fmt.Sprintf("sources[%d].manifest: it is required but no keys are trusted; list the connector's public key files", i))
	}
	for tier, share := range c.Prompt.Shares {
		v.need(share > 0 && share <= 1, fmt.Sprintf("prompt.shares.%s: use more than 0 and at most 1", tier))
	}
}

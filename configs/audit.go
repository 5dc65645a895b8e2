package configs

import (
	"fmt"
	"strings"
	"time"
)

// Audit says who else keeps or sees the audit log.
type Audit struct {
	// Origin names the log in its signed checkpoints; witnesses of several logs
	// tell them apart by it.
	Origin string `yaml:"origin"`
	// Witness lists where the newest checkpoint is copied: files outside the data
	// directory, or URLs that answer PUT and GET.
	Witness []string `yaml:"witness"`
	// Every is how often a checkpoint is signed while entries come in.
	Every time.Duration `yaml:"every"`
	// Timeout is how long a request waits for the disk before it is refused.
	Timeout time.Duration `yaml:"timeout"`
	// Export lists who is sent the entries while serving.
	Export []Export `yaml:"export"`
}

// Export sends audit entries as JSON lines to a file or by POST to a URL, in
// order, each at least once.
type Export struct {
	To        string        `yaml:"to"`
	TokenFile string        `yaml:"token_file"` // sent as a bearer token
	Required  bool          `yaml:"required"`   // nothing is released while it is behind
	MaxLag    time.Duration `yaml:"max_lag"`    // how long it may be behind; 0: half a minute
}

func (c *Config) validateAudit(v *problems) {
	v.need(c.Audit.Origin != "" && !strings.ContainsAny(c.Audit.Origin, " +\n\t"), "audit.origin: name the log, without blanks or plus signs")
	v.need(c.Audit.Every >= 0 && c.Audit.Timeout >= 0, "audit: every and timeout must not be negative")
	for i, x := range c.Audit.Export {
		key := fmt.Sprintf("audit.export[%d]", i)
		remote := strings.Contains(x.To, "://")
		v.need(x.To != "" && (!remote || strings.HasPrefix(x.To, "https://") || strings.HasPrefix(x.To, "http://127.0.0.1")), key+".to: use a file or an https:// URL")
		v.need(x.TokenFile == "" || strings.HasPrefix(x.To, "http"), key+".token_file: goes with a URL")
		v.need(x.MaxLag >= 0, key+".max_lag: must not be negative")
	}
	for i, place := range c.Audit.Witness {
		key := fmt.Sprintf("audit.witness[%d]", i)
		if strings.Contains(place, "://") {
			v.need(strings.HasPrefix(place, "https://") || strings.HasPrefix(place, "http://127.0.0.1"), key+": use a file or an https:// URL")
			continue
		}
		v.need(place != "" && !inside(place, c.Data), key+": keep it outside the data directory, where whoever can alter the log cannot reach it")
	}
}

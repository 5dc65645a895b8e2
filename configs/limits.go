package configs

import (
	"slices"
	"time"
)

// Limits bounds what the listeners work on, and for how long. Zero values take
// the defaults.
type Limits struct {
	Connections int           `yaml:"connections"` // open connections to the public listener
	Header      time.Duration `yaml:"header"`      // to read a request's head, and for the TLS handshake
	Body        time.Duration `yaml:"body"`        // to read a request's body
	Idle        time.Duration `yaml:"idle"`        // between requests of a connection
	Deadline    time.Duration `yaml:"deadline"`    // to answer; streams have answer instead
	Answer      time.Duration `yaml:"answer"`      // longest life of a streamed answer
	Concurrent  int           `yaml:"concurrent"`  // requests worked on at once; 0: by cores, see docs/guide-platform.md
	Queue       int           `yaml:"queue"`       // requests that may wait for a place; 0: by cores
	Wait        time.Duration `yaml:"wait"`        // longest wait for a place; then 503 with Retry-After, and only short waits until a second passes without a refusal
	Streams     int           `yaml:"streams"`     // streamed answers at once
	HTTP2       int           `yaml:"http2"`       // concurrent requests on one HTTP/2 connection
	Notice      time.Duration `yaml:"notice"`      // how long readiness says no before the listeners close; skipped when nobody asks /readyz
	Drain       time.Duration `yaml:"drain"`       // to finish accepted requests; streams are cut a little earlier
	FreeDisk    int64         `yaml:"free_disk"`   // bytes that must be free for readiness
}

// Traces sends OpenTelemetry spans over OTLP/HTTP. They hold routes, stages,
// counts and times, never text.
type Traces struct {
	Endpoint string  `yaml:"endpoint"` // "https://collector.example:4318"; empty: none
	Sample   float64 `yaml:"sample"`   // share of requests, 0 to 1
	KeyFile  string  `yaml:"key_file"` // bearer token for the collector
}

func defaultLimits() Limits {
	return Limits{Connections: 4096, Header: 10 * time.Second, Body: 15 * time.Second, Idle: 2 * time.Minute, Deadline: 30 * time.Second, Answer: 10 * time.Minute,
		Wait: 250 * time.Millisecond, Streams: 512, HTTP2: 128, Notice: time.Second, Drain: 14 * time.Second, FreeDisk: 64 << 20}
}

func (c *Config) validateLimits(v *problems) {
	l := c.Limits
	for name, n := range map[string]int{"connections": l.Connections, "streams": l.Streams, "http2": l.HTTP2} {
		v.need(n >= 1, "limits."+name+": use 1 or more")
	}
	v.need(l.Concurrent >= 0, "limits.concurrent: use 0 (by cores) or more")
	v.need(l.Queue >= 0, "limits.queue: use 0 or more")
	v.need(l.FreeDisk >= 0, "limits.free_disk: use 0 or more bytes")
	for name, d := range map[string]time.Duration{"header": l.Header, "body": l.Body, "idle": l.Idle, "deadline": l.Deadline, "answer": l.Answer, "wait": l.Wait} {
		v.need(d > 0, "limits."+name+`: use a positive duration such as "30s"`)
	}
	slows := c.Quota.State != "off" && slices.Contains(c.Quota.Patterns.Respond, "slow")
	v.need(!slows || c.Quota.Patterns.SlowBy < l.Deadline, "quota.patterns.slow_by: use less than limits.deadline, or slowed answers come too late")
	v.need(l.Notice >= 0 && l.Drain >= time.Second, "limits: notice must be 0 or more, drain a second at least")
	v.need(c.Traces.Sample >= 0 && c.Traces.Sample <= 1, "traces.sample: use 0 to 1")
}

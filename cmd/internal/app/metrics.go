package app

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/doorward/doorward/policy/audit"
)

// Metrics counts what happens. Labels are routes, statuses, stages, events and
// rules, never anything a document, a user or a caller chose.
type Metrics struct {
	registry *prometheus.Registry
	requests *prometheus.HistogramVec
	stages   *prometheus.HistogramVec
	entries  *prometheus.CounterVec
	counts   *prometheus.CounterVec
	append   prometheus.Histogram
	shed     *prometheus.CounterVec
	working  *prometheus.GaugeVec
	faults   *prometheus.GaugeVec
	scrubbed prometheus.Gauge
	missing  *prometheus.GaugeVec

	mu      sync.Mutex
	trouble error     // of the last append
	since   time.Time // when it happened
}

var seconds = []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10}

// NewMetrics makes an empty set.
func NewMetrics() *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "doorward_request_seconds", Help: "Time to answer, by route and status.", Buckets: seconds}, []string{"route", "status"}),
		stages:   prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "doorward_stage_seconds", Help: "Time in each stage of a retrieval.", Buckets: seconds}, []string{"stage"}),
		entries:  prometheus.NewCounterVec(prometheus.CounterOpts{Name: "doorward_audit_entries_total", Help: "Audit entries, by event and outcome. An alarm is a disagreement of plan and check: it must stay 0."}, []string{"event", "outcome"}),
		counts:   prometheus.NewCounterVec(prometheus.CounterOpts{Name: "doorward_counts_total", Help: "What audit entries count: hits, passages, drops, findings by rule."}, []string{"event", "what"}),
		append:   prometheus.NewHistogram(prometheus.HistogramOpts{Name: "doorward_audit_append_seconds", Help: "Time until audit entries are durable; effects wait for it.", Buckets: seconds}),
		shed:     prometheus.NewCounterVec(prometheus.CounterOpts{Name: "doorward_shed_total", Help: "Requests refused for lack of a place, by what was full."}, []string{"why"}),
		working:  prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "doorward_working", Help: "Requests being worked on, by class."}, []string{"class"}),
		faults:   prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "doorward_index_faults", Help: "Disagreements of index and catalog at the last comparison, by flaw. Anything but 0 needs `doorward fsck`."}, []string{"flaw"}),
		scrubbed: prometheus.NewGauge(prometheus.GaugeOpts{Name: "doorward_index_compared_timestamp_seconds", Help: "When index and catalog were last compared, or the program started."}),
		missing:  prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "doorward_source_missing_documents", Help: "Documents that are gone from a source and were not retired, because they are too many: see whether its store is there."}, []string{"source"}),
	}
	m.scrubbed.SetToCurrentTime() // the first comparison is due as long from now as any later one
	m.registry.MustRegister(m.requests, m.stages, m.entries, m.counts, m.append, m.shed, m.working, m.faults, m.scrubbed, m.missing,
		collectors.NewGoCollector(alive), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	for _, why := range []string{"queue", "wait", "streams"} {
		m.shed.WithLabelValues(why)
	}
	for _, class := range []string{"short", "push", "stream"} {
		m.working.WithLabelValues(class)
	}
	// An alert about the increase of a series misses its first entry unless it was
	// there before.
	for _, of := range [][2]string{{"alarm", "dropped"}, {"alarm", "quota"}, {"auth", "denied"}, {"audit", "failed"}} {
		m.entries.WithLabelValues(of[0], of[1])
	}
	return m
}

// alive is what collections find in use: the heap's size says less of it the more
// garbage it may hold.
var alive = collectors.WithGoCollectorRuntimeMetrics(collectors.GoRuntimeMetricsRule{Matcher: regexp.MustCompile("^/gc/heap/live:bytes$")})

// Handler serves them.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

// Register adds collectors of other parts.
func (m *Metrics) Register(c ...prometheus.Collector) { m.registry.MustRegister(c...) }

// Request takes one request.
func (m *Metrics) Request(route string, status int, took time.Duration) {
	m.requests.WithLabelValues(route, strconv.Itoa(status)).Observe(took.Seconds())
}

// Stage takes one stage of a retrieval.
func (m *Metrics) Stage(stage string, took time.Duration) {
	m.stages.WithLabelValues(stage).Observe(took.Seconds())
}

// Shed counts a request that found no place.
func (m *Metrics) Shed(why string) { m.shed.WithLabelValues(why).Inc() }

// Working counts requests that come and go.
func (m *Metrics) Working(class string, change int) {
	m.working.WithLabelValues(class).Add(float64(change))
}

// Compared takes what a comparison of index and catalog found.
func (m *Metrics) Compared(flaws map[string]int, at time.Time) {
	m.faults.Reset()
	for flaw, n := range flaws {
		m.faults.WithLabelValues(flaw).Set(float64(n))
	}
	m.scrubbed.Set(float64(at.Unix()))
}

// Missing takes how many documents a reading of a configured source missed and did
// not retire.
func (m *Metrics) Missing(source string, n int) { m.missing.WithLabelValues(source).Set(float64(n)) }

// Health offers readiness by part.
func (m *Metrics) Health(states func(context.Context) map[string]bool) {
	m.Register(gauges{prometheus.NewDesc("doorward_ready", "Whether a part works: 1, or 0.", []string{"part"}, nil), func() map[string]float64 {
		out := map[string]float64{}
		for part, ok := range states(context.Background()) {
			if out[part] = 0; ok {
				out[part] = 1
			}
		}
		return out
	}})
}

// Waiting offers how many documents wait.
func (m *Metrics) Waiting(count func() map[string]float64) {
	m.Register(gauges{prometheus.NewDesc("doorward_documents_waiting", "Documents that wait: held (for a reviewer) or received (not yet scanned).", []string{"state"}, nil), count})
}

// Issuers offers how many identity providers are silent.
func (m *Metrics) Issuers(silent func() float64) {
	m.Register(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "doorward_issuers_silent", Help: "Identity providers whose keys could not be fetched for half an hour (twice identity.issuers[].every), or never."}, silent))
}

// Certificate offers when the listener's certificate ends.
func (m *Metrics) Certificate(expires func() time.Time) {
	m.Register(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "doorward_certificate_expiry_timestamp_seconds", Help: "When the public listener's certificate ends."},
		func() float64 { return float64(expires().Unix()) }))
}

// gauges reads values when they are asked for.
type gauges struct {
	desc *prometheus.Desc
	read func() map[string]float64
}

func (g gauges) Describe(c chan<- *prometheus.Desc) { c <- g.desc }

func (g gauges) Collect(c chan<- prometheus.Metric) {
	for label, v := range g.read() {
		c <- prometheus.MustNewConstMetric(g.desc, prometheus.GaugeValue, v, label)
	}
}

// counted is an audit log that counts its entries once they are durable, and
// remembers whether the last of them were.
type counted struct {
	audit.Log
	m *Metrics
}

func (c counted) Append(ctx context.Context, entries ...audit.Entry) error {
	started := time.Now()
	err := c.Log.Append(ctx, entries...)
	c.m.append.Observe(time.Since(started).Seconds())
	if err != nil && ctx.Err() != nil {
		return err // the caller went away; it says nothing about the log
	}
	c.m.mu.Lock()
	c.m.trouble, c.m.since = err, time.Now()
	c.m.mu.Unlock()
	if err != nil {
		c.m.entries.WithLabelValues("audit", "failed").Inc()
		return err
	}
	for _, e := range entries {
		c.m.entries.WithLabelValues(e.Event, e.Outcome).Inc()
		for what, n := range e.Counts {
			c.m.counts.WithLabelValues(e.Event, what).Add(float64(n))
		}
	}
	return nil
}

// troubleLasts is how long a failed append counts against readiness when none
// follows it: without traffic nothing else would show that the log works again.
const troubleLasts = 10 * time.Second

func (m *Metrics) auditTrouble() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.trouble != nil && time.Since(m.since) < troubleLasts {
		return fmt.Errorf("the last entry was not taken: %w", m.trouble)
	}
	return nil
}

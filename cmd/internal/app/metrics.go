package app

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/doorward/doorward/policy/audit"
)

// Metrics counts what happens. Labels are routes, statuses, events and rules,
// never anything a document, a user or a caller chose.
type Metrics struct {
	registry *prometheus.Registry
	requests *prometheus.HistogramVec
	entries  *prometheus.CounterVec
	counts   *prometheus.CounterVec
}

// NewMetrics makes an empty set.
func NewMetrics() *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "doorward_request_seconds", Help: "Time to answer, by route and status.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10}}, []string{"route", "status"}),
		entries: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "doorward_audit_entries_total", Help: "Audit entries, by event and outcome. An alarm is a disagreement of plan and check: it must stay 0."}, []string{"event", "outcome"}),
		counts:  prometheus.NewCounterVec(prometheus.CounterOpts{Name: "doorward_counts_total", Help: "What audit entries count: hits, passages, drops, findings by rule."}, []string{"event", "what"}),
	}
	m.registry.MustRegister(m.requests, m.entries, m.counts, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Handler serves them.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

// Observe takes one request.
func (m *Metrics) Observe(route string, status int, took time.Duration) {
	if route == "" {
		route = "none"
	}
	m.requests.WithLabelValues(route, strconv.Itoa(status)).Observe(took.Seconds())
}

// counted is an audit log that counts its entries once they are durable.
type counted struct {
	audit.Log
	m *Metrics
}

func (c counted) Append(ctx context.Context, entries ...audit.Entry) error {
	if err := c.Log.Append(ctx, entries...); err != nil {
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

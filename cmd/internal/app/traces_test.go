package app_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/doorward/doorward/cmd/internal/app"
)

// TestTracesTrouble: a collector that refuses keeps no request from being answered,
// and the log is told of it once for all batches, and of its end.
func TestTracesTrouble(t *testing.T) {
	var refuse atomic.Bool
	refuse.Store(true)
	t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "1") // milliseconds until a batch is sent
	asked := make(chan struct{}, 100)
	collector := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if refuse.Load() {
			http.Error(w, strings.Repeat("no ", 1000), http.StatusForbidden)
		}
		asked <- struct{}{}
	}))
	defer collector.Close()
	s := newStore(t, 0)
	s.cfg.Traces.Endpoint, s.cfg.Traces.Sample = collector.URL, 1
	var log bytes.Buffer
	scanners, err := scannersOf()
	if err != nil {
		t.Fatal(err)
	}
	a, err := app.Open(t.Context(), s.cfg, app.Options{Scanners: scanners, Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	send := func() {
		_, end := a.Observe(t.Context(), http.MethodGet, "/readyz")
		end(http.StatusOK)
		select {
		case <-asked:
		case <-time.After(time.Minute):
			t.Fatal("nothing was sent")
		}
	}
	for range 5 {
		send()
	}
	refuse.Store(false)
	for range 2 {
		send()
	}
	if err := a.Close(); err != nil {
		t.Error(err)
	}
	text := log.String()
	if strings.Count(text, "spans cannot be sent") != 1 || strings.Count(text, "spans are sent again") != 1 || !strings.Contains(text, "dropped=5") || len(text) > 2000 {
		t.Errorf("the log: %s", text)
	}
}

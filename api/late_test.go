package api

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/doorward/doorward/ingest"
	"github.com/doorward/doorward/ingest/catalog"
	"github.com/doorward/doorward/ingest/source"
)

// slowIntake makes documents durable, or not, and never judges them in time.
type slowIntake struct {
	Intake
	durable bool
	give    context.CancelFunc // ends the time to answer
}

func (s slowIntake) Push(ctx context.Context, items []ingest.Item, o ingest.PushOptions) ([]ingest.Event, error) {
	if s.durable {
		o.Received()
	}
	s.give()
	if ctx.Done() == nil { // a batch goes on without its caller
		return make([]ingest.Event, len(items)), nil
	}
	<-ctx.Done()
	return nil, ctx.Err()
}

// nothingKept stands for the questions no test here asks.
type nothingKept interface{ Deliveries }

// keptBatches keeps batches, and their ends from being known before its test is done.
type keptBatches struct {
	nothingKept
	mu   sync.Mutex
	kept []catalog.Delivery
	hold chan struct{}
}

func (d *keptBatches) PutDelivery(_ context.Context, b catalog.Delivery) error {
	if !b.Finished.IsZero() {
		<-d.hold
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.kept = append(d.kept, b)
	return nil
}

// TestLateAnswers: a document that is durable when the time to answer ends is
// answered 202, with a place to ask; one that is not known to be, 504.
func TestLateAnswers(t *testing.T) {
	push, err := source.NewPush(source.PushConfig{Name: "crm"})
	if err != nil {
		t.Fatal(err)
	}
	p := pusher{source: push}
	for _, c := range []struct {
		name             string
		batch, durable   bool
		status           int
		outcome, located string
	}{
		{"a document", false, true, 202, "received", "/v1/documents/a~1"},
		{"a document that may be lost", false, false, 504, "", ""},
		{"a batch", true, true, 202, "", "/v1/batches/b1"},
		{"a batch that may be lost", true, false, 504, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			kept := &keptBatches{hold: make(chan struct{})}
			defer close(kept.hold)
			timed := timeUp{ctx}
			a := &API{Config: Config{Log: slog.New(slog.DiscardHandler), Now: time.Now, Documents: &DocumentsConfig{
				Intake: slowIntake{durable: c.durable, give: func() { cancel(context.DeadlineExceeded) }}, Batches: kept, MaxDocument: 1 << 20, MaxDocuments: 10}}}
			gin.SetMode(gin.ReleaseMode)
			engine := gin.New()
			engine.PUT("/:id", func(g *gin.Context) {
				a.once(g, p, 1<<20, takesJSON, func(ctx context.Context, body []byte, _ string) (int, any, error) {
					if c.batch {
						list, err := a.readBatch(p, body, false)
						if err != nil {
							return 0, nil, err
						}
						return a.beginBatch(ctx, p, catalog.Delivery{ID: "b1", Documents: make([]catalog.Delivered, len(list))}, list, false)
					}
					return a.takeIn(ctx, p, g.Param("id"), body)
				})
			})
			body := `{"text":"x","attributes":{"groups":["staff"]}}`
			if c.batch {
				body = `[{"id":"a~1","text":"x"}]`
			}
			w := httptest.NewRecorder()
			put := httptest.NewRequest(http.MethodPut, "/a~1", strings.NewReader(body)).WithContext(timed)
			put.Header.Set("Content-Type", "application/json")
			engine.ServeHTTP(w, put)
			answer, _ := io.ReadAll(w.Body)
			var got struct {
				Outcome string
			}
			if err := json.Unmarshal(answer, &got); c.status == 202 && err != nil {
				t.Fatal(err)
			}
			if w.Code != c.status || w.Header().Get("Location") != c.located || got.Outcome != c.outcome {
				t.Errorf("%d %q %s", w.Code, w.Header().Get("Location"), answer)
			}
		})
	}
}

// timeUp ends as a context does whose time is up.
type timeUp struct{ context.Context }

func (c timeUp) Err() error {
	if c.Context.Err() != nil {
		return context.DeadlineExceeded
	}
	return nil
}

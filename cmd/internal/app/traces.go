package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strconv"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/doorward/doorward/api/admission"
	"github.com/doorward/doorward/api/openai"
	"github.com/doorward/doorward/configs"
)

// Tracer makes spans for requests, stages and model calls. Names and attributes
// are routes, stages, statuses, counts and configured words; there is no way to
// hand it text. It follows OpenTelemetry's conventions for HTTP and GenAI.
//
// Callers' trace headers are not read: a caller must not choose what is sampled,
// and baggage could carry text.
type Tracer struct {
	tracer trace.Tracer
	stop   func(context.Context) error
}

// NewTracer sends spans to an exporter; nil makes spans that go nowhere.
func NewTracer(e sdktrace.SpanExporter, sample float64, version string) *Tracer {
	if e == nil {
		return &Tracer{noop.NewTracerProvider().Tracer("doorward"), func(context.Context) error { return nil }}
	}
	p := sdktrace.NewTracerProvider(sdktrace.WithBatcher(e), sdktrace.WithSampler(sdktrace.ParentBased(sdktrace.TraceIDRatioBased(sample))),
		sdktrace.WithResource(resource.NewSchemaless(attribute.String("service.name", "doorward"), attribute.String("service.version", version))))
	return &Tracer{p.Tracer("doorward"), p.Shutdown}
}

// openTraces connects to the configured collector.
func (a *App) openTraces(ctx context.Context) error {
	c := a.Config.Traces
	if c.Endpoint == "" {
		a.Tracer = NewTracer(nil, 0, "")
		return nil
	}
	e, err := traceExporter(ctx, c)
	if err != nil {
		return err
	}
	a.Tracer = NewTracer(&told{SpanExporter: e, log: a.Log}, c.Sample, a.version)
	a.onClose(func() error {
		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
		defer cancel()
		if err := a.Tracer.stop(ctx); err != nil {
			a.Log.Warn("the last spans were not sent", "error", err)
		}
		return nil
	})
	return nil
}

func traceExporter(ctx context.Context, c configs.Traces) (sdktrace.SpanExporter, error) {
	u, err := url.Parse(c.Endpoint)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, errors.New("traces.endpoint: use an address such as https://collector.example:4318")
	}
	options := []otlptracehttp.Option{otlptracehttp.WithEndpoint(u.Host), otlptracehttp.WithTimeout(5 * time.Second)}
	if u.Scheme == "http" {
		options = append(options, otlptracehttp.WithInsecure())
	}
	if u.Path != "" && u.Path != "/" {
		options = append(options, otlptracehttp.WithURLPath(u.Path))
	}
	key, err := ReadKey("traces.key_file", c.KeyFile)
	if err != nil {
		return nil, err
	}
	if key != "" {
		options = append(options, otlptracehttp.WithHeaders(map[string]string{"Authorization": "Bearer " + key}))
	}
	e, err := otlptracehttp.New(ctx, options...)
	if err != nil {
		return nil, fmt.Errorf("opening traces: %w", err)
	}
	return e, nil
}

// told is an exporter whose trouble the log is told of once, and of its end. The
// library would print a line for each batch, past the log.
type told struct {
	sdktrace.SpanExporter
	log  *slog.Logger
	lost atomic.Int64 // spans since the trouble began
}

// ExportSpans sends spans, or drops them.
func (t *told) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	n := int64(len(spans))
	if err := t.SpanExporter.ExportSpans(ctx, spans); err != nil {
		if t.lost.Add(n) == n { // the first; the error may quote what the collector said
			t.log.WarnContext(ctx, "spans cannot be sent, and are dropped until they can", "error", fmt.Sprintf("%.200s", err.Error()))
		}
		return nil
	}
	if lost := t.lost.Swap(0); lost > 0 {
		t.log.InfoContext(ctx, "spans are sent again", "dropped", lost)
	}
	return nil
}

// Observe measures and traces one request, see api.Observe.
func (a *App) Observe(ctx context.Context, method, route string) (context.Context, func(status int)) {
	started := time.Now()
	ctx, span := a.Tracer.tracer.Start(ctx, method+" "+route, trace.WithSpanKind(trace.SpanKindServer),
		trace.WithAttributes(attribute.String("http.request.method", method), attribute.String("http.route", route)))
	return ctx, func(status int) {
		span.SetAttributes(attribute.Int("http.response.status_code", status))
		if status >= 500 {
			span.SetStatus(codes.Error, "")
			span.SetAttributes(attribute.String("error.type", strconv.Itoa(status)))
		}
		span.End()
		a.Metrics.Request(route, status, time.Since(started))
	}
}

// Stage measures and traces one stage of a retrieval, see retrieval.Config.
func (a *App) Stage(ctx context.Context, stage string) (context.Context, func(error)) {
	if stage == "audit" { // the last one, which waits for the log's disk
		admission.Waiting(ctx)
	}
	started := time.Now()
	ctx, span := a.Tracer.tracer.Start(ctx, stage)
	return ctx, func(err error) {
		if err != nil { // its class only: an error's text is for the log
			span.SetStatus(codes.Error, "")
			span.SetAttributes(attribute.String("error.type", "failed"))
		}
		span.End()
		a.Metrics.Stage(stage, time.Since(started))
	}
}

// Call traces one call of a model, see openai.Config. The model is named by the
// configured pattern, because callers choose the name they send.
func (a *App) Call(ctx context.Context, upstream openai.Upstream, pattern string, stream bool) (context.Context, func(openai.Usage, error)) {
	ctx, span := a.Tracer.tracer.Start(ctx, "chat "+pattern, trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(
		attribute.String("gen_ai.operation.name", "chat"), attribute.String("gen_ai.request.model", pattern),
		attribute.String("gen_ai.provider.name", upstream.Destination), attribute.Bool("gen_ai.request.stream", stream)))
	return ctx, func(u openai.Usage, err error) {
		if u.Prompt > 0 || u.Completion > 0 {
			span.SetAttributes(attribute.Int64("gen_ai.usage.input_tokens", u.Prompt), attribute.Int64("gen_ai.usage.output_tokens", u.Completion))
		}
		if err != nil {
			span.SetStatus(codes.Error, "")
			span.SetAttributes(attribute.String("error.type", "upstream"))
		}
		span.End()
	}
}

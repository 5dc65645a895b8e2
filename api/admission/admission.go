// Package admission decides which requests are worked on, for how long, and what
// becomes of the rest. Short requests share a bounded number of places with a
// bounded queue before them; streams have places of their own; what finds no
// place is refused at once with Retry-After, so that accepted requests stay fast
// however many arrive. While the service drains, accepted requests finish and
// readiness says no.
package admission

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/doorward/doorward/api/contract"
)

// Class is how a request is admitted.
type Class int

// Classes. The zero value is the strictest.
const (
	Short  Class = iota // a place, a deadline
	Stream              // a place among streams, a long deadline
	Free                // health, metrics: no place
)

// Config bounds what is worked on at once. Every field is required.
type Config struct {
	Concurrent int           // short requests worked on at once
	Queue      int           // short requests that may wait for a place
	Wait       time.Duration // longest wait for a place
	Streams    int           // streams at once
	Body       time.Duration // to read the body of a short request
	Deadline   time.Duration // to answer a short request
	Answer     time.Duration // longest life of a stream
	Classify   func(*http.Request) Class
	Shed       func(why string)               // told of every refusal; nil: nobody
	Working    func(class string, change int) // told when requests come and go; nil: nobody
}

// ErrDraining ends the context of a stream that is still open when the service
// has to go.
var ErrDraining = errors.New("the service is stopping")

// Admission admits requests. It is safe for concurrent use.
type Admission struct {
	Config
	places, queue, streams chan struct{}
	draining               atomic.Bool
	mu                     sync.Mutex
	open                   map[int]func() // cuts open streams
	next                   int
	cut                    bool
}

// New checks the configuration.
func New(c Config) (*Admission, error) {
	if c.Concurrent < 1 || c.Queue < 0 || c.Wait <= 0 || c.Streams < 1 || c.Body <= 0 || c.Deadline <= 0 || c.Answer <= 0 || c.Classify == nil {
		return nil, errors.New("making admission: a bound is missing")
	}
	if c.Shed == nil {
		c.Shed = func(string) {}
	}
	if c.Working == nil {
		c.Working = func(string, int) {}
	}
	return &Admission{Config: c, places: make(chan struct{}, c.Concurrent), queue: make(chan struct{}, c.Concurrent+c.Queue),
		streams: make(chan struct{}, c.Streams), open: map[int]func(){}}, nil
}

// Draining reports whether the service is stopping.
func (a *Admission) Draining() bool { return a.draining.Load() }

// Drain asks connections to end after their present request.
func (a *Admission) Drain() { a.draining.Store(true) }

// Cut ends the streams that are still open; each says so in its own last event.
func (a *Admission) Cut() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.cut = true
	for _, end := range a.open {
		end()
	}
}

// grace is what a connection has for writing an answer after its deadline.
const grace = 5 * time.Second

// Wrap admits requests to next.
func (a *Admission) Wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if a.Draining() {
			w.Header().Set("Connection", "close")
		}
		switch a.Classify(r) {
		case Free:
			a.deadlines(w, a.Body, a.Deadline)
			next.ServeHTTP(w, r)
		case Stream:
			a.stream(w, r, next)
		default:
			a.short(w, r, next)
		}
	})
}

// deadlines bounds the connection for this request; the server's own bounds
// hold between requests.
func (a *Admission) deadlines(w http.ResponseWriter, read, write time.Duration) {
	c, now := http.NewResponseController(w), time.Now()
	_ = c.SetReadDeadline(now.Add(read)) // a recorder in tests has none
	_ = c.SetWriteDeadline(now.Add(write + grace))
}

func (a *Admission) short(w http.ResponseWriter, r *http.Request, next http.Handler) {
	a.deadlines(w, a.Body, a.Deadline)
	select {
	case a.queue <- struct{}{}:
		defer func() { <-a.queue }()
	default:
		a.refuse(w, "queue")
		return
	}
	if !a.place(r.Context()) {
		a.refuse(w, "wait")
		return
	}
	defer func() { <-a.places }()
	a.Working("short", 1)
	defer a.Working("short", -1)
	ctx, cancel := context.WithTimeout(r.Context(), a.Deadline)
	defer cancel()
	next.ServeHTTP(w, r.WithContext(ctx))
}

// place waits for a place, no longer than the longest wait.
func (a *Admission) place(ctx context.Context) bool {
	select {
	case a.places <- struct{}{}:
		return true
	default:
	}
	t := time.NewTimer(a.Wait)
	defer t.Stop()
	select {
	case a.places <- struct{}{}:
		return true
	case <-t.C:
	case <-ctx.Done():
	}
	return false
}

func (a *Admission) stream(w http.ResponseWriter, r *http.Request, next http.Handler) {
	select {
	case a.streams <- struct{}{}:
		defer func() { <-a.streams }()
	default:
		a.deadlines(w, a.Body, a.Deadline)
		a.refuse(w, "streams")
		return
	}
	a.deadlines(w, a.Answer, a.Answer)
	a.Working("stream", 1)
	defer a.Working("stream", -1)
	ctx, cancel := context.WithTimeout(r.Context(), a.Answer)
	defer cancel()
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	forget := a.remember(func() { end(ErrDraining) })
	defer forget()
	next.ServeHTTP(w, r.WithContext(ctx))
}

func (a *Admission) remember(end func()) (forget func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.cut {
		end()
	}
	id := a.next
	a.next++
	a.open[id] = end
	return func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		delete(a.open, id)
	}
}

// RetryAfter is what refused callers are asked to wait, in seconds.
const RetryAfter = 1

// refuse answers without working on the request.
func (a *Admission) refuse(w http.ResponseWriter, why string) {
	a.Shed(why)
	var id [8]byte
	rand.Read(id[:])
	rid := hex.EncodeToString(id[:])
	h := w.Header()
	h.Set("Doorward-Request", rid)
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Type", "application/problem+json")
	h.Set("Retry-After", strconv.Itoa(RetryAfter))
	w.WriteHeader(http.StatusServiceUnavailable)
	_ = json.NewEncoder(w).Encode(map[string]any{"type": contract.Base + "overloaded", "title": "The service is busy; nothing was done",
		"status": http.StatusServiceUnavailable, "request": rid})
}

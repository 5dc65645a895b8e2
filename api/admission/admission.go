// Package admission decides which requests are worked on, for how long, and what
// becomes of the rest. Short requests share a bounded number of places with a
// bounded queue before them; pushed documents and streams have places of their
// own; what would wait too long for a place is refused at once with Retry-After,
// so that accepted requests stay fast however many arrive. While the service drains, accepted requests finish and
// readiness says no.
package admission

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
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
	Push                // a place among pushed documents, a deadline
	Stream              // a place among streams, a long deadline
	Free                // health, metrics: no place
)

// Config bounds what is worked on at once. Every field is required.
type Config struct {
	Concurrent int           // short requests worked on at once
	Queue      int           // short requests that may wait for a place
	Wait       time.Duration // longest wait for a place; while too much arrives, twice as long as an unhurried request holds one
	Pushes     int           // pushed documents worked on at once, with as many waiting
	Streams    int           // streams at once
	Body       time.Duration // to read the body of a short request
	Deadline   time.Duration // to answer a short request
	Answer     time.Duration // longest life of a stream
	Classify   func(*http.Request) Class
	Shed       func(why string)               // told of every refusal; nil: nobody
	Working    func(class string, change int) // told when requests come and go; nil: nobody
	Log        *slog.Logger                   // one line a second says what was refused; nil discards
}

// ErrDraining ends the context of a stream that is still open when the service
// has to go.
var ErrDraining = errors.New("the service is stopping")

// Admission admits requests. It is safe for concurrent use.
type Admission struct {
	Config
	places, pushes *places
	refused        refusals
	writing        room
	disks          atomic.Int64 // requests that gave their places away to wait for a disk
	slowed         atomic.Int64 // requests that gave them away to be slowed down
	streams        chan struct{}
	draining       atomic.Bool
	mu             sync.Mutex
	open           map[int]func() // cuts open streams
	next           int
	cut            bool
}

// New checks the configuration.
func New(c Config) (*Admission, error) {
	if c.Concurrent < 1 || c.Queue < 0 || c.Wait <= 0 || c.Pushes < 1 || c.Streams < 1 || c.Body <= 0 || c.Deadline <= 0 || c.Answer <= 0 || c.Classify == nil {
		return nil, errors.New("making admission: a bound is missing")
	}
	if c.Shed == nil {
		c.Shed = func(string) {}
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Working == nil {
		c.Working = func(string, int) {}
	}
	return &Admission{Config: c, places: newPlaces(c.Concurrent, c.Queue, c.Wait), pushes: newPlaces(c.Pushes, c.Pushes, pushesWait),
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
		case Push:
			a.short(w, r, next, a.pushes, "push")
		default:
			a.short(w, r, next, a.places, "short")
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

func (a *Admission) short(w http.ResponseWriter, r *http.Request, next http.Handler, p *places, class string) {
	a.deadlines(w, a.Body, a.Deadline)
	readAhead(r)
	leave, why := p.enter(r.Context())
	if why != "" {
		a.refuse(w, refusal{why, class, ""})
		return
	}
	out := a.work(w, r, next, leave, class)
	defer out.done()
	out.write()
}

// work does the work in its place, which is another's when it returns; unless the
// answer is to be written in it.
func (a *Admission) work(w http.ResponseWriter, r *http.Request, next http.Handler, leave func(), class string) (out *answer) {
	a.Working(class, 1)
	left := sync.OnceFunc(leave)
	disk := waiting{of: a, leave: left}
	end := sync.OnceFunc(func() {
		a.Working(class, -1)
		left()
		disk.end()
	})
	out = &answer{ResponseWriter: w, done: end}
	defer func() {
		if !out.worked { // it panicked
			end()
		}
	}()
	ctx, cancel := context.WithTimeout(r.Context(), a.Deadline)
	defer cancel()
	next.ServeHTTP(out, r.WithContext(context.WithValue(ctx, waitingKey{}, &disk)))
	out.worked = true
	if giveBack, ok := a.writing.take(len(out.body)); ok {
		end()
		out.done = giveBack
	}
	return out
}

// waiting is a request that may give its place away before it is done.
type waiting struct {
	of    *Admission
	leave func()
	once  sync.Once
	gave  bool
	slow  bool
}

type waitingKey struct{}

// Waiting says that what is left of the work of a request is to wait for a disk:
// its place is the next one's from now on, who has the processor meanwhile. No
// more than four times as many as there are places wait so; a disk that stands still
// lets no others in. It does nothing for a request without a place.
func Waiting(ctx context.Context) {
	if w, ok := ctx.Value(waitingKey{}).(*waiting); ok {
		w.once.Do(w.give)
	}
}

// disksAPlace is how many may wait for a disk for each place.
const disksAPlace = 4

func (w *waiting) give() {
	if w.of.disks.Add(1) > disksAPlace*int64(w.of.Concurrent) {
		w.of.disks.Add(-1)
		return
	}
	w.gave = true
	w.leave()
}

func (w *waiting) end() {
	w.once.Do(func() {}) // too late now
	if w.gave {
		w.of.disks.Add(-1)
	}
	if w.slow {
		w.of.slowed.Add(-1)
	}
}

// pushesWait is how long a pushed document may wait for a place.
const pushesWait = time.Second

// smallBody is the largest body that is read before a place is taken.
const smallBody = 16 << 10

// readAhead reads a small body before a place is taken, so that a slow sender
// holds none. What cannot be read is for the handler to find.
func readAhead(r *http.Request) {
	if r.Body == nil || r.ContentLength <= 0 || r.ContentLength > smallBody {
		return
	}
	var head bytes.Buffer // grows as bytes arrive: a promise of bytes takes no memory
	_, err := head.ReadFrom(r.Body)
	if err == nil {
		err = io.EOF
	}
	r.Body = body{io.MultiReader(&head, failing{err}), r.Body}
}

type body struct {
	io.Reader
	io.Closer
}

// failing ends a body as its connection did.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func (a *Admission) stream(w http.ResponseWriter, r *http.Request, next http.Handler) {
	select {
	case a.streams <- struct{}{}:
		defer func() { <-a.streams }()
	default:
		a.deadlines(w, a.Body, a.Deadline)
		a.refuse(w, refusal{"streams", "stream", ""})
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
func (a *Admission) refuse(w http.ResponseWriter, why refusal) {
	var id [8]byte
	rand.Read(id[:])
	why.request = hex.EncodeToString(id[:])
	a.Shed(why.why)
	a.refused.log(a.Log, why)
	h := w.Header()
	h.Set("Doorward-Request", why.request)
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Type", "application/problem+json")
	h.Set("Retry-After", strconv.Itoa(RetryAfter))
	w.WriteHeader(http.StatusServiceUnavailable)
	_ = json.NewEncoder(w).Encode(map[string]any{"type": contract.Base + "overloaded", "title": "The service is busy; nothing was done",
		"status": http.StatusServiceUnavailable, "request": why.request})
}

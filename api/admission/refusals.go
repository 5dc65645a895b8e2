package admission

import (
	"log/slog"
	"sync"
	"time"
)

// refusal is a request that found no place.
type refusal struct {
	why     string // "queue", "wait" or "streams"
	class   string // "short", "push" or "stream"
	request string // the id that the caller was told
}

// refusals are logged one by one where they are few; of many, the first of each
// second, and how many the others were. Logging must not become the work that
// refusing spares.
type refusals struct {
	mu    sync.Mutex
	quiet bool           // until the second is over
	more  map[string]int // refused in it, by class and why
}

// loggedEvery is how often refusals are logged.
const loggedEvery = time.Second

func (r *refusals) log(l *slog.Logger, one refusal) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.quiet {
		if r.more == nil {
			r.more = map[string]int{}
		}
		r.more[one.class+":"+one.why]++
		return
	}
	r.quiet = true
	time.AfterFunc(loggedEvery, func() { r.sum(l) })
	l.Warn("request refused", "status", 503, "class", one.class, "why", one.why, "request", one.request)
}

// sum ends a second.
func (r *refusals) sum(l *slog.Logger) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.more) == 0 {
		r.quiet = false
		return
	}
	time.AfterFunc(loggedEvery, func() { r.sum(l) })
	l.Warn("more requests refused", "status", 503, "count", r.more, "seconds", loggedEvery.Seconds())
	r.more = nil
}

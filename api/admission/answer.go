package admission

import (
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
)

// What is answered is kept until the work is done, and written when its place is
// another's already: a reader that takes its time holds memory, not a place.
const (
	keptAnswer  = 1 << 20  // bytes of one answer; one that is longer keeps its place
	keptAnswers = 64 << 20 // bytes of all that are being written; beyond, they keep their places
)

// answer keeps what is answered until [answer.write]. One that is flushed, or
// longer than keptAnswer, goes through as it comes.
type answer struct {
	http.ResponseWriter
	status  int // 0: none yet
	body    []byte
	through bool
	worked  bool   // to the end
	done    func() // gives back what the answer takes: its place, or its room
}

func (a *answer) WriteHeader(status int) {
	switch {
	case a.through || status < http.StatusOK && status != http.StatusSwitchingProtocols:
		a.ResponseWriter.WriteHeader(status)
	case a.status == 0:
		a.status = status
	}
}

func (a *answer) Write(p []byte) (int, error) {
	if !a.through && len(a.body)+len(p) > keptAnswer {
		if err := a.pass(); err != nil {
			return 0, err
		}
	}
	if a.through {
		return a.ResponseWriter.Write(p)
	}
	a.WriteHeader(http.StatusOK)
	if a.body == nil {
		a.body = (*bodies.Get().(*[]byte))[:0]
	}
	a.body = append(a.body, p...)
	return len(p), nil
}

// Flush implements [http.Flusher].
func (a *answer) Flush() {
	if a.pass() == nil {
		_ = http.NewResponseController(a.ResponseWriter).Flush()
	}
}

// Unwrap is for [http.ResponseController].
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// pass writes what was kept and lets the rest through.
func (a *answer) pass() (err error) {
	if a.through {
		return nil
	}
	a.through = true
	if a.status != 0 {
		a.ResponseWriter.WriteHeader(a.status)
	}
	if len(a.body) > 0 {
		_, err = a.ResponseWriter.Write(a.body)
	}
	if body := a.body; cap(body) > 0 && cap(body) <= reusedAnswer {
		bodies.Put(&body)
	}
	a.body = nil
	return err
}

// bodies are used again: answers are most of what a request allocates.
var bodies = sync.Pool{New: func() any { return new([]byte) }}

// reusedAnswer is the longest body that is used again, in bytes.
const reusedAnswer = 64 << 10

// write writes the answer that was kept, in one piece and with its length.
func (a *answer) write() {
	if a.through {
		return
	}
	h := a.Header()
	if a.status >= http.StatusOK && len(a.body) > 0 && h.Get("Content-Length") == "" && h.Get("Transfer-Encoding") == "" {
		h.Set("Content-Length", strconv.Itoa(len(a.body)))
	}
	_ = a.pass() // a reader that is gone is nobody's fault
}

// room is how many bytes are being written outside of places.
type room struct{ taken atomic.Int64 }

// take takes room for an answer, if there is some, and says how to give it back.
func (r *room) take(bytes int) (giveBack func(), ok bool) {
	if r.taken.Add(int64(bytes)) > keptAnswers {
		r.taken.Add(-int64(bytes))
		return nil, false
	}
	return func() { r.taken.Add(-int64(bytes)) }, true
}

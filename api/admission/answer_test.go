package admission

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
)

// slowReader takes nothing until it is let go.
type slowReader struct {
	*httptest.ResponseRecorder
	writing, goOn chan bool
}

func (s *slowReader) Write(p []byte) (int, error) {
	s.writing <- true
	<-s.goOn
	return s.ResponseRecorder.Write(p)
}

// TestSlowReadersHoldNoPlace asks with one place while somebody does not read his
// answer: it is free for the next, unless the answer, or all that are being
// written, are too long to be kept.
func TestSlowReadersHoldNoPlace(t *testing.T) {
	for _, c := range []struct {
		name  string
		bytes int
		taken int64 // by other answers
		flush bool
		next  int
	}{
		{"short", 1, 0, false, http.StatusOK},
		{"as long as may be", keptAnswer, 0, false, http.StatusOK},
		{"too long", keptAnswer + 1, 0, false, http.StatusServiceUnavailable},
		{"too many", 1000, keptAnswers - 999, false, http.StatusServiceUnavailable},
		{"the last that fits", 1000, keptAnswers - 1000, false, http.StatusOK},
		{"flushed", 1000, 0, true, http.StatusServiceUnavailable},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := admit(t, Config{Concurrent: 1, Queue: 0, Streams: 1})
			a.writing.taken.Store(c.taken)
			text := bytes.Repeat([]byte("x"), c.bytes)
			h := a.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "text/plain")
				if r.URL.Path == "/other" {
					return
				}
				_, _ = w.Write(text[:len(text)/2])
				if c.flush {
					w.(http.Flusher).Flush()
				}
				_, _ = w.Write(text[len(text)/2:])
			}))
			slow := &slowReader{httptest.NewRecorder(), make(chan bool, 8), make(chan bool)}
			ended := make(chan bool)
			go func() {
				defer close(ended)
				h.ServeHTTP(slow, httptest.NewRequest("GET", "/", nil))
			}()
			<-slow.writing
			next := httptest.NewRecorder()
			h.ServeHTTP(next, httptest.NewRequest("GET", "/other", nil))
			if next.Code != c.next {
				t.Errorf("while an answer of %d bytes is written: %d, want %d", c.bytes, next.Code, c.next)
			}
			close(slow.goOn)
			<-ended
			if !bytes.Equal(slow.Body.Bytes(), text) {
				t.Errorf("%d bytes came, not the %d that were written", slow.Body.Len(), len(text))
			}
			last := httptest.NewRecorder()
			if h.ServeHTTP(last, httptest.NewRequest("GET", "/other", nil)); last.Code != http.StatusOK || a.writing.taken.Load() != c.taken {
				t.Errorf("afterwards: %d, %d bytes taken", last.Code, a.writing.taken.Load())
			}
		})
	}
}

// TestAnswersStayWhatTheyAre sends status, fields and bodies through a server.
func TestAnswersStayWhatTheyAre(t *testing.T) {
	a := admit(t, Config{Concurrent: 1, Streams: 1})
	s := httptest.NewServer(a.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/nothing":
		case "/status":
			w.WriteHeader(http.StatusTeapot)
			w.WriteHeader(http.StatusOK)
		case "/none":
			w.WriteHeader(http.StatusNoContent)
		case "/gone":
			panic(http.ErrAbortHandler)
		default:
			w.Header().Set("Content-Type", "text/plain")
			w.WriteHeader(http.StatusAccepted)
			_, _ = io.WriteString(w, "one ")
			_, _ = io.WriteString(w, "two")
		}
	})))
	defer s.Close()
	for _, c := range []struct {
		method, path, body string
		status             int
		length             int64
	}{
		{"GET", "/nothing", "", http.StatusOK, 0},
		{"GET", "/status", "", http.StatusTeapot, 0},
		{"GET", "/none", "", http.StatusNoContent, 0},
		{"GET", "/gone", "", 0, 0},
		{"GET", "/text", "one two", http.StatusAccepted, 7},
		{"HEAD", "/text", "", http.StatusAccepted, 7},
	} {
		r, err := http.NewRequestWithContext(t.Context(), c.method, s.URL+c.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(r)
		if c.status == 0 {
			if err == nil {
				resp.Body.Close()
				t.Errorf("%s: answered %d by a handler that gave up", c.path, resp.StatusCode)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != c.status || string(body) != c.body || resp.ContentLength != c.length {
			t.Errorf("%s %s: %d %q of %d bytes, %v", c.method, c.path, resp.StatusCode, body, resp.ContentLength, err)
		}
	}
}

// TestWaitingForADisk lets requests say that they only wait: so many others come in
// as may wait, and no more; each is counted once.
func TestWaitingForADisk(t *testing.T) {
	a := admit(t, Config{Concurrent: 1, Queue: 0, Streams: 1})
	inside, goOn := make(chan bool, disksAPlace+2), make(chan bool)
	h := a.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		Waiting(r.Context())
		Waiting(r.Context())
		inside <- true
		<-goOn
		w.WriteHeader(http.StatusAccepted)
	}))
	var group sync.WaitGroup
	ask := func() int {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
		return w.Code
	}
	for range disksAPlace + 1 { // all but the last wait without a place; it keeps the only one
		group.Go(func() {
			if status := ask(); status != http.StatusAccepted {
				t.Errorf("status %d", status)
			}
		})
		<-inside
	}
	if status := ask(); status != http.StatusServiceUnavailable {
		t.Errorf("one more while the disk stands still: %d", status)
	}
	close(goOn)
	group.Wait()
	if n := a.disks.Load(); n != 0 {
		t.Errorf("%d are still taken to wait", n)
	}
	if status := ask(); status != http.StatusAccepted {
		t.Errorf("afterwards: %d", status)
	}
	Waiting(t.Context()) // no place to give
}

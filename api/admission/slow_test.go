package admission

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
)

// TestSlowedRequestsHoldNoPlace slows down as many requests as may be, with one
// place: another is let in meanwhile, one slowed request more is told to give up,
// and when they are done as many may be slowed down again.
func TestSlowedRequestsHoldNoPlace(t *testing.T) {
	a := admit(t, Config{Concurrent: 1, Queue: slowedAPlace, Streams: 1})
	slowed, leave := make(chan bool, slowedAPlace+1), make(chan bool)
	h := a.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/slow" {
			return
		}
		may := Slowed(r.Context())
		slowed <- may
		if !may {
			w.WriteHeader(http.StatusTooManyRequests)
			return
		}
		<-leave
	}))
	ask := func(path string) int {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		return w.Code
	}
	for range 2 {
		var waiting sync.WaitGroup
		for range slowedAPlace {
			waiting.Go(func() {
				if code := ask("/slow"); code != http.StatusOK {
					t.Errorf("slowed, and answered %d", code)
				}
			})
			if !<-slowed {
				t.Error("may not be slowed down")
			}
			if code := ask("/"); code != http.StatusOK { // the one place is free
				t.Errorf("another was answered %d", code)
			}
		}
		if code := ask("/slow"); code != http.StatusTooManyRequests || <-slowed {
			t.Errorf("one too many was answered %d", code)
		}
		for range slowedAPlace {
			leave <- true
		}
		waiting.Wait()
	}
	if !Slowed(context.Background()) {
		t.Error("what holds no place may wait")
	}
}

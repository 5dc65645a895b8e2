package admission

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// inLine is how many wait.
func (p *places) inLine() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.waiting)
}

// TestPlacesAreGivenBack: by those who leave, those who wait too long, and those
// who go away; in the order of coming.
func TestPlacesAreGivenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlaces(1, 3, 50*time.Millisecond)
		leave, _ := p.enter(t.Context())
		gone, goAway := context.WithCancel(t.Context())
		ended := make(chan string, 3)
		for _, ctx := range []context.Context{gone, t.Context(), t.Context()} {
			go func() {
				leave, why := p.enter(ctx)
				if why == "" {
					time.Sleep(30 * time.Millisecond)
					leave()
				}
				ended <- why
			}()
			synctest.Wait()
		}
		goAway()
		if why := <-ended; why != "wait" {
			t.Errorf("who went away got %q", why)
		}
		time.Sleep(30 * time.Millisecond)
		leave() // the second has it for 30 ms; the third has waited 50 ms before that ends
		if a, b := <-ended, <-ended; a+b != "wait" {
			t.Errorf("%q, %q", a, b)
		}
		synctest.Wait()
		if p.taken != 0 || p.inLine() != 0 {
			t.Errorf("%d places taken, %d in line", p.taken, p.inLine())
		}
		p = newPlaces(1, 0, time.Second)
		if _, why := p.enter(t.Context()); why != "" {
			t.Error(why)
		}
		if _, why := p.enter(t.Context()); why != "queue" {
			t.Errorf("beyond the queue: %q", why)
		}
	})
}

// TestNewestFirst: while a surplus lasts, who came last has the next place, and who
// comes takes the place in line of who has waited longest; otherwise, who came first.
func TestNewestFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlaces(1, 8, time.Second)
		leave, _ := p.enter(t.Context())
		served := make(chan string, 8)
		ask := func(name string) {
			go func() {
				leave, why := p.enter(t.Context())
				served <- name + why
				if why == "" {
					time.Sleep(time.Millisecond)
					leave()
				}
			}()
			synctest.Wait()
		}
		ask("first")
		ask("second")
		time.Sleep(time.Millisecond)
		leave()
		if a, b := <-served, <-served; a != "first" || b != "second" {
			t.Errorf("%s, then %s", a, b)
		}
		time.Sleep(10 * time.Millisecond)
		if leave, _ = p.enter(t.Context()); p.alone == 0 || p.inLine() != 0 {
			t.Fatalf("alone %v, %d in line", p.alone, p.inLine())
		}
		p.mu.Lock()
		p.surplus = time.Now().Add(lasting)
		p.mu.Unlock()
		for _, name := range []string{"a", "b", "c"} { // one may stand in line for one place
			ask(name)
		}
		if a, b := <-served, <-served; a != "await" || b != "bwait" || p.inLine() != 1 {
			t.Errorf("%s, %s, %d in line", a, b, p.inLine())
		}
		if leave(); <-served != "c" {
			t.Error("the newest was not served")
		}
		time.Sleep(2 * lasting)
		if leave, why := p.enter(t.Context()); why != "" {
			t.Error("the surplus has not ended")
		} else {
			leave()
		}
	})
}

// TestSlowSendersHoldNoPlace: a small body is read before a place is taken.
func TestSlowSendersHoldNoPlace(t *testing.T) {
	a := admit(t, Config{Concurrent: 1, Queue: 1, Streams: 1})
	h := a.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		data, err := io.ReadAll(r.Body)
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
		}
		_, _ = w.Write(data)
	}))
	slow, send := io.Pipe()
	answered := make(chan *httptest.ResponseRecorder)
	go func() {
		r := httptest.NewRequest("POST", "/", slow)
		r.ContentLength = 6
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		answered <- w
	}()
	_, _ = send.Write([]byte("sl")) // it is being read
	for range 3 {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("POST", "/", strings.NewReader("quick")))
		if w.Code != http.StatusOK || w.Body.String() != "quick" {
			t.Errorf("%d %q while another sends", w.Code, w.Body)
		}
	}
	_, _ = send.Write([]byte("owly"))
	send.Close()
	if w := <-answered; w.Body.String() != "slowly" {
		t.Errorf("%d %q", w.Code, w.Body)
	}
	broken, cut := io.Pipe()
	cut.CloseWithError(io.ErrUnexpectedEOF)
	r := httptest.NewRequest("POST", "/", broken)
	r.ContentLength = 6
	w := httptest.NewRecorder()
	if h.ServeHTTP(w, r); w.Code != http.StatusBadRequest {
		t.Errorf("a body that breaks off: %d", w.Code)
	}
}

// TestRefusalsAreLogged: the first of a second, and how many the others were.
func TestRefusalsAreLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var said bytes.Buffer
		a := admit(t, Config{Concurrent: 1, Streams: 1, Log: slog.New(slog.NewTextHandler(&said, nil))})
		for range 10 {
			a.refuse(httptest.NewRecorder(), refusal{"wait", "short", ""})
		}
		time.Sleep(3 * time.Second)
		synctest.Wait()
		a.refuse(httptest.NewRecorder(), refusal{"streams", "stream", ""})
		time.Sleep(3 * time.Second)
		lines := strings.Split(strings.TrimSpace(said.String()), "\n")
		if len(lines) != 3 || !strings.Contains(lines[0], "class=short why=wait request=") || !strings.Contains(lines[1], "count=map[short:wait:9]") || !strings.Contains(lines[2], "why=streams") {
			t.Errorf("said:\n%s", said.String())
		}
	})
}

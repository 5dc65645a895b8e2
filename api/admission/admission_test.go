package admission

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func byPath(r *http.Request) Class {
	switch r.URL.Path {
	case "/free":
		return Free
	case "/stream":
		return Stream
	}
	return Short
}

func admit(t testing.TB, c Config) *Admission {
	t.Helper()
	c.Classify = byPath
	for _, d := range []*time.Duration{&c.Wait, &c.Body, &c.Deadline, &c.Answer} {
		if *d == 0 {
			*d = 5 * time.Second
		}
	}
	c.Pushes = max(c.Pushes, 1)
	a, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// TestWhatFindsNoPlaceIsRefused fills places and queue, and asks once more.
func TestWhatFindsNoPlaceIsRefused(t *testing.T) {
	var shed atomic.Int32
	a := admit(t, Config{Concurrent: 2, Queue: 1, Streams: 1, Shed: func(string) { shed.Add(1) }})
	inside, leave := make(chan bool, 8), make(chan bool)
	s := httptest.NewServer(a.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/free" {
			inside <- true
			<-leave
		}
	})))
	defer s.Close()
	var waiting sync.WaitGroup
	var answered atomic.Int32
	for range 3 { // two places and one in the queue
		waiting.Go(func() {
			resp, err := http.Get(s.URL)
			if err != nil {
				t.Error(err)
				return
			}
			defer resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				answered.Add(1)
			}
		})
	}
	<-inside
	<-inside
	for a.places.inLine() < 1 {
		time.Sleep(time.Millisecond)
	}
	resp, err := http.Get(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	var p map[string]any
	if err := json.NewDecoder(resp.Body).Decode(&p); err != nil || resp.StatusCode != 503 || resp.Header.Get("Retry-After") == "" || p["type"] != "urn:doorward:problem:overloaded" {
		t.Errorf("%d %v %v", resp.StatusCode, p, err)
	}
	if resp, err := http.Get(s.URL + "/free"); err == nil {
		defer resp.Body.Close()
	}
	if shed.Load() != 1 {
		t.Errorf("%d told as refused", shed.Load())
	}
	close(leave)
	waiting.Wait()
	if n := answered.Load(); n < 2 { // the third may have waited too long, now that there is a surplus
		t.Errorf("%d answered", n)
	}
}

// TestWaitIsBounded: a place that does not come free in time is not waited for.
func TestWaitIsBounded(t *testing.T) {
	a := admit(t, Config{Concurrent: 1, Queue: 5, Streams: 1, Wait: 20 * time.Millisecond})
	if _, why := a.places.enter(t.Context()); why != "" {
		t.Fatal(why)
	}
	w := httptest.NewRecorder()
	a.Wrap(http.NotFoundHandler()).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if w.Code != 503 {
		t.Errorf("status %d", w.Code)
	}
}

// TestDeadlinesReachTheWork: short requests and streams end by their contexts.
func TestDeadlinesReachTheWork(t *testing.T) {
	a := admit(t, Config{Concurrent: 1, Streams: 1, Deadline: 20 * time.Millisecond, Answer: 30 * time.Millisecond})
	for _, path := range []string{"/", "/stream"} {
		var err error
		a.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done(); err = r.Context().Err() })).
			ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", path, nil))
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// TestSlowBodiesAreCut sends one byte at a time: the handler's read fails once
// the time for the body is over, and its place is free again.
func TestSlowBodiesAreCut(t *testing.T) {
	a := admit(t, Config{Concurrent: 1, Streams: 1, Body: 100 * time.Millisecond})
	read := make(chan error, 1)
	s := httptest.NewServer(a.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, err := io.ReadAll(r.Body)
		read <- err
	})))
	defer s.Close()
	c, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n")
	stop := make(chan bool)
	defer close(stop)
	go func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(20 * time.Millisecond):
				if _, err := c.Write([]byte("x")); err != nil {
					return
				}
			}
		}
	}()
	select {
	case err := <-read:
		if err == nil {
			t.Error("the whole body was read")
		}
	case <-time.After(10 * time.Second):
		t.Fatal("the slow body holds its place")
	}
}

// TestSlowHeadsAreCut: the server's own bound on heads, as serve sets it.
func TestSlowHeadsAreCut(t *testing.T) {
	s := httptest.NewUnstartedServer(http.NotFoundHandler())
	s.Config.ReadHeaderTimeout = 100 * time.Millisecond
	s.Start()
	defer s.Close()
	c, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprintf(c, "GET / HTTP/1.1\r\nHost: x\r\nX: ")
	_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
	if _, err := bufio.NewReader(c).ReadByte(); !errors.Is(err, io.EOF) {
		if ne, ok := err.(net.Error); ok && ne.Timeout() {
			t.Error("the connection is still open")
		}
	}
}

// TestCutEndsStreams: those that are open, and those that come later.
func TestCutEndsStreams(t *testing.T) {
	a := admit(t, Config{Concurrent: 1, Streams: 4})
	causes := make(chan error, 2)
	open := make(chan bool, 2)
	h := a.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		open <- true
		<-r.Context().Done()
		causes <- context.Cause(r.Context())
	}))
	go h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/stream", nil))
	<-open
	a.Drain()
	a.Cut()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/stream", nil))
	for range 2 {
		if err := <-causes; !errors.Is(err, ErrDraining) {
			t.Errorf("ended by %v", err)
		}
	}
	if w.Header().Get("Connection") != "close" || !a.Draining() {
		t.Error("connections are not asked to end")
	}
}

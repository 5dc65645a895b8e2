package client

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/doorward/doorward/policy"
)

var ann = policy.Subject{ID: "ann", Groups: []string{"staff"}}

// against makes a client of a service; its assertions are numbered.
func against(t testing.TB, h http.HandlerFunc) *Client {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	minted := 0
	c, err := New(Config{URL: server.URL + "/", Key: "dw_test", Assert: func(_ context.Context, s policy.Subject) (string, error) {
		minted++
		return fmt.Sprintf("%s-%d", s.ID, minted), nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// upper is a service that releases capitals, stops at "!" and breaks at "?".
func upper(w http.ResponseWriter, r *http.Request) {
	control := http.NewResponseController(w)
	_ = control.EnableFullDuplex()
	say := func(line string) {
		io.WriteString(w, line+"\n")
		_ = control.Flush()
	}
	for lines := bufio.NewScanner(r.Body); lines.Scan(); {
		var l struct{ Delta string }
		if json.Unmarshal(lines.Bytes(), &l) != nil {
			return
		}
		switch l.Delta {
		case "!":
			say(`{"end":{"action":"hold","findings":[{"rule":"canary","count":1}]}}`)
			return
		case "?":
			return
		case "~":
			say(`{"end":{"action":"pass","findings":[],"error":"the input could not be read"}}`)
			return
		}
		out, _ := json.Marshal(map[string]string{"delta": strings.ToUpper(l.Delta)})
		say(string(out))
	}
	say(`{"end":{"action":"pass","findings":[]}}`)
}

func TestEachRequestHasItsOwnAssertion(t *testing.T) {
	var seen []string
	c := against(t, func(w http.ResponseWriter, r *http.Request) {
		seen = append(seen, r.Method+" "+r.URL.Path+" "+r.Header.Get("Authorization")+" "+r.Header.Get("Doorward-Assertion"))
		io.WriteString(w, `{"context_id":"c1","text":"x","action":"pass","citation":"S1-a"}`)
	})
	ctx := context.Background()
	found, err := c.Retrieve(ctx, ann, Question{Question: "when?"})
	if err != nil || found.ContextID != "c1" {
		t.Error(found, err)
	}
	if out, err := c.Output(ctx, ann, "c1", "x"); err != nil || out.Text != "x" {
		t.Error(out, err)
	}
	if cited, err := c.Citation(ctx, ann, "c1", "S1-a"); err != nil || cited.Citation != "S1-a" {
		t.Error(cited, err)
	}
	want := "POST /v1/retrieve Bearer dw_test ann-1, POST /v1/output Bearer dw_test ann-2, GET /v1/citations/S1-a Bearer dw_test ann-3"
	if got := strings.Join(seen, ", "); got != want {
		t.Errorf("sent %s", got)
	}
}

func TestRefusalsAreProblems(t *testing.T) {
	c := against(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		io.WriteString(w, `{"title":"This backend may not ask for that","detail":"destination","request":"7"}`)
	})
	_, err := c.Retrieve(context.Background(), ann, Question{})
	var p *Problem
	if !errors.As(err, &p) || p.Status != http.StatusForbidden || !strings.Contains(err.Error(), "request 7") {
		t.Errorf("got %v", err)
	}
	s, err := c.OutputStream(context.Background(), ann, "", io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); !errors.As(err, &p) {
		t.Errorf("stream: %v", err)
	}
}

func TestAStreamEnds(t *testing.T) {
	for name, tc := range map[string]struct {
		deltas []string
		want   string
		err    error
	}{
		"complete":         {[]string{"on ", "tuesdays"}, "ON TUESDAYS", nil},
		"nothing":          {nil, "", nil},
		"cut runes":        {[]string{"\xc3", "\xa9 \xe2", "\x82", "\xac"}, "É €", nil},
		"end inside":       {[]string{"a\xe2\x82"}, "A\uFFFD", nil},
		"long":             {[]string{strings.Repeat("é", maxDelta)}, strings.Repeat("É", maxDelta), nil},
		"stopped":          {[]string{"a", "!"}, "A", ErrStopped},
		"cut off":          {[]string{"a", "?"}, "A", ErrIncomplete},
		"cut by the other": {[]string{"a", "~"}, "A", ErrIncomplete},
	} {
		t.Run(name, func(t *testing.T) {
			var got strings.Builder
			s, err := against(t, upper).OutputStream(context.Background(), ann, "c1", &got)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range tc.deltas {
				if _, err := io.WriteString(s, d); err != nil {
					t.Fatal(err)
				}
			}
			if err := s.Close(); !errors.Is(err, tc.err) {
				t.Errorf("closing: %v, want %v", err, tc.err)
			}
			if got.String() != tc.want {
				t.Errorf("released %.60q", got.String())
			}
		})
	}
}

func TestWritesEndWhenTheFilterStops(t *testing.T) {
	s, err := against(t, upper).OutputStream(context.Background(), ann, "", io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(s, "!"); err != nil {
		t.Fatal(err)
	}
	for err == nil { // the stop is on its way
		_, err = io.WriteString(s, "more")
	}
	if !errors.Is(err, ErrStopped) || s.End().Action != "hold" || !errors.Is(s.Close(), ErrStopped) {
		t.Errorf("got %v, %+v", err, s.End())
	}
}

func TestAbortIsNoAnswer(t *testing.T) {
	s, err := against(t, upper).OutputStream(context.Background(), ann, "", io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	s.Abort()
	if err := s.Close(); !errors.Is(err, ErrIncomplete) {
		t.Errorf("got %v", err)
	}
}

func TestConfigIsChecked(t *testing.T) {
	assert := func(context.Context, policy.Subject) (string, error) { return "", errors.New("no user") }
	for _, c := range []Config{{}, {URL: "ftp://x", Key: "k", Assert: assert}, {URL: "http://x", Assert: assert}} {
		if _, err := New(c); err == nil {
			t.Errorf("%q was taken", c.URL)
		}
	}
	c, err := New(Config{URL: "http://127.0.0.1:1", Key: "k", Assert: assert})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Retrieve(context.Background(), ann, Question{}); err == nil || !strings.Contains(err.Error(), "no user") {
		t.Errorf("got %v", err)
	}
}

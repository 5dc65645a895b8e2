package peer_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/doorward/doorward/policy/peer"
)

// TestFailure asks servers that go wrong in many ways: the text says how, and
// repeats nothing of the address or of what was said.
func TestFailure(t *testing.T) {
	secure := httptest.NewTLSServer(http.NotFoundHandler())
	defer secure.Close()
	open := httptest.NewServer(http.NotFoundHandler())
	defer open.Close()
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	for name, c := range map[string]struct {
		url  string
		wait time.Duration // 0: long
		want string
		is   error
	}{
		"says something else": {url: says(t, "confidential words\r\n\r\n"), want: "connection failed"},
		"breaks off":          {url: says(t, "HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\nconfidential"), want: "broke off"},
		"says nothing":        {url: says(t, ""), want: "broke off"},
		"not there":           {url: closed.URL, want: "refused"},
		"not trusted":         {url: secure.URL, want: "not trusted"},
		"no TLS":              {url: strings.Replace(open.URL, "http:", "https:", 1), want: "connection failed"},
		"called off":          {url: open.URL, wait: -1, want: "called off", is: context.Canceled},
		"late":                {url: open.URL, wait: 1, want: "in time", is: context.DeadlineExceeded},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		switch {
		case c.wait < 0:
			cancel()
		case c.wait > 0:
			ctx, cancel = context.WithTimeout(t.Context(), c.wait)
		}
		err := ask(ctx, c.url+"/?token=confidential")
		cancel()
		switch {
		case err == nil:
			t.Errorf("%s: no error", name)
		case !strings.Contains(err.Error(), c.want):
			t.Errorf("%s: %v, want %s", name, err, c.want)
		case strings.Contains(err.Error(), "confidential"), strings.Contains(err.Error(), "127.0.0.1"):
			t.Errorf("%s: %v says too much", name, err)
		case c.is != nil && !errors.Is(err, c.is):
			t.Errorf("%s: it is not %v any more", name, c.is)
		}
	}
	if peer.Failure(nil) != nil {
		t.Error("nothing went wrong")
	}
}

// ask asks once, on a connection of its own.
func ask(ctx context.Context, url string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	x := &http.Transport{DisableKeepAlives: true}
	defer x.CloseIdleConnections()
	res, err := (&http.Client{Transport: x}).Do(r)
	if err != nil {
		return peer.Failure(err)
	}
	defer res.Body.Close()
	_, err = io.Copy(io.Discard, res.Body)
	return peer.Failure(err)
}

// says is a server that answers every connection with words and ends it.
func says(t *testing.T, words string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			b := make([]byte, 4096)
			_, _ = c.Read(b)
			_, _ = io.WriteString(c, words)
			c.Close()
		}
	}()
	return "http://" + l.Addr().String()
}

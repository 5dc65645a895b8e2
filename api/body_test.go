package api

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
)

// unread fails when it is read.
type unread struct{ t *testing.T }

func (u unread) Read([]byte) (int, error) {
	u.t.Error("the body was read")
	return 0, io.EOF
}

// TestBodies sends bodies that are refused before they are read.
func TestBodies(t *testing.T) {
	a := &API{Config: Config{Log: slog.New(slog.DiscardHandler), Now: time.Now}}
	g := gin.New()
	g.POST("/", func(c *gin.Context) {
		var into struct{}
		if a.body(c, 10, &into) {
			c.Status(http.StatusNoContent)
		}
	})
	for _, c := range []struct {
		name, coding string
		length       int64
		body         func(*testing.T) io.Reader
		status       int
	}{
		{"small", "", 2, func(*testing.T) io.Reader { return strings.NewReader("{}") }, 204},
		{"as it is", "identity", 2, func(*testing.T) io.Reader { return strings.NewReader("{}") }, 204},
		{"says that it is too large", "", 11, func(t *testing.T) io.Reader { return unread{t} }, 413},
		{"is too large", "", -1, func(*testing.T) io.Reader { return strings.NewReader(strings.Repeat(" ", 11)) }, 413},
		{"compressed", "gzip", 2, func(t *testing.T) io.Reader { return unread{t} }, 415},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodPost, "/", c.body(t))
			r.ContentLength = c.length
			r.Header.Set("Content-Type", "application/json")
			if c.coding != "" {
				r.Header.Set("Content-Encoding", c.coding)
			}
			w := httptest.NewRecorder()
			g.ServeHTTP(w, r)
			if w.Code != c.status {
				t.Errorf("status %d %s, want %d", w.Code, w.Body, c.status)
			}
		})
	}
}

// TestHead asks for the head of what probes look at.
func TestHead(t *testing.T) {
	g := gin.New()
	get(g, "/healthz", alive)
	s := httptest.NewServer(g)
	defer s.Close()
	r, err := http.Head(s.URL + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	if body, _ := io.ReadAll(r.Body); r.StatusCode != 200 || len(body) != 0 {
		t.Errorf("HEAD /healthz: %d with %d bytes", r.StatusCode, len(body))
	}
	if routes := described(g.Routes()); len(routes) != 1 {
		t.Errorf("described as %v, want GET alone", routes)
	}
}

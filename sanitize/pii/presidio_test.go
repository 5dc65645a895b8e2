package pii_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/doorward/doorward/sanitize"
	"github.com/doorward/doorward/sanitize/pii"
)

// analyzer answers as Presidio does: with code point offsets of every "Zoë".
func analyzer(t *testing.T) *httptest.Server {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var ask struct {
			Text, Language string
			Entities       []string
		}
		if r.URL.Path != "/analyze" || json.NewDecoder(r.Body).Decode(&ask) != nil || ask.Language != "en" || len(ask.Entities) == 0 {
			http.Error(w, "bad request", http.StatusBadRequest)
			return
		}
		var out []map[string]any
		for at := 0; ; {
			i := strings.Index(ask.Text[at:], "Zoë")
			if i < 0 {
				break
			}
			at += i
			start := utf8.RuneCountInString(ask.Text[:at])
			out = append(out, map[string]any{"entity_type": "PERSON", "start": start, "end": start + 3, "score": 0.85})
			at += len("Zoë")
		}
		json.NewEncoder(w).Encode(out)
	}))
	t.Cleanup(s.Close)
	return s
}

func TestPresidioMapsOffsets(t *testing.T) {
	p, err := pii.NewPresidio(pii.PresidioConfig{URL: analyzer(t).URL})
	if err != nil {
		t.Fatal(err)
	}
	text := "Grüße an Zoë und \xff Zoë. " + strings.Repeat("blä bla ", 20000) + "Zoë"
	found, err := p.Scan(t.Context(), sanitize.Plain(text))
	if err != nil || len(found) != 3 {
		t.Fatalf("%d found, %v", len(found), err)
	}
	for _, f := range found {
		if text[f.Start:f.End] != "Zoë" || f.Type != "PERSON" {
			t.Errorf("found %v", f)
		}
	}
}

func TestPresidioFailsClosed(t *testing.T) {
	answers := map[string]http.HandlerFunc{
		"status": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) },
		"html":   func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>") },
		"outside": func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, `[{"entity_type":"PERSON","start":0,"end":99,"score":1}]`)
		},
		"slow": func(http.ResponseWriter, *http.Request) { time.Sleep(300 * time.Millisecond) },
	}
	for name, h := range answers {
		s := httptest.NewServer(h)
		p, err := pii.NewPresidio(pii.PresidioConfig{URL: s.URL, Timeout: 100 * time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		_, err = p.Scan(t.Context(), sanitize.Plain("Zoë"))
		if !errors.Is(err, pii.ErrPresidio) || strings.Contains(err.Error(), "Zoë") {
			t.Errorf("%s: %v", name, err)
		}
		s.CloseClientConnections()
		s.Close()
	}
	if _, err := pii.NewPresidio(pii.PresidioConfig{URL: "ftp://x"}); err == nil {
		t.Error("an address that is not http was taken")
	}
}

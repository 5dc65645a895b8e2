package pii

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sort"
	"time"
	"unicode/utf8"

	"github.com/doorward/doorward/policy/peer"
	"github.com/doorward/doorward/sanitize"
)

// ErrPresidio means that the analyzer did not answer, or not as it should.
// Nothing is known about the text then, and it must be held.
var ErrPresidio = errors.New("presidio analyzer failed")

// Bounds of what is sent and read.
const (
	presidioPiece  = 64 << 10 // bytes of text in one request
	presidioAnswer = 8 << 20
)

// PresidioConfig says which analyzer to ask. Only its address is needed.
type PresidioConfig struct {
	// URL is the analyzer's base address; "/analyze" is added.
	URL string
	// Language is the texts' language in ISO 639-1; empty means "en".
	Language string
	// Entities map the analyzer's types to ours; types not listed are not asked
	// for. Empty asks for names, places, organisations and groups, which this
	// package does not find itself.
	Entities map[string]string
	// Threshold is the lowest score taken; 0 means 0.5.
	Threshold float64
	// Timeout bounds one request; 0 means 10 s.
	Timeout time.Duration
	// Client makes the requests; nil makes one that follows no redirects.
	Client *http.Client
}

// Presidio asks a Microsoft Presidio analyzer over HTTP for what needs a
// language model. It is a Scanner for the text as it stands; any failure is an
// error, never an empty answer. It does not stream.
type Presidio struct {
	endpoint  string
	host      string
	language  string
	entities  map[string]string
	names     []string
	threshold float64
	timeout   time.Duration
	client    *http.Client
}

var presidioNames = map[string]string{"PERSON": "PERSON", "LOCATION": "LOCATION", "ORGANIZATION": "ORG", "NRP": "NRP"}

// NewPresidio checks the configuration; it does not connect.
func NewPresidio(c PresidioConfig) (*Presidio, error) {
	u, err := url.Parse(c.URL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, errors.New("making a presidio scanner: URL must be http or https with a host")
	}
	p := &Presidio{endpoint: u.JoinPath("analyze").String(), host: u.Host, language: c.Language, entities: c.Entities,
		threshold: c.Threshold, timeout: c.Timeout, client: c.Client}
	if p.language == "" {
		p.language = "en"
	}
	if len(p.entities) == 0 {
		p.entities = presidioNames
	}
	for n := range p.entities {
		p.names = append(p.names, n)
	}
	sort.Strings(p.names)
	if p.threshold == 0 {
		p.threshold = DefaultThreshold
	}
	if p.timeout == 0 {
		p.timeout = 10 * time.Second
	}
	if p.client == nil {
		p.client = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	}
	return p, nil
}

// Revision identifies the configuration, as 16 hex digits. The analyzer's own
// models are not part of it.
func (p *Presidio) Revision() string {
	h := sha256.New()
	fmt.Fprintf(h, "presidio/1 %s %s %v %v", p.endpoint, p.language, p.entities, p.threshold)
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// Scan asks about the source, in pieces cut at blanks. Errors wrap
// [ErrPresidio] and never hold text.
func (p *Presidio) Scan(ctx context.Context, v sanitize.Views) ([]sanitize.Finding, error) {
	var all []sanitize.Finding
	for base := 0; base < len(v.Source); {
		piece := cutPiece(v.Source[base:], presidioPiece)
		found, err := p.ask(ctx, piece)
		if err != nil {
			return nil, fmt.Errorf("asking the presidio analyzer at %s: %w", p.host, err)
		}
		for _, f := range found {
			f.Start, f.End = f.Start+base, f.End+base
			all = append(all, f)
		}
		base += len(piece)
	}
	return unique(all), nil
}

// cutPiece returns at most n bytes, cut behind the last blank or line's end.
func cutPiece(text string, n int) string {
	if len(text) <= n {
		return text
	}
	for i := n; i > n/2; i-- {
		if c := text[i-1]; c == '\n' || c == ' ' {
			return text[:i]
		}
	}
	for !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n]
}

type presidioAsk struct {
	Text      string   `json:"text"`
	Language  string   `json:"language"`
	Entities  []string `json:"entities"`
	Threshold float64  `json:"score_threshold"`
}

type presidioFound struct {
	Type  string  `json:"entity_type"`
	Start int     `json:"start"` // in code points
	End   int     `json:"end"`
	Score float64 `json:"score"`
}

func (p *Presidio) ask(ctx context.Context, text string) ([]sanitize.Finding, error) {
	text = toValid(text)
	body, err := json.Marshal(presidioAsk{text, p.language, p.names, p.threshold})
	if err != nil {
		return nil, fmt.Errorf("%w: writing the request", ErrPresidio)
	}
	ctx, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.endpoint, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("%w: making the request", ErrPresidio)
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := p.client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPresidio, peer.Failure(err))
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%w: status %d", ErrPresidio, res.StatusCode)
	}
	var found []presidioFound
	answer, err := io.ReadAll(io.LimitReader(res.Body, presidioAnswer+1))
	if err != nil || len(answer) > presidioAnswer || json.Unmarshal(answer, &found) != nil {
		return nil, fmt.Errorf("%w: the answer is not a list of entities", ErrPresidio)
	}
	return p.findings(text, found)
}

// findings turns code point offsets into byte offsets; one outside the text
// makes the whole answer worthless.
func (p *Presidio) findings(text string, found []presidioFound) ([]sanitize.Finding, error) {
	offsets := make([]int, 0, len(text)+1)
	for i := range text {
		offsets = append(offsets, i)
	}
	offsets = append(offsets, len(text))
	var out []sanitize.Finding
	for _, f := range found {
		typ, ok := p.entities[f.Type]
		if !ok || f.Score < p.threshold {
			continue
		}
		if f.Start < 0 || f.End <= f.Start || f.End >= len(offsets) {
			return nil, fmt.Errorf("%w: an entity lies outside the text", ErrPresidio)
		}
		out = append(out, sanitize.Finding{Span: sanitize.Span{Start: offsets[f.Start], End: offsets[f.End]},
			Kind: sanitize.PII, Type: typ, Rule: "presidio", Score: min(1, f.Score)})
	}
	return out, nil
}

// toValid replaces bytes that are no UTF-8 one for one, so that offsets stay.
func toValid(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	b := []byte(s)
	for i := 0; i < len(b); {
		r, size := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && size == 1 {
			b[i] = '?'
		}
		i += size
	}
	return string(b)
}

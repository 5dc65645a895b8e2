package embed

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/doorward/doorward/policy/peer"
)

// RemoteConfig says how a server is reached; the clients in the subpackages
// share it.
type RemoteConfig struct {
	// URL of the server, for example "http://localhost:8080".
	URL string
	// Key is sent as a bearer token; refused over plain HTTP except to loopback.
	Key string
	// Destination is the server's name in policies, see [Destined]. Required, so
	// that nobody forgets to say that a server is external.
	Destination string
	// Timeout of a call with all its repetitions, where the caller's context
	// sets none shorter. 0: 30 s.
	Timeout time.Duration
	// Attempts per request. 0: 3.
	Attempts int
	// Concurrency is how many requests run at once; others wait. 0: 4.
	Concurrency int
	// MaxResponse bounds an answer in bytes. 0: 64 MiB.
	MaxResponse int64
	// TLS settings; nil means Go's defaults, with TLS 1.2 at least.
	TLS *tls.Config
	// Proxy is an HTTP proxy's URL; "" goes direct, whatever the environment says.
	Proxy string
}

// Remote posts JSON to one server: bounded in time, size and concurrency,
// repeated within a budget, and given up quickly while the server is down. Its
// errors never hold what was sent or answered. It is safe for concurrent use.
type Remote struct {
	cfg     RemoteConfig
	base    *url.URL
	http    *http.Client
	slots   chan struct{}
	breaker breaker
}

// NewRemote checks the configuration; it does not connect.
func NewRemote(cfg RemoteConfig) (*Remote, error) {
	base, err := url.Parse(strings.TrimSuffix(cfg.URL, "/"))
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" {
		return nil, errors.New("configuring embedding server: url must be http://host or https://host")
	}
	if cfg.Destination == "" {
		return nil, fmt.Errorf("configuring embedding server: destination is required: %q, or the provider's name in your policies", Internal)
	}
	if cfg.Key != "" && base.Scheme == "http" && !loopback(base.Hostname()) {
		return nil, errors.New("configuring embedding server: the key would be sent unencrypted: use https")
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = 30 * time.Second
	}
	if cfg.Attempts == 0 {
		cfg.Attempts = 3
	}
	if cfg.Concurrency == 0 {
		cfg.Concurrency = 4
	}
	if cfg.MaxResponse == 0 {
		cfg.MaxResponse = 64 << 20
	}
	transport := &http.Transport{
		DialContext:         (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 10 * time.Second}).DialContext,
		MaxIdleConnsPerHost: cfg.Concurrency, IdleConnTimeout: 30 * time.Second, TLSClientConfig: cfg.TLS,
		TLSHandshakeTimeout: 5 * time.Second, ForceAttemptHTTP2: true, MaxResponseHeaderBytes: 64 << 10,
	}
	if cfg.Proxy != "" {
		p, err := url.Parse(cfg.Proxy)
		if err != nil || p.Host == "" {
			return nil, errors.New("configuring embedding server: proxy must be a url")
		}
		transport.Proxy = http.ProxyURL(p)
	}
	// A redirect could carry text to a destination no policy was asked about.
	noRedirect := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &Remote{cfg: cfg, base: base, slots: make(chan struct{}, cfg.Concurrency),
		http: &http.Client{Transport: transport, CheckRedirect: noRedirect}}, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Destination is the server's name in policies.
func (r *Remote) Destination() string { return r.cfg.Destination }

// Concurrency is how many requests run at once.
func (r *Remote) Concurrency() int { return r.cfg.Concurrency }

// Post sends in as JSON to path and decodes the answer into out. A nil in makes
// it a GET.
func (r *Remote) Post(ctx context.Context, path string, in, out any) error {
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return fmt.Errorf("calling embedding server: %w: the request cannot be encoded", ErrUnavailable)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, r.cfg.Timeout)
	defer cancel()
	select {
	case r.slots <- struct{}{}:
		defer func() { <-r.slots }()
	case <-ctx.Done():
		return fmt.Errorf("calling embedding server: %w: no free slot: %w", ErrUnavailable, ctx.Err())
	}
	err := r.attempts(ctx, path, body, out)
	if err != nil && ctx.Err() != nil {
		err = ctx.Err()
	}
	if err != nil {
		return fmt.Errorf("calling embedding server %s: %w: %w", r.base.Host, ErrUnavailable, err)
	}
	return nil
}

func (r *Remote) attempts(ctx context.Context, path string, body []byte, out any) error {
	for attempt := 1; ; attempt++ {
		if !r.breaker.allow() {
			return errors.New("it failed repeatedly; waiting before it is asked again")
		}
		wait, err := r.once(ctx, attempt, path, body, out)
		var final finalError
		r.breaker.report(err == nil || errors.As(err, &final) && final.answered)
		if err == nil || errors.As(err, &final) || attempt >= r.cfg.Attempts || !r.breaker.spend() {
			return err
		}
		if wait == 0 {
			wait = time.Duration(100<<attempt)*time.Millisecond + rand.N(100*time.Millisecond)
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// finalError is one that repeating cannot mend.
type finalError struct {
	msg      string
	answered bool // the server works; the request or its setup is at fault
}

func (e finalError) Error() string { return e.msg }

// once gives each attempt an equal share of the time left.
func (r *Remote) once(ctx context.Context, attempt int, path string, body []byte, out any) (wait time.Duration, err error) {
	deadline, _ := ctx.Deadline()
	ctx, cancel := context.WithTimeout(ctx, time.Until(deadline)/time.Duration(r.cfg.Attempts-attempt+1))
	defer cancel()
	method := http.MethodPost
	if body == nil {
		method = http.MethodGet
	}
	req, err := http.NewRequestWithContext(ctx, method, r.base.String()+path, bytes.NewReader(body))
	if err != nil {
		return 0, finalError{msg: "the request cannot be made"}
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	if r.cfg.Key != "" {
		req.Header.Set("Authorization", "Bearer "+r.cfg.Key)
	}
	res, err := r.http.Do(req)
	if err != nil {
		return 0, peer.Failure(err)
	}
	defer res.Body.Close()
	if err := statusError(res.StatusCode); err != nil {
		return retryAfter(res), err
	}
	return 0, r.decode(res.Body, out)
}

func (r *Remote) decode(body io.Reader, out any) error {
	b, err := io.ReadAll(io.LimitReader(body, r.cfg.MaxResponse+1))
	if err != nil {
		return peer.Failure(err)
	}
	if int64(len(b)) > r.cfg.MaxResponse {
		return finalError{msg: fmt.Sprintf("its answer is larger than %d bytes", r.cfg.MaxResponse)}
	}
	if json.Unmarshal(b, out) != nil {
		return errors.New("its answer is not the JSON expected")
	}
	return nil
}

func statusError(code int) error {
	switch {
	case code >= 200 && code < 300:
		return nil
	case code == http.StatusTooManyRequests, code == http.StatusRequestTimeout, code >= 500:
		return fmt.Errorf("it answered status %d", code)
	case code >= 300 && code < 400:
		return finalError{fmt.Sprintf("it answered status %d, and redirects are not followed: configure the final url", code), true}
	case code == http.StatusUnauthorized, code == http.StatusForbidden:
		return finalError{fmt.Sprintf("it answered status %d: check the key", code), true}
	}
	return finalError{fmt.Sprintf("it answered status %d", code), true}
}

func retryAfter(res *http.Response) time.Duration {
	n, err := strconv.Atoi(res.Header.Get("Retry-After"))
	if err != nil || n < 0 || n > 3600 {
		return 0
	}
	return time.Duration(n) * time.Second
}

// breaker counts failures. After five in a row it lets one request through per
// second until one succeeds. Repetitions spend from a budget that every success
// refills by a tenth, so that a failing server is not flooded.
type breaker struct {
	mu     sync.Mutex
	failed int
	next   time.Time
	spent  float64
}

const (
	breakAfter  = 5
	probeEvery  = time.Second
	retryBudget = 10
)

func (b *breaker) allow() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.failed < breakAfter {
		return true
	}
	now := time.Now()
	if now.Before(b.next) {
		return false
	}
	b.next = now.Add(probeEvery)
	return true
}

func (b *breaker) report(ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if ok {
		b.failed = 0
		b.spent = max(0, b.spent-0.1)
		return
	}
	if b.failed++; b.failed == breakAfter {
		b.next = time.Now().Add(probeEvery)
	}
}

func (b *breaker) spend() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.spent+1 > retryBudget {
		return false
	}
	b.spent++
	return true
}

package auth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/lestrrat-go/jwx/v3/jwk"

	"github.com/doorward/doorward/policy/peer"
)

// RemoteConfig says where an issuer's keys are fetched and how long they hold.
type RemoteConfig struct {
	Issuer   string        // as in iss; OpenID discovery starts here
	URL      string        // of the keys; empty: discovered
	Every    time.Duration // how often they are fetched anew; 0 means 15 minutes
	MaxStale time.Duration // how long they hold when the issuer does not answer; 0 means 4 hours
	Pause    time.Duration // between two attempts, whatever tokens ask for; 0 means 10 s
	Patience time.Duration // how long after an attempt began requests wait for it; 0 means half a second
	Client   *http.Client  // nil: one with timeouts
	Log      *slog.Logger
}

// Remote keeps the keys of an identity provider, fetched by OpenID Connect
// discovery. A key id that is not known fetches them anew, but not more often
// than Pause allows, so that made-up ids cannot be used to flood the provider.
// Keys are fetched beside the requests: one that needs them waits at most until
// Patience after the attempt began, however many there are, so that a provider that
// is slow, or tokens that name made-up keys, hold up nobody else. When it does not
// answer for MaxStale, nobody it vouches for is believed.
type Remote struct {
	RemoteConfig
	clock func() time.Duration // since the start; monotonic, so that no clock change makes keys younger

	mu      sync.Mutex
	set     jwk.Set
	fetched time.Duration
	tried   time.Duration // the end of the last attempt
	asked   bool
	failed  error // of the last attempt
	running *attempt
}

// attempt is a fetch that is under way.
type attempt struct {
	began time.Time
	done  chan struct{}
}

// NewRemote checks the addresses. Nothing is fetched yet: the service starts
// while the provider is away, and refuses its tokens until it is back.
func NewRemote(c RemoteConfig) (*Remote, error) {
	for name, u := range map[string]string{"issuer": c.Issuer, "jwks": c.URL} {
		if (name == "issuer" && c.URL == "" || u != "") && !fetchable(u) {
			return nil, fmt.Errorf("identity.issuers: %s must be an https:// address without user, query or fragment", name)
		}
	}
	set := func(d *time.Duration, def time.Duration) {
		if *d == 0 {
			*d = def
		}
	}
	set(&c.Every, 15*time.Minute)
	set(&c.MaxStale, 4*time.Hour)
	set(&c.Pause, 10*time.Second)
	set(&c.Patience, 500*time.Millisecond)
	if c.Client == nil {
		t := http.DefaultTransport.(*http.Transport).Clone()
		t.ResponseHeaderTimeout, t.MaxResponseHeaderBytes = 5*time.Second, 64<<10
		c.Client = &http.Client{Transport: t, Timeout: 10 * time.Second, CheckRedirect: noRedirect}
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	started := time.Now()
	return &Remote{RemoteConfig: c, clock: func() time.Duration { return time.Since(started) }}, nil
}

// noRedirect: an address that sends elsewhere is not the one that was trusted.
func noRedirect(*http.Request, []*http.Request) error { return errors.New("it redirects elsewhere") }

// fetchable: TLS, or this machine.
func fetchable(address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Scheme == "https" || u.Scheme == "http" && (u.Hostname() == "localhost" || ip != nil && ip.IsLoopback())
}

// Key implements [Keys].
func (r *Remote) Key(ctx context.Context, id string) (jwk.Key, error) {
	set, age := r.held()
	if set != nil && age <= r.MaxStale {
		if age > r.Every {
			r.ask()
		}
		if k, err := lookUp(set, id); err == nil {
			return k, nil
		}
	}
	if a := r.ask(); a != nil {
		a.wait(ctx, r.Patience)
	}
	if err := r.Trouble(); err != nil {
		return nil, err
	}
	set, _ = r.held()
	k, err := lookUp(set, id)
	if err != nil && r.unsure() {
		return nil, fmt.Errorf("%w: a token names a key that was not among the identity provider's, which does not say now whether it is", ErrIssuer)
	}
	return k, err
}

// Trouble says why nobody that the provider vouches for is believed, nil if its
// keys hold.
func (r *Remote) Trouble() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	age := r.clock() - r.fetched
	switch {
	case r.set != nil && age <= r.MaxStale:
		return nil
	case r.failed != nil:
		return fmt.Errorf("%w: the keys of %s could not be fetched: %w", ErrIssuer, r.Issuer, r.failed)
	}
	return fmt.Errorf("%w: the keys of %s are not fetched yet", ErrIssuer, r.Issuer)
}

// Age is how long ago the keys in use were fetched; ok is false where there are none.
func (r *Remote) Age() (age time.Duration, ok bool) {
	set, age := r.held()
	return age, set != nil
}

func (r *Remote) held() (jwk.Set, time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.set, r.clock() - r.fetched
}

// unsure: the provider may have keys by now that are not known here.
func (r *Remote) unsure() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.running != nil || r.failed != nil
}

// Follow fetches the keys now and then, until the context ends: who needs them
// finds them, and that a provider is away shows before anybody does.
func (r *Remote) Follow(ctx context.Context) {
	for {
		if a := r.ask(); a != nil {
			<-a.done // it ends by itself
		}
		next := r.Pause
		if !r.unsure() {
			next = r.Every
		}
		timer := time.NewTimer(next)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
	}
}

// ask begins to fetch the keys unless somebody did already or the last attempt was
// a moment ago, and returns the attempt that is under way, nil for none.
func (r *Remote) ask() *attempt {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.running != nil || r.asked && r.clock()-r.tried < r.Pause {
		return r.running
	}
	r.asked, r.running = true, &attempt{time.Now(), make(chan struct{})}
	go r.attempt(r.running)
	return r.running
}

func (r *Remote) attempt(a *attempt) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	set, err := r.fetch(ctx)
	r.mu.Lock()
	defer r.mu.Unlock()
	defer close(a.done)
	before, first := r.failed, r.set == nil
	r.running, r.tried, r.failed = nil, r.clock(), err
	if err == nil {
		r.set, r.fetched = set, r.tried
	}
	switch { // when it changes, not every time
	case err != nil && (before == nil || before.Error() != err.Error()):
		r.Log.Warn("keys of an identity provider could not be fetched", "issuer", r.Issuer, "error", err)
	case err == nil && (first || before != nil):
		r.Log.Info("keys of an identity provider fetched", "issuer", r.Issuer, "keys", set.Len())
	}
}

// wait returns when the attempt is over, or has taken longer than requests wait.
func (a *attempt) wait(ctx context.Context, patience time.Duration) {
	timer := time.NewTimer(patience - time.Since(a.began))
	defer timer.Stop()
	select {
	case <-a.done:
	case <-timer.C:
	case <-ctx.Done():
	}
}

// maxKeySet bounds what is read of a provider's answers, in bytes.
const maxKeySet = 1 << 20

func (r *Remote) fetch(ctx context.Context) (jwk.Set, error) {
	address := r.URL
	if address == "" {
		var err error
		if address, err = r.discover(ctx); err != nil {
			return nil, err
		}
	}
	body, err := r.get(ctx, address)
	if err != nil {
		return nil, err
	}
	all, err := jwk.Parse(body)
	if err != nil {
		return nil, errors.New("the answer is not a set of keys")
	}
	set := jwk.NewSet()
	for i := range all.Len() {
		k, _ := all.Key(i)
		if _, err := usable(k); err != nil {
			continue // encryption keys, shared secrets and kinds not accepted
		}
		if k, err = jwk.PublicKeyOf(k); err == nil {
			_ = set.AddKey(k)
		}
	}
	if set.Len() == 0 {
		return nil, errors.New("the answer holds no key that is accepted")
	}
	return set, nil
}

// discover reads where the keys are, per OpenID Connect Discovery 1.0. A document
// that speaks for another issuer is not believed.
func (r *Remote) discover(ctx context.Context) (string, error) {
	body, err := r.get(ctx, strings.TrimSuffix(r.Issuer, "/")+"/.well-known/openid-configuration")
	if err != nil {
		return "", err
	}
	var d struct {
		Issuer string `json:"issuer"`
		Keys   string `json:"jwks_uri"`
	}
	if err := json.Unmarshal(body, &d); err != nil {
		return "", errors.New("the discovery document is not JSON")
	}
	if d.Issuer != r.Issuer {
		return "", errors.New("the discovery document speaks for another issuer")
	}
	u, err := url.Parse(d.Keys)
	if err != nil || !fetchable((&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()) || u.User != nil {
		return "", errors.New("the discovery document's jwks_uri is not an https:// address")
	}
	return d.Keys, nil
}

func (r *Remote) get(ctx context.Context, address string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/json")
	resp, err := r.Client.Do(req)
	if err != nil {
		return nil, peer.Failure(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("it answered with status %d", resp.StatusCode)
	}
	if kind, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type")); err != nil || !strings.HasSuffix(kind, "json") {
		return nil, errors.New("the answer is not JSON")
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxKeySet+1))
	if err == nil && len(body) > maxKeySet {
		err = errors.New("the answer is too large")
	}
	return body, err
}

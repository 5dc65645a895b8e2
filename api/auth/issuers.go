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

// ErrIssuer means that whether a token is good cannot be known now: its issuer's
// keys, or the memory of used assertions, are out of reach.
var ErrIssuer = errors.New("identities cannot be verified now")

// Issuer is an identity provider whose tokens are believed.
type Issuer struct {
	Keys     Keys          // required
	Tenant   string        // the one tenant it speaks for; empty: its tokens say
	Life     time.Duration // the longest life of a token; 0 means [MaxAge]
	Reusable bool          // a token may come many times within its life and needs no jti
	Names    Names         // empty ones are the standard's
}

func (i *Issuer) terms() terms {
	t := terms{life: i.Life, reusable: i.Reusable, tenant: i.Tenant, names: i.Names}
	if t.life == 0 {
		t.life = MaxAge
	}
	for _, d := range []struct {
		name *string
		def  string
	}{{&t.names.Tenant, standard.Tenant}, {&t.names.Groups, standard.Groups}, {&t.names.Roles, standard.Roles},
		{&t.names.Clearance, standard.Clearance}, {&t.names.Client, standard.Client}} {
		if *d.name == "" {
			*d.name = d.def
		}
	}
	return t
}

// Keys finds an issuer's public key by its id.
type Keys interface {
	Key(ctx context.Context, id string) (jwk.Key, error)
}

// errNoKey is worded for "the assertion …".
var errNoKey = errors.New("names a key its issuer does not have")

// KeyFile is a set of keys that does not change.
type KeyFile struct{ Set jwk.Set }

// Key implements [Keys].
func (f KeyFile) Key(_ context.Context, id string) (jwk.Key, error) { return lookUp(f.Set, id) }

// lookUp finds a key by id. A token that names none can only mean the only one.
func lookUp(set jwk.Set, id string) (jwk.Key, error) {
	if set != nil && id == "" && set.Len() == 1 {
		if k, ok := set.Key(0); ok {
			return k, nil
		}
	}
	if set != nil && id != "" {
		if k, ok := set.LookupKeyID(id); ok {
			return k, nil
		}
	}
	return nil, errNoKey
}

// RemoteConfig says where an issuer's keys are fetched and how long they hold.
type RemoteConfig struct {
	Issuer   string        // as in iss; OpenID discovery starts here
	URL      string        // of the keys; empty: discovered
	Every    time.Duration // how often they are fetched anew; 0 means 15 minutes
	MaxStale time.Duration // how long they hold when the issuer does not answer; 0 means 4 hours
	Pause    time.Duration // between two attempts, whatever tokens ask for; 0 means 10 s
	Client   *http.Client  // nil: one with timeouts
	Log      *slog.Logger
}

// Remote keeps the keys of an identity provider, fetched by OpenID Connect
// discovery. A key id that is not known fetches them anew, but not more often
// than Pause allows, so that made-up ids cannot be used to flood the provider.
// When it does not answer for MaxStale, nobody it vouches for is believed.
type Remote struct {
	RemoteConfig
	clock func() time.Duration // since the start; monotonic, so that no clock change makes keys younger

	fetching sync.Mutex // one at a time
	mu       sync.Mutex
	set      jwk.Set
	fetched  time.Duration
	tried    time.Duration
	asked    bool
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
	if set == nil || age > r.Every {
		if err := r.refresh(ctx); err != nil {
			r.Log.WarnContext(ctx, "keys of an identity provider could not be fetched", "issuer", r.Issuer, "error", err)
		}
		set, age = r.held()
	}
	if set == nil || age > r.MaxStale {
		return nil, fmt.Errorf("%w: the identity provider's keys could not be fetched for %v", ErrIssuer, r.MaxStale)
	}
	k, err := lookUp(set, id)
	if err == nil {
		return k, nil
	}
	if r.refresh(ctx) == nil {
		set, _ = r.held()
		return lookUp(set, id)
	}
	return nil, err
}

func (r *Remote) held() (jwk.Set, time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.set, r.clock() - r.fetched
}

// errPaused means that the provider was asked a moment ago.
var errPaused = errors.New("asked a moment ago")

// refresh fetches the keys, one request at a time and with pauses. Who waited
// for another's attempt does not make one of his own.
func (r *Remote) refresh(ctx context.Context) error {
	r.fetching.Lock()
	defer r.fetching.Unlock()
	r.mu.Lock()
	if r.asked && r.clock()-r.tried < r.Pause {
		r.mu.Unlock()
		return errPaused
	}
	r.asked, r.tried = true, r.clock()
	r.mu.Unlock()
	// A caller that goes away must not spend the attempt of all others.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	set, err := r.fetch(ctx)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.set, r.fetched = set, r.clock()
	return nil
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

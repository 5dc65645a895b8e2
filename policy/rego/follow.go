package rego

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/doorward/doorward/policy"
)

// FollowConfig says where policies come from and what must hold of them.
type FollowConfig struct {
	// Policy is what every revision is loaded with; its Files, Name and ID are
	// taken from the origin.
	Policy Config
	// Origin is where to look.
	Origin Origin
	// Every is how often to look; 0 means two seconds for a directory and
	// fifteen for a bundle.
	Every time.Duration
	// MaxStale is how long the last revision may be used without the origin having
	// been reached: beyond it nothing is released. 0 means 60 seconds, or four
	// times Every if that is more; negative means forever.
	MaxStale time.Duration
	// StateDir keeps the last good bundle and the highest sequence, so that a
	// restart without the network neither stops the service nor accepts an older
	// bundle. Empty keeps nothing.
	StateDir string
	// Activate is called with a revision that passed everything, before it comes
	// into force: to audit it. An error keeps the revision before.
	Activate func(ctx context.Context, previous, next policy.Revision) error
	// Refused is called with the reason when a revision is refused.
	Refused func(err error)
	// Log gets one line per activation and refusal; nil discards them.
	Log *slog.Logger
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Follower is a [policy.Source] that follows an origin: it activates revisions
// that load, pass the linter and their own tests, and keeps the last good one
// otherwise. Run looks again and again; Reload looks once.
type Follower struct {
	cfg     FollowConfig
	source  *Source
	reload  sync.Mutex // one look at a time
	mu      sync.Mutex
	status  Status
	tag     string
	expires time.Time
}

// Status is what a follower knows of itself, for health pages.
type Status struct {
	Origin      string          `json:"origin"`
	Revision    policy.Revision `json:"revision"`
	Activated   time.Time       `json:"activated"`
	LastContact time.Time       `json:"last_contact"` // the origin answered, changed or not
	Sequence    int64           `json:"sequence"`
	Refused     string          `json:"refused,omitempty"`     // why the newest revision is not in force
	Unreachable string          `json:"unreachable,omitempty"` // why the origin could not be asked last time
}

// Follow loads the first revision, from the origin or, where that does not
// answer, from StateDir.
func Follow(ctx context.Context, cfg FollowConfig) (*Follower, error) {
	if cfg.Origin == nil {
		return nil, errors.New("following policy: no origin")
	}
	_, local := cfg.Origin.(Directory)
	if cfg.Every <= 0 {
		cfg.Every = 15 * time.Second
		if local {
			cfg.Every = 2 * time.Second
		}
	}
	if cfg.MaxStale == 0 {
		cfg.MaxStale = max(time.Minute, 4*cfg.Every)
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	f := &Follower{cfg: cfg, source: NewSource(nil), status: Status{Origin: cfg.Origin.describe(), Sequence: -1}}
	kept, err := f.readState()
	if err != nil {
		return nil, fmt.Errorf("following policy: %w", err)
	}
	f.status.Sequence = kept.Sequence
	if _, err = f.Reload(ctx); err == nil {
		return f, nil
	}
	if restored := f.restore(ctx, kept); restored != nil {
		return nil, fmt.Errorf("following policy: %w", errors.Join(err, restored))
	}
	return f, nil
}

// Run looks for new revisions until ctx ends.
func (f *Follower) Run(ctx context.Context) {
	tick := time.NewTicker(f.cfg.Every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			_, _ = f.Reload(ctx) // reported by Reload
		}
	}
}

// Reload looks once and reports whether a new revision came into force. On
// return it is in force: no request that starts later uses the one before.
func (f *Follower) Reload(ctx context.Context) (changed bool, err error) {
	f.reload.Lock()
	defer f.reload.Unlock()
	f.mu.Lock()
	tag, highest := f.tag, f.status.Sequence
	f.mu.Unlock()
	got, err := f.cfg.Origin.fetch(ctx, tag, f.cfg.Now())
	if errors.Is(err, ErrBundle) {
		f.contact()
		return false, f.refuse(err, "")
	}
	if err != nil {
		return false, f.unreachable(err)
	}
	f.contact()
	if got.unchanged || f.inForce(got) {
		return false, nil
	}
	if err := f.activate(ctx, got, highest, true); err != nil {
		if ctx.Err() != nil {
			return false, fmt.Errorf("loading the policy: %w", ctx.Err()) // it was not refused
		}
		return false, f.refuse(err, got.tag)
	}
	return true, nil
}

// activate loads what was fetched and puts it in force.
func (f *Follower) activate(ctx context.Context, got *fetched, highest int64, keep bool) error {
	current := f.source.Current()
	if got.sequence >= 0 && got.sequence < highest {
		return fmt.Errorf("%w: its sequence %d is older than %d", ErrBundle, got.sequence, highest)
	}
	cfg := f.cfg.Policy
	cfg.Files, cfg.Name, cfg.ID = nil, got.name, got.id
	next, diags, err := build(ctx, cfg, got.src)
	if err != nil {
		return err
	}
	previous := policy.Revision{}
	if current != nil {
		previous = current.Revision()
		if got.sequence >= 0 && got.sequence == highest && previous.Hash != next.Revision().Hash {
			return fmt.Errorf("%w: sequence %d was released before with other content", ErrBundle, got.sequence)
		}
	}
	if f.cfg.Activate != nil {
		if err := f.cfg.Activate(ctx, previous, next.Revision()); err != nil {
			return fmt.Errorf("announcing the policy: %w", err)
		}
	}
	if keep {
		if err := f.writeState(got); err != nil {
			return fmt.Errorf("keeping the policy: %w", err)
		}
	}
	f.mu.Lock()
	f.source.Swap(next)
	f.tag, f.expires = got.tag, got.expires
	f.status.Revision, f.status.Activated, f.status.Refused = next.Revision(), f.cfg.Now(), ""
	f.status.Sequence = max(f.status.Sequence, got.sequence)
	f.mu.Unlock()
	f.cfg.Log.Info("policy activated", "origin", f.status.Origin, "id", got.id, "hash", next.Revision().Hash, "remarks", len(diags))
	return nil
}

// refuse keeps the revision in force, and reports why the new one is not. The
// tag of a refused revision is kept, so that it is not loaded again and again.
func (f *Follower) refuse(err error, tag string) error {
	f.mu.Lock()
	repeated := f.status.Refused == err.Error()
	f.status.Refused = err.Error()
	if tag != "" {
		f.tag = tag
	}
	f.mu.Unlock()
	if !repeated {
		f.cfg.Log.Error("policy refused; the last good one stays", "origin", f.status.Origin, "error", err)
		if f.cfg.Refused != nil {
			f.cfg.Refused(err)
		}
	}
	return err
}

// unreachable reports an origin that did not answer, once per reason.
func (f *Follower) unreachable(err error) error {
	f.mu.Lock()
	repeated := f.status.Unreachable == err.Error()
	f.status.Unreachable = err.Error()
	f.mu.Unlock()
	if !repeated {
		f.cfg.Log.Error("policy origin out of reach", "origin", f.status.Origin, "error", err)
	}
	return err
}

func (f *Follower) contact() {
	f.mu.Lock()
	f.status.LastContact, f.status.Unreachable = f.cfg.Now(), ""
	f.mu.Unlock()
}

// inForce reports whether what was fetched is the revision already in force,
// sent again by an origin that knows no ETag.
func (f *Follower) inForce(got *fetched) bool {
	cur := f.source.Current()
	hash := revisionHash(got.src.digest, f.cfg.Policy.Document.Hash(), f.cfg.Policy.Claims.Hash())
	return cur != nil && cur.Revision().Hash == hash
}

// Snapshot returns the snapshot in force, or [policy.ErrUnavailable] when there
// is none, when it expired, or when its origin has been out of reach too long.
func (f *Follower) Snapshot() (policy.Snapshot, error) {
	s, err := f.Current()
	if err != nil {
		return nil, err
	}
	return s, nil
}

// Current is Snapshot with its own type, for the workbench.
func (f *Follower) Current() (*Snapshot, error) {
	f.mu.Lock()
	s, expires, contact := f.source.Current(), f.expires, f.status.LastContact
	f.mu.Unlock()
	now := f.cfg.Now()
	switch {
	case s == nil:
		return nil, policy.ErrUnavailable
	case !expires.IsZero() && !now.Before(expires):
		return nil, fmt.Errorf("%w: the bundle expired at %s", policy.ErrUnavailable, expires.UTC().Format(time.RFC3339))
	case f.cfg.MaxStale > 0 && now.Sub(contact) > f.cfg.MaxStale:
		return nil, fmt.Errorf("%w: %s has not been reached for %s", policy.ErrUnavailable, f.status.Origin, now.Sub(contact).Round(time.Second))
	}
	return s, nil
}

// Status returns what the follower knows of itself.
func (f *Follower) Status() Status {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.status
}

// state is kept in StateDir.
type state struct {
	Sequence int64     `json:"sequence"`
	Contact  time.Time `json:"contact"`
}

const (
	stateFile  = "policy-state.json"
	bundleFile = "policy-bundle.tar.gz"
)

func (f *Follower) readState() (state, error) {
	st := state{Sequence: -1}
	if f.cfg.StateDir == "" {
		return st, nil
	}
	raw, err := os.ReadFile(filepath.Join(f.cfg.StateDir, stateFile))
	if errors.Is(err, os.ErrNotExist) {
		return st, nil
	}
	if err == nil {
		err = json.Unmarshal(raw, &st)
	}
	if err != nil {
		return st, fmt.Errorf("reading policy state: %w", err)
	}
	return st, nil
}

func (f *Follower) writeState(got *fetched) error {
	if f.cfg.StateDir == "" || got.raw == nil {
		return nil
	}
	if err := writeFile(filepath.Join(f.cfg.StateDir, bundleFile), got.raw); err != nil {
		return err
	}
	raw, err := json.Marshal(state{Sequence: got.sequence, Contact: f.cfg.Now()})
	if err != nil {
		return err
	}
	return writeFile(filepath.Join(f.cfg.StateDir, stateFile), raw)
}

// writeFile replaces a file whole, and durably.
func writeFile(path string, content []byte) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), ".policy-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.Write(content)
	err = errors.Join(err, tmp.Sync(), tmp.Close())
	if err != nil {
		return err
	}
	return os.Rename(tmp.Name(), path)
}

// restore activates the kept bundle, verified anew. It counts as old as its last
// contact: MaxStale applies.
func (f *Follower) restore(ctx context.Context, kept state) error {
	if f.cfg.StateDir == "" {
		return errors.New("no bundle was kept")
	}
	var trust Trust
	switch o := f.cfg.Origin.(type) {
	case HTTP:
		trust = o.Trust
	case S3:
		trust = o.Trust
	default:
		return errors.New("no bundle was kept")
	}
	raw, err := os.ReadFile(filepath.Join(f.cfg.StateDir, bundleFile))
	if err != nil {
		return fmt.Errorf("no bundle was kept: %w", err)
	}
	got, err := bundleFetched(raw, f.cfg.Origin.describe(), trust, f.cfg.Now())
	if err != nil {
		return err
	}
	if err := f.activate(ctx, got, kept.Sequence, false); err != nil {
		return err
	}
	f.mu.Lock()
	f.status.LastContact = kept.Contact
	f.mu.Unlock()
	return nil
}

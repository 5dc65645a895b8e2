// Package app is the composition root: it turns a configuration into running
// parts. It is the only place that knows which adapter stands behind a contract.
package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/doorward/doorward/api/admission"
	"github.com/doorward/doorward/api/auth"
	"github.com/doorward/doorward/configs"
	"github.com/doorward/doorward/ingest"
	"github.com/doorward/doorward/ingest/catalog"
	"github.com/doorward/doorward/ingest/catalog/postgres"
	"github.com/doorward/doorward/ingest/catalog/relational"
	"github.com/doorward/doorward/ingest/chunk"
	"github.com/doorward/doorward/ingest/extract"
	"github.com/doorward/doorward/ingest/queue"
	"github.com/doorward/doorward/policy"
	"github.com/doorward/doorward/policy/audit"
	"github.com/doorward/doorward/policy/audit/tlog"
	"github.com/doorward/doorward/policy/contain"
	"github.com/doorward/doorward/policy/keys"
	"github.com/doorward/doorward/policy/keys/local"
	"github.com/doorward/doorward/policy/rego"
	"github.com/doorward/doorward/retrieval"
	"github.com/doorward/doorward/retrieval/embed"
	"github.com/doorward/doorward/retrieval/magnet"
	"github.com/doorward/doorward/retrieval/prompt"
	"github.com/doorward/doorward/sanitize/output"
)

// Options are what a command adds to the configuration.
type Options struct {
	Log *slog.Logger // nil discards
	// AllowDemoKeys opens a demo's data; without it demo keys are refused.
	AllowDemoKeys bool
	// AuditFile opens the audit journal's files; nil is the file system.
	AuditFile func(path string, flag int) (tlog.File, error)
	Now       func() time.Time
	Version   string // of the program, for traces
	// Unfinished opens though interrupted work cannot be finished, to look into
	// it: see [App.Unfinished].
	Unfinished bool
	// NoIndex opens though the index cannot be: it is to be made anew.
	NoIndex bool
	// Scanners, if set, are used instead of making them anew; they must be made
	// of the same configuration.
	Scanners *Scanners
}

// App is Doorward, put together over one data directory.
type App struct {
	Config   *configs.Config
	Log      *slog.Logger
	Keys     *local.Ring
	Verifier *local.Verifier
	Audit    audit.Log
	AuditLog *tlog.Log // the same log, with its proofs
	Catalog  *relational.Catalog
	Postgres *postgres.DB // under Catalog when machines share it, else nil; others may keep state there
	Index    Index
	Embedder embed.Embedder // nil: keyed terms only
	Reranker embed.Reranker // nil: as the index ranked
	Schema   policy.Schema
	Policy   policy.Source
	Follower *rego.Follower // nil for the built-in policy
	Backends *auth.Backends // who may call
	issuers  []*auth.Remote // identity providers whose keys are fetched; known once Identity was made
	Scanners *Scanners
	Pipeline *ingest.Pipeline
	Holds    *ingest.Holds
	Eraser   *ingest.Eraser
	Queue    *queue.Queue // shares ingest between machines, else nil
	Service  *retrieval.Service
	Output   *output.Filter
	Orders   *contain.Watch // containment orders in force
	magnets  *magnet.Watch  // nil: nobody looks for them

	Metrics *Metrics
	Tracer  *Tracer

	live      policy.Source // without a shadow
	now       func() time.Time
	version   string
	exports   []*tlog.Exporter
	auditFile func(path string, flag int) (tlog.File, error)
	closes    []func() error

	replays auth.Replays // shared by replicas; nil: this process remembers

	readers sync.Map // source → chan struct{} of one: whoever reads it

	swap       *swap // what Index is
	reindexing sync.Mutex
	noIndex    bool // open though there is no index that can be used
	unfinished error
}

// ErrDemoKeys means data made by `doorward demo`, which production commands
// leave alone.
var ErrDemoKeys = errors.New("these are demo keys")

// Open puts the parts together, locks the data directory and finishes what a
// stopped process left undone.
func Open(ctx context.Context, c *configs.Config, o Options) (_ *App, err error) {
	a := &App{Config: c, Log: o.Log, now: o.Now, version: o.Version, auditFile: o.AuditFile, Scanners: o.Scanners, noIndex: o.NoIndex}
	if a.Log == nil {
		a.Log = slog.New(slog.DiscardHandler)
	}
	if a.now == nil {
		a.now = time.Now
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, a.Close())
		}
	}()
	syscall.Umask(0o077) // whatever any part writes is private
	if err := a.lock(); err != nil {
		return nil, err
	}
	if local.IsDemo(c.Keys) && !o.AllowDemoKeys {
		return nil, fmt.Errorf("%w: %s was made by `doorward demo`; run `doorward init` for your own", ErrDemoKeys, c.Keys)
	}
	if err := c.CheckPins(); err != nil {
		return nil, err
	}
	for _, open := range []func(context.Context) error{a.openTraces, a.openDatabase, a.openKeys, a.openPolicy, a.openBackends, a.openEmbedder, a.openStores, a.openFlows, a.openEraser, a.openQueue} {
		if err := open(ctx); err != nil {
			return nil, err
		}
	}
	if err := a.recover(ctx); err != nil {
		if ctx.Err() != nil {
			return nil, err
		}
		err = fmt.Errorf("%w; `doorward fsck --deep` says more", err)
		if !o.Unfinished {
			return nil, err
		}
		a.unfinished = err
	}
	a.onClose(func() error { a.Pipeline.Quiesce(); return nil })
	if err := a.Catalog.ForgetAnswers(ctx, a.now().Add(-c.Push.Remember)); err != nil {
		return nil, err
	}
	return a, nil
}

// Close stops the parts in reverse order.
func (a *App) Close() error {
	var errs []error
	for i := len(a.closes) - 1; i >= 0; i-- {
		errs = append(errs, a.closes[i]())
	}
	a.closes = nil
	return errors.Join(errs...)
}

// Now is the time by the parts' clock.
func (a *App) Now() time.Time { return a.now() }

func (a *App) onClose(f func() error) { a.closes = append(a.closes, f) }

// lock makes the data directory, insists that it is private, and takes it for
// this process alone.
func (a *App) lock() error {
	if err := os.MkdirAll(a.Config.Data, 0o700); err != nil {
		return fmt.Errorf("making data directory: %w", err)
	}
	info, err := os.Stat(a.Config.Data)
	if err != nil {
		return fmt.Errorf("opening data directory: %w", err)
	}
	if m := info.Mode().Perm(); m&0o077 != 0 {
		return fmt.Errorf("%w: %s has mode %04o, run `chmod 0700 %s`", catalog.ErrPermissions, a.Config.Data, m, a.Config.Data)
	}
	f, err := os.OpenFile(filepath.Join(a.Config.Data, "LOCK"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("locking data directory: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		return fmt.Errorf("%w: %s; stop the other `doorward` (a running `serve`?) first", catalog.ErrLocked, a.Config.Data)
	}
	a.onClose(f.Close)
	return nil
}

func (a *App) openKeys(ctx context.Context) (err error) {
	c, err := a.KeysConfig(ctx)
	if err != nil {
		return err
	}
	a.Keys, err = local.Open(c)
	if err != nil {
		return err
	}
	if a.Verifier, err = local.OpenVerifier(a.Config.Keys); err != nil {
		return err
	}
	return a.openAudit(ctx)
}

func (a *App) openPolicy(ctx context.Context) (err error) {
	if a.Schema, err = DocumentSchema(a.Config); err != nil {
		return err
	}
	if a.Config.Policy.Dir == "" && a.Config.Policy.Bundle.URL == "" {
		snapshot, _, err := LoadPolicy(ctx, a.Config)
		if err != nil {
			return err
		}
		a.Policy = rego.NewSource(snapshot)
		a.live = a.Policy
		return a.shadow(ctx)
	}
	if err := a.follow(ctx); err != nil {
		return err
	}
	return a.shadow(ctx)
}

// LoadPolicy loads the configured policy, or the built-in default.
func LoadPolicy(ctx context.Context, c *configs.Config) (*rego.Snapshot, rego.Diagnostics, error) {
	cfg, err := PolicyConfig(c)
	if err != nil {
		return nil, nil, err
	}
	return rego.Load(ctx, cfg)
}

// PolicyConfig says where the configured policy is and what it may read.
func PolicyConfig(c *configs.Config) (rego.Config, error) {
	document, err := DocumentSchema(c)
	if err != nil {
		return rego.Config{}, err
	}
	claims, err := schema(c.Schema.Claims)
	if err != nil {
		return rego.Config{}, err
	}
	var files fs.FS
	name := c.Policy.Dir
	if name == "" {
		name = "built-in"
		if files, err = fs.Sub(configs.Policies, "policies/default"); err != nil {
			return rego.Config{}, err
		}
	} else {
		if info, err := os.Stat(name); err != nil || !info.IsDir() {
			return rego.Config{}, missingPolicy(name)
		}
		files = os.DirFS(name)
	}
	return rego.Config{Files: files, Name: name, Document: document, Claims: claims}, nil
}

// checkKeys opens each tenant's secret, so that a wrong key folder shows at
// once and not at the first document.
func (a *App) checkKeys(ctx context.Context) error {
	tenants, err := a.Catalog.Tenants(ctx)
	if err != nil {
		return err
	}
	for _, t := range tenants {
		if _, err := a.Keys.Derive(t, keys.Terms); err != nil {
			return err
		}
	}
	return nil
}

func (a *App) openFlows(ctx context.Context) error {
	c := a.Config
	signer, err := local.OpenSigner(c.Keys)
	if err != nil {
		return err
	}
	counter, err := prompt.NewCounter(c.Chunks.Encoding)
	if err != nil {
		return err
	}
	if a.Scanners == nil {
		if a.Scanners, err = OpenScanners(c); err != nil {
			return err
		}
	}
	filter, err := a.Scanners.OutputFilter(c, a.Catalog, counter.Count)
	if err != nil {
		return err
	}
	a.Output = filter
	builder, err := prompt.New(prompt.Config{Counter: counter})
	if err != nil {
		return err
	}
	analyzer, err := embed.NewAnalyzer(embed.Config{})
	if err != nil {
		return err
	}
	x, err := a.openExtractor()
	if err != nil {
		return err
	}
	a.Holds = a.holds()
	connectors, err := connectorKeys(c)
	if err != nil {
		return err
	}
	if err := a.watchMagnets(); err != nil {
		return err
	}
	a.Orders = contain.NewWatch(a.Catalog, c.Contain.Fresh, a.now)
	a.Pipeline, err = ingest.New(ingest.Config{
		Holds: a.Holds, Retain: c.Erasure.Retain, Catalog: a.Catalog, Index: a.Index, Epochs: a.Index, Audit: a.Audit, Policy: a.Policy, Schema: a.Schema, Keys: a.Keys, Signer: signer,
		Extractor: x, Sanitizer: a.Scanners.Sanitizer, Hidden: a.Scanners.hidden, Analyzer: analyzer, Embedder: a.Embedder, Access: c.Schema.Access, Trust: trust(c), Ceilings: ceilings(c),
		Connectors: connectors, Contained: a.Orders.Contained, Contain: a.Orders.Contain, Drawn: a.drawn,
		Chunks:   chunk.Config{MaxTokens: c.Chunks.MaxTokens, Overlap: c.Chunks.Overlap, Counter: counter},
		MaxBytes: c.Extract.MaxBytes, Log: a.Log, Now: a.now,
	})
	if err != nil {
		return err
	}
	keeper, err := a.openQuota(ctx)
	if err != nil {
		return err
	}
	a.Service, err = retrieval.New(retrieval.Config{
		Quota: keeper, Slow: admission.Slowed, SignIns: c.Quota.Patterns.ACR, Magnets: a.magnets, Magnet: magnetAct(c),
		Index: a.Index, Epochs: a.Index, Catalog: a.Catalog, Policy: a.Policy, Keys: a.Keys, Verifier: a.Verifier, Audit: a.Audit,
		Analyzer: analyzer, Embedder: a.Embedder, Reranker: a.Reranker, Prompt: builder,
		Shape: retrieval.Shape{PerSource: c.Prompt.PerSource, Share: shares(c), Diversity: c.Prompt.Diversity}, Neighbors: c.Prompt.Neighbors, Sanitizer: a.Scanners.Sanitizer, Joins: a.Scanners.joins(), Stage: a.Stage, Log: a.Log,
		Contained: a.Orders.Contained,
		Accepts:   a.accepts(),
		Secret:    func(tenant string) ([]byte, error) { return a.Keys.Derive(tenant, ingest.ContentPurpose) },
	})
	return err
}

// shares is the part of an answer that each source may fill for its trust word.
func shares(c *configs.Config) map[string]float64 {
	m := map[string]float64{}
	for _, s := range c.Sources {
		share, ok := c.Prompt.Shares[s.Trust]
		if !ok {
			share, ok = c.Prompt.Shares["*"]
		}
		if ok {
			m[s.Name] = share
		}
	}
	return m
}

func trust(c *configs.Config) map[string]string {
	m := map[string]string{}
	for _, s := range c.Sources {
		m[s.Name] = s.Trust
	}
	return m
}

// openExtractor runs parsers in children of this program, see extract.Main.
func (a *App) openExtractor() (ingest.Extractor, error) {
	c := extract.Config{MaxBytes: a.Config.Extract.MaxBytes, Timeout: a.Config.Extract.Timeout, Memory: a.Config.Extract.Memory, InProcess: a.Config.Extract.InProcess}
	if !c.InProcess {
		c.Command = []string{"/proc/self/exe", ExtractCommand}
	}
	x, err := extract.New(c)
	if err != nil {
		return nil, err
	}
	a.onClose(x.Close)
	return extractor{x}, nil
}

// ExtractCommand is the hidden command that children run.
const ExtractCommand = "__extract"

// extractor adapts ingest/extract to what the pipeline asks for.
type extractor struct{ x *extract.Extractor }

func (e extractor) Extract(ctx context.Context, u ingest.Upload) (ingest.Extracted, error) {
	d, err := e.x.Extract(ctx, extract.Input{Name: u.Name, MediaType: u.MediaType, Bytes: u.Bytes})
	if err != nil {
		return ingest.Extracted{}, err
	}
	out := ingest.Extracted{Text: d.Text, MediaType: d.MediaType, Title: d.Title, Blocks: d.Blocks}
	for _, h := range d.Hidden {
		out.Hidden = append(out.Hidden, ingest.HiddenText{Offset: h.Offset, Technique: h.Technique, Class: string(h.Class), Text: h.Text})
	}
	return out, nil
}

func (e extractor) Reason(err error) string { return extract.Reason(err) }
func (e extractor) Revision() string        { return extract.Revision }

package app

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"github.com/doorward/doorward/configs"
	"github.com/doorward/doorward/ingest/catalog"
	"github.com/doorward/doorward/policy"
	"github.com/doorward/doorward/policy/audit"
	"github.com/doorward/doorward/policy/audit/tlog"
	"github.com/doorward/doorward/policy/keys/local"
	"github.com/doorward/doorward/retrieval"
)

// AuditDir is where a configuration's audit log is.
func AuditDir(c *configs.Config) string { return filepath.Join(c.Data, "audit") }

// openAudit opens the log for appending.
func (a *App) openAudit(ctx context.Context) error {
	signer, err := local.OpenSigner(a.Config.Keys)
	if err != nil {
		return err
	}
	witnesses, err := AuditWitnesses(a.Config)
	if err != nil {
		return err
	}
	c := a.Config.Audit
	required, err := a.openExports()
	if err != nil {
		return err
	}
	a.AuditLog, err = tlog.Open(ctx, tlog.Config{Dir: AuditDir(a.Config), Signer: signer, Verifier: a.Verifier, Origin: c.Origin, Witnesses: witnesses,
		Every: c.Every, Timeout: c.Timeout, Log: a.Log, Now: a.now, Required: required, OpenFile: a.auditFile})
	if err != nil {
		return err
	}
	a.onClose(a.AuditLog.Close)
	if a.Metrics == nil {
		a.Metrics = NewMetrics()
	}
	a.Audit = counted{a.AuditLog, a.Metrics}
	return nil
}

// openExports makes the exporters, which ExportAudit sets going, and returns
// what the required ones must not report.
func (a *App) openExports() (required []func() error, err error) {
	for _, x := range a.Config.Audit.Export {
		token, err := ReadKey("audit.export.token_file", x.TokenFile)
		if err != nil {
			return nil, err
		}
		sink, err := tlog.OpenSink(x.To, token)
		if err != nil {
			return nil, err
		}
		dir := AuditDir(a.Config)
		e := tlog.NewExporter(tlog.ExportConfig{Reader: tlog.NewReader(dir, a.Config.Audit.Origin, a.Verifier), Sink: sink,
			Cursor: filepath.Join(dir, tlog.CursorName(x.To)), Every: a.Config.Audit.Every, MaxLag: x.MaxLag, Log: a.Log, Now: a.now})
		a.exports = append(a.exports, e)
		if x.Required {
			required = append(required, e.Err)
		}
	}
	return required, nil
}

// ExportAudit sends audit entries to the configured places until the context
// ends.
func (a *App) ExportAudit(ctx context.Context) {
	var group sync.WaitGroup
	for _, e := range a.exports {
		group.Go(func() { e.Run(ctx) })
	}
	group.Wait()
}

// AuditWitnesses opens the configured witnesses.
func AuditWitnesses(c *configs.Config) ([]tlog.Witness, error) {
	var list []tlog.Witness
	for _, place := range c.Audit.Witness {
		w, err := tlog.OpenWitness(place)
		if err != nil {
			return nil, err
		}
		list = append(list, w)
	}
	return list, nil
}

// AuditReader reads a configuration's audit log, whether or not a process is
// writing it.
func AuditReader(c *configs.Config) (*tlog.Reader, *local.Verifier, error) {
	v, err := local.OpenVerifier(c.Keys)
	if err != nil {
		return nil, nil, err
	}
	return tlog.NewReader(AuditDir(c), c.Audit.Origin, v), v, nil
}

// PublishAudit has a checkpoint made that covers an entry; no other process may
// be writing the log.
func PublishAudit(ctx context.Context, c *configs.Config, index uint64) error {
	a := &App{Config: c, Log: slog.New(slog.DiscardHandler), now: time.Now}
	err := a.lock()
	if err == nil {
		err = a.openKeys(ctx)
	}
	if err == nil {
		err = a.AuditLog.Published(ctx, index)
	}
	return errors.Join(err, a.Close())
}

// WithLog opens a configuration's audit log alone, for acts that need nothing else.
// No other process may have the data directory open.
func WithLog(ctx context.Context, c *configs.Config, fn func(audit.Log) error) error {
	a := &App{Config: c, Log: slog.New(slog.DiscardHandler), now: time.Now}
	err := a.lock()
	if err == nil {
		a.Verifier, err = local.OpenVerifier(c.Keys)
	}
	if err == nil {
		err = a.openAudit(ctx)
	}
	if err == nil {
		err = fn(a.Audit)
	}
	return errors.Join(err, a.Close())
}

// AuditSubject is the keyed hash by which the log names a user. tenant "" is the
// configuration's.
func AuditSubject(c *configs.Config, tenant, user string) (string, error) {
	if tenant == "" {
		tenant = c.Tenant
	}
	var name string
	err := WithRing(c, func(ring *local.Ring) (err error) {
		name, err = retrieval.SubjectID(ring, policy.Subject{ID: user, Tenant: tenant})
		return err
	})
	return name, err
}

// WithRing opens a configuration's keys alone.
func WithRing(c *configs.Config, fn func(*local.Ring) error) error {
	a := &App{Config: c}
	var err error
	if a.Postgres, err = connect(context.Background(), c); err != nil {
		return err
	}
	if a.Postgres != nil {
		defer a.Postgres.Close()
	}
	keys, err := a.KeysConfig(context.Background())
	if err != nil {
		return err
	}
	ring, err := local.Open(keys)
	if err != nil {
		return err
	}
	return fn(ring)
}

// AuditDesk answers operators' questions about the audit log.
type AuditDesk struct{ Reader *tlog.Reader }

// Entries implements api.AuditLog.
func (d AuditDesk) Entries(ctx context.Context, from uint64, yield func(audit.Numbered) error) error {
	return d.Reader.Entries(ctx, from, yield)
}

// Checkpoint implements api.AuditLog.
func (d AuditDesk) Checkpoint() ([]byte, error) {
	c, err := d.Reader.Checkpoint()
	if err == nil && c.Raw == nil {
		err = tlog.ErrNotCovered
	}
	return c.Raw, uncovered(err)
}

// ProveEntry implements api.AuditLog.
func (d AuditDesk) ProveEntry(ctx context.Context, index uint64) (any, audit.Entry, error) {
	p, err := d.Reader.Inclusion(ctx, index)
	if err != nil {
		return nil, audit.Entry{}, uncovered(err)
	}
	var e audit.Entry
	return p, e, json.Unmarshal(p.Entry, &e)
}

// ProveSize implements api.AuditLog.
func (d AuditDesk) ProveSize(ctx context.Context, from, to uint64) (any, error) {
	p, err := d.Reader.Consistency(ctx, from, to)
	return p, uncovered(err)
}

func uncovered(err error) error {
	if errors.Is(err, tlog.ErrNotCovered) {
		return errors.Join(catalog.ErrNotFound, err)
	}
	return err
}

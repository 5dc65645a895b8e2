package evidence

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/doorward/doorward/cmd/internal/app"
	"github.com/doorward/doorward/configs"
	"github.com/doorward/doorward/ingest/catalog"
	"github.com/doorward/doorward/policy/audit"
	"github.com/doorward/doorward/policy/audit/tlog"
	"github.com/doorward/doorward/policy/contain"
)

// log writes the entries of the selection with their proofs, and the checkpoint
// they lead to, after verifying the whole log.
func (c *collector) log(ctx context.Context) error {
	reader := c.app.AuditLog.Reader()
	size, err := reader.Size()
	if err != nil {
		return err
	}
	if size > 0 {
		if err := c.app.AuditLog.Published(ctx, size-1); err != nil {
			return fmt.Errorf("waiting for a checkpoint: %w", err)
		}
	}
	var indexes []uint64
	err = reader.Entries(ctx, 0, func(n audit.Numbered) error {
		if n.Index >= size || !c.request.takes(n) {
			return nil
		}
		if len(indexes) == MaxEntries {
			return fmt.Errorf("more than %d audit entries belong to it; narrow it by --from, --to, --document or --subject", MaxEntries)
		}
		indexes = append(indexes, n.Index)
		for _, d := range n.Documents {
			c.add(d)
		}
		if n.Event == "erase" && n.Request != "" {
			c.erasures[n.Request] = true
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := c.entries(ctx, indexes); err != nil {
		return err
	}
	c.manifest.Log.Origin, c.manifest.Log.Entries = c.app.Config.Audit.Origin, len(indexes)
	return c.whole(ctx)
}

// entries writes the entries' file and the checkpoint.
func (c *collector) entries(ctx context.Context, indexes []uint64) error {
	reader := c.app.AuditLog.Reader()
	point, err := reader.Checkpoint()
	if err != nil {
		return err
	}
	var lines bytes.Buffer
	checkpoint := point.Raw
	err = reader.Inclusions(ctx, indexes, func(p tlog.Inclusion) error {
		line, err := json.Marshal(entry{p.Index, p.Entry, p.Hashes})
		if err != nil {
			return err
		}
		if checkpoint = p.Checkpoint; !bytes.Contains(line, p.Entry) {
			return fmt.Errorf("entry %d is not JSON as this program writes it", p.Index)
		}
		lines.Write(append(line, '\n'))
		return nil
	})
	if err != nil {
		return err
	}
	return errors.Join(c.write(entriesFile, lines.Bytes()), c.write(checkpointFile, checkpoint))
}

// whole says whether the whole log is intact: evidence of a log that is not is
// evidence too.
func (c *collector) whole(ctx context.Context) error {
	witnesses, err := app.AuditWitnesses(c.app.Config)
	if err != nil {
		return err
	}
	sum, err := c.app.AuditLog.Reader().Verify(ctx, witnesses)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	l := &c.manifest.Log
	l.Size, l.Intact, l.Witnesses = sum.Covered, err == nil, len(sum.Witnesses)
	if err != nil {
		l.Fault = err.Error()
	}
	return nil
}

// erased writes the receipts of the erasures that entries name.
func (c *collector) erased(ctx context.Context) error {
	for id := range c.erasures {
		e, err := c.app.Catalog.Erasure(ctx, c.request.Tenant, id)
		if errors.Is(err, catalog.ErrNotFound) || err == nil && len(e.Receipt) == 0 {
			continue
		}
		if err != nil {
			return err
		}
		c.manifest.Erasures++
		if err := c.write(fmt.Sprintf("erasures/%06d.json", c.manifest.Erasures), e.Receipt); err != nil {
			return err
		}
	}
	return nil
}

// orders writes the containment orders given or lifted in the time asked for.
func (c *collector) orders(ctx context.Context) error {
	all, err := c.app.Catalog.AllOrders(ctx, c.request.Tenant)
	if err != nil {
		return err
	}
	list := []contain.Order{}
	for _, o := range all {
		s := c.request.Selection
		ended := !o.Lifted.IsZero() && !s.From.IsZero() && o.Lifted.Before(s.From)
		if !ended && (s.To.IsZero() || o.Created.Before(s.To)) {
			list = append(list, o)
		}
	}
	return c.writeJSON(ordersFile, list)
}

// policy writes what decides: the revision in force and the hashes of what is
// read beside the program.
func (c *collector) policy(context.Context) error {
	snapshot, err := c.app.Policy.Snapshot()
	if err != nil {
		return err
	}
	artefacts, err := c.app.Config.Artefacts()
	if err != nil {
		return err
	}
	pinned := configs.Pins(nil)
	if c.app.Config.Pins != "" {
		if pinned, err = configs.ReadPins(c.app.Config.Pins); err != nil {
			return err
		}
	}
	return c.writeJSON(policyFile, map[string]any{"revision": snapshot.Revision().Hash, "id": snapshot.Revision().ID, "artefacts": artefacts, "pinned": pinned,
		"injection_model": c.app.Scanners.Injection.Revision(), "scanners": c.app.Scanners.Sanitizer.Revision()})
}

// configuration writes a digest of the settings in force, and those that a
// reviewer asks for first. Settings hold names of files with secrets, not the
// secrets; addresses may, and only enter the digest.
func (c *collector) configuration(context.Context) error {
	cfg := c.app.Config
	data, err := json.Marshal(cfg)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(data)
	sources := []map[string]any{}
	for _, s := range cfg.Sources {
		sources = append(sources, map[string]any{"name": s.Name, "type": s.Type, "trust": s.Trust, "manifest": s.Manifest.Required})
	}
	return c.writeJSON(configFile, map[string]any{"sha256": hex.EncodeToString(sum[:]), "index": cfg.Index.Type, "catalog": cfg.Catalog.Type, "embedder": cfg.Embedder.Type,
		"embedder_destination": cfg.Embedder.Destination, "sources": sources, "schema": cfg.Schema, "output": cfg.Output, "quota": cfg.Quota, "erasure": cfg.Erasure,
		"backend_signed": cfg.Identity.BackendSigned, "issuers": len(cfg.Identity.Issuers), "upstreams": len(cfg.Gateway.Upstreams), "tls": cfg.Listen.TLSCert != "",
		"audit_witnesses": len(cfg.Audit.Witness), "audit_exports": len(cfg.Audit.Export), "pins": cfg.Pins != "", "minimum_scanner": cfg.Scan.Minimum})
}

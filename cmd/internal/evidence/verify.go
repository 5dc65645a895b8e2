package evidence

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/doorward/doorward/cmd/internal/app"
	"github.com/doorward/doorward/cmd/internal/bundle"
	"github.com/doorward/doorward/policy/audit/tlog"
)

// Verified is what a verification proved.
type Verified struct {
	Manifest Manifest `json:"manifest"`
	Key      string   `json:"key"`      // that signed the manifest
	Proofs   int      `json:"proofs"`   // audit entries that are in the log its checkpoint signs for
	Receipts int      `json:"receipts"` // of documents
	Erasures int      `json:"erasures"` // receipts of erasure, with the proofs of their entries
}

// Verify proves a bundle with public keys alone: the signature over its manifest,
// every file, every audit entry against the signed checkpoint, every receipt.
func Verify(ctx context.Context, path string, v tlog.Verifier, progress func(done, total int)) (r Verified, err error) {
	dir, err := os.MkdirTemp("", "doorward-evidence-")
	if err != nil {
		return r, fmt.Errorf("verifying evidence: %w", err)
	}
	defer os.RemoveAll(dir)
	if err := bundle.Unpack(ctx, path, dir, progress); err != nil {
		return r, fmt.Errorf("verifying evidence: %w", err)
	}
	files := func() ([]bundle.File, error) {
		if r.Manifest.Format != format {
			return nil, fmt.Errorf("its format is not %d; use the program it was made with, or a newer one", format)
		}
		return r.Manifest.Files, nil
	}
	if r.Key, err = bundle.Verify(ctx, dir, kind, v, &r.Manifest, files, progress); err != nil {
		return r, fmt.Errorf("verifying evidence: %w", err)
	}
	for _, check := range []func(string, tlog.Verifier) error{r.entries, r.receipts, r.erased} {
		if err := check(dir, v); err != nil {
			return r, fmt.Errorf("verifying evidence: %w", err)
		}
	}
	return r, nil
}

func unsound(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{bundle.ErrUnsound}, args...)...)
}

func (r *Verified) entries(dir string, v tlog.Verifier) error {
	checkpoint, err := os.ReadFile(filepath.Join(dir, checkpointFile))
	if err != nil {
		return err
	}
	data, err := os.ReadFile(filepath.Join(dir, entriesFile))
	if err != nil {
		return err
	}
	for line := range bytes.Lines(data) {
		var e entry
		if err := json.Unmarshal(line, &e); err != nil {
			return unsound("line %d of %s is not an entry", r.Proofs+1, entriesFile)
		}
		p := tlog.Inclusion{Origin: r.Manifest.Log.Origin, Index: e.Index, Entry: e.Entry, Hashes: e.Hashes, Checkpoint: checkpoint}
		if err := p.Check(v); err != nil {
			return fmt.Errorf("entry %d: %w", e.Index, err)
		}
		r.Proofs++
	}
	if r.Proofs != r.Manifest.Log.Entries {
		return unsound("it has %d entries, its manifest says %d", r.Proofs, r.Manifest.Log.Entries)
	}
	return nil
}

// each calls fn with every JSON file of a folder of the bundle; one that is not
// there is empty.
func each(dir, folder string, fn func(data []byte) error) error {
	list, err := os.ReadDir(filepath.Join(dir, folder))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	for _, f := range list {
		data, err := os.ReadFile(filepath.Join(dir, folder, f.Name()))
		if err != nil {
			return err
		}
		if err := fn(data); err != nil {
			return fmt.Errorf("%s/%s: %w", folder, f.Name(), err)
		}
	}
	return nil
}

func (r *Verified) receipts(dir string, v tlog.Verifier) error {
	return each(dir, "documents", func(data []byte) error {
		var d Document
		if err := json.Unmarshal(data, &d); err != nil {
			return unsound("it is not a document's record")
		}
		if d.Receipt == nil {
			return nil
		}
		if err := d.Receipt.Verify(v, r.Manifest.Selection.Tenant, d.ID, d.Receipt.Version); err != nil {
			return err
		}
		r.Receipts++
		return nil
	})
}

func (r *Verified) erased(dir string, v tlog.Verifier) error {
	return each(dir, "erasures", func(data []byte) error {
		if _, _, err := app.CheckErasure(data, v); err != nil {
			return err
		}
		r.Erasures++
		return nil
	})
}

// Package evidence puts together what a reviewer of an incident, an auditor or a
// person's lawyer needs, in one signed bundle: audit entries with proofs against
// one signed checkpoint, and for each document they name where it came from, its
// receipt and what reviewers decided; policies, pins and a digest of the
// configuration; containment orders and receipts of erasure. It holds no text of
// documents, questions or answers, and no secret, and is verified with the public
// keys alone.
package evidence

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/doorward/doorward/cmd/internal/app"
	"github.com/doorward/doorward/cmd/internal/bundle"
	"github.com/doorward/doorward/ingest"
	"github.com/doorward/doorward/ingest/catalog"
	"github.com/doorward/doorward/ingest/receipt"
	"github.com/doorward/doorward/policy/audit"
	"github.com/doorward/doorward/policy/keys/local"
)

// kind is what a signature of evidence says that it is.
const kind = "evidence"

// format is what this program writes and reads.
const format = 1

// Bounds of one bundle. What is beyond them is refused or counted, never left out
// in silence.
const (
	MaxEntries   = 200_000
	MaxDocuments = 10_000
)

// Names in a bundle; documents and erasures are numbered, because names of files
// are no place for ids.
const (
	readmeFile     = "README.txt"
	entriesFile    = "audit/entries.jsonl"
	checkpointFile = "audit/checkpoint"
	policyFile     = "policy.json"
	configFile     = "configuration.json"
	ordersFile     = "orders.json"
)

// Selection says what the evidence is about. Zero fields do not narrow it.
type Selection struct {
	Tenant   string    `json:"tenant"` // required
	From     time.Time `json:"from,omitzero"`
	To       time.Time `json:"to,omitzero"` // not included
	Document string    `json:"document,omitempty"`
	Subject  string    `json:"subject,omitempty"` // a person, by the log's keyed hash
	Backend  string    `json:"backend,omitempty"`

	Person string `json:"-"` // the person's id, which the bundle does not repeat
}

// Manifest says what is in a bundle.
type Manifest struct {
	Format    int           `json:"format"`
	Made      time.Time     `json:"made"`
	By        string        `json:"by"`
	Reason    string        `json:"reason"`
	Program   string        `json:"program"` // version
	Selection Selection     `json:"selection"`
	Log       Log           `json:"log"`
	Documents int           `json:"documents"`
	LeftOff   int           `json:"documents_left_off,omitempty"` // named by entries, beyond MaxDocuments
	Erasures  int           `json:"erasures"`
	Files     []bundle.File `json:"files"`
}

// Log is what the bundle says about the audit log.
type Log struct {
	Origin    string `json:"origin"`
	Entries   int    `json:"entries"` // in the bundle
	Size      uint64 `json:"size"`    // of the log its checkpoint covers
	Intact    bool   `json:"intact"`  // the whole log was verified when the bundle was made
	Fault     string `json:"fault,omitempty"`
	Witnesses int    `json:"witnesses"` // that agreed
}

// entry is one line of the entries' file.
type entry struct {
	Index  uint64          `json:"index"`
	Entry  json.RawMessage `json:"entry"` // the leaf
	Hashes [][]byte        `json:"hashes"`
}

// Document is what is known of one document, without its text.
type Document struct {
	ID         string                 `json:"id"`
	State      catalog.State          `json:"state,omitempty"`
	Attributes map[string]any         `json:"attributes,omitempty"`
	Receipt    *receipt.Signed        `json:"receipt,omitempty"` // of the version in force
	Versions   []ingest.TracedVersion `json:"versions"`          // where each came from, what was decided, which points it has
	Decisions  []catalog.Note         `json:"decisions"`         // of reviewers
}

// Request is a bundle to make.
type Request struct {
	Selection
	To       string // a new file
	By       string
	Reason   string
	Program  string
	Progress func(done, total int) // may be nil
}

// Collect makes a bundle as a new tar file. The caller has audited that it is
// made.
func Collect(ctx context.Context, a *app.App, r Request) (m Manifest, err error) {
	if _, err := os.Lstat(r.To); err == nil {
		return m, fmt.Errorf("collecting evidence: %s is there already; name a new file", r.To)
	}
	dir, err := os.MkdirTemp(filepath.Dir(r.To), ".evidence-")
	if err != nil {
		return m, fmt.Errorf("collecting evidence: %w", err)
	}
	defer os.RemoveAll(dir)
	c := &collector{app: a, request: r, dir: dir, named: map[string]bool{}, erasures: map[string]bool{}}
	c.manifest = Manifest{Format: format, Made: a.Now().UTC().Truncate(time.Second), By: r.By, Reason: r.Reason, Program: r.Program, Selection: r.Selection}
	for _, step := range []func(context.Context) error{c.about, c.persons, c.log, c.documents, c.erased, c.orders, c.policy, c.configuration, c.sign} {
		if err := step(ctx); err != nil {
			return m, fmt.Errorf("collecting evidence: %w", err)
		}
	}
	if err := errors.Join(bundle.Pack(dir, r.To), bundle.SyncFolder(filepath.Dir(r.To))); err != nil {
		return m, fmt.Errorf("collecting evidence: %w", err)
	}
	return c.manifest, nil
}

// collector fills the folder of one bundle, step by step.
type collector struct {
	app      *app.App
	request  Request
	dir      string
	manifest Manifest
	order    []string        // documents, as first named
	named    map[string]bool // the same
	erasures map[string]bool // ids
}

func (c *collector) write(name string, data []byte) error {
	path := filepath.Join(c.dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o600) // the tar file made of them is synced
}

func (c *collector) writeJSON(name string, v any) error {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return c.write(name, append(data, '\n'))
}

func (c *collector) about(context.Context) error {
	return c.write(readmeFile, []byte(about))
}

// about explains a bundle to whoever opens it.
const about = `Evidence collected by Doorward. Verify it before reading it:

  doorward evidence verify FILE --keys FOLDER

FOLDER holds the public keys (receipt.pub) of the installation, which you should
have from somebody you trust, not from where this file came from.

manifest.json        what was asked for, by whom and why; the hash of each file
manifest.sig         the signature over it
audit/entries.jsonl  audit entries, each with its number and a proof (RFC 6962)
audit/checkpoint     the signed checkpoint that the proofs lead to
documents/           for each document: origin, receipt, decisions; no text
erasures/            signed receipts of erasure
orders.json          containment orders
policy.json          policy revision, hashes of policy, rule and key files
configuration.json   digest of the configuration, and settings that matter; no secret

People are named by a keyed hash.
`

func (c *collector) add(document string) {
	if document, _, _ = strings.Cut(document, "@"); document != "" && !c.named[document] {
		c.named[document] = true
		c.order = append(c.order, document)
	}
}

// persons adds documents that name the person, whether or not an entry does.
func (c *collector) persons(ctx context.Context) error {
	s := c.request.Selection
	c.add(s.Document)
	if s.Person == "" {
		return nil
	}
	plan, err := c.app.Eraser.Plan(ctx, ingest.ErasureRequest{Tenant: s.Tenant, Scope: catalog.BySubject, Target: s.Person, By: c.request.By})
	if err != nil {
		return err
	}
	for _, id := range append(plan.Documents, plan.Held...) {
		c.add(id)
	}
	return nil
}

// documents writes what is known of each document.
func (c *collector) documents(ctx context.Context) error {
	ids := c.order
	if len(ids) > MaxDocuments {
		c.manifest.LeftOff = len(ids) - MaxDocuments
		ids = ids[:MaxDocuments]
	}
	tenant := c.request.Tenant
	known, err := c.app.Catalog.Documents(ctx, tenant, ids)
	if err != nil {
		return err
	}
	for i, id := range ids {
		d := Document{ID: id, Decisions: []catalog.Note{}}
		if in, ok := known[id]; ok {
			d.State, d.Attributes, d.Receipt = in.State, in.Attributes, &in.Receipt
		}
		notes, err := c.app.Catalog.Notes(ctx, tenant, id)
		if err != nil && !errors.Is(err, catalog.ErrNotFound) {
			return err
		}
		d.Decisions = append(d.Decisions, notes...)
		t, err := ingest.TraceLineage(ctx, c.app.Catalog, func(context.Context, func(audit.Numbered) error) error { return nil }, tenant, id)
		if err != nil && !errors.Is(err, catalog.ErrNotFound) {
			return err
		}
		d.Versions = t.Versions
		if err := c.writeJSON(fmt.Sprintf("documents/%06d.json", i+1), d); err != nil {
			return err
		}
		if c.request.Progress != nil {
			c.request.Progress(i+1, len(ids))
		}
	}
	c.manifest.Documents = len(ids)
	return nil
}

// sign lists the files and signs the list.
func (c *collector) sign(ctx context.Context) (err error) {
	if c.manifest.Files, err = bundle.List(ctx, c.dir, nil); err != nil {
		return err
	}
	signer, err := local.OpenSigner(c.app.Config.Keys)
	if err != nil {
		return err
	}
	return bundle.Sign(c.dir, kind, c.manifest, signer)
}

// takes says whether an entry belongs to the selection.
func (s Selection) takes(n audit.Numbered) bool {
	switch {
	case n.Tenant != s.Tenant && n.Tenant != "*":
		return false
	case !s.From.IsZero() && n.Time.Before(s.From), !s.To.IsZero() && !n.Time.Before(s.To):
		return false
	case s.Subject != "" && n.Subject != s.Subject, s.Backend != "" && n.Backend != s.Backend:
		return false
	case s.Document == "":
		return true
	}
	for _, d := range n.Documents {
		if id, _, _ := strings.Cut(d, "@"); id == s.Document {
			return true
		}
	}
	return false
}

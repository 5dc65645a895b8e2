package app

import (
	"context"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/doorward/doorward/configs"
	"github.com/doorward/doorward/ingest/catalog"
	"github.com/doorward/doorward/policy"
	"github.com/doorward/doorward/retrieval"
	"github.com/doorward/doorward/retrieval/embed"
	"github.com/doorward/doorward/retrieval/embed/ollama"
	"github.com/doorward/doorward/retrieval/embed/openai"
	"github.com/doorward/doorward/retrieval/embed/tei"
	"github.com/doorward/doorward/retrieval/index"
	"github.com/doorward/doorward/retrieval/prompt"
	"github.com/doorward/doorward/sanitize"
	"github.com/doorward/doorward/sanitize/egress"
	"github.com/doorward/doorward/sanitize/injection"
	"github.com/doorward/doorward/sanitize/normalize"
	"github.com/doorward/doorward/sanitize/output"
	"github.com/doorward/doorward/sanitize/pii"
	"github.com/doorward/doorward/sanitize/secret"
)

// Index is all that the parts together need of an index.
type Index interface {
	index.Reader
	index.Mender
	index.Epochs
	index.Eraser
}

// openEmbedder connects to the configured embedding server and reranker.
func (a *App) openEmbedder(ctx context.Context) (err error) {
	e, r := a.Config.Embedder, a.Config.Reranker
	key, err := ReadKey("embedder.api_key_file", e.APIKeyFile)
	if err != nil {
		return err
	}
	remote := embed.RemoteConfig{URL: e.URL, Key: key, Destination: e.Destination}
	switch e.Type {
	case "openai":
		a.Embedder, err = openai.Open(ctx, openai.Config{Remote: remote, Model: e.Model, Dimension: e.Dimension})
	case "ollama":
		a.Embedder, err = ollama.Open(ctx, ollama.Config{Remote: remote, Model: e.Model, Dimension: e.Dimension})
	case "tei":
		a.Embedder, err = tei.OpenEmbedder(ctx, tei.Config{Remote: remote, Model: e.Model, Dimension: e.Dimension})
	}
	if err != nil || r.Type != "tei" {
		return err
	}
	if key, err = ReadKey("reranker.api_key_file", r.APIKeyFile); err != nil {
		return err
	}
	a.Reranker, err = tei.OpenReranker(ctx, tei.Config{Remote: embed.RemoteConfig{URL: r.URL, Key: key, Destination: r.Destination}})
	return err
}

// ReadKey reads a private key file; no path means no key.
func ReadKey(setting, path string) (string, error) {
	if path == "" {
		return "", nil
	}
	info, err := os.Stat(path)
	if err != nil {
		return "", fmt.Errorf("reading %s: %w", setting, err)
	}
	if m := info.Mode().Perm(); m&0o077 != 0 {
		return "", fmt.Errorf("reading %s: %w: %s has mode %04o, run `chmod 0600 %s`", setting, catalog.ErrPermissions, path, m, path)
	}
	data, err := os.ReadFile(path)
	return strings.TrimSpace(string(data)), err
}

// Scanners are all detectors, made once.
type Scanners struct {
	Secret    *secret.Scanner
	PII       *pii.Scanner
	Injection *injection.Scanner
	Sanitizer *sanitize.Sanitizer
}

// OpenScanners makes the detectors a configuration asks for.
func OpenScanners(c *configs.Config) (*Scanners, error) {
	var rules strings.Builder
	for _, path := range c.Scan.SecretRules {
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("reading scan.secret_rules: %w", err)
		}
		rules.Write(data)
		rules.WriteByte('\n')
	}
	var s Scanners
	var group errgroup.Group // each compiles for a while
	group.Go(func() (err error) { s.Secret, err = secret.New(secret.Config{Rules: rules.String()}); return err })
	group.Go(func() (err error) { s.PII, err = pii.New(pii.Config{Countries: c.Scan.Countries}); return err })
	group.Go(func() (err error) {
		s.Injection, err = injection.New(injection.Config{KeepQuotations: c.Scan.KeepQuotations})
		return err
	})
	err := group.Wait()
	if err != nil {
		return nil, err
	}
	s.Sanitizer, err = sanitize.NewSanitizer(sanitize.SanitizerConfig{Scanners: []sanitize.Scanner{s.Secret, s.PII, s.Injection}, Views: normalize.Build})
	if err != nil {
		return nil, err
	}
	return &s, nil
}

// hidden scans text that readers do not see; instructions there are judged by
// the hidden layer's threshold.
func (s *Scanners) hidden(ctx context.Context, text string) ([]sanitize.Finding, error) {
	v := normalize.Build(text)
	var all []sanitize.Finding
	for _, scan := range []func(context.Context, sanitize.Views) ([]sanitize.Finding, error){s.Secret.Scan, s.PII.Scan, s.Injection.ScanHidden} {
		found, err := scan(ctx, v)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

func (s *Scanners) joins() retrieval.Joins {
	j, _ := any(s.Injection).(retrieval.Joins)
	return j
}

// OutputFilter makes the model-output filter. protected and count may be nil.
func (s *Scanners) OutputFilter(c *configs.Config, protected output.Protected, count func(string) int) (*output.Filter, error) {
	links, err := egress.New(egress.Config{Hosts: c.Output.Hosts})
	if err != nil {
		return nil, err
	}
	return output.New(output.Config{Scanners: []sanitize.Streamer{s.Secret, s.PII, prompt.Tokens{}}, Links: links,
		VerbatimTokens: c.Output.Verbatim, Protected: protected, Count: count})
}

// DocumentSchema is the configured schema of documents.
func DocumentSchema(c *configs.Config) (policy.Schema, error) { return schema(c.Schema.Document) }

// ClaimsSchema is the configured schema of further claims.
func ClaimsSchema(c *configs.Config) (policy.Schema, error) { return schema(c.Schema.Claims) }

func schema(in map[string]configs.Attribute) (policy.Schema, error) {
	out := policy.Schema{}
	for path, a := range in {
		kind, err := policy.ParseKind(a.Kind)
		if err != nil {
			return nil, fmt.Errorf("schema: %s: %w", path, err)
		}
		attr := policy.Attribute{Kind: kind, Required: a.Required}
		for name, word := range a.Fields {
			if attr.Fields == nil {
				attr.Fields = map[string]policy.Kind{}
			}
			if attr.Fields[name], err = policy.ParseKind(word); err != nil {
				return nil, fmt.Errorf("schema: %s.%s: %w", path, name, err)
			}
		}
		out[path] = attr
	}
	if err := out.Validate(); err != nil {
		return nil, fmt.Errorf("schema: %w", err)
	}
	return out, nil
}

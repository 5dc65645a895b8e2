package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/doorward/doorward/cmd/internal/app"
	"github.com/doorward/doorward/ingest/catalog"
	"github.com/doorward/doorward/policy"
	"github.com/doorward/doorward/policy/rego"
)

// subjectJSON is a subject as the policy commands read it.
type subjectJSON struct {
	ID        string         `json:"id"`
	Tenant    string         `json:"tenant"`
	Groups    []string       `json:"groups"`
	Roles     []string       `json:"roles"`
	Clearance int64          `json:"clearance"`
	Claims    map[string]any `json:"claims"`
	AMR       []string       `json:"amr"`
}

func (p *policyFlags) subject() (policy.Subject, error) {
	text := []byte(p.as)
	if name, ok := strings.CutPrefix(p.as, "@"); ok {
		var err error
		if text, err = os.ReadFile(name); err != nil {
			return policy.Subject{}, fmt.Errorf("reading --as: %w", err)
		}
	} else if !strings.HasPrefix(strings.TrimSpace(p.as), "{") {
		text, _ = json.Marshal(subjectJSON{ID: p.as})
	}
	return p.parseSubject(text)
}

func (p *policyFlags) parseSubject(text []byte) (policy.Subject, error) {
	var in subjectJSON
	dec := json.NewDecoder(strings.NewReader(string(text)))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&in); err != nil {
		return policy.Subject{}, usage("not a subject: %v", err)
	}
	if in.Tenant == "" {
		in.Tenant = p.tenantOr("default")
	}
	return policy.Subject{ID: in.ID, Tenant: in.Tenant, Groups: in.Groups, Roles: in.Roles, Clearance: in.Clearance, Claims: in.Claims,
		Authn: policy.Authn{AMR: in.AMR}}, nil
}

// tenantOr is --tenant, else the configuration's, else what is given.
func (p *policyFlags) tenantOr(fallback string) string {
	if p.tenant != "" {
		return p.tenant
	}
	if cfg, err := p.load(); err == nil {
		return cfg.Tenant
	}
	return fallback
}

func (p *policyFlags) context() (policy.Context, error) {
	now := time.Now()
	if p.at != "" {
		var err error
		if now, err = time.Parse(time.RFC3339, p.at); err != nil {
			return policy.Context{}, usage("--at is not an RFC 3339 time, for example 2026-03-01T09:00:00Z")
		}
	}
	return policy.Context{Now: now, Purpose: p.purpose, Destination: p.destination, Action: p.action}, nil
}

func (p *policyFlags) readSubjects() ([]policy.Subject, error) {
	var out []policy.Subject
	err := eachLine(p.subjects, func(line []byte) error {
		s, err := p.parseSubject(line)
		out = append(out, s)
		return err
	})
	return out, err
}

func eachLine(name string, f func(line []byte) error) error {
	file, err := os.Open(name)
	if err != nil {
		return err
	}
	defer file.Close()
	r := bufio.NewReader(file)
	for n := 1; ; n++ {
		line, err := r.ReadBytes('\n')
		if trimmed := strings.TrimSpace(string(line)); trimmed != "" {
			if err := f([]byte(trimmed)); err != nil {
				return fmt.Errorf("%s:%d: %w", name, n, err)
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

type namedDocument struct {
	id    string
	attrs policy.Attributes
}

// corpus reads the documents to decide over: a file's, or the live ones of the
// catalog. The catalog's own attributes are normalised already.
func (p *policyFlags) corpus(c *cobra.Command, s *rego.Snapshot) ([]namedDocument, error) {
	if p.documents == "" {
		return p.liveDocuments(c)
	}
	schema, _ := s.Schemas()
	var out []namedDocument
	err := eachLine(p.documents, func(line []byte) error {
		var in struct {
			ID         string         `json:"id"`
			Attributes map[string]any `json:"attributes"`
		}
		if err := json.Unmarshal(line, &in); err != nil {
			return fmt.Errorf("not a document: %w", err)
		}
		attrs, err := schema.Normalize(in.Attributes)
		if err != nil {
			return fmt.Errorf("document %s: %w", in.ID, err)
		}
		out = append(out, namedDocument{in.ID, attrs})
		return nil
	})
	return out, err
}

func (p *policyFlags) liveDocuments(c *cobra.Command) ([]namedDocument, error) {
	cfg, err := p.load()
	if err != nil {
		return nil, err
	}
	a, err := app.Open(c.Context(), cfg, app.Options{Log: quiet(cfg, c.ErrOrStderr())})
	if err != nil {
		return nil, fmt.Errorf("opening the catalog (--documents FILE does without): %w", err)
	}
	defer a.Close()
	var out []namedDocument
	err = a.Catalog.Live(c.Context(), p.tenantOr(cfg.Tenant), "", func(d catalog.Document) error {
		out = append(out, namedDocument{d.ID, d.Attributes})
		return nil
	})
	return out, err
}

func (p *policyFlags) document(c *cobra.Command, s *rego.Snapshot, id string) (policy.Attributes, error) {
	docs, err := p.corpus(c, s)
	if err != nil {
		return nil, err
	}
	for _, d := range docs {
		if d.id == id {
			return d.attrs, nil
		}
	}
	return nil, fmt.Errorf("%w: no live document %s", catalog.ErrNotFound, id)
}

func (p *policyFlags) whoCanSee(c *cobra.Command, id string) error {
	s, err := p.loadPolicy(c, nil)
	if err != nil {
		return err
	}
	subjects, err := p.readSubjects()
	if err != nil {
		return err
	}
	when, err := p.context()
	if err != nil {
		return err
	}
	doc, err := p.document(c, s, id)
	if err != nil {
		return err
	}
	names, err := s.WhoCanSee(c.Context(), slices.Values(subjects), when, doc)
	if err != nil {
		return err
	}
	if p.json {
		return json.NewEncoder(c.OutOrStdout()).Encode(map[string]any{"document": id, "subjects": orEmpty(names), "asked": len(subjects)})
	}
	for _, n := range names {
		fmt.Fprintln(c.OutOrStdout(), n)
	}
	fmt.Fprintf(c.ErrOrStderr(), "%d of %d subjects may read %s\n", len(names), len(subjects), id)
	return nil
}

func (p *policyFlags) diffCommand() *cobra.Command {
	maxAppear, maxVanish := -1, -1
	cmd := &cobra.Command{Use: "diff OLD NEW --subjects FILE", Short: "Show which documents a new policy opens or closes, and to whom", Args: exactly(2, "two policy folders"),
		RunE: func(c *cobra.Command, args []string) error { return p.diff(c, args, maxAppear, maxVanish) }}
	cmd.Flags().IntVar(&maxAppear, "max-appear", -1, "fail with exit code 6 if more (subject, document) pairs become visible")
	cmd.Flags().IntVar(&maxVanish, "max-vanish", -1, "fail with exit code 6 if more pairs become invisible")
	return cmd
}

func (p *policyFlags) diff(c *cobra.Command, args []string, maxAppear, maxVanish int) error {
	before, err := p.loadPolicy(c, args[:1])
	if err != nil {
		return err
	}
	after, err := p.loadPolicy(c, args[1:])
	if err != nil {
		return err
	}
	subjects, err := p.readSubjects()
	if err != nil {
		return err
	}
	when, err := p.context()
	if err != nil {
		return err
	}
	docs, err := p.corpus(c, after)
	if err != nil {
		return err
	}
	impact, err := rego.Diff(c.Context(), before, after, slices.Values(subjects), when, func(yield func(string, policy.Attributes) bool) {
		for _, d := range docs {
			if !yield(d.id, d.attrs) {
				return
			}
		}
	})
	if err != nil {
		return err
	}
	if err := p.printImpact(c.OutOrStdout(), impact); err != nil {
		return err
	}
	if maxAppear >= 0 && impact.Appear > maxAppear || maxVanish >= 0 && impact.Vanish > maxVanish || len(impact.Errors) > 0 {
		return &exit{code: exitGate}
	}
	return nil
}

func (p *policyFlags) printImpact(out io.Writer, impact rego.Impact) error {
	if p.json {
		return json.NewEncoder(out).Encode(impact)
	}
	for _, ch := range impact.Changes {
		sign := "-"
		if ch.Visible {
			sign = "+"
		}
		fmt.Fprintf(out, "%s %s  %s\n", sign, ch.Subject, ch.Document)
	}
	if more := impact.Appear + impact.Vanish - len(impact.Changes); more > 0 {
		fmt.Fprintf(out, "… and %d more\n", more)
	}
	for _, e := range impact.Errors {
		fmt.Fprintln(out, "! "+e)
	}
	_, err := fmt.Fprintf(out, "%d subjects, %d documents: %d pairs appear (%d documents), %d vanish (%d documents), %d stay\n",
		impact.Subjects, impact.Documents, impact.Appear, impact.Opened, impact.Vanish, impact.Closed, impact.Same)
	return err
}

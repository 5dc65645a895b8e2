package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/doorward/doorward/cmd/internal/app"
	"github.com/doorward/doorward/configs"
	"github.com/doorward/doorward/policy/rego"
)

// policyFlags are what the policy commands share.
type policyFlags struct {
	*global
	tenant      string
	documents   string // JSON lines instead of the catalog
	subjects    string
	as          string
	purpose     string
	destination string
	action      string
	at          string
}

func policyCommand(g *global) *cobra.Command {
	p := &policyFlags{global: g}
	parent := &cobra.Command{Use: "policy", Short: "Check, test, explain and compare policies",
		Long: `Policies are Rego in a folder. FOLDER defaults to the configured policy. A folder
with a schema.json of its own, like those of the policy packs, needs no
configuration.

Exit codes: 3 the policy does not load, 4 its tests fail, 6 a limit of diff was passed.`}
	flags := parent.PersistentFlags()
	flags.StringVar(&p.tenant, "tenant", "", "the tenant (default: the configuration's)")
	flags.StringVar(&p.purpose, "purpose", "", "input.context.purpose")
	flags.StringVar(&p.destination, "destination", "internal", "input.context.destination")
	flags.StringVar(&p.action, "action", "read", "input.context.action")
	flags.StringVar(&p.at, "at", "", "the time to decide at, RFC 3339 (default: now)")
	flags.StringVar(&p.documents, "documents", "", `decide over this file of {"id","attributes"} lines instead of the catalog`)
	plan := &cobra.Command{Use: "plan --as SUBJECT", Short: "Show the filter a subject searches under, in every form", Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error { return p.plan(c) }}
	explain := &cobra.Command{Use: "explain --as SUBJECT DOCUMENT", Short: "Say which rule lets a subject read a document, or why none does", Args: exactly(1, "a document id"),
		RunE: func(c *cobra.Command, args []string) error { return p.explain(c, args[0]) }}
	who := &cobra.Command{Use: "who-can-see DOCUMENT --subjects FILE", Short: "List the subjects who may read a document", Args: exactly(1, "a document id"),
		RunE: func(c *cobra.Command, args []string) error { return p.whoCanSee(c, args[0]) }}
	for _, cmd := range []*cobra.Command{plan, explain} {
		cmd.Flags().StringVar(&p.as, "as", "", `a subject: JSON, @FILE with JSON, or a bare user id`)
		_ = cmd.MarkFlagRequired("as")
	}
	diff := p.diffCommand()
	for _, cmd := range []*cobra.Command{who, diff} {
		cmd.Flags().StringVar(&p.subjects, "subjects", "", "file of subjects, one JSON object per line")
		_ = cmd.MarkFlagRequired("subjects")
	}
	parent.AddCommand(plan, explain, who, diff,
		&cobra.Command{Use: "check [FOLDER]", Short: "Load a policy and show, rule by rule, how it is pushed into the search", Args: atMostOne,
			RunE: func(c *cobra.Command, args []string) error { return p.check(c, args) }},
		&cobra.Command{Use: "test [FOLDER]", Short: "Run a policy's own tests, by full evaluation and by plan", Args: atMostOne,
			RunE: func(c *cobra.Command, args []string) error { return p.test(c, args) }})
	return parent
}

// regoConfig says what to load for a folder, or for the configured policy.
func (p *policyFlags) regoConfig(args []string) (rego.Config, error) {
	if len(args) == 1 {
		info, err := os.Stat(args[0])
		if err != nil || !info.IsDir() {
			return rego.Config{}, usage("%s is not a folder", args[0])
		}
		files := os.DirFS(args[0])
		document, claims, own, err := rego.ReadSchema(files)
		if err != nil {
			return rego.Config{}, &exit{exitPolicy, err}
		}
		if own {
			return rego.Config{Files: files, Name: args[0], Document: document, Claims: claims}, nil
		}
		cfg, err := p.load()
		if err != nil {
			return rego.Config{}, fmt.Errorf("%s has no schema.json, and the configuration gives none: %w", args[0], err)
		}
		return folderConfig(cfg, args[0])
	}
	cfg, err := p.load()
	if err != nil {
		return rego.Config{}, err
	}
	return app.PolicyConfig(cfg)
}

func folderConfig(cfg *configs.Config, folder string) (rego.Config, error) {
	out, err := app.PolicyConfig(cfg)
	if err != nil {
		return rego.Config{}, err
	}
	out.Files, out.Name = os.DirFS(folder), folder
	return out, nil
}

// loadPolicy loads for a command that needs a working policy.
func (p *policyFlags) loadPolicy(c *cobra.Command, args []string) (*rego.Snapshot, error) {
	cfg, err := p.regoConfig(args)
	if err != nil {
		return nil, err
	}
	s, _, err := rego.Load(c.Context(), cfg)
	if err != nil {
		return nil, &exit{exitPolicy, err}
	}
	return s, nil
}

func (p *policyFlags) check(c *cobra.Command, args []string) error {
	cfg, err := p.regoConfig(args)
	if err != nil {
		return err
	}
	cfg.SkipTests = true // `policy test` runs them
	s, remarks, err := rego.Load(c.Context(), cfg)
	var refused *rego.LoadError
	if errors.As(err, &refused) {
		return p.refuse(c, remarks)
	}
	if err != nil {
		return err
	}
	in, err := s.Inspect(c.Context())
	if err != nil {
		return err
	}
	out := c.OutOrStdout()
	if p.json {
		return json.NewEncoder(out).Encode(map[string]any{"loads": true, "inspection": in, "remarks": orNone(remarks)})
	}
	printInspection(out, in, remarks)
	return nil
}

func (p *policyFlags) refuse(c *cobra.Command, remarks rego.Diagnostics) error {
	if p.json {
		_ = json.NewEncoder(c.OutOrStdout()).Encode(map[string]any{"loads": false, "remarks": orNone(remarks)})
	} else {
		fmt.Fprintln(c.OutOrStdout(), remarks)
	}
	return &exit{code: exitPolicy}
}

func orNone(ds rego.Diagnostics) rego.Diagnostics {
	if ds == nil {
		return rego.Diagnostics{}
	}
	return ds
}

func printInspection(out io.Writer, in rego.Inspection, remarks rego.Diagnostics) {
	for _, r := range in.Rules {
		form := r.Pushed
		switch {
		case r.Known:
			form = "(known when planning)"
		case form == "":
			form = "(part of the rules that use it)"
		}
		fmt.Fprintf(out, "%s:%d  %s\n    %s\n", r.File, r.Line, r.Name, form)
	}
	fmt.Fprintf(out, "\nThe sample subject's plan: %d alternatives, %d conditions, %d values, planned in %s; one check in %s.\n",
		in.Cost.Alternatives, in.Cost.Conditions, in.Cost.Values, in.Cost.Plan.Round(time.Microsecond), in.Cost.Check.Round(time.Microsecond))
	fmt.Fprintf(out, "Plans are cached by %v.\n", in.Reads)
	fmt.Fprintf(out, "Decision points: %v. Own tests: %d (run them with `doorward policy test`).\n", in.Points, in.Tests)
	for _, d := range remarks {
		fmt.Fprintln(out, d)
	}
	fmt.Fprintf(out, "The policy loads: revision %.12s.\n", in.Revision.Hash)
}

func (p *policyFlags) test(c *cobra.Command, args []string) error {
	cfg, err := p.regoConfig(args)
	if err != nil {
		return err
	}
	cfg.SkipTests = true
	s, remarks, err := rego.Load(c.Context(), cfg)
	var refused *rego.LoadError
	if errors.As(err, &refused) {
		return p.refuse(c, remarks)
	}
	if err != nil {
		return err
	}
	report, err := s.Test(c.Context())
	if err != nil {
		return &exit{exitPolicyTests, err}
	}
	out := c.OutOrStdout()
	if p.json {
		if err := json.NewEncoder(out).Encode(report); err != nil {
			return err
		}
	} else {
		printTests(out, report)
	}
	if !report.Passed() {
		return &exit{code: exitPolicyTests}
	}
	return nil
}

func printTests(out io.Writer, report rego.TestReport) {
	failed := 0
	for _, r := range report.Results {
		if r.Passed || r.Skipped {
			continue
		}
		failed++
		fmt.Fprintf(out, "%s:%d: %s fails: %s\n", r.File, r.Line, r.Name, r.Message)
	}
	for _, d := range append(report.Disagreements, report.Notes...) {
		fmt.Fprintln(out, d)
	}
	for _, u := range report.Uncovered {
		fmt.Fprintf(out, "%s:%d-%d: no test comes here\n", u.File, u.From, u.To)
	}
	fmt.Fprintf(out, "%d tests, %d failed; %d of their decisions also made by plan, %d otherwise; coverage %.0f %%.\n",
		len(report.Results), failed, report.Plans, len(report.Disagreements), report.Coverage)
}

func (p *policyFlags) plan(c *cobra.Command) error {
	s, err := p.loadPolicy(c, nil)
	if err != nil {
		return err
	}
	sub, err := p.subject()
	if err != nil {
		return err
	}
	when, err := p.context()
	if err != nil {
		return err
	}
	document, _ := s.Schemas()
	report, err := s.ExplainPlan(c.Context(), sub, when, app.Renderers(sub.Tenant, document))
	if err != nil {
		return err
	}
	out := c.OutOrStdout()
	if p.json {
		return json.NewEncoder(out).Encode(report)
	}
	fmt.Fprintf(out, "residual\n%s\nfilter (%s of the documents, %d conditions, hash %.12s)\n%s\n", report.Residual, report.Effect, report.Conditions, report.Hash, report.Filter)
	for _, name := range slices.Sorted(maps.Keys(report.Stores)) {
		fmt.Fprintf(out, "\n%s\n%s\n", name, report.Stores[name])
	}
	if d := report.Obligations; d.MaxPassages > 0 || len(d.Mask) > 0 || d.RequireMFA || len(d.Extra) > 0 {
		fmt.Fprintf(out, "\nobligations\nat most %d passages (0: any), mask %v, second factor %v, other %v\n", d.MaxPassages, d.Mask, d.RequireMFA, d.Extra)
	}
	return nil
}

func (p *policyFlags) explain(c *cobra.Command, id string) error {
	s, err := p.loadPolicy(c, nil)
	if err != nil {
		return err
	}
	sub, err := p.subject()
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
	x, err := s.Explain(c.Context(), sub, when, doc)
	if err != nil {
		return err
	}
	out := c.OutOrStdout()
	if p.json {
		return json.NewEncoder(out).Encode(x)
	}
	word := map[bool]string{true: "may", false: "may not"}
	fmt.Fprintf(out, "%s %s read %s: %s\n", sub.ID, word[x.Allow], id, x.Reason)
	for _, r := range x.Rules {
		if r.Held {
			fmt.Fprintf(out, "  holds   %s:%d  %s\n", r.File, r.Line, r.Rule)
		} else {
			fmt.Fprintf(out, "  fails   %s:%d  %s, at line %d: %s\n", r.File, r.Line, r.Rule, r.FailedLine, r.FailedText)
		}
	}
	if x.Plan != x.Allow {
		return fmt.Errorf("the plan and the full evaluation disagree: report this policy")
	}
	return nil
}

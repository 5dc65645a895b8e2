package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/doorward/doorward/cmd/internal/app"
	"github.com/doorward/doorward/cmd/internal/eval"
	"github.com/doorward/doorward/configs"
	"github.com/doorward/doorward/sanitize"
	"github.com/doorward/doorward/sanitize/normalize"
	"github.com/doorward/doorward/sanitize/secret"
)

func evalCommand(g *global) *cobra.Command {
	cmd := &cobra.Command{
		Use: "eval", Short: "Measure the detectors and the search on labelled data", Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	cmd.AddCommand(
		evalScanner(g, "secrets", "credentials", eval.Secrets, func(s *app.Scanners) (sanitize.Scanner, []sanitize.Scanner) {
			return s.Secret, []sanitize.Scanner{s.PII}
		}),
		evalScanner(g, "pii", "personal data", eval.PII, func(s *app.Scanners) (sanitize.Scanner, []sanitize.Scanner) {
			return s.PII, []sanitize.Scanner{s.Secret}
		}),
		evalScanner(g, "injection", "embedded instructions", eval.Injection, func(s *app.Scanners) (sanitize.Scanner, []sanitize.Scanner) {
			return s.Injection, nil
		}),
		evalRetrieval(g),
		evalExtraction(g),
	)
	return cmd
}

// evalScanner makes the command that measures one of the detectors. pick
// returns it, and those whose time is measured together with its own.
func evalScanner(g *global, name, what string, run func(context.Context, string, eval.Options) (eval.Report, error),
	pick func(*app.Scanners) (sanitize.Scanner, []sanitize.Scanner)) *cobra.Command {
	var gate string
	var noAnchor bool
	var misses int
	cmd := &cobra.Command{
		Use: name + " DIR", Short: "Measure the detector of " + what, Args: oneArg,
		Long: fmt.Sprintf(`Scans the gzipped JSON lines in DIR, or in DIR/%s, and compares with their labels:
figures by family and type with 95 %% intervals, false alarms, and throughput
beside the gitleaks library on the same texts. No text is printed, only ids.

--gate FILE compares with thresholds in YAML or JSON and exits with 6 when one is
missed:

  %s:
    throughput.mb_per_s: {min: 10}`, name, name),
		RunE: func(c *cobra.Command, args []string) error {
			o := eval.Options{Views: normalize.Build, Misses: misses}
			scanners, err := app.OpenScanners(configs.Defaults())
			if err != nil {
				return err
			}
			o.Scanner, o.Beside = pick(scanners)
			if !noAnchor {
				if o.Anchor, err = secret.Library(); err != nil {
					return err
				}
				o.AnchorName = "gitleaks library, default rules"
			}
			return evaluate(c, g, gate, func() (eval.Report, error) { return run(c.Context(), args[0], o) })
		},
	}
	cmd.Flags().StringVar(&gate, "gate", "", "file of thresholds; exit with 6 when one is missed")
	cmd.Flags().BoolVar(&noAnchor, "no-anchor", false, "leave the gitleaks library out")
	cmd.Flags().IntVar(&misses, "misses", 0, "list this many missed or wrongly flagged cases by id; -1 all")
	return cmd
}

// evaluate reads the gate before it measures, prints the report, then compares.
func evaluate(c *cobra.Command, g *global, gate string, run func() (eval.Report, error)) error {
	limits, err := openGate(gate)
	if err != nil {
		return err
	}
	r, err := run()
	if err != nil {
		return err
	}
	if g.json {
		err = json.NewEncoder(c.OutOrStdout()).Encode(r)
	} else {
		err = r.Text(c.OutOrStdout())
	}
	if err != nil || gate == "" {
		return err
	}
	if err := limits.Check(r); errors.Is(err, eval.ErrGate) {
		return &exit{exitGate, err}
	} else if err != nil {
		return err
	}
	return nil
}

// openGate reads a gate's file; no name gives no gate.
func openGate(path string) (eval.Gate, error) {
	if path == "" {
		return nil, nil
	}
	g, err := eval.LoadGate(path)
	if err != nil {
		return nil, &exit{exitUsage, err}
	}
	return g, nil
}

func oneArg(c *cobra.Command, args []string) error {
	if len(args) != 1 {
		return usage("`%s` takes one directory, got %d arguments", c.CommandPath(), len(args))
	}
	return nil
}

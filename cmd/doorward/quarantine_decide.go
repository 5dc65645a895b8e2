package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/doorward/doorward/cmd/internal/app"
	"github.com/doorward/doorward/ingest"
	"github.com/doorward/doorward/ingest/catalog"
)

func (r *reviewer) reveal() *cobra.Command {
	var finding string
	cmd := r.because(r.command("reveal ID --finding F --reason WHY", "Show one finding's own text", exactly(1, "a document id"), func(c *cobra.Command, a *app.App, args []string) error {
		if err := operate(c, a, "reveal", r.tenant, args, "finding "+finding+": "+r.reason); err != nil {
			return err
		}
		v, err := a.Pipeline.Reveal(c.Context(), r.tenant, args[0], finding)
		if err != nil {
			return notHeld(args[0], err)
		}
		if err := a.Catalog.AddNote(c.Context(), r.tenant, args[0], note1(a, "reveal", r.reason)); err != nil {
			return err
		}
		return r.say(c, map[string]any{"document": args[0], "finding": v.ID, "kind": v.Kind, "rule": v.Rule, "text": v.Text}, "%s\n", v.Text)
	}))
	cmd.Flags().StringVar(&finding, "finding", "", "the finding, as quarantine show names it")
	_ = cmd.MarkFlagRequired("finding")
	return cmd
}

func (r *reviewer) release() *cobra.Command {
	var o ingest.ReleaseOptions
	var plan bool
	cmd := r.command("release ID --reason WHY", "Let a held document in; what held it is stripped span by span", exactly(1, "a document id"), func(c *cobra.Command, a *app.App, args []string) error {
		if plan {
			return r.planRelease(c, a, args[0], o)
		}
		if r.reason == "" {
			return usage("`%s` needs --reason", c.CommandPath())
		}
		return r.releaseHeld(c, a, args[0], o)
	})
	cmd.Long = `Lets a held document in, rewritten: what policy redacts is redacted, what it would
hold is cut out. --plan shows the result first and changes nothing.

--strip F,... cuts out just these findings, on top of what policy redacts; others
that policy would hold then stand. --keep F,... lets findings stand as they are.
Letting something stand is an act of its own (keep) for doorward.admin.`
	cmd.Flags().StringVar(&r.reason, "reason", "", "why; kept in the audit log")
	cmd.Flags().BoolVar(&plan, "plan", false, "show what would be indexed, and change nothing")
	cmd.Flags().StringSliceVar(&o.Strip, "strip", nil, "findings to cut out, as quarantine show names them")
	cmd.Flags().StringSliceVar(&o.Keep, "keep", nil, "findings to let stand")
	return cmd
}

func (r *reviewer) planRelease(c *cobra.Command, a *app.App, id string, o ingest.ReleaseOptions) error {
	if err := operate(c, a, "show", r.tenant, []string{id}, "plan of a release"); err != nil {
		return err
	}
	p, err := a.Pipeline.PlanRelease(c.Context(), r.tenant, id, o)
	if err != nil {
		return notHeld(id, err)
	}
	if r.g.json {
		return json.NewEncoder(c.OutOrStdout()).Encode(p)
	}
	w := c.OutOrStdout()
	fmt.Fprintf(w, "%s: would be %s", id, p.Outcome)
	if len(p.Reasons) > 0 {
		fmt.Fprintf(w, " (%s)", strings.Join(p.Reasons, ", "))
	}
	fmt.Fprintf(w, ", %d chunks, %d changes, %d findings left standing\n", p.Chunks, len(p.Edits), p.Stands)
	for _, e := range p.Edits {
		fmt.Fprintf(w, "  line %d: %s (%s), %d bytes: %s %s\n", e.Line, e.Rule, e.Kind, e.Length, e.Action, e.With)
	}
	fmt.Fprintf(w, "\n%s\n", p.Text)
	return nil
}

func (r *reviewer) releaseHeld(c *cobra.Command, a *app.App, id string, o ingest.ReleaseOptions) error {
	stands, err := a.Pipeline.Stands(c.Context(), r.tenant, id, o)
	if err != nil {
		return notHeld(id, err)
	}
	if stands > 0 {
		if err := operate(c, a, "keep", r.tenant, []string{id}, fmt.Sprintf("%d findings: %s", stands, r.reason)); err != nil {
			return err
		}
	}
	if err := operate(c, a, "release", r.tenant, []string{id}, r.reason); err != nil {
		return err
	}
	e, err := a.Pipeline.ReleaseWith(c.Context(), r.tenant, id, o)
	if err != nil {
		return notHeld(id, err)
	}
	if err := a.Catalog.AddNote(c.Context(), r.tenant, id, note1(a, "release", r.reason)); err != nil {
		return err
	}
	if err := r.say(c, map[string]any{"document": id, "outcome": e.Outcome, "reasons": orEmpty(e.Reasons), "removed": e.Removed}, "%s: %s\n", id, e.Outcome); err != nil {
		return err
	}
	if e.Outcome != ingest.Indexed {
		if !r.g.json {
			fmt.Fprintf(c.OutOrStdout(), "still held: %s\n", strings.Join(e.Reasons, ", "))
		}
		return &exit{code: exitHeld}
	}
	return nil
}

func (r *reviewer) discard() *cobra.Command {
	var q catalog.HeldQuery
	var older time.Duration
	var all bool
	cmd := r.because(r.command("discard [ID...] --reason WHY", "Refuse held documents for good and shred their text", cobra.ArbitraryArgs, func(c *cobra.Command, a *app.App, ids []string) error {
		if all == (len(ids) > 0) {
			return usage("`%s` needs document ids, or --all with filters", c.CommandPath())
		}
		if all {
			if q.Source == "" && q.Batch == "" && q.Reason == "" && q.Assignee == "" && older == 0 {
				return usage("`%s --all` needs a filter: --source, --batch, --for, --assignee or --older", c.CommandPath())
			}
			query := r.chosen(a, q, older)
			query.Limit = catalog.MaxPage
			page, err := a.Catalog.Held(c.Context(), query)
			if err != nil {
				return err
			}
			for _, h := range page.Held {
				ids = append(ids, h.ID)
			}
			if page.Next != "" {
				fmt.Fprintf(c.ErrOrStderr(), "more than %d: run it again for the rest\n", catalog.MaxPage)
			}
		}
		for _, id := range ids {
			if err := r.discardHeld(c, a, id); err != nil {
				return err
			}
		}
		return nil
	}))
	filters(cmd, &q, &older)
	cmd.Flags().BoolVar(&all, "all", false, "all that the filters choose, 1000 at most")
	return cmd
}

func (r *reviewer) discardHeld(c *cobra.Command, a *app.App, id string) error {
	if err := operate(c, a, "discard", r.tenant, []string{id}, r.reason); err != nil {
		return err
	}
	if err := a.Catalog.Discard(c.Context(), r.tenant, id, "discarded by a reviewer"); err != nil {
		return notHeld(id, err)
	}
	if err := a.Catalog.AddNote(c.Context(), r.tenant, id, note1(a, "discard", r.reason)); err != nil {
		return err
	}
	return r.say(c, map[string]any{"document": id, "outcome": "discarded"}, "%s: discarded\n", id)
}

func (r *reviewer) rescan() *cobra.Command {
	var o ingest.RescanOptions
	var older time.Duration
	cmd := r.command("rescan", "Judge held documents again by the rules of today", noArgs, func(c *cobra.Command, a *app.App, _ []string) error {
		if err := operate(c, a, "rescan", r.tenant, nil, ""); err != nil {
			return err
		}
		o.Query = r.chosen(a, o.Query, older)
		o.Progress = func(e ingest.Event) { _ = r.printEvent(c.OutOrStdout(), e, o.Plan) }
		report, err := a.Pipeline.Rescan(c.Context(), o)
		if err != nil {
			return err
		}
		return r.say(c, map[string]any{"outcomes": report.Outcomes, "plan": o.Plan}, "%d judged again: %d go in, %d stay held, %d are rejected\n",
			report.Documents(), report.Outcomes[ingest.Indexed], report.Outcomes[ingest.Quarantined], report.Outcomes[ingest.Rejected])
	})
	filters(cmd, &o.Query, &older)
	cmd.Flags().BoolVar(&o.Plan, "plan", false, "say what would become of each, and change nothing")
	cmd.Flags().BoolVar(&o.All, "every", false, "also those judged by the rules of today already")
	return cmd
}

func (r *reviewer) printEvent(w io.Writer, e ingest.Event, plan bool) error {
	if r.g.json {
		return json.NewEncoder(w).Encode(map[string]any{"document": e.ID, "outcome": e.Outcome, "reasons": orEmpty(e.Reasons), "plan": plan})
	}
	_, err := fmt.Fprintf(w, "%s: %s %s\n", e.ID, e.Outcome, strings.Join(e.Reasons, ", "))
	return err
}

func (r *reviewer) expire() *cobra.Command {
	var older time.Duration
	var plan bool
	cmd := r.command("expire", "Discard what was held too long; nothing is released by time", noArgs, func(c *cobra.Command, a *app.App, _ []string) error {
		if older == 0 {
			older = a.Config.Review.Expire
		}
		if older <= 0 {
			return errors.New("review.expire is 0 (never); say how old with --older")
		}
		if err := operate(c, a, "discard", r.tenant, nil, "held longer than "+older.String()); err != nil {
			return err
		}
		gone, err := a.Pipeline.Expire(c.Context(), r.tenant, a.Now().Add(-older), plan)
		if err != nil {
			return err
		}
		would := ""
		if plan {
			would = "would be "
		}
		return r.say(c, map[string]any{"discarded": orEmpty(gone), "plan": plan}, "%d %sdiscarded%s\n", len(gone), would, strings.TrimSuffix(": "+strings.Join(gone, ", "), ": "))
	})
	cmd.Flags().DurationVar(&older, "older", 0, "held longer than this (default: review.expire)")
	cmd.Flags().BoolVar(&plan, "plan", false, "say which, and change nothing")
	return cmd
}

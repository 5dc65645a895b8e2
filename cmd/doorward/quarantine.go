package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/doorward/doorward/cmd/internal/app"
	"github.com/doorward/doorward/ingest"
	"github.com/doorward/doorward/ingest/catalog"
)

// reviewer is the quarantine commands' common ground.
type reviewer struct {
	g      *global
	tenant string
	reason string
}

// run wraps an act over the opened data directory.
func (r *reviewer) run(act func(c *cobra.Command, a *app.App, args []string) error) func(*cobra.Command, []string) error {
	return func(c *cobra.Command, args []string) error {
		if !r.g.json {
			c.SetOut(plain{c.OutOrStdout()})
		}
		return r.g.with(c, app.Options{}, func(a *app.App) error {
			if r.tenant == "" {
				r.tenant = a.Config.Tenant
			}
			return act(c, a, args)
		})
	}
}

func (r *reviewer) command(use, short string, args cobra.PositionalArgs, act func(c *cobra.Command, a *app.App, args []string) error) *cobra.Command {
	return &cobra.Command{Use: use, Short: short, Args: args, Annotations: handsOver, RunE: r.run(act)}
}

// because adds the flag without which an act is refused.
func (r *reviewer) because(c *cobra.Command) *cobra.Command {
	c.Flags().StringVar(&r.reason, "reason", "", "why; kept in the audit log")
	_ = c.MarkFlagRequired("reason")
	return c
}

func quarantineCommand(g *global) *cobra.Command {
	r := &reviewer{g: g}
	parent := &cobra.Command{Use: "quarantine", Short: "Review documents that were held"}
	parent.PersistentFlags().StringVar(&r.tenant, "tenant", "", "the tenant (default: the configuration's)")
	parent.AddCommand(r.list(), r.show(), r.assign(), r.reveal(), r.release(), r.discard(), r.rescan(), r.expire())
	return parent
}

// notHeld says of which document it is that it is not in quarantine, and where to look.
func notHeld(id string, err error) error {
	if errors.Is(err, catalog.ErrNotFound) || errors.Is(err, catalog.ErrState) {
		return fmt.Errorf("%s is not held: `doorward quarantine list` shows what is, `doorward lineage` what became of a document (%w)", id, err)
	}
	return err
}

// filters adds the flags that choose among held documents.
func filters(c *cobra.Command, q *catalog.HeldQuery, older *time.Duration) {
	f := c.Flags()
	f.StringVar(&q.Source, "source", "", "only from this source")
	f.StringVar(&q.Reason, "for", "", "only those held for a reason that contains this")
	f.StringVar(&q.Assignee, "assignee", "", "only those of this reviewer; - for nobody's")
	f.StringVar(&q.Batch, "batch", "", "only from this batch")
	f.DurationVar(older, "older", 0, "only those held longer than this")
}

// chosen completes a query.
func (r *reviewer) chosen(a *app.App, q catalog.HeldQuery, older time.Duration) catalog.HeldQuery {
	if q.Tenant = r.tenant; older > 0 {
		q.Before = a.Now().Add(-older)
	}
	return q
}

func (r *reviewer) list() *cobra.Command {
	var q catalog.HeldQuery
	var older time.Duration
	var counts bool
	cmd := r.command("list", "List held documents, oldest first", noArgs, func(c *cobra.Command, a *app.App, _ []string) error {
		if err := operate(c, a, "list", r.tenant, nil, ""); err != nil {
			return err
		}
		if counts {
			n, err := a.Catalog.HeldCounts(c.Context(), r.tenant, a.Now())
			if err != nil {
				return err
			}
			return printCounts(c.OutOrStdout(), r.g.json, n, a.Now())
		}
		page, err := a.Catalog.Held(c.Context(), r.chosen(a, q, older))
		if err != nil {
			return err
		}
		return r.printPage(c, page)
	})
	filters(cmd, &q, &older)
	cmd.Flags().StringVar(&q.After, "after", "", "the page after this one, as the page before says")
	cmd.Flags().IntVar(&q.Limit, "limit", catalog.DefaultPage, "documents on a page, 1000 at most")
	cmd.Flags().BoolVar(&counts, "counts", false, "sum up instead: by source, reason, reviewer and age")
	return cmd
}

func (r *reviewer) printPage(c *cobra.Command, page catalog.HeldPage) error {
	if r.g.json {
		e := json.NewEncoder(c.OutOrStdout())
		for _, h := range page.Held {
			if err := e.Encode(map[string]any{"document": h.ID, "source": h.Source, "received": h.Received, "reasons": orEmpty(h.Reasons), "findings": h.Findings,
				"assignee": h.Assignee, "batch": h.Batch, "submitter": h.Submitter}); err != nil {
				return err
			}
		}
		if page.Next != "" {
			return e.Encode(map[string]any{"next": page.Next})
		}
		return nil
	}
	w := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "DOCUMENT\tSOURCE\tSINCE\tREVIEWER\tREASONS\tFINDINGS")
	for _, h := range page.Held {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", h.ID, h.Source, h.Received.Format(time.DateTime), orDash(h.Assignee), strings.Join(h.Reasons, ", "), counted(h.Findings))
	}
	if err := w.Flush(); err != nil || page.Next == "" {
		return err
	}
	_, err := fmt.Fprintf(c.OutOrStdout(), "more: --after %s\n", page.Next)
	return err
}

func printCounts(w io.Writer, asJSON bool, n catalog.HeldCounts, now time.Time) error {
	if asJSON {
		return json.NewEncoder(w).Encode(n)
	}
	fmt.Fprintf(w, "%d held", n.Total)
	if !n.Oldest.IsZero() {
		fmt.Fprintf(w, ", the oldest for %v", now.Sub(n.Oldest).Round(time.Minute))
	}
	fmt.Fprintln(w)
	for _, part := range []struct {
		name   string
		counts map[string]int
	}{{"source", n.Sources}, {"reason", n.Reasons}, {"reviewer", n.Assignees}, {"age", n.Ages}} {
		var keys []string
		for k := range part.counts {
			keys = append(keys, k)
		}
		slices.Sort(keys)
		for _, k := range keys {
			fmt.Fprintf(w, "  %-9s %-40s %d\n", part.name, k, part.counts[k])
		}
	}
	return nil
}

func (r *reviewer) show() *cobra.Command {
	return r.command("show ID", "Show why a document is held: its findings in their surroundings, masked", exactly(1, "a document id"), func(c *cobra.Command, a *app.App, args []string) error {
		if err := operate(c, a, "show", r.tenant, args, ""); err != nil {
			return err
		}
		v, err := a.Pipeline.Review(c.Context(), r.tenant, args[0])
		if err != nil {
			return notHeld(args[0], err)
		}
		if v.Notes, err = a.Catalog.Notes(c.Context(), r.tenant, args[0]); err != nil {
			return err
		}
		if r.g.json {
			return json.NewEncoder(c.OutOrStdout()).Encode(v)
		}
		printReview(c.OutOrStdout(), v)
		return nil
	})
}

func printReview(w io.Writer, v ingest.Review) {
	fmt.Fprintf(w, "%s  (%s, %d bytes, held since %s)\n", v.Document, v.Source, v.Bytes, v.Received.Format(time.DateTime))
	for _, f := range []struct{ name, value string }{{"from", v.URI}, {"batch", v.Batch}, {"submitter", v.Submitter}, {"connector", v.Connector}, {"reviewer", v.Assignee}, {"live meanwhile", v.Live},
		{"held for", strings.Join(v.Reasons, ", ")}, {"rules of today", strings.TrimSuffix(v.Now+": "+strings.Join(v.NowReasons, ", "), ": ")}, {"no attributes", v.AttributeError}, {"unreadable", v.Unreadable}} {
		if f.value != "" {
			fmt.Fprintf(w, "  %-15s %s\n", f.name, f.value)
		}
	}
	if v.Attributes != nil {
		data, _ := json.Marshal(v.Attributes)
		fmt.Fprintf(w, "  %-15s %s\n", "attributes", data)
	}
	for _, f := range v.Findings {
		where := fmt.Sprintf("line %d", f.Line)
		if f.Hidden {
			where += ", hidden"
		}
		fmt.Fprintf(w, "\n  %s  %s (%s), score %.2f, %s, %d bytes: %s\n    %s\n", f.ID, f.Rule, f.Kind, f.Score, where, f.Length, f.Action, f.Context)
	}
	for _, n := range v.Notes {
		fmt.Fprintf(w, "\n  %s  %s  %s: %s\n", n.At.Format(time.DateTime), n.Who, n.Act, n.Note)
	}
}

func (r *reviewer) assign() *cobra.Command {
	var to, note string
	cmd := r.command("assign ID --to WHO", "Say who looks after a held document", exactly(1, "a document id"), func(c *cobra.Command, a *app.App, args []string) error {
		if err := operate(c, a, "assign", r.tenant, args, "to "+orDash(to)); err != nil {
			return err
		}
		if err := a.Catalog.Assign(c.Context(), r.tenant, args[0], to, note1(a, "assign", note)); err != nil {
			return notHeld(args[0], err)
		}
		who := to
		if who == "" {
			who = "nobody"
		}
		return r.say(c, map[string]any{"document": args[0], "assignee": to}, "%s: %s looks after it\n", args[0], who)
	})
	cmd.Flags().StringVar(&to, "to", "", "the reviewer; \"\" for nobody")
	_ = cmd.MarkFlagRequired("to")
	cmd.Flags().StringVar(&note, "note", "", "a note for the reviewers")
	return cmd
}

// note1 is a note of whoever runs commands on this machine.
func note1(a *app.App, act, text string) catalog.Note {
	return catalog.Note{At: a.Now(), Who: operatorName(), Act: act, Note: text}
}

// say prints a result, as JSON where that was asked for.
func (r *reviewer) say(c *cobra.Command, data map[string]any, format string, args ...any) error {
	if r.g.json {
		return json.NewEncoder(c.OutOrStdout()).Encode(data)
	}
	_, err := fmt.Fprintf(c.OutOrStdout(), format, args...)
	return err
}

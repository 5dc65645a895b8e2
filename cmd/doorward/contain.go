package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/doorward/doorward/cmd/internal/app"
	"github.com/doorward/doorward/ingest/catalog"
	"github.com/doorward/doorward/policy/contain"
)

func containCommand(g *global) *cobra.Command {
	r := &reviewer{g: g}
	parent := &cobra.Command{Use: "contain", Short: "Stop a batch, source, submitter, tenant, backend or destination at once; roll a batch back",
		Long: `Orders of containment hold at both doors at once: nothing of what they name is
taken in or given out, and nothing of it is removed, so that lifting the order
undoes it. Rolling a batch back takes out what the run brought and puts back what it
replaced, for as long as replaced versions are kept (contain.keep). What the run
removed because its source no longer had it is not put back, since its text is gone;
the roll-back and its --plan name each such document.

A batch is interrupted when its run failed or was killed, or gave no sign of life for
two minutes; what it brought stays, and the next run goes on from there.`}
	parent.PersistentFlags().StringVar(&r.tenant, "tenant", "", "the tenant (default: the configuration's)")
	parent.AddCommand(r.containHold(), r.containLift(), r.containList(), r.containBatches(), r.containRollback(), r.containSettle())
	return parent
}

func (r *reviewer) containHold() *cobra.Command {
	targets := map[contain.Scope]*string{}
	var plan, whole, everywhere, ahead bool
	cmd := r.because(r.command("hold --batch|--source|--submitter|--whole-tenant|--backend|--destination … --reason WHY", "Give an order", noArgs, func(c *cobra.Command, a *app.App, _ []string) error {
		o := contain.Order{ID: uuid.NewString()[:8], Tenant: r.tenant, Reason: r.reason, By: operatorName(), Created: a.Now()}
		n := 0
		for scope, target := range targets {
			if *target != "" {
				n++
				o.Scope, o.Target = scope, *target
			}
		}
		if whole {
			n++
			o.Scope, o.Target = contain.Tenant, r.tenant
		}
		if n != 1 {
			return usage("`%s` needs one of --batch, --source, --submitter, --whole-tenant, --backend and --destination", c.CommandPath())
		}
		if everywhere {
			if o.Scope != contain.Destination {
				return usage("--every-tenant goes with --destination")
			}
			o.Tenant = ""
		}
		if err := o.Validate(); err != nil {
			return usage("%w", err)
		}
		if !ahead {
			err := a.Known(c.Context(), o)
			if unknown := (*app.UnknownError)(nil); errors.As(err, &unknown) {
				return usage("%w\nNothing was stopped. --ahead gives the order for one that comes later", err)
			}
			if err != nil {
				return err
			}
		}
		return r.giveOrder(c, a, o, plan)
	}))
	for scope, what := range map[contain.Scope]string{contain.Batch: "documents of this batch", contain.Source: "documents of this source", contain.Submitter: "documents this one handed in (os:NAME, backend:NAME)",
		contain.Backend: "requests of this backend", contain.Destination: "passages and answers for this destination"} {
		targets[scope] = cmd.Flags().String(string(scope), "", what)
	}
	cmd.Flags().BoolVar(&whole, "whole-tenant", false, "everything of the tenant")
	cmd.Flags().BoolVar(&everywhere, "every-tenant", false, "with --destination: for all tenants")
	cmd.Flags().BoolVar(&ahead, "ahead", false, "also for a name that nothing here knows yet")
	cmd.Flags().BoolVar(&plan, "plan", false, "say what would be stopped, and change nothing")
	return cmd
}

func (r *reviewer) giveOrder(c *cobra.Command, a *app.App, o contain.Order, plan bool) error {
	operation, why := "contain", string(o.Scope)+" "+o.Target+": "+o.Reason
	if plan {
		operation, why = "list", "plan of an order: "+why
	}
	if err := operate(c, a, operation, r.tenant, nil, why); err != nil {
		return err
	}
	live, held, err := a.Catalog.Affected(c.Context(), r.tenant, o.Scope, o.Target)
	if err != nil {
		return err
	}
	if !plan {
		if err := a.Orders.Contain(c.Context(), o); err != nil {
			return err
		}
	}
	data := map[string]any{"order": o, "live": live, "held": held, "plan": plan}
	if plan {
		return r.say(c, data, "would stop %s %s: %d live documents, %d held\n", o.Scope, o.Target, live, held)
	}
	return r.say(c, data, "order %s: %s %s is stopped (%d live documents, %d held)\n", o.ID, o.Scope, o.Target, live, held)
}

func (r *reviewer) containLift() *cobra.Command {
	return r.because(r.command("lift ORDER --reason WHY", "End an order", exactly(1, "the order's id (see contain list)"), func(c *cobra.Command, a *app.App, args []string) error {
		if err := operate(c, a, "lift", r.tenant, nil, "order "+args[0]+": "+r.reason); err != nil {
			return err
		}
		err := a.Orders.Lift(c.Context(), r.tenant, args[0], operatorName(), r.reason)
		if errors.Is(err, catalog.ErrState) {
			return fmt.Errorf("no order %q is in force here; `doorward contain list` shows those that are", args[0])
		}
		if err != nil {
			return err
		}
		return r.say(c, map[string]any{"lifted": args[0]}, "order %s is lifted\n", args[0])
	}))
}

func (r *reviewer) containList() *cobra.Command {
	var all bool
	cmd := r.command("list", "List orders in force", noArgs, func(c *cobra.Command, a *app.App, _ []string) error {
		if err := operate(c, a, "list", r.tenant, nil, "containment orders"); err != nil {
			return err
		}
		orders, err := a.Catalog.AllOrders(c.Context(), r.tenant)
		if err != nil {
			return err
		}
		w := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', 0)
		if !r.g.json {
			fmt.Fprintln(w, "ORDER\tSCOPE\tTARGET\tSINCE\tBY\tREASON\tLIFTED")
		}
		for _, o := range orders {
			if !all && !o.Lifted.IsZero() {
				continue
			}
			if r.g.json {
				if err := json.NewEncoder(c.OutOrStdout()).Encode(o); err != nil {
					return err
				}
				continue
			}
			lifted := ""
			if !o.Lifted.IsZero() {
				lifted = o.Lifted.Format(time.DateTime) + " " + o.LiftedBy + ": " + o.LiftReason
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", o.ID, o.Scope, o.Target, o.Created.Format(time.DateTime), o.By, o.Reason, lifted)
		}
		return w.Flush()
	})
	cmd.Flags().BoolVar(&all, "all", false, "also lifted ones")
	return cmd
}

func (r *reviewer) containBatches() *cobra.Command {
	var limit int
	cmd := r.command("batches", "List ingest runs, newest first", noArgs, func(c *cobra.Command, a *app.App, _ []string) error {
		if err := operate(c, a, "list", r.tenant, nil, "batches"); err != nil {
			return err
		}
		list, err := a.Catalog.Batches(c.Context(), r.tenant, "", limit)
		if err != nil {
			return err
		}
		w := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', 0)
		if !r.g.json {
			fmt.Fprintln(w, "BATCH\tSOURCE\tSUBMITTER\tSTARTED\tSTATE\tRESTORABLE\tCOUNTS")
		}
		for _, b := range list {
			if r.g.json {
				if err := json.NewEncoder(c.OutOrStdout()).Encode(b); err != nil {
					return err
				}
				continue
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%d\t%s\n", b.ID, b.Source, orDash(b.Submitter), b.Started.Format(time.DateTime), b.State, b.Restorable, counted(b.Counts))
		}
		return w.Flush()
	})
	cmd.Flags().IntVar(&limit, "limit", 20, "how many, 1000 at most")
	return cmd
}

func (r *reviewer) containRollback() *cobra.Command {
	var batch string
	var plan bool
	cmd := r.because(r.command("rollback --batch B --reason WHY", "Take out what a batch brought, put back what it replaced", noArgs, func(c *cobra.Command, a *app.App, _ []string) error {
		operation, why := "rollback", "batch "+batch+": "+r.reason
		if plan {
			operation, why = "list", "plan of a roll-back: "+why
		}
		if err := operate(c, a, operation, r.tenant, nil, why); err != nil {
			return err
		}
		list, err := a.Catalog.Batches(c.Context(), r.tenant, batch, 1)
		if err != nil {
			return err
		}
		if len(list) == 0 {
			return fmt.Errorf("batch %s: %w (see `doorward contain batches`)", batch, catalog.ErrNotFound)
		}
		if plan {
			undos, err := a.Pipeline.PlanRollBack(c.Context(), r.tenant, batch)
			if err != nil {
				return err
			}
			return r.printUndos(c, batch, undos, true)
		}
		undos, err := a.Pipeline.RollBack(c.Context(), r.tenant, batch, nil)
		if err != nil {
			return err
		}
		if err := r.printUndos(c, batch, undos, false); err != nil || r.g.json {
			return err
		}
		fmt.Fprintf(c.OutOrStdout(), "The next run brings it again unless its source is mended: doorward contain hold --source %s\n", list[0].Source)
		return nil
	}))
	cmd.Flags().StringVar(&batch, "batch", "", "the batch (see contain batches)")
	_ = cmd.MarkFlagRequired("batch")
	cmd.Flags().BoolVar(&plan, "plan", false, "say what would become of each document, and change nothing")
	return cmd
}

func (r *reviewer) printUndos(c *cobra.Command, batch string, undos []catalog.Undo, plan bool) error {
	counts := map[string]int{}
	for _, u := range undos {
		counts[u.Did]++
		if r.g.json {
			if err := json.NewEncoder(c.OutOrStdout()).Encode(u); err != nil {
				return err
			}
		} else if plan || u.Why != "" {
			fmt.Fprintf(c.OutOrStdout(), "%s: %s %s\n", u.Document, u.Did, u.Why)
		}
	}
	would := ""
	if plan {
		would = "would be "
	}
	return r.say(c, map[string]any{"batch": batch, "counts": counts, "plan": plan}, "batch %s: %d documents %srestored, %d retired, %d discarded from quarantine, %d skipped\n",
		batch, counts["restored"], would, counts["retired"], counts["discarded"], counts["skipped"])
}

func (r *reviewer) containSettle() *cobra.Command {
	var batch string
	cmd := r.because(r.command("settle --batch B --reason WHY", "Give up what a batch replaced: it cannot be rolled back any more", noArgs, func(c *cobra.Command, a *app.App, _ []string) error {
		if err := operate(c, a, "rollback", r.tenant, nil, "settling batch "+batch+": "+r.reason); err != nil {
			return err
		}
		if err := a.Catalog.Settle(c.Context(), r.tenant, batch); err != nil {
			return err
		}
		return r.say(c, map[string]any{"settled": batch}, "batch %s is settled\n", batch)
	}))
	cmd.Flags().StringVar(&batch, "batch", "", "the batch")
	_ = cmd.MarkFlagRequired("batch")
	return cmd
}

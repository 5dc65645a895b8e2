package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/spf13/cobra"

	"github.com/doorward/doorward/cmd/internal/app"
	"github.com/doorward/doorward/policy"
	"github.com/doorward/doorward/policy/audit"
	"github.com/doorward/doorward/policy/quota"
	"github.com/doorward/doorward/retrieval"
)

func quotaCommand(g *global) *cobra.Command {
	parent := &cobra.Command{Use: "quota", Short: "See where a user stands with his quota, and forgive him",
		Long: `Counts that a service keeps in memory are its own: the command is handed to the
service that runs on the data directory. Replicas on one PostgreSQL share them.`}
	parent.AddCommand(quotaShow(g), quotaLift(g))
	return parent
}

// member names a user by his id, or as the audit log does.
type member struct{ user, subject, tenant string }

var subjectHash = regexp.MustCompile(`^[0-9a-f]{24}$`)

func (w *member) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&w.user, "user", "", "the user, by the id in his assertions")
	f.StringVar(&w.subject, "subject", "", "the user, by the hash in the audit log")
	f.StringVar(&w.tenant, "tenant", "", "the tenant (default: the configuration's)")
}

func (w *member) check(c *cobra.Command) error {
	if (w.user == "") == (w.subject == "") || w.subject != "" && !subjectHash.MatchString(w.subject) {
		return usage("`%s` needs --user ID, or --subject with the 24 digits by which the audit log names him", c.CommandPath())
	}
	return nil
}

// caller is the user as quotas count him.
func (w *member) caller(a *app.App) (quota.Caller, error) {
	if w.tenant == "" {
		w.tenant = a.Config.Tenant
	}
	if w.subject == "" {
		var err error
		if w.subject, err = retrieval.SubjectID(a.Keys, policy.Subject{Tenant: w.tenant, ID: w.user}); err != nil {
			return quota.Caller{}, err
		}
	}
	return quota.Caller{Tenant: w.tenant, User: w.tenant + "/" + w.subject}, nil
}

var errUncounted = errors.New("nothing is counted: quota.state is off")

// ofMember makes a command about one user's quota.
func ofMember(g *global, use, short string, do func(c *cobra.Command, a *app.App, w member, caller quota.Caller) error) *cobra.Command {
	var w member
	cmd := &cobra.Command{
		Use: use, Short: short, Args: noArgs, Annotations: handsOver,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := w.check(c); err != nil {
				return err
			}
			return g.with(c, app.Options{}, func(a *app.App) error {
				if a.Service.Quota == nil {
					return errUncounted
				}
				caller, err := w.caller(a)
				if err != nil {
					return err
				}
				return do(c, a, w, caller)
			})
		},
	}
	w.flags(cmd)
	return cmd
}

func quotaShow(g *global) *cobra.Command {
	return ofMember(g, "show", "What is counted for a user, and what his next request would meet", func(c *cobra.Command, a *app.App, w member, caller quota.Caller) error {
		s, err := a.Service.Quota.Standing(c.Context(), caller, time.Now())
		if err != nil {
			return err
		}
		return printStanding(g, c, w.subject, s)
	})
}

func printStanding(g *global, c *cobra.Command, subject string, s quota.Standing) error {
	out := c.OutOrStdout()
	if g.json {
		return json.NewEncoder(out).Encode(struct {
			Subject string `json:"subject"`
			quota.Standing
		}{subject, s})
	}
	fmt.Fprintf(out, "subject    %s\n", subject)
	bound := "any number"
	if s.Coverage > 0 {
		bound = fmt.Sprint(s.Coverage)
	}
	fmt.Fprintf(out, "coverage   %d of %s chunks given\n", s.Given, bound)
	if s.Strikes > 0 {
		fmt.Fprintf(out, "strikes    %d: each halves the coverage, one a week is forgiven\n", s.Strikes)
	}
	if !s.Until.IsZero() {
		fmt.Fprintf(out, "held       that coverage lasts until %s\n", s.Until.Format(time.DateTime))
	}
	fmt.Fprintf(out, "pattern    suspicion %d %%, from %d questions\n", s.Suspect, s.Recent)
	switch {
	case s.Step:
		fmt.Fprintf(out, "now        asked for a stronger sign-in (%s)\n", s.Reason)
	case s.Reason != "":
		fmt.Fprintf(out, "now        refused (%s), for %d seconds\n", s.Reason, s.Waits)
	case s.Responds:
		fmt.Fprintln(out, "now        let in, with what quota.patterns.respond says")
	default:
		fmt.Fprintln(out, "now        let in")
	}
	return nil
}

func quotaLift(g *global) *cobra.Command {
	return ofMember(g, "lift", "Forgive a user: full coverage and rates, no strikes, no suspicion", func(c *cobra.Command, a *app.App, w member, caller quota.Caller) error {
		e := audit.Entry{Event: "quota", Outcome: "lifted", Tenant: w.tenant, Subject: w.subject, Backend: operatorName()}
		if err := a.Audit.Append(c.Context(), e); err != nil {
			return err
		}
		if err := a.Service.Quota.Lift(c.Context(), caller); err != nil {
			return err
		}
		if g.json {
			return json.NewEncoder(c.OutOrStdout()).Encode(map[string]string{"lifted": w.subject})
		}
		fmt.Fprintln(c.OutOrStdout(), "lifted", w.subject)
		return nil
	})
}

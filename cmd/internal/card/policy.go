package card

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/doorward/doorward/policy"
	"github.com/doorward/doorward/policy/rego"
	"github.com/doorward/doorward/sanitize"
)

// operations are what doorward.admin is asked about.
var operations = []string{"list", "show", "assign", "explain", "lineage", "release", "keep", "discard", "rescan", "reveal", "contain", "rollback", "lift", "evidence", "delete", "export", "erase"}

// silences says what a point means that does not answer.
var silences = map[policy.Point]string{policy.PointAccess: "nobody reads anything", policy.PointIngest: "every document is quarantined", policy.PointOutput: "every finding stops the answer", policy.PointAdmin: "operators may do nothing"}

// Policy writes the policy card of a loaded policy as Markdown: which rules give
// access and what becomes of them in a search, what is read, and tables of its
// decisions, made by asking it. mutants nil leaves the seeded mistakes out.
func Policy(ctx context.Context, w io.Writer, s *rego.Snapshot, name string, mutants *rego.Mutants) error {
	var b strings.Builder
	in, err := s.Inspect(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(&b, "# Policy card: %s\n\nWritten by `doorward card policy`. Revision `%.16s`.\n\n## Points\n\n| point | answers | silence means |\n|---|---|---|\n", name, in.Revision.Hash)
	for _, p := range []policy.Point{policy.PointAccess, policy.PointIngest, policy.PointOutput, policy.PointAdmin} {
		answers := "**no**"
		if slices.Contains(in.Points, string(p)) {
			answers = "yes"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", p, answers, silences[p])
	}
	access(&b, in)
	for _, section := range []func(context.Context, *strings.Builder, *rego.Snapshot) error{documents, answers, operators} {
		if err := section(ctx, &b, s); err != nil {
			return err
		}
	}
	if err := tests(ctx, &b, s, mutants); err != nil {
		return err
	}
	_, err = io.WriteString(w, b.String())
	return err
}

func access(b *strings.Builder, in rego.Inspection) {
	b.WriteString("\n## Who may read\n\nEach rule, and what it becomes inside the search for a sample subject (`sample-user`, clearance 2, groups `group-1` and `group-2`).\n\n| rule | where | in the search |\n|---|---|---|\n")
	for _, r := range in.Rules {
		form := "`" + r.Pushed + "`"
		switch {
		case r.Known:
			form = "known when planning"
		case r.Pushed == "":
			form = "part of the rules that use it"
		}
		fmt.Fprintf(b, "| `%s` | %s:%d | %s |\n", r.Name, r.File, r.Line, cell(form))
	}
	fmt.Fprintf(b, "\nOf subject and context it reads: `%s`.\n", strings.Join(in.Reads, "`, `"))
	fmt.Fprintf(b, "The sample subject's search has %d alternatives, %d conditions and %d listed values.\n", in.Cost.Alternatives, in.Cost.Conditions, in.Cost.Values)
}

// kinds are what scanners find at ingest and in answers.
var (
	ingestKinds = []sanitize.Kind{sanitize.Secret, sanitize.PII, sanitize.Injection, sanitize.Hidden, sanitize.Template, sanitize.Egress}
	outputKinds = []sanitize.Kind{sanitize.Secret, sanitize.PII, sanitize.Injection, sanitize.Hidden, sanitize.Template, sanitize.Egress, sanitize.Canary, "citation", sanitize.Verbatim, sanitize.Protected}
)

// documents asks doorward.ingest about one finding of each kind.
func documents(ctx context.Context, b *strings.Builder, s *rego.Snapshot) error {
	b.WriteString("\n## What becomes of documents\n\nThe verdict about a document with the findings named and no signals, by the trust of its source, and what is done about them.\n\n| findings | internal | untrusted | action |\n|---|---|---|---|\n")
	row := func(name, kind string, count int) error {
		list := []any{}
		for range count {
			list = append(list, map[string]any{"kind": kind, "type": kind, "rule": kind, "score": 0.9, "hidden": kind == string(sanitize.Hidden)})
		}
		var words []string
		action := ""
		for _, trust := range []string{"internal", "untrusted"} {
			v, err := s.Decide(ctx, policy.PointIngest, policy.Input{"source": map[string]any{"name": "source", "trust": trust}, "document": map[string]any{}, "findings": list, "destination": "internal", "signals": map[string]any{}})
			if err != nil {
				return fmt.Errorf("deciding about %s: %w", name, err)
			}
			word := v.Outcome.String()
			if len(v.Reasons) > 0 && v.Outcome != policy.Index {
				word += " (" + strings.Join(v.Reasons, ", ") + ")"
			}
			words, action = append(words, word), v.Actions[kind]
		}
		if kind != "" && action == "" {
			action = "not listed: held"
		}
		fmt.Fprintf(b, "| %s | %s | %s | %s |\n", name, words[0], words[1], action)
		return nil
	}
	if err := row("none", "", 0); err != nil {
		return err
	}
	for _, k := range ingestKinds {
		for _, n := range []int{1, 10} {
			if err := row(fmt.Sprintf("%d × %s", n, k), string(k), n); err != nil {
				return err
			}
		}
	}
	return nil
}

// answers asks doorward.output, as of a user with no groups.
func answers(ctx context.Context, b *strings.Builder, s *rego.Snapshot) error {
	b.WriteString("\n## What happens to answers\n\nThe action about each kind of finding in an answer, by where the answer's model is.\n\n| kind | internal | external |\n|---|---|---|\n")
	var actions []map[string]string
	for _, destination := range []string{"internal", "external"} {
		subject := policy.Subject{ID: "sample-user", Tenant: "sample-tenant"}
		c := policy.Context{Destination: destination, Action: "read"}
		v, err := s.Decide(ctx, policy.PointOutput, policy.Input{"subject": subject.Input(), "context": c.Input()})
		if err != nil {
			return fmt.Errorf("deciding about answers: %w", err)
		}
		actions = append(actions, v.Actions)
	}
	for _, k := range outputKinds {
		fmt.Fprintf(b, "| %s | %s | %s |\n", k, listed(actions[0], k), listed(actions[1], k))
	}
	return nil
}

func listed(actions map[string]string, k sanitize.Kind) string {
	if a := actions[string(k)]; a != "" {
		return a
	}
	return "not listed: stop"
}

// operators asks doorward.admin about every word of its rules as a role.
func operators(ctx context.Context, b *strings.Builder, s *rego.Snapshot) error {
	b.WriteString("\n## What operators may do\n\nBy role, with one factor or with a second one (`mfa`). Roles are the words of the rules that let somebody do something.\n\n| operation |")
	may := map[string]map[string]string{}
	for _, role := range s.Words(policy.PointAdmin) {
		for _, operation := range operations {
			word := ""
			for _, factors := range [][]string{{"pwd"}, {"pwd", "mfa"}} {
				who := policy.Subject{ID: "sample-user", Tenant: "sample-tenant", Roles: []string{role}, Authn: policy.Authn{Issuer: "os", AMR: factors}}
				c := policy.Context{Destination: "internal", Action: operation}
				v, err := s.Decide(ctx, policy.PointAdmin, policy.Input{"subject": who.Input(), "context": c.Input(), "operation": operation})
				if err != nil {
					return fmt.Errorf("deciding about operators: %w", err)
				}
				if v.Allow && word == "" {
					word = map[int]string{1: "yes", 2: "second factor"}[len(factors)]
				}
			}
			if word != "" {
				if may[role] == nil {
					may[role] = map[string]string{}
				}
				may[role][operation] = word
			}
		}
	}
	var roles []string
	for _, role := range s.Words(policy.PointAdmin) {
		if may[role] != nil {
			roles = append(roles, role)
		}
	}
	fmt.Fprintf(b, " %s |\n|---|%s\n", strings.Join(roles, " | "), strings.Repeat("---|", len(roles)))
	for _, operation := range operations {
		fmt.Fprintf(b, "| %s |", operation)
		for _, role := range roles {
			word := may[role][operation]
			if word == "" {
				word = "no"
			}
			fmt.Fprintf(b, " %s |", word)
		}
		b.WriteString("\n")
	}
	return nil
}

func tests(ctx context.Context, b *strings.Builder, s *rego.Snapshot, mutants *rego.Mutants) error {
	r, err := s.Test(ctx)
	if err != nil {
		return err
	}
	passed := 0
	for _, t := range r.Results {
		if t.Passed {
			passed++
		}
	}
	fmt.Fprintf(b, "\n## Its own tests\n\n%d of %d tests pass. %d access decisions were made by evaluation and by plan, with %d disagreements. %.0f %% of its lines are covered.\n",
		passed, len(r.Results), r.Plans, len(r.Disagreements), r.Coverage)
	if mutants == nil {
		return nil
	}
	fmt.Fprintf(b, "\nMistakes seeded one at a time: %d of %d were noticed by these tests.\n", mutants.Noticed, mutants.Tried)
	if len(mutants.Missed) > 0 {
		b.WriteString("Not noticed:\n\n| where | mistake |\n|---|---|\n")
		for _, m := range mutants.Missed {
			fmt.Fprintf(b, "| %s:%d | `%s` |\n", m.File, m.Line, cell(m.What))
		}
	}
	return nil
}

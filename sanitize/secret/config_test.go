package secret_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/doorward/doorward/sanitize"
	"github.com/doorward/doorward/sanitize/normalize"
	"github.com/doorward/doorward/sanitize/sanitizetest"
	"github.com/doorward/doorward/sanitize/secret"
)

const userRules = `
[[rules]]
id = "acme-key"
description = "keys of the ACME service"
regex = '''\b(acme_[a-z0-9]{16})\b'''
entropy = 2.0
keywords = ["acme_"]
[[rules.allowlists]]
regexes = ['''acme_demo.*''']
`

func rulesIn(t *testing.T, s *secret.Scanner, v sanitize.Views) (rules []string) {
	t.Helper()
	found, err := s.Scan(context.Background(), v)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range found {
		rules = append(rules, f.Rule)
	}
	return rules
}

func TestUserRulesAreAdded(t *testing.T) {
	built := newScanner(t)
	s, err := secret.New(secret.Config{Rules: userRules})
	if err != nil {
		t.Fatal(err)
	}
	if s.Rules() != built.Rules()+1 || s.Revision() == built.Revision() {
		t.Errorf("%d rules in revision %s, built in %d in %s", s.Rules(), s.Revision(), built.Rules(), built.Revision())
	}
	sanitizetest.Run(t, s, []sanitizetest.Example{
		{Name: "user rule", Text: "see acme_x7k2m9q4w1z8v5b3 there", Rules: []string{"acme-key"}, Marked: "acme_x7k2m9q4w1z8v5b3"},
		{Name: "allowed by the user", Text: "see acme_demo2m9q4w1z8v5 there"},
		{Name: "built in", Text: "see " + awsKey + " there", Rules: []string{"aws-access-token"}},
	})
}

func TestRuleCount(t *testing.T) {
	s := newScanner(t)
	// gitleaks' 222 rules without the five that ours replace, and at least as
	// many of our own.
	if s.Rules() < 2*217 {
		t.Errorf("%d rules", s.Rules())
	}
}

func TestLoadingTwiceGivesTheSame(t *testing.T) {
	var revisions []string
	for range 3 {
		s, err := secret.New(secret.Config{Rules: userRules})
		if err != nil {
			t.Fatal(err)
		}
		revisions = append(revisions, s.Revision())
	}
	if len(slices.Compact(revisions)) != 1 {
		t.Errorf("revisions differ: %v", revisions)
	}
}

func TestRulesThatCannotBeUsedAreRefusedByName(t *testing.T) {
	for name, rules := range map[string]string{
		"rule-unbounded":  "[[rules]]\nid = \"rule-unbounded\"\nregex = '''.*[0-9]+'''\nkeywords = [\"x\"]",
		"rule-no-literal": "[[rules]]\nid = \"rule-no-literal\"\nregex = '''[a-f0-9]{32}'''\nkeywords = [\"x\"]",
		"rule-broken":     "[[rules]]\nid = \"rule-broken\"\nregex = '''(abc'''\nkeywords = [\"abc\"]",
	} {
		if _, err := secret.New(secret.Config{Rules: rules}); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: error %v", name, err)
		}
	}
	if _, err := secret.New(secret.Config{Rules: "[extend]\nuseDefault = true"}); !errors.Is(err, secret.ErrExtend) {
		t.Errorf("extend: error %v", err)
	}
	if _, err := secret.New(secret.Config{Rules: "not toml " + awsKey}); err == nil || strings.Contains(err.Error(), awsKey) {
		t.Errorf("not TOML: error %v", err)
	}
}

func TestRulesCanBeLeftOut(t *testing.T) {
	s, err := secret.New(secret.Config{Without: []string{"aws-access-token", "aws-key-id"}})
	if err != nil {
		t.Fatal(err)
	}
	if rules := rulesIn(t, s, sanitize.Plain("id "+awsKey+".")); len(rules) > 0 {
		t.Errorf("found %v", rules)
	}
	if _, err := secret.New(secret.Config{Without: []string{"no-such-rule"}}); err == nil {
		t.Error("an unknown rule was left out without an error")
	}
}

func TestNothingInADocumentSwitchesScanningOff(t *testing.T) {
	s := newScanner(t)
	for _, text := range []string{
		githubToken + " # gitleaks:allow",
		"// gitleaks:allow\n" + githubToken,
		"# trufflehog:ignore nosec noqa pragma: allowlist secret\n" + githubToken + " # pragma: allowlist secret",
		"diff --git a/node_modules/x b/node_modules/x\n+++ b/go.sum\n+" + githubToken,
	} {
		if rules := rulesIn(t, s, sanitize.Plain(text)); !slices.Contains(rules, "github-pat") {
			t.Errorf("switched off; found %v", rules)
		}
	}
}

func TestSecretsInDisguise(t *testing.T) {
	s := newScanner(t)
	spaced := strings.Join(strings.Split(githubToken, ""), "\u200b")
	for name, text := range map[string]string{
		"zero-width":       "key " + spaced + " end",
		"full width":       "key " + wide(githubToken) + " end",
		"base64":           "data: " + base64Of("token = "+githubToken+" # prod") + " end",
		"base64 of base64": "data: " + base64Of(base64Of("token = "+githubToken)) + " end",
		"entities":         "key " + strings.ReplaceAll(githubToken, "_", "&#95;") + " end",
		"percent":          "key " + strings.ReplaceAll(githubToken, "_", "%5F") + " end",
		"keyword":          "p\u0430ssw\u043erd = \"" + "Sommer" + "2024!x" + "\"",
	} {
		v := normalize.Build(text)
		found, err := s.Scan(context.Background(), v)
		if err != nil {
			t.Fatal(err)
		}
		if len(found) == 0 {
			t.Errorf("%s: nothing found", name)
		}
		for _, f := range found {
			if f.Start < 0 || f.End > len(text) || f.Start >= f.End {
				t.Errorf("%s: span %v", name, f.Span)
			}
		}
	}
}

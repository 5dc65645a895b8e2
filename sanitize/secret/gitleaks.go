package secret

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/spf13/viper"
	"github.com/zricethezav/gitleaks/v8/config"
	"github.com/zricethezav/gitleaks/v8/detect"

	"github.com/doorward/doorward/sanitize"
)

// The gitleaks release this package is written against has this many rules, of
// which one is for file names only. Loading asserts both: gitleaks' own way of
// extending its defaults has been seen to return one rule and no error.
const (
	defaultRules        = 222
	defaultExpressions  = 221
	errUnexpectedCounts = "gitleaks' default configuration has %d rules, %d with an expression; this build expects %d and %d"
)

// ErrExtend refuses a configuration with an [extend] table.
var ErrExtend = errors.New("the configuration has an [extend] table; leave it out, the built-in rules are always in use")

// gitleaksRules loads gitleaks' defaults and the user's rules over them.
func gitleaksRules(user string) ([]*rule, error) {
	defaults, err := parse(config.DefaultConfig)
	if err != nil {
		return nil, fmt.Errorf("reading gitleaks' defaults: %w", err)
	}
	expressions := 0
	for _, r := range defaults.Rules {
		if r.Regex != nil {
			expressions++
		}
	}
	if len(defaults.Rules) != defaultRules || expressions != defaultExpressions {
		return nil, fmt.Errorf(errUnexpectedCounts, len(defaults.Rules), expressions, defaultRules, defaultExpressions)
	}
	if user == "" {
		return compileAll(defaults, nil)
	}
	added, err := parse(user)
	if err != nil {
		return nil, fmt.Errorf("reading added rules: %w", err)
	}
	list, err := compileAll(defaults, added.Rules)
	if err != nil {
		return nil, err
	}
	more, err := compileAll(added, nil)
	if err != nil {
		return nil, fmt.Errorf("reading added rules: %w", err)
	}
	for _, r := range more {
		if err := r.ready(); err != nil {
			return nil, fmt.Errorf("reading added rules: %w", err)
		}
	}
	return append(list, more...), nil
}

// parse reads a gitleaks configuration, without gitleaks' global state.
func parse(toml string) (config.Config, error) {
	v := viper.New()
	v.SetConfigType("toml")
	if err := v.ReadConfig(strings.NewReader(toml)); err != nil {
		return config.Config{}, errors.New("not TOML") // the library's error quotes the text
	}
	var vc config.ViperConfig
	if err := v.Unmarshal(&vc); err != nil {
		return config.Config{}, fmt.Errorf("not a gitleaks configuration: %w", err)
	}
	if vc.Extend.Path != "" || vc.Extend.URL != "" || vc.Extend.UseDefault || len(vc.Extend.DisabledRules) > 0 {
		return config.Config{}, ErrExtend
	}
	if err := expressionsCompile(&vc); err != nil {
		return config.Config{}, err
	}
	c, err := vc.Translate()
	if err != nil {
		return config.Config{}, err
	}
	return c, nil
}

// expressionsCompile checks what Translate would panic on.
func expressionsCompile(vc *config.ViperConfig) error {
	for _, r := range vc.Rules {
		list := []string{r.Regex, r.Path}
		for _, a := range r.Allowlists {
			list = append(append(list, a.Regexes...), a.Paths...)
		}
		if r.AllowList != nil {
			list = append(append(list, r.AllowList.Regexes...), r.AllowList.Paths...)
		}
		for _, x := range list {
			if _, err := regexp.Compile(x); err != nil {
				return fmt.Errorf("rule %q: %w", r.ID, err)
			}
		}
	}
	for _, a := range vc.Allowlists {
		for _, x := range append(append([]string(nil), a.Regexes...), a.Paths...) {
			if _, err := regexp.Compile(x); err != nil {
				return fmt.Errorf("allow-list: %w", err)
			}
		}
	}
	return nil
}

// compileAll compiles a configuration's rules except those replaced.
func compileAll(c config.Config, replaced map[string]config.Rule) ([]*rule, error) {
	var list []*rule
	for _, id := range c.OrderedRules {
		g := c.Rules[id]
		if _, again := replaced[id]; again || g.Regex == nil || superseded[id] {
			continue
		}
		confirm := confirmer(c, g)
		exprs := []string{g.Regex.String()}
		if near, ok := nearby[id]; ok {
			exprs = near
		}
		for _, expr := range exprs {
			rules, err := compileRule(rule{
				id: id, class: classOf(id), expr: expr, secret: g.SecretGroup, entropy: g.Entropy,
				ahead: longer[id],
				rank:  rankOf(id), score: 0.9, accept: confirm,
			})
			if err != nil {
				return nil, err
			}
			list = append(list, rules...)
		}
	}
	return list, nil
}

// rankOf ranks as gitleaks does, by the rule's id.
func rankOf(id string) rank {
	if strings.Contains(strings.ToLower(id), "generic") {
		return rankGeneric
	}
	return rankGitleaks
}

// nearby replaces expressions that gitleaks gates by a word anywhere in the
// document, or that have no literal at a fixed place, by ones that have. The
// candidates they find are confirmed by gitleaks' own expression all the same.
var nearby = map[string][]string{
	"azure-ad-client-secret":    {`([a-zA-Z0-9_~.]{3}\dQ~[a-zA-Z0-9_~.-]{31,34})`},
	"facebook-access-token":     {`(?i)\b(\d{15,16}\|[0-9a-z\-_]{27,40})`, `(?i)\b(\d{15,16}%[0-9a-z\-_]{27,40})`},
	"sidekiq-sensitive-url":     {`(?i)\bhttps?://([a-f0-9]{8}:[a-f0-9]{8})@(?:gems\.contribsys\.com|enterprise\.contribsys\.com)(?:[\/|\#|\?|:]|$)`},
	"slack-config-access-token": {`(?i)xoxe\.xox[bp]-\d-[A-Z0-9]{163,166}`},
	"slack-webhook-url":         {`(?:https?://)?hooks\.slack\.com/(?:services|workflows|triggers)/[A-Za-z0-9+/]{43,56}`},
	"sourcegraph-access-token":  {`(?i)\b(sgp_(?:[a-fA-F0-9]{16}|local)_[a-fA-F0-9]{40}|sgp_[a-fA-F0-9]{40})\b`, `(?i)sourcegraph[^\n]{0,60}?\b([a-fA-F0-9]{40})\b`},
}

// longer are bounds on matches that have none of their own, where they may be
// longer than others: a PEM block of an RSA key of 16,384 bits has 12.5 KB.
var longer = map[string]int{
	"private-key":         1 << 16,
	"private-key-open":    1 << 16,
	"private-key-der":     1 << 14,
	"openssh-private-key": 1 << 14,
	"putty-private-key":   1 << 14,
	"kubeconfig-key":      1 << 14,
	"jwt":                 1 << 14,
	"jwt-base64":          1 << 14,
	// Keys in hexadecimal in test sources have been met of 12 KB.
	"generic-api-key": 1 << 15,
}

// superseded are rules our own replace: gitleaks applies them to files of
// certain names only, and a document has no name that could be trusted.
var superseded = map[string]bool{
	"hashicorp-tf-password":  true, // password-assignment
	"kubernetes-secret-yaml": true, // kubernetes-secret
	"nuget-config-password":  true, // nuget-password
	"freemius-secret-key":    true, // freemius-secret
	"pkcs12-file":            true, // a file name, no text
}

// classOf is the coarse class of a gitleaks rule.
func classOf(id string) string {
	switch {
	case strings.Contains(id, "private-key") || id == "age-secret-key":
		return "PRIVATE_KEY"
	case strings.Contains(id, "password"):
		return "PASSWORD"
	}
	return "TOKEN"
}

// confirmer asks gitleaks itself about a window: the same expression, entropy
// and allow-lists as in the library, one rule at a time.
func confirmer(c config.Config, g config.Rule) func(string, sanitize.Span, sanitize.Span) bool {
	g.Path = nil
	g.Allowlists = withoutPaths(g.Allowlists)
	keywords := map[string]struct{}{}
	g.Keywords = nil // the literal has been found
	d := detect.NewDetector(config.Config{
		Rules:        map[string]config.Rule{g.RuleID: g},
		Keywords:     keywords,
		OrderedRules: []string{g.RuleID},
		Allowlists:   withoutPaths(c.Allowlists),
	})
	d.IgnoreGitleaksAllow = true
	return func(window string, _, secret sanitize.Span) bool {
		value := window[secret.Start:secret.End]
		if allowed(g.Allowlists, value) || allowed(c.Allowlists, value) {
			return false
		}
		for _, f := range d.DetectString(window) {
			if f.Secret == value {
				return true
			}
		}
		return false
	}
}

// allowed reports early, and for less than running the expression again, what
// allow-lists of secrets will say about one. Those of whole matches and lines
// are left to gitleaks.
func allowed(lists []*config.Allowlist, secret string) bool {
	for _, a := range lists {
		if a.MatchCondition != config.AllowlistMatchOr {
			continue
		}
		if word, _ := a.ContainsStopWord(secret); word || a.RegexTarget == "" && a.RegexAllowed(secret) {
			return true
		}
	}
	return false
}

// withoutPaths drops allow-lists that depend on names or commits, which a
// document must not have a say in.
func withoutPaths(lists []*config.Allowlist) (out []*config.Allowlist) {
	for _, a := range lists {
		if len(a.Regexes) == 0 && len(a.StopWords) == 0 {
			continue
		}
		out = append(out, a)
	}
	return out
}

// compileRule compiles a rule, one for each alternative of its expression, so
// that each has anchors of its own.
func compileRule(r rule) ([]*rule, error) {
	alternatives, err := split(r.expr)
	if err != nil {
		return nil, fmt.Errorf("rule %q: %w", r.id, err)
	}
	var list []*rule
	for _, expr := range alternatives {
		one := r
		one.expr = expr
		if err := one.compile(); err != nil {
			return nil, err
		}
		list = append(list, &one)
	}
	return list, nil
}

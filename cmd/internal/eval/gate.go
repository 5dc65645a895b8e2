package eval

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
)

// ErrGate means that a report misses a threshold.
var ErrGate = errors.New("threshold missed")

// Limit bounds a metric; an absent bound does not apply.
type Limit struct {
	Min *float64 `yaml:"min" json:"min,omitempty"`
	Max *float64 `yaml:"max" json:"max,omitempty"`
}

// Gate maps a report's name ("pii") and a metric's ("macro.f1") to its limit.
type Gate map[string]map[string]Limit

// LoadGate reads a gate from a YAML or JSON file:
//
//	pii:
//	  macro.f1: {min: 0.90}
//	  clean.flagged: {max: 0.02}
func LoadGate(path string) (Gate, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading gate: %w", err)
	}
	var g Gate
	if err := yaml.UnmarshalWithOptions(b, &g, yaml.Strict()); err != nil {
		return nil, fmt.Errorf("reading gate %s: %w", path, err)
	}
	for report, limits := range g {
		for metric, l := range limits {
			if l.Min == nil && l.Max == nil {
				return nil, fmt.Errorf("reading gate %s: %s %s has neither min nor max", path, report, metric)
			}
		}
	}
	return g, nil
}

// Check compares a report with its limits. A metric the report does not have
// misses its threshold, and so does a gate without limits for the report: a
// misspelt name must not pass. The error wraps [ErrGate] and lists every miss.
func (g Gate) Check(r Report) error {
	limits, ok := g[r.Name]
	if !ok || len(limits) == 0 {
		return fmt.Errorf("%w: the gate has no limits for %q", ErrGate, r.Name)
	}
	var missed []string
	for name, l := range limits {
		m, ok := r.Metric(name)
		switch {
		case !ok:
			missed = append(missed, name+" was not measured")
		case l.Min != nil && !(m.Value >= *l.Min):
			missed = append(missed, fmt.Sprintf("%s is %.4f, want at least %.4f", name, m.Value, *l.Min))
		case l.Max != nil && !(m.Value <= *l.Max):
			missed = append(missed, fmt.Sprintf("%s is %.4f, want at most %.4f", name, m.Value, *l.Max))
		}
	}
	if len(missed) == 0 {
		return nil
	}
	slices.Sort(missed)
	return fmt.Errorf("%w: %s", ErrGate, strings.Join(missed, "; "))
}

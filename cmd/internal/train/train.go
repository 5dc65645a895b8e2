// Package train makes the weights of package injection from a manifest of
// labelled data and from grammars of its own, and judges them by leaving whole
// families out. It needs the data files only here: what is committed is the
// weights and their hash.
package train

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/doorward/doorward/sanitize/injection"
)

// Config of a training run.
type Config struct {
	// Data is the directory the manifest's files lie in.
	Data string
	// Out is the directory weights.bin and weights.sha256 are written to; empty
	// writes nothing.
	Out string
	// Options of the fit; the zero value is what the committed weights were
	// made with.
	Options Options
	// Logf reports progress; nil is silent.
	Logf func(format string, args ...any)
}

// Result of a run.
type Result struct {
	Report *Report `json:"report"` // leave-one-family-out
	SHA256 string  `json:"sha256"` // of the weights, which equal runs repeat
	Bytes  int     `json:"bytes"`
}

// Run evaluates by leave-one-family-out, which also sets the thresholds, then
// trains on everything and writes the weights. The same manifest, data and
// options give the same bytes on the same architecture.
func Run(ctx context.Context, c Config) (Result, error) {
	if c.Logf == nil {
		c.Logf = func(string, ...any) {}
	}
	m, err := ReadManifest()
	if err != nil {
		return Result{}, err
	}
	if c.Options.Seed == 0 {
		c.Options.Seed = m.Seed
	}
	cases, err := Load(m, c.Data)
	if err != nil {
		return Result{}, err
	}
	made, err := Synthesise(c.Options.Seed, cases)
	if err != nil {
		return Result{}, err
	}
	r, err := Evaluate(ctx, cases, made, c.Options, c.Logf)
	if err != nil {
		return Result{}, err
	}
	all, err := readAll(append(cases[:len(cases):len(cases)], made...))
	if err != nil {
		return Result{}, err
	}
	w := fit(examplesOf(all), c.Options).weights()
	w.Cut, w.Steep = r.Cut, steep
	b, sum, err := w.Encode()
	if err != nil {
		return Result{}, err
	}
	c.Logf("trained on %d texts: %d bytes, SHA-256 %s", len(all), len(b), sum)
	res := Result{Report: r, SHA256: sum, Bytes: len(b)}
	if c.Out == "" {
		return res, nil
	}
	return res, writeWeights(c.Out, b, sum)
}

func writeWeights(dir string, b []byte, sum string) error {
	// The scanner must accept what it will be built with.
	if _, err := injection.NewWithWeights(injection.Config{}, b); err != nil {
		return fmt.Errorf("checking the new weights: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "weights.bin"), b, 0o644); err != nil {
		return fmt.Errorf("writing weights: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "weights.sha256"), []byte(sum+"\n"), 0o644); err != nil {
		return fmt.Errorf("writing the hash of the weights: %w", err)
	}
	return nil
}

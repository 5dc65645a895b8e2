package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/doorward/doorward/cmd/internal/app"
	"github.com/doorward/doorward/configs"
	"github.com/doorward/doorward/policy"
	"github.com/doorward/doorward/sanitize"
	"github.com/doorward/doorward/sanitize/output"
)

func filterCommand(g *global) *cobra.Command {
	var stream bool
	var facts string
	var hosts []string
	cmd := &cobra.Command{
		Use:   "filter",
		Short: "Filter a model's answer from standard input to standard output",
		Args:  noArgs,
		Long: `Reads a model's answer and writes what may be shown of it, as it arrives, under
the output policy of the configuration named with --config, else the built-in one.

Without --stream both sides are plain text, and a JSON line with the account of
what was done goes to standard error. With it both are JSON lines:

  in   {"delta":"…"} {"delta":"…"} …
  out  {"delta":"…"} … {"end":{"action":"…","findings":[{"rule":"…","count":1}]}}

The first line in, or the file named with --facts, may say what the answer was
made from; all of it is optional:

  {"answer":{"prompt":"…","system":"…","context":["…"],"canary":"…","nonce":"…",
             "citations":["S1-7f3a"],"urls":["https://…"]}}

An answer that the policy stops ends there, and the exit code is 1.`,
		RunE: func(c *cobra.Command, _ []string) error {
			f, err := newFiltering(c, g, hosts)
			if err != nil {
				return err
			}
			if facts != "" {
				if err := f.read(facts); err != nil {
					return err
				}
			}
			if stream {
				return f.lines(c.Context(), c.InOrStdin(), c.OutOrStdout())
			}
			return f.text(c.Context(), c.InOrStdin(), c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	cmd.Flags().BoolVar(&stream, "stream", false, "JSON lines in, JSON lines out")
	cmd.Flags().StringVar(&facts, "facts", "", "JSON file that says what the answer was made from")
	cmd.Flags().StringSliceVar(&hosts, "host", nil, "host that links may point to, besides the configured ones")
	return cmd
}

// filtering is the output filter with what is known of the answer.
type filtering struct {
	filter *output.Filter
	answer output.Answer
}

func newFiltering(c *cobra.Command, g *global, hosts []string) (*filtering, error) {
	cfg := configs.Defaults()
	if c.Flags().Changed("config") {
		var err error
		if cfg, err = g.load(); err != nil {
			return nil, err
		}
	}
	cfg.Output.Hosts = append(cfg.Output.Hosts, hosts...)
	scanners, err := app.OpenScanners(cfg)
	if err != nil {
		return nil, err
	}
	filter, err := scanners.OutputFilter(cfg, nil, nil)
	if err != nil {
		return nil, err
	}
	snapshot, _, err := app.LoadPolicy(c.Context(), cfg)
	if err != nil {
		return nil, err
	}
	verdict, err := snapshot.Decide(c.Context(), policy.PointOutput, policy.Input{
		"subject": policy.Subject{}.Input(), "context": policy.Context{Now: time.Now(), Destination: "internal", Action: "answer"}.Input(),
	})
	if err != nil {
		return nil, fmt.Errorf("deciding about output: %w", err)
	}
	return &filtering{filter, output.Answer{Actions: sanitize.ParseActions(verdict.Actions)}}, nil
}

// answerFacts are what an answer was made from, as callers write it.
type answerFacts struct {
	Prompt    string   `json:"prompt"`
	System    string   `json:"system"`
	Context   []string `json:"context"`
	Canary    string   `json:"canary"`
	Nonce     string   `json:"nonce"`
	Citations []string `json:"citations"`
	URLs      []string `json:"urls"`
}

func (f *filtering) read(path string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("reading facts: %w", err)
	}
	var in struct {
		Answer *answerFacts `json:"answer"`
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&in); err != nil || in.Answer == nil {
		return usage(`%s is not a JSON object {"answer":{…}} with the fields that help names`, path)
	}
	f.know(*in.Answer)
	return nil
}

func (f *filtering) know(a answerFacts) {
	f.answer.Prompt, f.answer.System, f.answer.Context = a.Prompt, a.System, a.Context
	f.answer.Canary, f.answer.Nonce, f.answer.Citations, f.answer.URLs = a.Canary, a.Nonce, a.Citations, a.URLs
}

// errAnswerStopped becomes exit code 1: a pipe must not take a cut answer for a
// whole one.
var errAnswerStopped = errors.New("the answer was stopped by policy")

// text filters plain text.
func (f *filtering) text(ctx context.Context, in io.Reader, out, account io.Writer) error {
	s, err := f.filter.NewStream(ctx, f.answer)
	if err != nil {
		return err
	}
	buf := make([]byte, 32<<10)
	for {
		n, readErr := in.Read(buf)
		released, err := s.Write(string(buf[:n]))
		if _, werr := io.WriteString(out, released); werr != nil {
			return fmt.Errorf("writing output: %w", werr)
		}
		if errors.Is(err, output.ErrStopped) || errors.Is(readErr, io.EOF) {
			break
		}
		if err := errors.Join(err, readErr); err != nil {
			return fmt.Errorf("reading input: %w", err)
		}
	}
	tail, end := s.Close()
	if _, err := io.WriteString(out, tail); err != nil {
		return fmt.Errorf("writing output: %w", err)
	}
	if err := json.NewEncoder(account).Encode(filterLine{End: endOf(end)}); err != nil {
		return fmt.Errorf("writing the account: %w", err)
	}
	return stopped(end)
}

// filterLine is a line of the stream, in either direction.
type filterLine struct {
	Answer *answerFacts `json:"answer,omitempty"` // first line in
	Delta  string       `json:"delta,omitempty"`
	End    *filterEnd   `json:"end,omitempty"` // last line out
}

type filterEnd struct {
	Action   string         `json:"action"`
	Findings []output.Count `json:"findings"`
}

func endOf(e output.End) *filterEnd {
	return &filterEnd{Action: e.Action.String(), Findings: append([]output.Count{}, e.Findings...)}
}

func stopped(e output.End) error {
	if e.Action == sanitize.Hold {
		return errAnswerStopped
	}
	return nil
}

const maxFilterLine = 16 << 20

// lines filters JSON lines. Every line out is flushed.
func (f *filtering) lines(ctx context.Context, in io.Reader, out io.Writer) error {
	e := json.NewEncoder(out)
	e.SetEscapeHTML(false)
	write := func(l filterLine) error {
		if l.Delta == "" && l.End == nil {
			return nil
		}
		if err := e.Encode(l); err != nil {
			return fmt.Errorf("writing output: %w", err)
		}
		return nil
	}
	var s *output.Stream
	sc := bufio.NewScanner(in)
	sc.Buffer(make([]byte, 0, 1<<16), maxFilterLine)
	for n := 1; sc.Scan(); n++ {
		var l filterLine
		if len(bytes.TrimSpace(sc.Bytes())) == 0 {
			continue
		}
		if err := json.Unmarshal(sc.Bytes(), &l); err != nil || l.Answer != nil && s != nil {
			return fmt.Errorf(`line %d: not a JSON object with "delta", or "answer" after the first line`, n)
		}
		if l.Answer != nil {
			f.know(*l.Answer)
		}
		var err error
		if s == nil {
			if s, err = f.filter.NewStream(ctx, f.answer); err != nil {
				return err
			}
		}
		released, err := s.Write(l.Delta)
		if werr := write(filterLine{Delta: released}); werr != nil {
			return werr
		}
		if errors.Is(err, output.ErrStopped) {
			break
		}
		if err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
	}
	if err := sc.Err(); err != nil {
		return fmt.Errorf("reading input: %w", err)
	}
	if s == nil {
		var err error
		if s, err = f.filter.NewStream(ctx, f.answer); err != nil {
			return err
		}
	}
	tail, end := s.Close()
	if err := errors.Join(write(filterLine{Delta: tail}), write(filterLine{End: endOf(end)})); err != nil {
		return err
	}
	return stopped(end)
}

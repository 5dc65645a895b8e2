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
	"runtime"

	"github.com/spf13/cobra"

	"github.com/doorward/doorward/cmd/internal/app"
	"github.com/doorward/doorward/configs"
	"github.com/doorward/doorward/policy"
	"github.com/doorward/doorward/sanitize"
	"github.com/doorward/doorward/sanitize/injection"
	"github.com/doorward/doorward/sanitize/normalize"
)

func scanCommand(*global) *cobra.Command {
	var lines, keep, explain bool
	cmd := &cobra.Command{
		Use:   "scan [FILE]",
		Short: "Scan texts and print findings and the sanitised text",
		Long: `Scans FILE (default: standard input) under the built-in policy.

With --jsonl, each line {"id","text"} gives a line {"id","findings","action","text"},
in order: findings hold kind, type, rule, score and byte offsets in the given text;
action is pass, redact, quarantine or reject; text is the sanitised text, empty
when the document would be held. Without it the whole input is one text.

--explain says of each reading of the one text what decided whether it holds an
embedded instruction: rules, slots and n-grams with their weights. It shows
pieces of the text. --keep-quotations leaves attacks that stand as quotations in
writing about attacks (scan.keep_quotations in a configuration).`,
		Args: atMostOne,
		RunE: func(c *cobra.Command, args []string) error {
			in := c.InOrStdin()
			if len(args) == 1 {
				f, err := os.Open(args[0])
				if err != nil {
					return fmt.Errorf("reading input: %w", err)
				}
				defer f.Close()
				in = f
			}
			if explain && lines {
				return usage("--explain is for one text, without --jsonl")
			}
			s, err := newScanning(c.Context(), keep)
			if err != nil {
				return err
			}
			if explain {
				return s.explain(in, c.OutOrStdout())
			}
			if lines {
				return s.lines(c.Context(), in, c.OutOrStdout())
			}
			return s.whole(c.Context(), in, c.OutOrStdout())
		},
	}
	cmd.Flags().BoolVar(&lines, "jsonl", false, "JSON lines in, JSON lines out")
	cmd.Flags().BoolVar(&keep, "keep-quotations", false, "leave attacks that stand as quotations in writing about attacks")
	cmd.Flags().BoolVar(&explain, "explain", false, "say what decided about embedded instructions")
	return cmd
}

// scanning is the scanners with the built-in policy.
type scanning struct {
	sanitizer *sanitize.Sanitizer
	injection *injection.Scanner
	policy    policy.Snapshot
}

func newScanning(ctx context.Context, keep bool) (*scanning, error) {
	c := configs.Defaults()
	c.Scan.KeepQuotations = keep
	scanners, err := app.OpenScanners(c)
	if err != nil {
		return nil, err
	}
	snapshot, _, err := app.LoadPolicy(ctx, c)
	if err != nil {
		return nil, err
	}
	return &scanning{scanners.Sanitizer, scanners.Injection, snapshot}, nil
}

type scanInput struct {
	ID   string `json:"id"`
	Text string `json:"text"`
}

type scanOutput struct {
	ID       string             `json:"id"`
	Findings []sanitize.Finding `json:"findings"`
	Action   string             `json:"action"`
	Text     string             `json:"text"`
}

func (s *scanning) scan(ctx context.Context, in scanInput) (scanOutput, error) {
	out := scanOutput{ID: in.ID, Findings: []sanitize.Finding{}, Action: "quarantine"}
	found, err := s.sanitizer.Scan(ctx, in.Text)
	if err != nil {
		return out, err
	}
	out.Findings = append(out.Findings, found...)
	verdict, err := s.policy.Decide(ctx, policy.PointIngest, policy.Input{
		"source": map[string]any{"name": "scan", "trust": ""}, "document": map[string]any{}, "findings": summaries(found),
	})
	if err != nil {
		return out, fmt.Errorf("deciding: %w", err)
	}
	if verdict.Outcome != policy.Index {
		out.Action = verdict.Outcome.String()
		return out, nil
	}
	r, err := s.sanitizer.Rewrite(ctx, in.Text, found, sanitize.ParseActions(verdict.Actions), sanitize.RewriteOptions{Scanned: true})
	switch {
	case err != nil:
		return out, err
	case r.Held:
		return out, nil
	case len(r.Edits) > 0:
		out.Action = "redact"
	default:
		out.Action = "pass"
	}
	out.Text = r.Text
	return out, nil
}

func summaries(found []sanitize.Finding) []any {
	list := make([]any, 0, len(found))
	for _, f := range found {
		list = append(list, map[string]any{"kind": string(f.Kind), "type": f.Type, "rule": f.Rule, "score": f.Score, "hidden": false})
	}
	return list
}

func (s *scanning) whole(ctx context.Context, in io.Reader, out io.Writer) error {
	data, err := io.ReadAll(in)
	if err != nil {
		return fmt.Errorf("reading input: %w", err)
	}
	if bytes.IndexByte(data, 0) >= 0 { // its text is elsewhere than where a scanner would look
		return errors.New("this is no text but some other format: `doorward ingest FOLDER --source NAME --plan` reads documents of every kind and says what would become of them")
	}
	o, err := s.scan(ctx, scanInput{Text: string(data)})
	if err != nil {
		return err
	}
	e := json.NewEncoder(out)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(o)
}

// explain prints what decided about embedded instructions in one text.
func (s *scanning) explain(in io.Reader, out io.Writer) error {
	data, err := io.ReadAll(in)
	if err != nil {
		return fmt.Errorf("reading input: %w", err)
	}
	e := json.NewEncoder(out)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(s.injection.Explain(normalize.Build(string(data))))
}

// maxScanLine bounds one line of input.
const maxScanLine = 64 << 20

// lines scans as many lines at once as there are processors and writes the
// results in order.
func (s *scanning) lines(ctx context.Context, in io.Reader, out io.Writer) error {
	type result struct {
		out scanOutput
		err error
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	queue := make(chan chan result, 2*runtime.GOMAXPROCS(0))
	slots := make(chan struct{}, runtime.GOMAXPROCS(0))
	var readErr error
	go func() {
		defer close(queue)
		sc := bufio.NewScanner(in)
		sc.Buffer(make([]byte, 0, 1<<16), maxScanLine)
		for n := 1; sc.Scan(); n++ {
			line := append([]byte(nil), sc.Bytes()...)
			if len(line) == 0 {
				continue
			}
			done := make(chan result, 1)
			select {
			case queue <- done:
			case <-ctx.Done():
				return
			}
			slots <- struct{}{}
			go func() {
				defer func() { <-slots }()
				var i scanInput
				if err := json.Unmarshal(line, &i); err != nil {
					done <- result{err: fmt.Errorf("line %d: not a JSON object with \"id\" and \"text\"", n)}
					return
				}
				o, err := s.scan(ctx, i)
				if err != nil {
					err = fmt.Errorf("line %d: %w", n, err)
				}
				done <- result{o, err}
			}()
		}
		readErr = sc.Err()
	}()
	w := bufio.NewWriterSize(out, 1<<16)
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	for done := range queue {
		r := <-done
		if r.err != nil {
			return errors.Join(r.err, w.Flush())
		}
		if err := e.Encode(r.out); err != nil {
			return fmt.Errorf("writing output: %w", err)
		}
		if len(queue) == 0 {
			if err := w.Flush(); err != nil {
				return fmt.Errorf("writing output: %w", err)
			}
		}
	}
	if readErr != nil {
		return fmt.Errorf("reading input: %w", readErr)
	}
	return w.Flush()
}

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/doorward/doorward/cmd/internal/app"
	"github.com/doorward/doorward/configs"
	"github.com/doorward/doorward/ingest"
)

func ingestCommand(g *global) *cobra.Command {
	var name string
	var prune bool
	cmd := &cobra.Command{
		Use:   "ingest [PATH] [--source NAME]",
		Short: "Take in documents: scan, judge, rewrite, index",
		Long: `Takes in every configured source, or the one named by --source. With PATH, a
folder or a .jsonl file is read with that source's mapping rules; a name that is
not configured has none, and its documents need sidecar files to be usable.

What is unchanged is skipped. --prune retires what the source no longer has.
Exits with 5 when documents were held for review, with 1 when some could not be
read.`,
		Args: atMostOne,
		RunE: func(c *cobra.Command, args []string) error {
			cfg, err := g.load()
			if err != nil {
				return err
			}
			sources, err := chosen(cfg, args, name)
			if err != nil {
				return err
			}
			return runIngest(c, g, cfg, sources, prune)
		},
	}
	cmd.Flags().StringVar(&name, "source", "", "name of the source")
	cmd.Flags().BoolVar(&prune, "prune", false, "retire documents the source no longer has")
	return cmd
}

// chosen picks the sources to ingest.
func chosen(cfg *configs.Config, args []string, name string) ([]configs.Source, error) {
	var configured *configs.Source
	for i := range cfg.Sources {
		if cfg.Sources[i].Name == name {
			configured = &cfg.Sources[i]
		}
	}
	if len(args) == 0 {
		switch {
		case name == "" && len(cfg.Sources) == 0:
			return nil, usage("no sources are configured; name a PATH, or add one under sources in the configuration")
		case name == "":
			return cfg.Sources, nil
		case configured == nil:
			return nil, usage("source %q is not configured", name)
		}
		return []configs.Source{*configured}, nil
	}
	if name == "" {
		return nil, usage("say which source these documents belong to with --source NAME")
	}
	s := configs.Source{Name: name}
	if configured != nil {
		s = *configured
	}
	s.Path = args[0]
	info, err := os.Stat(s.Path)
	if err != nil {
		return nil, usage("reading %s: %w", s.Path, errors.Unwrap(err))
	}
	s.Type = "jsonl"
	if info.IsDir() {
		s.Type = "directory"
	}
	return []configs.Source{s}, nil
}

func runIngest(c *cobra.Command, g *global, cfg *configs.Config, sources []configs.Source, prune bool) error {
	a, err := app.Open(c.Context(), cfg, app.Options{Log: quiet(cfg, c.ErrOrStderr()), AllowDemoKeys: true})
	if err != nil {
		return err
	}
	defer a.Close()
	held, failed := 0, 0
	for _, s := range sources {
		src, err := app.Source(s)
		if err != nil {
			return err
		}
		tenant := s.Tenant
		if tenant == "" {
			tenant = cfg.Tenant
		}
		w := newIngestView(c, g, s.Name)
		report, err := a.Pipeline.Run(c.Context(), src, ingest.Options{Tenant: tenant, Prune: prune, Progress: w.event})
		w.done(report)
		if err != nil {
			return err
		}
		held += report.Held()
		failed += report.Outcomes[ingest.Failed]
	}
	if err := a.Close(); err != nil {
		return err
	}
	switch {
	case failed > 0:
		return &exit{code: exitFailed}
	case held > 0:
		return &exit{code: exitHeld}
	}
	return nil
}

// ingestView shows a run: a bar on a terminal, then a table.
type ingestView struct {
	c      *cobra.Command
	g      *global
	source string
	bar    *progressbar.ProgressBar
	counts map[ingest.Outcome]int
	notes  []ingest.Event
}

// maxNotes bounds the list of held and failed documents that is printed.
const maxNotes = 200

func newIngestView(c *cobra.Command, g *global, source string) *ingestView {
	v := &ingestView{c: c, g: g, source: source, counts: map[ingest.Outcome]int{}}
	if !g.json && isTerminal(c.ErrOrStderr()) {
		v.bar = progressbar.NewOptions(-1, progressbar.OptionSetWriter(c.ErrOrStderr()), progressbar.OptionSetDescription(source),
			progressbar.OptionShowCount(), progressbar.OptionShowIts(), progressbar.OptionSetItsString("documents"), progressbar.OptionThrottle(100*time.Millisecond),
			progressbar.OptionClearOnFinish())
	}
	return v
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

func (v *ingestView) event(e ingest.Event) {
	v.counts[e.Outcome]++
	if v.bar != nil {
		_ = v.bar.Add(1)
	}
	if len(e.Reasons) > 0 && len(v.notes) < maxNotes {
		v.notes = append(v.notes, e)
	}
	if v.g.json {
		json.NewEncoder(v.c.OutOrStdout()).Encode(map[string]any{"source": v.source, "document": e.ID, "outcome": e.Outcome, "bytes": e.Bytes,
			"chunks": e.Chunks, "reasons": orEmpty(e.Reasons), "findings": e.Findings, "error": errorText(e.Err)})
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func (v *ingestView) done(r ingest.Report) {
	if v.bar != nil {
		_ = v.bar.Finish()
	}
	out := v.c.OutOrStdout()
	seconds := max(r.Elapsed.Seconds(), 0.001)
	total := 0
	for _, n := range r.Outcomes {
		total += n
	}
	if v.g.json {
		json.NewEncoder(out).Encode(map[string]any{"source": v.source, "report": map[string]any{"outcomes": r.Outcomes, "documents": total, "bytes": r.Bytes,
			"chunks": r.Chunks, "seconds": seconds, "documents_per_second": float64(total) / seconds, "megabytes_per_second": float64(r.Bytes) / 1e6 / seconds}})
		return
	}
	fmt.Fprintf(out, "%s: %d documents, %.1f MB read, %d chunks in %.1f s (%.0f documents/s, %.2f MB/s)\n", v.source, total, float64(r.Bytes)/1e6, r.Chunks, seconds, float64(total)/seconds, float64(r.Bytes)/1e6/seconds)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, o := range []ingest.Outcome{ingest.Indexed, ingest.Unchanged, ingest.Reattribute, ingest.Quarantined, ingest.Rejected, ingest.Retired, ingest.Failed} {
		if n := r.Outcomes[o]; n > 0 {
			fmt.Fprintf(w, "  %s\t%d\n", o, n)
		}
	}
	w.Flush()
	if len(v.notes) == 0 {
		return
	}
	fmt.Fprintln(out, "\nNot indexed:")
	slices.SortStableFunc(v.notes, func(x, y ingest.Event) int { return strings.Compare(string(x.Outcome), string(y.Outcome)) })
	w = tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, e := range v.notes {
		fmt.Fprintf(w, "  %s\t%s\t%s\t%s\n", e.Outcome, filepath.Base(orDash(e.ID)), strings.Join(e.Reasons, ", "), errorText(e.Err))
	}
	w.Flush()
	if n := v.counts[ingest.Quarantined]; n > 0 {
		fmt.Fprintf(out, "\n%d held: see `doorward quarantine list`\n", n)
	}
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

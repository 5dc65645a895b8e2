package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/doorward/doorward/cmd/internal/app"
	"github.com/doorward/doorward/configs"
	"github.com/doorward/doorward/ingest"
	"github.com/doorward/doorward/ingest/catalog"
)

// ingestFlags are what the command was told.
type ingestFlags struct {
	source, report                     string
	prune, pruneAll, full, watch, plan bool
	shared                             sharedFlags
}

func ingestCommand(g *global) *cobra.Command {
	var f ingestFlags
	cmd := &cobra.Command{
		Use:   "ingest [PATH] [--source NAME]",
		Short: "Take in documents: scan, judge, rewrite, index",
		Long: `Takes in every configured source, or the one named by --source. With PATH, a
folder, a .jsonl (also .jsonl.gz), .mbox or .eml file is read with that source's
mapping rules; a name that is not configured has none, and its documents need
sidecar files to be usable.

What is unchanged is skipped, so a run that was stopped goes on where it was.
--prune retires what the source no longer has; where nothing of it is left, or more
than 20 documents and half of all are gone, it retires none and fails, because more
likely the store is not there (--prune-all retires them all the same). --watch goes
on until it is stopped. --plan says what would become of each document, and why, and changes
nothing. While the service runs, it reads the sources for this command.

Machines that share a catalog in PostgreSQL share the work: what changed is put in
a queue, and this command and every "doorward ingest --worker" work on it.

Exits with 5 when documents were held for review, with 1 when some, or a whole
source, could not be read; the other sources are read all the same.`,
		Args: atMostOne, Annotations: handsOver,
		RunE: func(c *cobra.Command, args []string) error {
			cfg, err := g.load()
			if err != nil {
				return err
			}
			own := *cfg // flags must not change a running service's
			cfg = &own
			if err := f.shared.check(cfg, args); err != nil {
				return err
			}
			if g.owner != nil && (f.shared.worker || f.watch) {
				return usage("a running service has the data directory: it follows sources that say watch: true by itself")
			}
			if f.shared.worker {
				return runWorker(c, cfg)
			}
			for i := range args {
				args[i] = g.path(args[i])
			}
			sources, err := chosen(cfg, args, f.source)
			if err != nil {
				return err
			}
			if f.watch && f.plan {
				return usage("--watch and --plan exclude each other")
			}
			if f.watch && f.pruneAll {
				return usage("--watch and --prune-all exclude each other: what is followed must not vanish as a whole unnoticed")
			}
			return openIngest(c, g, cfg, sources, f)
		},
	}
	cmd.Flags().StringVar(&f.source, "source", "", "name of the source")
	cmd.Flags().BoolVar(&f.prune, "prune", false, "retire documents the source no longer has")
	cmd.Flags().BoolVar(&f.pruneAll, "prune-all", false, "the same, however many these are")
	cmd.Flags().BoolVar(&f.full, "full", false, "read everything, also where the source could say what changed")
	cmd.Flags().BoolVar(&f.watch, "watch", false, "go on: read again when a directory changes, and at each source's interval; implies --prune")
	cmd.Flags().BoolVar(&f.plan, "plan", false, "say what would be done and why; do nothing")
	cmd.Flags().StringVar(&f.report, "report", "", "write a JSON report with every document to this file")
	f.shared.register(cmd)
	return cmd
}

// chosen picks the sources to ingest.
func chosen(cfg *configs.Config, args []string, name string) ([]configs.Source, error) {
	var configured *configs.Source
	var readable []configs.Source
	for i := range cfg.Sources {
		if cfg.Sources[i].Name == name {
			configured = &cfg.Sources[i]
		}
		if cfg.Sources[i].Type != "push" {
			readable = append(readable, cfg.Sources[i])
		}
	}
	if len(args) == 0 {
		switch {
		case name == "" && len(readable) == 0:
			return nil, usage("no sources are configured that can be read; name a PATH, or add one under sources in the configuration")
		case name == "":
			return readable, nil
		case configured == nil:
			return nil, usage("source %q is not configured", name)
		case configured.Type == "push":
			return nil, usage("source %q is of type push: its documents come over HTTP, see `doorward serve`", name)
		}
		return []configs.Source{*configured}, nil
	}
	if name == "" {
		return nil, usage("say which source these documents belong to with --source NAME")
	}
	return atPath(configured, name, args[0])
}

// atPath is a source for a path that is given by hand.
func atPath(configured *configs.Source, name, path string) ([]configs.Source, error) {
	s := configs.Source{Name: name}
	if configured != nil {
		s = *configured
	}
	s.Path = path
	info, err := os.Stat(s.Path)
	if err != nil {
		return nil, usage("reading %s: %w", s.Path, errors.Unwrap(err))
	}
	if s.Type = typeOf(path, info.IsDir()); s.Type == "" {
		return nil, usage("%s: of single files only .jsonl, .jsonl.gz, .mbox and .eml are read; give the folder it is in", s.Path)
	}
	return []configs.Source{s}, nil
}

// openIngest reads the sources here, or has the process that owns the data
// directory read them.
func openIngest(c *cobra.Command, g *global, cfg *configs.Config, sources []configs.Source, f ingestFlags) error {
	if g.owner != nil {
		return runIngest(c, g, g.owner.app, sources, f)
	}
	a, err := app.Open(c.Context(), cfg, app.Options{Log: quiet(cfg, c.ErrOrStderr()), AllowDemoKeys: true})
	if errors.Is(err, catalog.ErrLocked) {
		return g.handOver(c, cfg.Data, err)
	}
	if err != nil {
		return err
	}
	err = runIngest(c, g, a, sources, f)
	return errors.Join(err, a.Close())
}

// runIngest reads the sources one after the other, or follows them all.
func runIngest(c *cobra.Command, g *global, a *app.App, sources []configs.Source, f ingestFlags) (err error) {
	file, err := openReport(g.path(f.report), f.plan)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.close()) }()
	if f.watch {
		return watchSources(c, g, a, sources, file)
	}
	held, failed := 0, 0
	var unread []error
	for _, s := range sources {
		v := newIngestView(c, g, s.Name, f.plan, file)
		v.count(c.Context(), s)
		o := ingest.Options{Submitter: operatorName(), Prune: f.prune || f.pruneAll, PruneAll: f.pruneAll, Full: f.full, Rate: f.shared.rate, Progress: v.event}
		read := a.Ingest
		if f.shared.enqueue {
			read = a.Enqueue
		}
		if f.plan {
			read = a.Plan
		}
		report, err := read(c.Context(), s, o)
		v.done(report, err)
		unlikely := (*ingest.PruneError)(nil)
		if errors.As(err, &unlikely) {
			err = fmt.Errorf("%w; --prune-all retires them all the same", err)
		} else if err != nil && (c.Context().Err() != nil || !errors.Is(err, ingest.ErrSource)) {
			return err
		}
		if err != nil { // one store that does not answer keeps nobody from reading the others
			unread = append(unread, err)
		}
		held += report.Held()
		failed += report.Outcomes[ingest.Failed]
	}
	if err := errors.Join(unread...); err != nil {
		return err
	}
	switch {
	case failed > 0:
		return &exit{code: exitFailed}
	case held > 0 && !f.plan:
		return &exit{code: exitHeld}
	}
	return nil
}

// watchSources follows all sources at once until it is stopped.
func watchSources(c *cobra.Command, g *global, a *app.App, sources []configs.Source, file *reportFile) error {
	ctx, cancel := context.WithCancel(c.Context())
	defer cancel()
	ended := make(chan error, len(sources))
	for _, s := range sources {
		v := newIngestView(c, g, s.Name, false, file)
		v.bar = nil
		go func() {
			ended <- a.Follow(ctx, s, ingest.Options{Progress: v.event}, func(r ingest.Report, err error) {
				if err != nil {
					fmt.Fprintf(c.ErrOrStderr(), "doorward: %v\n", err)
				}
				if r.Changed() > 0 {
					v.done(r, err)
				}
				v.reset()
			})
		}()
	}
	var first error
	for range sources {
		if err := <-ended; err != nil && !errors.Is(err, context.Canceled) && first == nil {
			first = err
			cancel()
		}
	}
	return first
}

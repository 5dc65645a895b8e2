package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/doorward/doorward/cmd/internal/app"
	"github.com/doorward/doorward/cmd/internal/control"
	"github.com/doorward/doorward/ingest/catalog"
)

// One process owns a data directory. A command that needs it while `serve` runs
// hands its command line over and shows the answer.

// handsOver marks commands that a running service carries out for others. Their
// RunE must go through [global.with], and take paths through [global.path].
var handsOver = map[string]string{"doorward/hands-over": "yes"}

// owner is what a command finds when it runs inside the process that owns the
// data directory.
type owner struct {
	app      *app.App
	dir      string // of whoever asked
	terminal bool   // of whoever asked
}

// with runs fn over the opened data directory, or has the process that owns it
// run this command.
func (g *global) with(c *cobra.Command, o app.Options, fn func(a *app.App) error) error {
	if g.owner != nil {
		return fn(g.owner.app)
	}
	cfg, err := g.load()
	if err != nil {
		return err
	}
	if o.Log == nil {
		o.Log = quiet(cfg, c.ErrOrStderr())
	}
	o.AllowDemoKeys = true
	a, err := app.Open(c.Context(), cfg, o)
	if errors.Is(err, catalog.ErrLocked) {
		return g.handOver(c, cfg.Data, err)
	}
	if err != nil {
		return err
	}
	if err := fn(a); err != nil {
		return errors.Join(err, a.Close())
	}
	return a.Close()
}

func (g *global) handOver(c *cobra.Command, data string, locked error) error {
	dir, err := os.Getwd()
	if err != nil {
		return err
	}
	r := control.Request{Args: g.args, Dir: dir, Terminal: isTerminal(c.ErrOrStderr())}
	code, err := control.Send(c.Context(), data, r, c.OutOrStdout(), c.ErrOrStderr())
	switch {
	case errors.Is(err, control.ErrNobody):
		return locked
	case err != nil:
		return err
	case code != exitDone:
		return &exit{code: code}
	}
	return nil
}

// path is where a path argument leads for whoever gave it.
func (g *global) path(p string) string {
	if g.owner != nil && p != "" && !filepath.IsAbs(p) {
		return filepath.Join(g.owner.dir, p)
	}
	return p
}

// watched reports whether somebody looks at progress.
func (g *global) watched(c *cobra.Command) bool {
	if g.owner != nil {
		return g.owner.terminal && !g.json
	}
	return !g.json && isTerminal(c.ErrOrStderr())
}

// takeCommands lets other commands have their work done by this process.
func takeCommands(ctx context.Context, a *app.App) (stop func(), err error) {
	return control.Listen(ctx, a.Config.Data, func(ctx context.Context, r control.Request, out, errs io.Writer) int {
		g := &global{args: r.Args, owner: &owner{app: a, dir: r.Dir, terminal: r.Terminal}}
		cmd, _, err := newRoot(g).Find(r.Args)
		if err != nil || cmd.Annotations["doorward/hands-over"] == "" {
			fmt.Fprintf(errs, "doorward: %v: %s is in use by a running `serve`; stop it first\n", catalog.ErrLocked, a.Config.Data)
			return exitFailed
		}
		return execute(ctx, g, strings.NewReader(""), out, errs)
	})
}

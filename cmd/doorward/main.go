// Command doorward keeps the two doors of a retrieval system: nothing enters the
// index unscanned, nothing leaves it unauthorised, unsanitised or unaudited.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/doorward/doorward/cmd/internal/app"
	"github.com/doorward/doorward/configs"
	"github.com/doorward/doorward/ingest/extract"
	"github.com/doorward/doorward/policy/rego"
)

// Exit codes. They are part of the interface.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitPolicy      = 3 // the policy does not load
	exitPolicyTests = 4
	exitHeld        = 5 // some documents were held
	exitGate        = 6 // a gate's threshold was missed
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == app.ExtractCommand {
		extract.Main()
		return
	}
	os.Exit(Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// Main runs one command and returns its exit code.
func Main(args []string, in io.Reader, out, errs io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	return execute(ctx, &global{args: args}, in, out, errs)
}

// execute runs g's command line and says on errs what went wrong.
func execute(ctx context.Context, g *global, in io.Reader, out, errs io.Writer) int {
	root := newRoot(g)
	root.SetArgs(g.args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errs)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitDone
	}
	var e *exit
	code := exitFailed
	switch {
	case errors.As(err, &e):
		code = e.code
	case ctx.Err() != nil && gaveUp(err):
		err = errInterrupted
	case isPolicy(err):
		code = exitPolicy
	}
	if e == nil || e.err != nil {
		fmt.Fprintf(errs, "doorward: %v\n", err)
	}
	return code
}

// errInterrupted is what whoever pressed Ctrl-C is told.
var errInterrupted = errors.New("interrupted before it was done; what was done stays, and running it again goes on from there")

// gaveUp reports that a command ended because it was interrupted, and not for a
// reason of its own: policies' tests and databases pass that on as text.
func gaveUp(err error) bool {
	return errors.Is(err, context.Canceled) || strings.Contains(err.Error(), context.Canceled.Error())
}

// exit is an error with a code of its own.
type exit struct {
	code int
	err  error // nil: everything was said already
}

func (e *exit) Error() string {
	if e.err == nil {
		return ""
	}
	return e.err.Error()
}

func (e *exit) Unwrap() error { return e.err }

func usage(format string, args ...any) error {
	return &exit{exitUsage, fmt.Errorf(format, args...)}
}

func isPolicy(err error) bool {
	var load *rego.LoadError
	return errors.As(err, &load)
}

// global are the flags every command takes.
type global struct {
	config string
	data   string
	json   bool

	args  []string // the command line
	owner *owner   // set where this process has the data directory open already
}

func newRoot(g *global) *cobra.Command {
	root := &cobra.Command{
		Use:   "doorward",
		Short: "A secure retrieval layer for RAG",
		Long: `Doorward keeps the two doors of a retrieval system: nothing enters the index
unscanned; nothing leaves it unauthorised, unsanitised or unaudited.

  doorward demo                      see it work on a made-up company
  doorward init                      write a configuration, keys and a starter policy
  doorward ingest                    take in the configured sources
  doorward serve                     answer chatbot backends over HTTP

Exit codes: 0 done, 1 failed, 2 usage, 3 policy does not load, 4 policy tests
fail, 5 some documents were held, 6 a gate's threshold was missed.`,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return usage("%w\nRun `%s --help` for the flags it takes", err, c.CommandPath())
	})
	root.PersistentPreRunE = func(c *cobra.Command, _ []string) error {
		if err := errors.Join(c.ValidateRequiredFlags(), c.ValidateFlagGroups()); err != nil {
			return usage("%w\nRun `%s --help` for the flags it takes", err, c.CommandPath())
		}
		return nil
	}
	flags := root.PersistentFlags()
	flags.StringVarP(&g.config, "config", "c", "doorward.yaml", "configuration file")
	flags.StringVar(&g.data, "data", "", "data directory (default: the configuration's, ./data)")
	flags.BoolVar(&g.json, "json", false, "print JSON for machines")
	for _, command := range commands(g) {
		if command.RunE != nil && command.Args == nil {
			command.Args = noArgs
		}
		root.AddCommand(command)
	}
	root.Args = func(c *cobra.Command, args []string) error {
		if len(args) > 0 {
			return usage("unknown command %q; `doorward --help` lists them", args[0])
		}
		return nil
	}
	root.RunE = func(c *cobra.Command, _ []string) error { return c.Help() }
	return root
}

func noArgs(c *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usage("`%s` takes no arguments, got %d", c.CommandPath(), len(args))
	}
	return nil
}

// exactly wants n arguments.
func exactly(n int, what string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) != n {
			return usage("`%s` needs %s", c.CommandPath(), what)
		}
		return nil
	}
}

// load reads the configuration; --data wins over it.
func (g *global) load() (*configs.Config, error) {
	if g.owner != nil {
		return g.owner.app.Config, nil
	}
	c, err := configs.Load(g.config)
	if err != nil {
		var e *configs.Error
		if errors.As(err, &e) {
			return nil, &exit{exitUsage, err}
		}
		return nil, err
	}
	if g.data != "" {
		c.Data = g.data
		if problems := c.Validate(); len(problems) > 0 {
			return nil, &exit{exitUsage, &configs.Error{File: "--data", Problems: problems}}
		}
	}
	return c, nil
}

func atMostOne(c *cobra.Command, args []string) error {
	if len(args) > 1 {
		return usage("`%s` takes one argument at most, got %d", c.CommandPath(), len(args))
	}
	return nil
}

package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/doorward/doorward/cmd/internal/app"
	"github.com/doorward/doorward/policy/audit/tlog"
)

func auditExport(g *global) *cobra.Command {
	var to, tokenFile, cursor string
	var from uint64
	var follow bool
	cmd := &cobra.Command{
		Use: "export", Short: "Send audit entries as JSON lines to a file, a URL or standard output", Args: noArgs,
		Long: `Sends the entries that the signed checkpoint covers, in order, each at least once.
With --cursor a later export goes on where this one stopped; with --follow it keeps
sending until it is stopped. A serving Doorward does the same for audit.export.`,
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := g.load()
			if err != nil {
				return err
			}
			r, _, err := app.AuditReader(cfg)
			if err != nil {
				return err
			}
			token, err := app.ReadKey("--token-file", tokenFile)
			if err != nil {
				return err
			}
			var sink tlog.Sink = writerSink{c.OutOrStdout()}
			if to != "-" {
				if sink, err = tlog.OpenSink(to, token); err != nil {
					return &exit{exitUsage, err}
				}
			}
			x := tlog.NewExporter(tlog.ExportConfig{Reader: r, Sink: sink, Cursor: cursor, From: from, Log: slog.New(slog.NewTextHandler(c.ErrOrStderr(), nil))})
			if follow {
				x.Run(c.Context())
				return nil
			}
			n, err := x.Once(c.Context())
			if err == nil && to != "-" {
				fmt.Fprintf(c.OutOrStdout(), "%d entries sent\n", n)
			}
			return err
		},
	}
	f := cmd.Flags()
	f.StringVar(&to, "to", "-", "a file, an http(s) URL, or - for standard output")
	f.StringVar(&tokenFile, "token-file", "", "file with a bearer token for the URL")
	f.StringVar(&cursor, "cursor", "", "file that remembers how far it got")
	f.Uint64Var(&from, "from", 0, "number of the first entry, where there is no cursor yet")
	f.BoolVar(&follow, "follow", false, "keep sending")
	return cmd
}

// writerSink writes to a stream.
type writerSink struct{ w io.Writer }

func (s writerSink) String() string { return "standard output" }

func (s writerSink) Send(_ context.Context, lines []byte) error {
	_, err := s.w.Write(lines)
	return err
}

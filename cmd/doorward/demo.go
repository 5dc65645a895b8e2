package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/doorward/doorward/cmd/internal/app"
	"github.com/doorward/doorward/cmd/internal/demo"
	"github.com/doorward/doorward/configs"
)

func demoCommand(g *global) *cobra.Command {
	var once bool
	var listen string
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "See it work: a made-up company, four people, three questions",
		Long: `Writes the documents of a company that does not exist, takes them in, asks three
questions as four people, and shows what each was given, what was kept back and
what was stripped. Then serves, so that you can ask yourself.

Everything is put into ./data-demo and beside it (data-demo.keys, .corpus,
.yaml), and made anew with every run. --data puts it elsewhere.`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			data := g.data
			if data == "" {
				data = "data-demo"
			}
			stage, err := demo.NewStage(demo.StageConfig{Data: data, Listen: listen})
			if err != nil {
				return err
			}
			return runDemo(c, g, stage, once)
		},
	}
	cmd.Flags().BoolVar(&once, "once", false, "exit when everything was shown, instead of serving")
	cmd.Flags().StringVar(&listen, "listen", "", "where to serve (default 127.0.0.1:8080)")
	return cmd
}

func runDemo(c *cobra.Command, g *global, stage *demo.Stage, once bool) error {
	if unsafe := stage.Config.Serving(); len(unsafe) > 0 {
		return &exit{exitUsage, &configs.Error{File: "the demo's configuration", Problems: unsafe}}
	}
	a, err := app.Open(c.Context(), stage.Config, app.Options{Log: logger(stage.Config, c.ErrOrStderr()), AllowDemoKeys: true})
	if err != nil {
		return err
	}
	defer a.Close()
	handler, err := publicAPI(a)
	if err != nil {
		return err
	}
	view := demo.NewView(c.OutOrStdout())
	if g.json {
		view = nil
	}
	result, err := demo.Run(c.Context(), demo.Config{Stage: stage, App: a, API: handler, View: view})
	if err != nil {
		return err
	}
	if g.json {
		if err := json.NewEncoder(c.OutOrStdout()).Encode(result); err != nil {
			return err
		}
	}
	if once {
		return nil
	}
	out := c.OutOrStdout()
	if g.json {
		out = c.ErrOrStderr()
	}
	return serve(c.Context(), a, func(address string) { tryYourself(out, address, stage) })
}

// tryYourself says how to go on by hand.
func tryYourself(w io.Writer, address string, s *demo.Stage) {
	program := program()
	p := demo.People()[0]
	groups := ""
	for _, group := range p.Groups {
		groups += " --group " + group
	}
	fmt.Fprintf(w, `
Now serving on http://%[1]s   (Ctrl-C stops)

Ask something yourself, in another terminal, as %[2]s:

  curl -s http://%[1]s/v1/retrieve \
    -H 'Authorization: Bearer %[3]s' \
    -H "Doorward-Assertion: $(%[4]s keys assert %[5]s -c %[6]s --user %[7]s%[8]s --clearance %[9]d)" \
    -d '{"question": "Which battery packs are dangerous?", "format": "messages"}'

`, address, p.Name, s.Key, program, demo.Backend, here(s.ConfigFile), p.ID, groups, p.Clearance)
}

// program is how this program was called.
func program() string {
	if name, err := os.Executable(); err == nil {
		return here(name)
	}
	return "doorward"
}

// here shortens a path below the working directory.
func here(path string) string {
	dir, err := os.Getwd()
	if err != nil {
		return path
	}
	if rel, err := filepath.Rel(dir, path); err == nil && !strings.HasPrefix(rel, "..") {
		return rel
	}
	return path
}

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/doorward/doorward/api"
	"github.com/doorward/doorward/cmd/internal/app"
	"github.com/doorward/doorward/cmd/internal/demo"
	"github.com/doorward/doorward/configs"
)

func demoCommand(g *global) *cobra.Command {
	var once bool
	var listen string
	var chat demo.ChatConfig
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "See it work: a made-up company, four people, three questions",
		Long: `Writes the documents of a company that does not exist, takes them in, asks three
questions as four people, and shows what each was given, what was kept back and
what was stripped. Then serves, so that you can ask yourself.

Everything is put into ./data-demo and beside it (data-demo.keys, .corpus,
.yaml), and made anew with every run. --data puts it elsewhere.

The answers are scripted unless --model-url names an OpenAI-compatible server.
One on another machine counts as the destination "hosted": documents that must
stay inside are not sent to it.`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			model, destination, err := demoModel(chat)
			if err != nil {
				return err
			}
			if !once {
				if err := free(listen); err != nil {
					return err
				}
			}
			data := g.data
			if data == "" {
				data = "data-demo"
			}
			stage, err := demo.NewStage(demo.StageConfig{Data: data, Listen: listen, Destination: destination})
			if err != nil {
				return err
			}
			return runDemo(c, g, stage, model, once)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&once, "once", false, "exit when everything was shown, instead of serving")
	f.StringVar(&listen, "listen", demoAddress, "where to serve")
	f.StringVar(&chat.URL, "model-url", "", "base address of an OpenAI-compatible server, for example http://127.0.0.1:11434/v1")
	f.StringVar(&chat.Model, "model-name", "", "name of its model")
	f.StringVar(&chat.KeyFile, "model-key-file", "", "file with its API key, if it wants one")
	return cmd
}

const demoAddress = "127.0.0.1:8080"

// demoModel is the model to ask, if any, and where passages go then.
func demoModel(c demo.ChatConfig) (demo.Model, string, error) {
	if c.URL == "" {
		return nil, "internal", nil
	}
	m, err := demo.NewChat(c)
	if err != nil {
		return nil, "", usage("%w", err)
	}
	return m, m.Destination(), nil
}

// free finds out at once that the address cannot be listened on, not after all
// is shown.
func free(address string) error {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return fmt.Errorf("listening: %w; name another address with --listen, or do not serve with --once", err)
	}
	return l.Close()
}

func runDemo(c *cobra.Command, g *global, stage *demo.Stage, model demo.Model, once bool) error {
	if unsafe := stage.Config.Serving(); len(unsafe) > 0 {
		return &exit{exitUsage, &configs.Error{File: stage.ConfigFile, Problems: unsafe}}
	}
	a, err := app.Open(c.Context(), stage.Config, app.Options{Log: logger(stage.Config, c.ErrOrStderr()), AllowDemoKeys: true})
	if err != nil {
		return err
	}
	defer a.Close()
	handler, err := publicAPI(a, api.NewHealth(a.Parts(), nil))
	if err != nil {
		return err
	}
	out, view := c.OutOrStdout(), demo.NewView(c.OutOrStdout())
	if g.json {
		out, view = c.ErrOrStderr(), nil
	}
	result, err := demo.Run(c.Context(), demo.Config{Stage: stage, App: a, API: handler, View: view, Model: model})
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
	return serve(c.Context(), a, func(address string) { tryYourself(out, address, stage) })
}

// tryYourself says how to go on by hand.
func tryYourself(w io.Writer, address string, s *demo.Stage) {
	doorward, config := program(), here(s.ConfigFile)
	people := demo.People()
	fmt.Fprintf(w, `
Serving on http://%[1]s until Ctrl-C. In another terminal, as %[2]s:

  curl -s http://%[1]s/v1/retrieve \
    -H 'Authorization: Bearer %[3]s' \
    -H "Doorward-Assertion: $(%[4]s keys assert %[5]s -c %[6]s \
        %[7]s)" \
    --json '{"question": "Which battery packs are dangerous?", "format": "messages"}'

or as somebody else:

`, address, people[0].Name, s.Key, doorward, demo.Backend, config, identity(people[0]))
	for _, p := range people[1:] {
		fmt.Fprintf(w, "        %s\n", identity(p))
	}
	fmt.Fprintf(w, `
See for yourself:

  grep -rl 'battery incident' %[1]s     # in the documents
  grep -rl 'battery incident' %[2]s            # in nothing that Doorward stores
  %[3]s audit verify -c %[4]s      # every step above left an entry

`, here(s.Corpus), here(s.Config.Data), doorward, config)
}

// identity is a person as flags of "keys assert".
func identity(p demo.Person) string {
	return fmt.Sprintf("--user %s --group %s --clearance %d", p.ID, strings.Join(p.Groups, ","), p.Clearance)
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

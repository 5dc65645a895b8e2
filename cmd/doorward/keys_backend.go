package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/doorward/doorward/api/auth"
	"github.com/doorward/doorward/policy/keys/local"
)

// bounds are the flags that say what a backend may ask for.
type bounds struct {
	scopes []string
	only   []string
	auth.Backend
}

func (b *bounds) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringSliceVar(&b.scopes, "scope", nil, fmt.Sprintf("what it may do, of %v (default: retrieve, output, chat)", auth.Scopes()))
	f.StringSliceVar(&b.Destinations, "destination", nil, "where it may send passages (default: internal)")
	f.StringSliceVar(&b.Purposes, "purpose", nil, "what it may ask for (default: anything)")
	f.StringSliceVar(&b.Sources, "source", nil, "a source it may push documents into, with --scope ingest")
	f.StringArrayVar(&b.only, "only", nil, "ATTRIBUTE=VALUE,…: it gets only documents that carry one of them; may be repeated")
	f.IntVar(&b.MaxPassages, "max-passages", 0, "passages it gets at most in one answer (default: the service's limit)")
	f.StringSliceVar(&b.Certificates, "certificate", nil, "a client certificate that proves it: spiffe://…, dns:NAME, cn:NAME or sha256:HEX")
	f.BoolVar(&b.Both, "both", false, "insist on the certificate beside the key")
	f.StringSliceVar(&b.Clients, "client", nil, "its client id at an identity provider, as azp names it")
	f.BoolVar(&b.Operator, "operator", false, "may use the operator listener")
}

// read puts together what the flags said.
func (b *bounds) read() error {
	b.Scopes, b.Only = nil, nil
	if b.MaxPassages < 0 {
		return &exit{exitUsage, errors.New("--max-passages must be 0 or more; 0 is the service's limit")}
	}
	for _, s := range b.scopes {
		b.Scopes = append(b.Scopes, auth.Scope(s))
	}
	for _, o := range b.only {
		name, values, ok := strings.Cut(o, "=")
		if !ok || name == "" || values == "" {
			return &exit{exitUsage, fmt.Errorf("--only %q: use ATTRIBUTE=VALUE,…", o)}
		}
		if b.Only == nil {
			b.Only = map[string][]string{}
		}
		b.Only[name] = append(b.Only[name], strings.Split(values, ",")...)
	}
	return nil
}

func keysBackend(g *global) *cobra.Command {
	var b bounds
	var tenant string
	var days int
	cmd := &cobra.Command{
		Use: "backend NAME", Short: "Register a backend; prints its key once",
		Long: `Registers a chatbot backend. The key authenticates the backend; it is shown once
and stored as a hash. The assertion key (a file beside it) signs who the user is,
where identity.backend_signed allows that. What the flags bound holds whatever the
policy says. A running service takes it in within a second.`,
		Args: exactly(1, "a name for the backend"), Annotations: handsOver,
		RunE: func(c *cobra.Command, args []string) error {
			if days < 0 {
				return &exit{exitUsage, errors.New("--days must be 0 or more; 0 never expires")}
			}
			if err := b.read(); err != nil {
				return err
			}
			return g.register(c, args[0], "registered", func(r *registration) error {
				n := b.Backend
				n.ID, n.Tenant, n.Created = args[0], tenant, time.Now().UTC().Truncate(time.Second)
				if n.Tenant == "" {
					n.Tenant = r.cfg.Tenant
				}
				if days > 0 {
					n.Expires = n.Created.AddDate(0, 0, days)
				}
				creds, err := r.list.Add(n)
				if err != nil {
					return err
				}
				return handOver(c.OutOrStdout(), g.json, r.cfg.Keys, n.ID, n.Tenant, creds)
			})
		},
	}
	cmd.Flags().StringVar(&tenant, "tenant", "", "tenant it is confined to (default: the configuration's)")
	cmd.Flags().IntVar(&days, "days", 0, "days until the key expires (default: never)")
	b.flags(cmd)
	return cmd
}

// handOver writes the assertion key to its file and shows the key, once.
func handOver(w io.Writer, asJSON bool, folder, id, tenant string, creds auth.Credentials) error {
	path := assertionFile(folder, id)
	if err := writeAssertionKey(path, creds.Assertion); err != nil {
		return err
	}
	if asJSON {
		return json.NewEncoder(w).Encode(map[string]string{"backend": id, "tenant": tenant, "key": creds.Key, "assertion_key": path})
	}
	_, err := fmt.Fprintf(w, "backend        %s (tenant %s)\nkey            %s\nassertion key  %s\n\nThe key is not shown again. Move both to the backend.\n", id, tenant, creds.Key, path)
	return err
}

func keysList(g *global) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List registered backends, their bounds and their keys", Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := g.load()
			if err != nil {
				return err
			}
			if err := local.Private(cfg.Keys); err != nil {
				return err
			}
			list, err := auth.OpenBackends(cfg.Keys)
			if err != nil {
				return err
			}
			if g.json {
				return json.NewEncoder(c.OutOrStdout()).Encode(withoutHashes(list.List()))
			}
			w := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "BACKEND\tTENANT\tSCOPES\tDESTINATIONS\tKEYS\tEXPIRES\tSTATE")
			for _, b := range list.List() {
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", b.ID, b.Tenant, join(b.Granted()), strings.Join(b.Destinations, ","), keyIDs(b), ends(b), state(b, time.Now()))
			}
			return w.Flush()
		},
	}
}

// withoutHashes leaves out what proves a key.
func withoutHashes(list []auth.Backend) []auth.Backend {
	for i := range list {
		keys := make([]auth.Key, len(list[i].Keys))
		for j, k := range list[i].Keys {
			k.Hash = ""
			keys[j] = k
		}
		list[i].Keys, list[i].Scopes = keys, list[i].Granted()
	}
	return list
}

func join(scopes []auth.Scope) string {
	words := make([]string, len(scopes))
	for i, s := range scopes {
		words[i] = string(s)
	}
	return strings.Join(words, ",")
}

func keyIDs(b auth.Backend) string {
	ids := make([]string, len(b.Keys))
	for i, k := range b.Keys {
		ids[i] = k.ID
	}
	return strings.Join(ids, ",")
}

func ends(b auth.Backend) string {
	if t := b.Ends(); !t.IsZero() {
		return t.Format(time.DateOnly)
	}
	return "never"
}

func state(b auth.Backend, now time.Time) string {
	switch {
	case !b.Revoked.IsZero():
		return "revoked"
	case !b.Live(now):
		return "expired"
	case len(b.Keys) > 1:
		return "rotating"
	}
	return "live"
}

func keysRemove(g *global) *cobra.Command {
	return &cobra.Command{
		Use: "remove NAME", Short: "Take a backend out of the register, so that its name can be used anew", Args: exactly(1, "the backend's name"), Annotations: handsOver,
		RunE: func(c *cobra.Command, args []string) error {
			return g.register(c, args[0], "removed", func(r *registration) error {
				if err := r.list.Remove(args[0]); err != nil {
					return err
				}
				if err := os.Remove(assertionFile(r.cfg.Keys, args[0])); err != nil && !errors.Is(err, os.ErrNotExist) {
					return err
				}
				return said(c.OutOrStdout(), g.json, args[0], "removed")
			})
		},
	}
}

func said(w io.Writer, asJSON bool, id, done string) error {
	if asJSON {
		return json.NewEncoder(w).Encode(map[string]string{"backend": id, "state": done})
	}
	_, err := fmt.Fprintln(w, id, done)
	return err
}

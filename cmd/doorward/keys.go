package main

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/doorward/doorward/api/auth"
	"github.com/doorward/doorward/policy"
	"github.com/doorward/doorward/policy/keys/local"
)

func keysCommand(g *global) *cobra.Command {
	parent := &cobra.Command{Use: "keys", Short: "Make and list keys of backends, and sign assertions by hand"}
	parent.AddCommand(keysInit(g), keysBackend(g), keysList(g), keysRemove(g), keysAssert(g))
	return parent
}

func keysInit(g *global) *cobra.Command {
	return &cobra.Command{
		Use: "init", Short: "Make the master and signing keys", Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := g.load()
			if err != nil {
				return err
			}
			if err := local.Create(cfg.Keys, false); err != nil {
				return err
			}
			fmt.Fprintln(c.OutOrStdout(), "wrote", cfg.Keys)
			return nil
		},
	}
}

func keysBackend(g *global) *cobra.Command {
	var b auth.Backend
	var days int
	cmd := &cobra.Command{
		Use: "backend NAME", Short: "Register a backend; prints its key once",
		Long: `Registers a chatbot backend. The key authenticates the backend; it is shown once
and stored as a hash. The assertion key (a file beside it) signs who the user is,
where identity.backend_signed allows that.`,
		Args: exactly(1, "a name for the backend"),
		RunE: func(c *cobra.Command, args []string) error {
			cfg, err := g.load()
			if err != nil {
				return err
			}
			b.ID, b.Created = args[0], time.Now().UTC().Truncate(time.Second)
			if b.Tenant == "" {
				b.Tenant = cfg.Tenant
			}
			if days > 0 {
				b.Expires = b.Created.AddDate(0, 0, days)
			}
			list, err := auth.OpenBackends(cfg.Keys)
			if err != nil {
				return err
			}
			creds, err := list.Add(b)
			if err != nil {
				return &exit{exitUsage, err}
			}
			path := assertionFile(cfg.Keys, b.ID)
			if err := writeAssertionKey(path, creds.Assertion); err != nil {
				return err
			}
			if g.json {
				return json.NewEncoder(c.OutOrStdout()).Encode(map[string]string{"backend": b.ID, "tenant": b.Tenant, "key": creds.Key, "assertion_key": path})
			}
			fmt.Fprintf(c.OutOrStdout(), "backend        %s (tenant %s)\nkey            %s\nassertion key  %s\n\nThe key is not shown again. Move both to the backend.\n", b.ID, b.Tenant, creds.Key, path)
			return nil
		},
	}
	cmd.Flags().StringVar(&b.Tenant, "tenant", "", "tenant it is confined to (default: the configuration's)")
	cmd.Flags().StringSliceVar(&b.Destinations, "destination", nil, "where it may send passages (default: internal)")
	cmd.Flags().BoolVar(&b.Operator, "operator", false, "may use the operator listener")
	cmd.Flags().IntVar(&days, "days", 0, "days until the key expires (default: never)")
	return cmd
}

func assertionFile(keys, id string) string { return filepath.Join(keys, "assertion-"+id+".pem") }

func writeAssertionKey(path string, key ed25519.PrivateKey) error {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return fmt.Errorf("encoding assertion key: %w", err)
	}
	return os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600)
}

func keysList(g *global) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List registered backends", Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := g.load()
			if err != nil {
				return err
			}
			list, err := auth.OpenBackends(cfg.Keys)
			if err != nil {
				return err
			}
			if g.json {
				return json.NewEncoder(c.OutOrStdout()).Encode(list.List())
			}
			w := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "BACKEND\tTENANT\tDESTINATIONS\tEXPIRES")
			for _, b := range list.List() {
				expires := "never"
				if !b.Expires.IsZero() {
					expires = b.Expires.Format(time.DateOnly)
				}
				fmt.Fprintf(w, "%s\t%s\t%v\t%s\n", b.ID, b.Tenant, b.Destinations, expires)
			}
			return w.Flush()
		},
	}
}

func keysRemove(g *global) *cobra.Command {
	return &cobra.Command{
		Use: "remove NAME", Short: "Take a backend out of the register; takes effect when serve restarts", Args: exactly(1, "the backend's name"),
		RunE: func(c *cobra.Command, args []string) error {
			cfg, err := g.load()
			if err != nil {
				return err
			}
			list, err := auth.OpenBackends(cfg.Keys)
			if err != nil {
				return err
			}
			return list.Remove(args[0])
		},
	}
}

func keysAssert(g *global) *cobra.Command {
	var s policy.Subject
	var life time.Duration
	cmd := &cobra.Command{
		Use: "assert BACKEND", Short: "Sign an assertion by hand, for trying things with curl",
		Args: exactly(1, "the backend's name"),
		RunE: func(c *cobra.Command, args []string) error {
			cfg, err := g.load()
			if err != nil {
				return err
			}
			key, err := readAssertionKey(assertionFile(cfg.Keys, args[0]))
			if err != nil {
				return err
			}
			s.Authn.Backend = args[0]
			if s.Tenant == "" {
				s.Tenant = cfg.Tenant
			}
			token, err := auth.Mint(key, cfg.Identity.Audience, s, time.Now(), life)
			if err != nil {
				return err
			}
			fmt.Fprintln(c.OutOrStdout(), token)
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&s.ID, "user", "", "the user's id")
	f.StringVar(&s.Tenant, "tenant", "", "the tenant (default: the configuration's)")
	f.StringSliceVar(&s.Groups, "group", nil, "a group the user is in; may be repeated")
	f.StringSliceVar(&s.Roles, "role", nil, "a role the user has; may be repeated")
	f.Int64Var(&s.Clearance, "clearance", 0, "the user's clearance")
	f.StringSliceVar(&s.Authn.AMR, "amr", nil, "how the user signed in, for example mfa")
	f.DurationVar(&life, "life", auth.MaxAge, "how long it is good for")
	_ = cmd.MarkFlagRequired("user")
	return cmd
}

// readAssertionKey reads a backend's signing key.
func readAssertionKey(path string) (ed25519.PrivateKey, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading assertion key: %w", err)
	}
	block, _ := pem.Decode(data)
	if block == nil {
		return nil, fmt.Errorf("reading assertion key: %s is not PEM", path)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("reading assertion key: %s holds no PKCS #8 key", path)
	}
	key, ok := parsed.(ed25519.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("reading assertion key: %s is not an Ed25519 key", path)
	}
	return key, nil
}

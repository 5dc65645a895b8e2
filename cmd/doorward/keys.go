package main

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/doorward/doorward/api/auth"
	"github.com/doorward/doorward/cmd/internal/app"
	"github.com/doorward/doorward/policy"
	"github.com/doorward/doorward/policy/keys/kms"
	"github.com/doorward/doorward/policy/keys/local"
)

func keysCommand(g *global) *cobra.Command {
	parent := &cobra.Command{Use: "keys", Short: "Make, list, rotate and revoke keys of backends, and sign assertions by hand"}
	parent.AddCommand(keysInit(g), keysConnector(g), keysSeal(g), keysBackend(g), keysList(g), keysChange(g), keysRotate(g), keysRevoke(g), keysRemove(g), keysAssert(g))
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
			kek, err := kms.Open(c.Context(), app.KMS(cfg))
			if err != nil {
				return err
			}
			if err := local.CreateSealed(cfg.Keys, false, kek); err != nil {
				return err
			}
			fmt.Fprintln(c.OutOrStdout(), "wrote", cfg.Keys)
			return nil
		},
	}
}

func assertionFile(keys, id string) string { return filepath.Join(keys, "assertion-"+id+".pem") }

func writeAssertionKey(path string, key ed25519.PrivateKey) error {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return fmt.Errorf("encoding assertion key: %w", err)
	}
	return os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600)
}

func keysAssert(g *global) *cobra.Command {
	var s policy.Subject
	var life, ago time.Duration
	cmd := &cobra.Command{
		Use: "assert BACKEND", Short: "Sign an assertion by hand, for trying things with curl",
		Args: exactly(1, "the backend's name"),
		RunE: func(c *cobra.Command, args []string) error {
			cfg, err := g.load()
			if err != nil {
				return err
			}
			if err := local.Private(cfg.Keys); err != nil {
				return err
			}
			key, err := readAssertionKey(assertionFile(cfg.Keys, args[0]))
			if errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("there is no assertion key of %q in %s; `doorward keys backend %s` registers it and makes one", args[0], cfg.Keys, args[0])
			}
			if err != nil {
				return err
			}
			s.Authn.Backend = args[0]
			if s.Tenant == "" {
				s.Tenant = cfg.Tenant
			}
			if ago > 0 {
				s.Authn.At = time.Now().Add(-ago)
			}
			token, err := auth.Mint(key, cfg.Identity.Audience, s, time.Now(), life)
			if err != nil {
				return err
			}
			if g.json {
				return json.NewEncoder(c.OutOrStdout()).Encode(map[string]string{"assertion": token})
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
	f.StringVar(&s.Authn.ACR, "acr", "", "the authentication context class")
	f.DurationVar(&ago, "signed-in", 0, "how long ago the user signed in; 0 says nothing about it")
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

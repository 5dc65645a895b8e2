package main

import (
	"crypto/ed25519"
	"crypto/rand"
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

	"github.com/doorward/doorward/cmd/internal/app"
	"github.com/doorward/doorward/ingest/manifest"
)

// keysConnector makes the key pair of a connector that signs manifests.
func keysConnector(g *global) *cobra.Command {
	return &cobra.Command{Use: "connector NAME", Short: "Make the key pair of a connector that signs manifests", Args: exactly(1, "a name for the connector"),
		Long: `Makes an Ed25519 key pair: connector-NAME.pem, to be moved to the connector, and
connector-NAME.pub.pem, to be listed under the source's manifest.keys.`,
		RunE: func(c *cobra.Command, args []string) error {
			cfg, err := g.load()
			if err != nil {
				return err
			}
			if name := args[0]; name != filepath.Base(name) || name == "." || name == ".." {
				return usage("%q cannot be a file name", args[0])
			}
			private, public := filepath.Join(cfg.Keys, "connector-"+args[0]+".pem"), filepath.Join(cfg.Keys, "connector-"+args[0]+".pub.pem")
			pub, key, err := ed25519.GenerateKey(rand.Reader)
			if err != nil {
				return err
			}
			der, err := x509.MarshalPKCS8PrivateKey(key)
			if err != nil {
				return err
			}
			if err := writePEM(private, &pem.Block{Type: "PRIVATE KEY", Bytes: der}); err != nil {
				return err
			}
			if der, err = x509.MarshalPKIXPublicKey(pub); err != nil {
				return err
			}
			if err := writePEM(public, &pem.Block{Type: "PUBLIC KEY", Bytes: der}); err != nil {
				return err
			}
			if g.json {
				return json.NewEncoder(c.OutOrStdout()).Encode(map[string]string{"connector": args[0], "key_id": manifest.KeyID(pub), "private": private, "public": public})
			}
			fmt.Fprintf(c.OutOrStdout(), "key id       %s\nprivate key  %s (move it to the connector)\npublic key   %s (list it under manifest.keys of the source)\n", manifest.KeyID(pub), private, public)
			return nil
		}}
}

// writePEM writes a file nobody else may read, and replaces none.
func writePEM(path string, block *pem.Block) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s is there already; choose another name, or remove it where no connector uses it", path)
	}
	if err != nil {
		return err
	}
	return errors.Join(pem.Encode(f, block), f.Close())
}

func manifestCommand(g *global) *cobra.Command {
	parent := &cobra.Command{Use: "manifest", Short: "Sign and check connectors' manifests"}
	parent.AddCommand(manifestSign(g), manifestVerify(g))
	return parent
}

func manifestSign(g *global) *cobra.Command {
	var m manifest.Manifest
	var key, attributes string
	cmd := &cobra.Command{Use: "sign FILE --key K --source S --document ID --sequence N", Short: "Sign a manifest for a document's bytes; prints it", Args: exactly(1, "the file with the document's bytes"),
		Long: `Prints a manifest as a connector would make it: put it beside a file as
FILE.doorward.manifest, into the field "manifest" of a JSON line or row, or send it
with a pushed document. --attributes names a JSON file with the attributes that the
connector claims (a sidecar's, a record's), before mapping rules; none without it.`,
		RunE: func(c *cobra.Command, args []string) error {
			if m.Tenant == "" {
				cfg, err := g.load()
				if err != nil {
					return err
				}
				m.Tenant = cfg.Tenant
			}
			data, err := os.ReadFile(args[0])
			if err != nil {
				return usage("reading %s: %w", args[0], errors.Unwrap(err))
			}
			private, err := readPrivate(key)
			if err != nil {
				return err
			}
			m.Content, m.Time = manifest.HashContent(data), time.Now().Unix()
			if m.Attributes, err = hashFile(attributes); err != nil {
				return err
			}
			s, err := manifest.Sign(m, private)
			if err != nil {
				return usage("%w", err)
			}
			return json.NewEncoder(c.OutOrStdout()).Encode(s)
		}}
	f := cmd.Flags()
	f.StringVar(&key, "key", "", "the connector's private key, PEM")
	f.StringVar(&m.Source, "source", "", "the source's name")
	f.StringVar(&m.Document, "document", "", "the document's id")
	f.Int64Var(&m.Sequence, "sequence", 0, "grows with every change of the document")
	f.StringVar(&m.Tenant, "tenant", "", "the tenant (default: the configuration's)")
	f.StringVar(&attributes, "attributes", "", "JSON file with the attributes claimed")
	for _, name := range []string{"key", "source", "document", "sequence"} {
		_ = cmd.MarkFlagRequired(name)
	}
	return cmd
}

func hashFile(path string) (string, error) {
	var attributes map[string]any
	if path != "" {
		data, err := os.ReadFile(path)
		if err != nil {
			return "", err
		}
		if err := json.Unmarshal(data, &attributes); err != nil {
			return "", usage("%s is not a JSON object", path)
		}
	}
	return manifest.HashAttributes(attributes)
}

func readPrivate(path string) (ed25519.PrivateKey, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("%w (make one with `doorward keys connector NAME`)", err)
	}
	block, _ := pem.Decode(data)
	if block == nil {
		return nil, usage("%s is not a PEM file", path)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	key, ok := parsed.(ed25519.PrivateKey)
	if err != nil || !ok {
		return nil, usage("%s is not an Ed25519 private key", path)
	}
	return key, nil
}

func manifestVerify(g *global) *cobra.Command {
	var keys []string
	cmd := &cobra.Command{Use: "verify FILE --key PUBLIC", Short: "Check a manifest's form and signature", Args: exactly(1, "a manifest file"),
		RunE: func(c *cobra.Command, args []string) error {
			data, err := os.ReadFile(args[0])
			if err != nil {
				return err
			}
			s, err := manifest.Parse(data)
			if err != nil {
				return err
			}
			known := map[string]ed25519.PublicKey{}
			for _, path := range keys {
				k, err := app.ReadConnectorKey(path)
				if err != nil {
					return err
				}
				known[manifest.KeyID(k)] = k
			}
			if err := s.Verify(known); err != nil {
				return err
			}
			if g.json {
				return json.NewEncoder(c.OutOrStdout()).Encode(s.Manifest)
			}
			fmt.Fprintf(c.OutOrStdout(), "holds: %s of source %s, tenant %s, sequence %d, key %s\n", s.Document, s.Source, s.Tenant, s.Sequence, s.KeyID)
			return nil
		}}
	cmd.Flags().StringSliceVar(&keys, "key", nil, "the connector's public key, PEM")
	_ = cmd.MarkFlagRequired("key")
	return cmd
}

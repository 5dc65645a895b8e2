package app

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"

	"github.com/doorward/doorward/configs"
	"github.com/doorward/doorward/ingest/manifest"
)

// connectorKeys reads whose manifests each source's documents need.
func connectorKeys(c *configs.Config) (map[string]manifest.Trust, error) {
	out := map[string]manifest.Trust{}
	for _, s := range c.Sources {
		if !s.Manifest.Required && len(s.Manifest.Keys) == 0 {
			continue
		}
		t := manifest.Trust{Required: s.Manifest.Required, Keys: map[string]ed25519.PublicKey{}}
		for _, path := range s.Manifest.Keys {
			key, err := ReadConnectorKey(path)
			if err != nil {
				return nil, fmt.Errorf("reading keys of source %s: %w", s.Name, err)
			}
			t.Keys[manifest.KeyID(key)] = key
		}
		out[s.Name] = t
	}
	return out, nil
}

// ReadConnectorKey reads a connector's public key.
func ReadConnectorKey(path string) (ed25519.PublicKey, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("%w (make one with `doorward keys connector NAME`)", err)
	}
	block, _ := pem.Decode(data)
	if block == nil {
		return nil, fmt.Errorf("%s is not a PEM file", path)
	}
	parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
	key, ok := parsed.(ed25519.PublicKey)
	if err != nil || !ok {
		return nil, fmt.Errorf("%s is not an Ed25519 public key", path)
	}
	return key, nil
}

package configs

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Pins are the hashes of what decides what comes in and goes out and is not part
// of the program: policy files, further scanner rules, trusted keys. Name → hash.
type Pins map[string]string

// ErrPinned means something differs from its pin.
var ErrPinned = errors.New("pinned artefact differs")

// Artefacts hashes what a configuration reads now.
func (c *Config) Artefacts() (Pins, error) {
	p := Pins{}
	for _, dir := range []struct{ name, path string }{{"policy.dir", c.Policy.Dir}, {"policy.shadow", c.Policy.Shadow}} {
		if dir.path == "" {
			continue
		}
		hash, err := hashTree(dir.path)
		if err != nil {
			return nil, fmt.Errorf("hashing %s: %w", dir.name, err)
		}
		p[dir.name] = hash
	}
	files := map[string]string{"policy.bundle.key_file": c.Policy.Bundle.KeyFile}
	for i, path := range c.Scan.SecretRules {
		files[fmt.Sprintf("scan.secret_rules[%d]", i)] = path
	}
	for i, issuer := range c.Identity.Issuers {
		files[fmt.Sprintf("identity.issuers[%d].jwks", i)] = issuer.JWKS
	}
	for name, path := range files {
		if path == "" {
			continue
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("hashing %s: %w", name, err)
		}
		p[name] = hashOf(data)
	}
	return p, nil
}

func hashOf(data []byte) string {
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// hashTree hashes names and contents of the files below dir, in order. Files
// whose name begins with a dot are left out, as the policy loader does.
func hashTree(dir string) (string, error) {
	h := sha256.New()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasPrefix(d.Name(), ".") {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		fmt.Fprintf(h, "%q %s\n", filepath.ToSlash(rel), hashOf(data))
		return nil
	})
	return "sha256:" + hex.EncodeToString(h.Sum(nil)), err
}

// Write stores pins in a lock file.
func (p Pins) Write(path string) error {
	data, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(path, append(data, '\n'), 0o644); err != nil {
		return fmt.Errorf("writing pins: %w", err)
	}
	return nil
}

// ReadPins reads a lock file.
func ReadPins(path string) (Pins, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading pins: %w (write them with `doorward pins write`)", err)
	}
	var p Pins
	if err := json.Unmarshal(data, &p); err != nil {
		return nil, fmt.Errorf("reading pins: %s is not JSON as `doorward pins write` writes it", path)
	}
	return p, nil
}

// Check compares what is with what was pinned: everything must be pinned, and
// nothing pinned may be gone.
func (p Pins) Check(now Pins) error {
	var differ []string
	for name, hash := range now {
		switch was, ok := p[name]; {
		case !ok:
			differ = append(differ, name+" is not pinned")
		case was != hash:
			differ = append(differ, name+" was changed")
		}
	}
	for name := range p {
		if _, ok := now[name]; !ok {
			differ = append(differ, name+" is gone")
		}
	}
	if len(differ) == 0 {
		return nil
	}
	slices.Sort(differ)
	return fmt.Errorf("%w: %s; if that is meant, run `doorward pins write`", ErrPinned, strings.Join(differ, ", "))
}

// CheckPins refuses a configuration whose artefacts differ from its lock file. A
// configuration without one is not held to any.
func (c *Config) CheckPins() error {
	if c.Pins == "" {
		return nil
	}
	pinned, err := ReadPins(c.Pins)
	if err != nil {
		return err
	}
	now, err := c.Artefacts()
	if err != nil {
		return err
	}
	return pinned.Check(now)
}

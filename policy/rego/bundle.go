package rego

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/bundle"
)

// Trust says which signature a bundle must carry. There is one key, named by its
// id: a bundle cannot choose among keys.
type Trust struct {
	KeyID     string // the key's id; required
	Key       string // PEM public key
	Algorithm string // ES256, ES384, ES512, RS256, RS384, RS512, PS256, PS384, PS512 or EdDSA; never a shared secret
	Scope     string // scope the signature must name; empty for none
}

// ErrBundle means a bundle was refused before its policy was looked at.
var ErrBundle = errors.New("policy bundle refused")

// maxBundle bounds a bundle, packed and unpacked.
const maxBundle = 64 << 20

func (t Trust) verification() (*bundle.VerificationConfig, error) {
	algorithms := []string{"ES256", "ES384", "ES512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "EdDSA"}
	switch {
	case t.KeyID == "":
		return nil, fmt.Errorf("bundle trust: name the key id; a bundle must not choose its key")
	case !slices.Contains(algorithms, t.Algorithm):
		return nil, fmt.Errorf("bundle trust: algorithm must be one of %s", strings.Join(algorithms, ", "))
	case !strings.Contains(t.Key, "PUBLIC KEY"):
		return nil, fmt.Errorf("bundle trust: key %s is not a PEM public key", t.KeyID)
	}
	keys := map[string]*bundle.KeyConfig{t.KeyID: {Key: t.Key, Algorithm: t.Algorithm, Scope: t.Scope}}
	return bundle.NewVerificationConfig(keys, t.KeyID, t.Scope, nil), nil
}

// package metadata a bundle must carry in its manifest, under
// metadata.doorward: {"sequence": 7, "expires": "2026-12-31T00:00:00Z"}.
// The sequence grows with every release; expires may be left out.
type manifestFacts struct {
	sequence int64
	expires  time.Time
}

// openBundle verifies and unpacks a bundle. Nothing in it is used before its
// signature held over all of its files.
func openBundle(raw []byte, trust Trust, now time.Time) (*sources, bundle.Manifest, manifestFacts, error) {
	refuse := func(format string, args ...any) (*sources, bundle.Manifest, manifestFacts, error) {
		return nil, bundle.Manifest{}, manifestFacts{}, fmt.Errorf("%w: "+format, append([]any{ErrBundle}, args...)...)
	}
	verify, err := trust.verification()
	if err != nil {
		return nil, bundle.Manifest{}, manifestFacts{}, err
	}
	if len(raw) > maxBundle {
		return refuse("it has more than %d bytes", maxBundle)
	}
	b, err := bundle.NewCustomReader(bundle.NewTarballLoaderWithBaseURL(bytes.NewReader(raw), "")).
		WithBundleVerificationConfig(verify).WithSizeLimitBytes(maxBundle).WithRegoVersion(ast.RegoV1).
		WithProcessAnnotations(true).Read()
	if err != nil {
		return refuse("%v", err)
	}
	if b.Type() != bundle.SnapshotBundleType {
		return refuse("it is a delta; deltas carry no signature")
	}
	if len(b.WasmModules) > 0 || len(b.PlanModules) > 0 {
		return refuse("it holds compiled modules; only Rego is evaluated")
	}
	facts, err := readFacts(b.Manifest)
	if err != nil {
		return refuse("%v", err)
	}
	if !facts.expires.IsZero() && !now.Before(facts.expires) {
		return refuse("it expired at %s", facts.expires.UTC().Format(time.RFC3339))
	}
	src := &sources{modules: map[string]string{}, data: b.Data}
	for _, m := range b.Modules {
		src.modules[strings.TrimPrefix(m.Path, "/")] = string(m.Raw)
	}
	sum := sha256.Sum256(raw)
	src.digest = hex.EncodeToString(sum[:])
	return src, b.Manifest, facts, nil
}

func readFacts(m bundle.Manifest) (manifestFacts, error) {
	meta, _ := m.Metadata["doorward"].(map[string]any)
	facts := manifestFacts{sequence: -1}
	switch n := meta["sequence"].(type) {
	case float64:
		facts.sequence = int64(n)
	case interface{ Int64() (int64, error) }:
		i, err := n.Int64()
		if err == nil {
			facts.sequence = i
		}
	}
	if facts.sequence < 0 {
		return facts, fmt.Errorf("its manifest has no metadata.doorward.sequence, so an older bundle could not be told from a newer one")
	}
	if raw, given := meta["expires"]; given {
		text, _ := raw.(string)
		t, err := time.Parse(time.RFC3339, text)
		if err != nil {
			return facts, fmt.Errorf("metadata.doorward.expires is not an RFC 3339 time")
		}
		facts.expires = t
	}
	return facts, nil
}

// fetched is what an origin has now.
type fetched struct {
	src       *sources
	id        string // author's revision
	name      string
	sequence  int64 // -1 for origins without one
	expires   time.Time
	tag       string // for the next question
	raw       []byte // the bundle, to keep; nil for directories
	unchanged bool
}

// Origin is where policies come from: [Directory], [HTTP] or [S3].
type Origin interface {
	// fetch returns what is there, or unchanged when it is what tag stands for.
	fetch(ctx context.Context, tag string, now time.Time) (*fetched, error)
	describe() string
}

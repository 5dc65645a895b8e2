package app

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/doorward/doorward/configs"
	"github.com/doorward/doorward/policy"
	"github.com/doorward/doorward/policy/audit"
	"github.com/doorward/doorward/policy/rego"
	"github.com/doorward/doorward/retrieval/index/qdrant"
	indexsqlite "github.com/doorward/doorward/retrieval/index/sqlite"
)

// follow opens the configured policy and keeps up with it: a new revision comes
// into force only after it loaded, passed its tests and was audited.
func (a *App) follow(ctx context.Context) error {
	document, err := DocumentSchema(a.Config)
	if err != nil {
		return err
	}
	claims, err := ClaimsSchema(a.Config)
	if err != nil {
		return err
	}
	origin, err := policyOrigin(a.Config.Policy)
	if err != nil {
		return err
	}
	c := rego.FollowConfig{
		Policy: rego.Config{Document: document, Claims: claims}, Origin: origin, Every: a.Config.Policy.Every, MaxStale: a.Config.Policy.MaxStale,
		Log: a.Log, Now: a.now, Activate: a.activated, Refused: a.refusedPolicy,
	}
	if _, local := origin.(rego.Directory); !local {
		c.StateDir = filepath.Join(a.Config.Data, "policy")
	}
	if a.Follower, err = rego.Follow(ctx, c); err != nil {
		return err
	}
	a.Policy, a.live = a.Follower, a.Follower
	return nil
}

// activated audits a revision before it is in force.
func (a *App) activated(ctx context.Context, previous, next policy.Revision) error {
	if previous.Hash == next.Hash {
		return nil
	}
	if err := a.Config.CheckPins(); err != nil {
		return err
	}
	return a.Audit.Append(ctx, audit.Entry{Event: "policy", Outcome: "activated", Tenant: "*", Policy: next.Hash, Reason: next.ID})
}

// refusedPolicy audits that a revision was refused; the one before stays.
func (a *App) refusedPolicy(error) {
	e := audit.Entry{Event: "policy", Outcome: "refused", Tenant: "*"}
	if err := a.Audit.Append(context.Background(), e); err != nil {
		a.Log.Error("auditing a refused policy", "error", err)
	}
}

func policyOrigin(p configs.Policy) (rego.Origin, error) {
	if p.Bundle.URL == "" {
		if info, err := os.Stat(p.Dir); err != nil || !info.IsDir() {
			return nil, missingPolicy(p.Dir)
		}
		return rego.Directory{Path: p.Dir}, nil
	}
	key, err := os.ReadFile(p.Bundle.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("reading policy.bundle.key_file: %w", err)
	}
	trust := rego.Trust{KeyID: p.Bundle.KeyID, Key: string(key), Algorithm: p.Bundle.Algorithm}
	if rest, ok := strings.CutPrefix(p.Bundle.URL, "s3://"); ok {
		bucket, object, _ := strings.Cut(rest, "/")
		access, err1 := ReadKey("policy.bundle.access_key_file", p.Bundle.AccessKey)
		secret, err2 := ReadKey("policy.bundle.secret_key_file", p.Bundle.SecretKey)
		return rego.S3{Bucket: bucket, Object: object, Region: p.Bundle.Region, Endpoint: p.Bundle.Endpoint, AccessKey: access, SecretKey: secret, Trust: trust}, errors.Join(err1, err2)
	}
	h := rego.HTTP{URL: p.Bundle.URL, Trust: trust, Header: http.Header{}}
	token, err := ReadKey("policy.bundle.token_file", p.Bundle.TokenFile)
	if token != "" {
		h.Header.Set("Authorization", "Bearer "+token)
	}
	return h, err
}

func missingPolicy(dir string) error {
	return fmt.Errorf("%w: policy.dir: %s is not a folder; `doorward init` writes a starter policy", policy.ErrUnavailable, dir)
}

// shadow puts a candidate policy beside the live one, if one is configured. It
// affects nothing: where it would decide otherwise, that is logged and audited.
func (a *App) shadow(ctx context.Context) error {
	dir := a.Config.Policy.Shadow
	if dir == "" {
		return nil
	}
	c := *a.Config
	c.Policy = configs.Policy{Dir: dir}
	candidate, _, err := LoadPolicy(ctx, &c)
	if err != nil {
		return fmt.Errorf("loading policy.shadow: %w", err)
	}
	a.Policy = rego.NewShadow(a.Policy, rego.NewSource(candidate), func(d rego.Difference) {
		e := audit.Entry{Event: "policy", Outcome: "shadow", Tenant: "*", Policy: d.Candidate.Hash, Reason: d.Error,
			Counts: map[string]int{"checked": d.Checked, "appear": d.Appear, "vanish": d.Vanish}}
		if err := a.Audit.Append(context.WithoutCancel(ctx), e); err != nil {
			a.Log.Error("auditing a shadow difference", "error", err)
		}
		a.Log.Warn("the candidate policy decides otherwise", "checked", d.Checked, "appear", d.Appear, "vanish", d.Vanish)
	})
	return nil
}

// Workbench answers operators' questions about the policy in force.
type Workbench struct{ a *App }

// Renderers print a filter as each store is asked it.
func Renderers(tenant string, schema policy.Schema) map[string]rego.Renderer {
	return map[string]rego.Renderer{
		"sqlite": func(f policy.Filter) (string, error) {
			where, params, err := indexsqlite.Render(f, schema)
			if err != nil {
				return "", err
			}
			return fmt.Sprintf("%s  with %v", where, params), nil
		},
		"qdrant": func(f policy.Filter) (string, error) {
			form, deny, err := qdrant.Render(tenant, schema, f)
			if err != nil || deny {
				return "no search", err
			}
			return form.String(), nil
		},
	}
}

// Workbench is the operator api's.
func (a *App) Workbench() Workbench { return Workbench{a} }

// current is the loaded snapshot with its own type.
func (w Workbench) current() (*rego.Snapshot, error) {
	if w.a.Follower != nil {
		return w.a.Follower.Current()
	}
	if s, ok := w.a.live.(*rego.Source); ok && s.Current() != nil {
		return s.Current(), nil
	}
	return nil, policy.ErrUnavailable
}

// ExplainPlan implements api.Workbench.
func (w Workbench) ExplainPlan(ctx context.Context, s policy.Subject, c policy.Context) (any, error) {
	snapshot, err := w.current()
	if err != nil {
		return nil, err
	}
	return snapshot.ExplainPlan(ctx, s, c, Renderers(s.Tenant, w.a.Schema))
}

// Explain implements api.Workbench.
func (w Workbench) Explain(ctx context.Context, s policy.Subject, c policy.Context, d policy.Attributes) (any, error) {
	snapshot, err := w.current()
	if err != nil {
		return nil, err
	}
	return snapshot.Explain(ctx, s, c, d)
}

package app

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/lestrrat-go/jwx/v3/jwk"

	"github.com/doorward/doorward/api/auth"
	"github.com/doorward/doorward/configs"
)

// openBackends opens the register of callers and confines what the policy lets
// users do to what the backend they come through was registered for.
func (a *App) openBackends(context.Context) (err error) {
	if a.Backends, err = auth.OpenBackends(a.Config.Keys); err != nil {
		return err
	}
	a.Policy = auth.Within(a.Policy, a.Backends, a.Schema)
	return nil
}

// Identity makes the part that proves who asks.
func (a *App) Identity() (*auth.Authenticator, error) {
	c := a.Config.Identity
	issuers := map[string]*auth.Issuer{}
	a.issuers = nil
	for _, i := range c.Issuers {
		keys, err := a.issuerKeys(i)
		if err != nil {
			return nil, err
		}
		if r, ok := keys.(*auth.Remote); ok {
			a.issuers = append(a.issuers, r)
		}
		issuers[i.Issuer] = &auth.Issuer{Keys: keys, Tenant: i.Tenant, Life: i.MaxAge, Reusable: i.Reusable,
			Names: auth.Names{Tenant: i.Claims.Tenant, Groups: i.Claims.Groups, Roles: i.Claims.Roles, Clearance: i.Claims.Clearance, Client: i.Claims.Client}}
	}
	claims, err := ClaimsSchema(a.Config)
	if err != nil {
		return nil, err
	}
	return auth.New(auth.Config{Audience: c.Audience, Backends: a.Backends, BackendSigned: c.BackendSigned, Issuers: issuers, Claims: claims, Skew: c.Skew, Replays: a.replays, Now: a.now})
}

// FollowIssuers fetches identity providers' keys now and again, until the context
// ends.
func (a *App) FollowIssuers(ctx context.Context) {
	for _, r := range a.issuers {
		go r.Follow(ctx)
	}
}

// identities says why nobody can be believed, nil if somebody can: a provider that is
// away ends readiness only where no other way to prove a user is left.
func (a *App) identities() error {
	if err := a.Backends.Err(); err != nil {
		return err
	}
	if a.Config.Identity.BackendSigned || len(a.issuers) < len(a.Config.Identity.Issuers) {
		return nil // the other issuers' keys are files
	}
	var errs []error
	for _, r := range a.issuers {
		err := r.Trouble()
		if err == nil {
			return nil
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// SilentIssuers is how many identity providers have not given their keys for twice
// as long as they are asked again after.
func (a *App) SilentIssuers() float64 {
	silent := 0
	for _, r := range a.issuers {
		if age, ok := r.Age(); !ok || age > 2*r.Every {
			silent++
		}
	}
	return float64(silent)
}

func (a *App) issuerKeys(i configs.Issuer) (auth.Keys, error) {
	if !i.File() {
		return auth.NewRemote(auth.RemoteConfig{Issuer: i.Issuer, URL: i.JWKS, Every: i.Every, MaxStale: i.MaxStale, Log: a.Log})
	}
	data, err := os.ReadFile(i.JWKS)
	if err != nil {
		return nil, fmt.Errorf("reading keys of issuer: %w", err)
	}
	set, err := jwk.Parse(data)
	if err != nil {
		return nil, fmt.Errorf("reading keys of issuer: %s is not a JWK set", i.JWKS)
	}
	if set, err = jwk.PublicSetOf(set); err != nil {
		return nil, fmt.Errorf("reading keys of issuer: %s holds a key that cannot be used", i.JWKS)
	}
	return auth.KeyFile{Set: set}, nil
}

package auth

import (
	"context"
	"errors"
	"time"

	"github.com/lestrrat-go/jwx/v3/jwk"
)

// ErrIssuer means that whether a token is good cannot be known now: its issuer's
// keys, or the memory of used assertions, are out of reach.
var ErrIssuer = errors.New("identities cannot be verified now")

// Issuer is an identity provider whose tokens are believed.
type Issuer struct {
	Keys     Keys          // required
	Tenant   string        // the one tenant it speaks for; empty: its tokens say
	Life     time.Duration // the longest life of a token; 0 means [MaxAge], or [MaxTokenAge] where reusable
	Reusable bool          // a token may come many times within its life and needs no jti
	Names    Names         // empty ones are the standard's; Client: azp, or client_id
}

func (i *Issuer) terms() terms {
	t := terms{life: i.Life, reusable: i.Reusable, tenant: i.Tenant, names: i.Names}
	switch {
	case t.life > 0:
	case t.reusable:
		t.life = MaxTokenAge
	default:
		t.life = MaxAge
	}
	for _, d := range []struct {
		name *string
		def  string
	}{{&t.names.Tenant, standard.Tenant}, {&t.names.Groups, standard.Groups}, {&t.names.Roles, standard.Roles},
		{&t.names.Clearance, standard.Clearance}} {
		if *d.name == "" {
			*d.name = d.def
		}
	}
	return t
}

// Keys finds an issuer's public key by its id.
type Keys interface {
	Key(ctx context.Context, id string) (jwk.Key, error)
}

var errNoKey = deny("unknown_key_id", "the assertion names a key its issuer does not have")

// KeyFile is a set of keys that does not change.
type KeyFile struct{ Set jwk.Set }

// Key implements [Keys].
func (f KeyFile) Key(_ context.Context, id string) (jwk.Key, error) { return lookUp(f.Set, id) }

// lookUp finds a key by id. A token that names none can only mean the only one.
func lookUp(set jwk.Set, id string) (jwk.Key, error) {
	if set != nil && id == "" && set.Len() == 1 {
		if k, ok := set.Key(0); ok {
			return k, nil
		}
	}
	if set != nil && id != "" {
		if k, ok := set.LookupKeyID(id); ok {
			return k, nil
		}
	}
	return nil, errNoKey
}

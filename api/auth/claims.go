package auth

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/lestrrat-go/jwx/v3/jwt"

	"github.com/doorward/doorward/policy"
)

// Names say under which claims an issuer's tokens carry what. A name is looked
// up as it stands, and then as a path ("realm_access.roles").
type Names struct {
	Tenant, Groups, Roles, Clearance string
	Client                           string // the backend: azp, cid, appid; empty: azp, or client_id (RFC 9068)
}

// client is the OAuth client that a token was issued to.
func (n Names) client(t jwt.Token) string {
	if n.Client != "" {
		return claim(t, n.Client)
	}
	if azp := claim(t, "azp"); azp != "" || t.Has("azp") {
		return azp
	}
	return claim(t, "client_id")
}

// clients names the claims that client reads, for people.
func (n Names) clients() string {
	if n.Client != "" {
		return n.Client
	}
	return "azp, nor client_id"
}

// standard are the names that Doorward's own assertions use.
var standard = Names{Tenant: "tenant", Groups: "groups", Roles: "roles", Clearance: "clearance", Client: "azp"}

// names are an issuer's, with the standard ones where it says nothing.
func (a *Authenticator) names(issuer string) Names {
	if i, ok := a.Issuers[issuer]; ok {
		return i.terms().names
	}
	return standard
}

// value is a claim, by name or by path.
func value(t jwt.Token, name string) (v any, ok bool) {
	if t.Has(name) {
		return v, t.Get(name, &v) == nil
	}
	first, rest, path := strings.Cut(name, ".")
	if !path || t.Get(first, &v) != nil {
		return nil, false
	}
	for _, part := range strings.Split(rest, ".") {
		m, isMap := v.(map[string]any)
		if v, ok = m[part]; !isMap || !ok {
			return nil, false
		}
	}
	return v, true
}

// claim is a claim that is text. One that is absent or of another type is empty,
// which never matches.
func claim(t jwt.Token, name string) string {
	v, _ := value(t, name)
	s, _ := v.(string)
	return s
}

// subject maps claims. Absent ones grant nothing; wrong types are refused.
func (a *Authenticator) subject(t jwt.Token, names Names, b Backend) (policy.Subject, error) {
	s := policy.Subject{Tenant: b.Tenant}
	s.ID, _ = t.Subject()
	s.Authn.Backend = b.ID
	s.Authn.Issuer, _ = t.Issuer()
	s.Authn.ACR = claim(t, "acr")
	s.Authn.Issued, _ = t.IssuedAt()
	var err error
	if s.Groups, err = words(t, names.Groups); err != nil {
		return s, err
	}
	if s.Roles, err = words(t, names.Roles); err != nil {
		return s, err
	}
	if s.Authn.AMR, err = words(t, "amr"); err != nil {
		return s, err
	}
	if s.Clearance, err = integer(t, names.Clearance); err != nil {
		return s, err
	}
	at, err := integer(t, "auth_time")
	if err != nil {
		return s, err
	}
	if at > 0 {
		s.Authn.At = time.Unix(at, 0)
	}
	further := map[string]any{}
	if t.Has("claims") {
		if err := t.Get("claims", &further); err != nil {
			return s, errors.New("claims is not an object")
		}
	}
	s.Claims, err = a.Claims.Project(further)
	return s, err
}

// words is a claim that is a list of words, sorted and unique.
func words(t jwt.Token, name string) ([]string, error) {
	v, ok := value(t, name)
	if !ok {
		return nil, nil
	}
	list, isList := v.([]any)
	if !isList {
		return nil, fmt.Errorf("%s is not a list", name)
	}
	out := make([]string, 0, len(list))
	for _, v := range list {
		w, ok := v.(string)
		if !ok || w == "" {
			return nil, fmt.Errorf("%s holds something that is not a word", name)
		}
		out = append(out, w)
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

func integer(t jwt.Token, name string) (int64, error) {
	v, ok := value(t, name)
	if !ok {
		return 0, nil
	}
	f, isNumber := v.(float64)
	if !isNumber || f != math.Trunc(f) || math.Abs(f) > 1<<53 {
		return 0, fmt.Errorf("%s is not a whole number", name)
	}
	return int64(f), nil
}

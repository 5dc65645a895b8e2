package configs

import (
	"fmt"
	"net"
	"net/url"
	"time"
)

// Identity says who may ask.
type Identity struct {
	Audience      string        `yaml:"audience"`
	BackendSigned bool          `yaml:"backend_signed"` // trust assertions signed by a backend's own key
	Issuers       []Issuer      `yaml:"issuers"`        // identity providers
	Skew          time.Duration `yaml:"skew"`           // clock difference allowed, a minute at most; 0: 30s
	Certificates  Certificates  `yaml:"certificates"`   // of backends, over mTLS
}

// Issuer is an identity provider whose tokens are trusted: by OpenID Connect
// discovery, unless its keys are named.
type Issuer struct {
	Issuer   string        `yaml:"issuer"`    // as in the tokens' iss
	JWKS     string        `yaml:"jwks"`      // its public keys: a file, or an https:// address; empty: discovered
	Every    time.Duration `yaml:"every"`     // how often they are fetched anew; 0: 15m
	MaxStale time.Duration `yaml:"max_stale"` // how long they hold when it does not answer; 0: 4h
	Tenant   string        `yaml:"tenant"`    // the one tenant it speaks for; empty: the tokens' claim says
	MaxAge   time.Duration `yaml:"max_age"`   // longest life of a token; 0: 5m, or 1h where reusable
	Reusable bool          `yaml:"reusable"`  // a token may come many times within its life and needs no jti
	Claims   ClaimNames    `yaml:"claims"`    // where its tokens say what
}

// ClaimNames name claims, or paths to them ("realm_access.roles"). Empty ones
// take the names in brackets.
type ClaimNames struct {
	Tenant    string `yaml:"tenant"`
	Groups    string `yaml:"groups"`
	Roles     string `yaml:"roles"`
	Clearance string `yaml:"clearance"`
	Client    string `yaml:"client"` // the backend (azp, or client_id where there is none)
}

// Certificates says whose client certificates prove a backend.
type Certificates struct {
	CA      string `yaml:"ca"`      // PEM file of authorities; empty: none are asked for
	Require bool   `yaml:"require"` // refuse connections without one
}

// File reports whether the issuer's keys are in a file.
func (i Issuer) File() bool {
	u, err := url.Parse(i.JWKS)
	return i.JWKS != "" && (err != nil || u.Scheme != "https" && u.Scheme != "http")
}

// paths are the files the section names.
func (i *Identity) paths() []*string {
	list := []*string{&i.Certificates.CA}
	for n := range i.Issuers {
		if i.Issuers[n].File() {
			list = append(list, &i.Issuers[n].JWKS)
		}
	}
	return list
}

func (i Identity) validate(v *problems, tls bool) {
	v.need(i.Audience != "", "identity.audience: name this service as assertions do")
	v.need(i.Skew >= 0 && i.Skew <= time.Minute, "identity.skew: use at most 1m, and set the clocks")
	v.need(!i.Certificates.Require || i.Certificates.CA != "", "identity.certificates: require needs ca, the PEM file of the authorities that sign them")
	v.need(i.Certificates.CA == "" || tls, "identity.certificates: client certificates need listen.tls_cert and tls_key; a proxy's headers about them are never believed")
	seen := map[string]bool{}
	for n, s := range i.Issuers {
		key := fmt.Sprintf("identity.issuers[%d]", n)
		v.need(s.Issuer != "", key+".issuer: name it as the tokens' iss does")
		v.need(!seen[s.Issuer], key+".issuer: is listed twice")
		seen[s.Issuer] = true
		v.need(s.File() || s.JWKS != "" && remote(s.JWKS) || s.JWKS == "" && remote(s.Issuer), key+": keys come from an https:// address; where there is none, name a file with jwks")
		v.need(s.MaxAge >= 0 && s.MaxAge <= 24*time.Hour, key+".max_age: use at most 24h")
		v.need(s.Reusable || s.MaxAge <= 5*time.Minute, key+".max_age: tokens that are good once live at most 5m; set reusable: true for an identity provider's own tokens")
		v.need(s.Every >= 0 && s.MaxStale >= 0 && (s.MaxStale == 0 || s.MaxStale >= s.Every), key+": every and max_stale must be 0 or more, and max_stale the longer")
	}
}

// remote: an address over TLS, or on this machine.
func remote(address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Scheme == "https" || u.Scheme == "http" && (u.Hostname() == "localhost" || ip != nil && ip.IsLoopback())
}

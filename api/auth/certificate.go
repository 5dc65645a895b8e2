package auth

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"slices"
	"strings"
	"time"
)

// byCertificate finds the backend a connection's verified certificate belongs
// to; ok is false when the connection brings none that is registered. What headers say about
// certificates is never read.
func (b *Backends) byCertificate(state *tls.ConnectionState, now time.Time) (known Backend, ok bool, err error) {
	if state == nil || len(state.VerifiedChains) == 0 || len(state.PeerCertificates) == 0 {
		return Backend{}, false, nil
	}
	leaf := state.PeerCertificates[0]
	// The handshake checked the dates; a connection may outlive them.
	if now.After(leaf.NotAfter) || now.Before(leaf.NotBefore) {
		return Backend{}, true, deny("expired_certificate", "the client certificate is not valid now")
	}
	names := certificateNames(leaf)
	list := b.List()
	if err := b.Err(); err != nil {
		return Backend{}, true, err
	}
	list = slices.DeleteFunc(list, func(x Backend) bool {
		return !slices.ContainsFunc(x.Certificates, func(n string) bool { return slices.Contains(names, canonicalName(n)) })
	})
	if len(list) == 1 {
		known = list[0]
	}
	switch {
	case len(list) == 0:
		return Backend{}, false, nil // it adds nothing to what a key may prove
	case len(list) > 1:
		return Backend{}, true, deny("two_backends", "the client certificate belongs to more than one backend")
	case !known.Revoked.IsZero():
		return known, true, deny("revoked", "the backend was revoked")
	}
	return known, true, nil
}

// certificateNames are what a registration may know a certificate by.
func certificateNames(c *x509.Certificate) []string {
	var names []string
	for _, u := range c.URIs {
		if u.Scheme == "spiffe" {
			names = append(names, canonicalName(u.String()))
		}
	}
	for _, d := range c.DNSNames {
		names = append(names, canonicalName("dns:"+d))
	}
	if cn := c.Subject.CommonName; cn != "" {
		names = append(names, "cn:"+cn)
	}
	sum := sha256.Sum256(c.Raw)
	return append(names, "sha256:"+hex.EncodeToString(sum[:]))
}

// canonicalName writes a name as comparisons need it: host names and hashes in
// lower case, hashes without colons.
func canonicalName(n string) string {
	kind, rest, _ := strings.Cut(n, ":")
	switch kind {
	case "sha256":
		return "sha256:" + strings.ToLower(strings.ReplaceAll(rest, ":", ""))
	case "dns":
		return "dns:" + strings.ToLower(rest)
	case "spiffe":
		host, path, _ := strings.Cut(strings.TrimPrefix(rest, "//"), "/")
		return "spiffe://" + strings.ToLower(host) + "/" + path
	}
	return n
}

func certificateName(n string) bool {
	kind, rest, _ := strings.Cut(canonicalName(n), ":")
	switch kind {
	case "spiffe":
		host, path, ok := strings.Cut(strings.TrimPrefix(rest, "//"), "/")
		return ok && host != "" && path != ""
	case "dns", "cn":
		return rest != "" && !strings.Contains(rest, "*")
	case "sha256":
		sum, err := hex.DecodeString(rest)
		return err == nil && len(sum) == sha256.Size
	}
	return false
}

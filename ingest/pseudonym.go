package ingest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"fmt"

	"github.com/doorward/doorward/policy"
	"github.com/doorward/doorward/policy/keys"
)

// pseudonym makes keyed pseudonyms: 120 bits of HMAC per tenant and access
// class, so that equal values stay equal only among documents of the same class.
func (p *Pipeline) pseudonym(tenant string, a policy.Attributes) func(string, []byte) string {
	return func(typ string, value []byte) string {
		key, err := p.Keys.Derive(tenant, keys.Pseudonyms)
		if err != nil {
			return "" // redacted instead
		}
		m := hmac.New(sha256.New, key)
		fmt.Fprintf(m, "%q%q", p.class(a), typ)
		m.Write(value)
		return typ + "-" + base32.StdEncoding.EncodeToString(m.Sum(nil)[:15])
	}
}

// class is a document's access class: the values of the attributes that grant.
func (p *Pipeline) class(a policy.Attributes) string {
	values := make([]any, 0, len(p.Access))
	for _, path := range p.Access {
		v, _ := a.Lookup(path)
		values = append(values, v)
	}
	return policy.HashValue(values)
}

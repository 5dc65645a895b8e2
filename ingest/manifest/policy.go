package manifest

import (
	"crypto/ed25519"
	"fmt"
	"time"
)

// Skew is how far a connector's clock may be ahead.
const Skew = 5 * time.Minute

// Trust is what a source's manifests are held to. The zero value trusts nobody
// and asks for nothing: a manifest that comes with a document is then ignored.
type Trust struct {
	Required bool
	Keys     map[string]ed25519.PublicKey // by [KeyID]
}

// Delivery is a document as it was handed over.
type Delivery struct {
	Tenant, Source, Document string
	Content                  []byte
	Attributes               map[string]any // the connector's own, before mapping rules
	Manifest                 []byte         // nil: none came
}

// Check verifies a delivery against the last manifest accepted for the document.
// It returns the manifest, zero when none is asked for. A manifest that comes
// with a document is verified even when none is required: a wrong one is never
// ignored where keys are known.
func (t Trust) Check(d Delivery, last Seen, now time.Time) (Signed, error) {
	if len(d.Manifest) == 0 {
		if t.Required || last.Sequence > 0 && len(t.Keys) > 0 {
			return Signed{}, ErrMissing // a document that was signed once is not replaced by an unsigned one
		}
		return Signed{}, nil
	}
	if !t.Required && len(t.Keys) == 0 {
		return Signed{}, nil
	}
	s, err := Parse(d.Manifest)
	if err != nil {
		return Signed{}, err
	}
	if err := s.Verify(t.Keys); err != nil {
		return Signed{}, err
	}
	if err := s.About(d.Tenant, d.Source, d.Document, d.Content, d.Attributes); err != nil {
		return Signed{}, err
	}
	if at := time.Unix(s.Time, 0); at.After(now.Add(Skew)) {
		return Signed{}, fmt.Errorf("%w: by %v", ErrTime, at.Sub(now).Round(time.Second))
	}
	return s, s.After(last)
}

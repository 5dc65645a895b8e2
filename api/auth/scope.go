package auth

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Scope is one thing a backend may do. There is none that reads without a user,
// and none that stands for all others: a backend that shall do more is given
// more, by name.
type Scope string

// The scopes.
const (
	Retrieve Scope = "retrieve" // POST /v1/retrieve, citations, MCP
	Output   Scope = "output"   // POST /v1/output and its stream
	Chat     Scope = "chat"     // POST /v1/chat/completions
	Ingest   Scope = "ingest"   // push documents into the sources it names
	Operate  Scope = "operate"  // the operator listener
)

// Scopes lists them all.
func Scopes() []Scope { return []Scope{Retrieve, Output, Chat, Ingest, Operate} }

// ordinary is what a backend may do that was registered without scopes.
var ordinary = []Scope{Retrieve, Output, Chat}

// May reports whether the backend was registered for a scope.
func (b Backend) May(s Scope) bool {
	if s == Operate && b.Operator {
		return true
	}
	if len(b.Scopes) == 0 {
		return slices.Contains(ordinary, s)
	}
	return slices.Contains(b.Scopes, s)
}

// MayIngest reports whether the backend may push documents into a source.
func (b Backend) MayIngest(source string) bool {
	return b.May(Ingest) && slices.Contains(b.Sources, source)
}

// Granted lists what the backend may do, in the order of [Scopes].
func (b Backend) Granted() []Scope {
	return slices.DeleteFunc(Scopes(), func(s Scope) bool { return !b.May(s) })
}

// Purpose settles what a request is for: what it says, if the backend may ask
// for that, or the only purpose the backend has.
func (b Backend) Purpose(said string) (string, error) {
	switch {
	case len(b.Purposes) == 0, slices.Contains(b.Purposes, said):
		return said, nil
	case said == "" && len(b.Purposes) == 1:
		return b.Purposes[0], nil
	case said == "":
		return "", forbid("purpose", "say the purpose, one of those this backend was registered for")
	}
	return "", forbid("purpose", "purpose is not one this backend was registered for")
}

// Destination settles where passages go.
func (b Backend) Destination(said string) (string, error) {
	if said == "" {
		said = "internal"
	}
	if !slices.Contains(b.Destinations, said) {
		return "", forbid("destination", "destination is not one this backend was registered for")
	}
	return said, nil
}

// check says what is wrong with a registration.
func (b Backend) check() error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("%w: "+format, append([]any{ErrBackend}, args...)...)
	}
	switch {
	case !backendID.MatchString(b.ID):
		return bad("%q must be 1 to 32 lower-case letters, digits or dashes", b.ID)
	case b.Tenant == "":
		return bad("no tenant named")
	case b.MaxPassages < 0:
		return bad("max passages must be 0 or more")
	case b.Both && len(b.Certificates) == 0:
		return bad("it shall need a certificate and names none")
	}
	for _, s := range b.Scopes {
		if !slices.Contains(Scopes(), s) {
			return bad("scope %q is not one of %v", s, Scopes())
		}
	}
	if slices.Contains(b.Scopes, Ingest) != (len(b.Sources) > 0) {
		return bad("scope ingest and the sources it may push into go together")
	}
	for what, list := range map[string][]string{"destination": b.Destinations, "purpose": b.Purposes, "source": b.Sources, "client": b.Clients} {
		for _, w := range list {
			if !word.MatchString(w) {
				return bad("%s %q: use letters, digits and . _ : / -, 128 at most; there are no wildcards", what, w)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(b.Only)) {
		if name == "" || len(b.Only[name]) == 0 {
			return bad("only %q names no values", name)
		}
	}
	for i, c := range b.Certificates {
		if b.Certificates[i] = strings.TrimSpace(c); !certificateName(b.Certificates[i]) {
			return bad("certificate %q: use spiffe://…, dns:NAME, cn:NAME or sha256:HEX", c)
		}
	}
	return nil
}

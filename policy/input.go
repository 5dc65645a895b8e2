package policy

// Input is the subject as decision points other than access are given it.
func (s Subject) Input() map[string]any {
	authn := map[string]any{"backend": s.Authn.Backend, "issuer": s.Authn.Issuer, "acr": s.Authn.ACR, "amr": words(s.Authn.AMR)}
	if !s.Authn.At.IsZero() {
		authn["at"] = s.Authn.At.Unix()
	}
	if !s.Authn.Issued.IsZero() {
		authn["issued"] = s.Authn.Issued.Unix()
	}
	claims := s.Claims
	if claims == nil {
		claims = map[string]any{}
	}
	return map[string]any{"id": s.ID, "tenant": s.Tenant, "groups": words(s.Groups), "roles": words(s.Roles),
		"clearance": s.Clearance, "claims": claims, "authn": authn}
}

// Input is the context as decision points other than access are given it.
func (c Context) Input() map[string]any {
	action := c.Action
	if action == "" {
		action = "read"
	}
	return map[string]any{"now": c.Now.Unix(), "purpose": c.Purpose, "destination": c.Destination, "action": action}
}

// words is never null in JSON: policies iterate it.
func words(list []string) []any {
	out := make([]any, 0, len(list))
	for _, w := range list {
		out = append(out, w)
	}
	return out
}

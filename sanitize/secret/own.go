package secret

// ownRules compiles the rules beside gitleaks'.
func ownRules() ([]*rule, error) {
	return nil, nil
}

package secret

import (
	"fmt"

	"github.com/zricethezav/gitleaks/v8/config"
	"github.com/zricethezav/gitleaks/v8/detect"
)

// Library returns the gitleaks library with its default rules, as its users
// call it on a text, for comparison in evaluations: it answers the number of
// its findings. It is not safe for concurrent use and no part of scanning.
func Library() (func(text string) int, error) {
	c, err := parse(config.DefaultConfig)
	if err != nil {
		return nil, fmt.Errorf("loading gitleaks' default rules: %w", err)
	}
	d := detect.NewDetector(c)
	d.IgnoreGitleaksAllow = true
	return func(text string) int { return len(d.DetectString(text)) }, nil
}

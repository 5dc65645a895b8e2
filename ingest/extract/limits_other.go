//go:build !linux

package extract

import "time"

// confine and allowCPU do nothing where these limits are not at hand; the
// parent's wall clock and the Go memory limit remain.
func confine(limits) error { return nil }

func allowCPU(time.Duration) error { return nil }

package app

import (
	"context"

	"github.com/doorward/doorward/policy/audit"
)

// AuditEntries reads the audit log from its beginning.
func (a *App) AuditEntries(ctx context.Context, yield func(audit.Numbered) error) error {
	return a.AuditLog.Reader().Entries(ctx, 0, yield)
}

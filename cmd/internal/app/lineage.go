package app

import (
	"context"

	"github.com/doorward/doorward/ingest"
	"github.com/doorward/doorward/policy/audit"
)

// AuditEntries reads the audit log from its beginning.
func (a *App) AuditEntries(ctx context.Context, yield func(audit.Numbered) error) error {
	return a.AuditLog.Reader().Entries(ctx, 0, yield)
}

// Trace follows a document, version, chunk or request.
func (a *App) Trace(ctx context.Context, tenant, id string) (ingest.Trace, error) {
	return ingest.TraceLineage(ctx, a.Catalog, a.AuditEntries, tenant, id)
}

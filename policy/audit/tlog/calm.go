package tlog

import (
	"context"
	"io/fs"
	"log/slog"
	"strings"
	"syscall"
)

// noCheckpoint begins what tessera says when it looks for the checkpoint before the
// one that it publishes.
const noCheckpoint = "Failed to fetch old checkpoint"

// calm passes on what tessera has to say, but that a log that begins has no
// checkpoint yet: that is not a fault, and reads like one. Where the checkpoint is
// there and cannot be read, it is a fault, and said as one.
type calm struct{ slog.Handler }

// Handle implements [slog.Handler].
func (h calm) Handle(ctx context.Context, r slog.Record) error {
	if strings.HasPrefix(r.Message, noCheckpoint) {
		if said := strings.TrimSpace(r.Message); strings.HasSuffix(said, fs.ErrNotExist.Error()) || strings.HasSuffix(said, syscall.ENOENT.Error()) {
			return nil
		}
		r.Level = slog.LevelWarn
	}
	return h.Handler.Handle(ctx, r)
}

// WithAttrs implements [slog.Handler].
func (h calm) WithAttrs(a []slog.Attr) slog.Handler { return calm{h.Handler.WithAttrs(a)} }

// WithGroup implements [slog.Handler].
func (h calm) WithGroup(name string) slog.Handler { return calm{h.Handler.WithGroup(name)} }

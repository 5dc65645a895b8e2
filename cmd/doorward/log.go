package main

import (
	"io"
	"log/slog"

	"github.com/doorward/doorward/configs"
)

// logger writes to standard error, at the configured level: for the service.
func logger(c *configs.Config, w io.Writer) *slog.Logger {
	return loggerFrom(c, w, slog.LevelDebug)
}

// quiet is the same for commands, whose own output says what they do.
func quiet(c *configs.Config, w io.Writer) *slog.Logger { return loggerFrom(c, w, slog.LevelWarn) }

func loggerFrom(c *configs.Config, w io.Writer, least slog.Level) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(c.Log.Level)) // validated
	o := &slog.HandlerOptions{Level: max(level, least)}
	if c.Log.JSON {
		return slog.New(slog.NewJSONHandler(w, o))
	}
	return slog.New(slog.NewTextHandler(w, o))
}

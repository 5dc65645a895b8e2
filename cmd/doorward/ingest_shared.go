package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/doorward/doorward/cmd/internal/app"
	"github.com/doorward/doorward/configs"
)

// sharedFlags are those of an ingest that several processes share.
type sharedFlags struct {
	worker, enqueue bool
	rate            float64
}

func (f *sharedFlags) register(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&f.worker, "worker", false, "read no source: work on what other machines put in the queue, until stopped")
	cmd.Flags().BoolVar(&f.enqueue, "enqueue", false, "put what changed in the queue and leave it to workers")
	cmd.Flags().Float64Var(&f.rate, "rate", 0, "take at most this many changed documents per second; 0 any")
}

// check refuses what does not go together.
func (f *sharedFlags) check(cfg *configs.Config, args []string) error {
	switch {
	case f.worker && (f.enqueue || len(args) > 0):
		return usage("--worker reads no source; leave out PATH and --enqueue")
	case f.rate < 0:
		return usage("--rate: use 0 (any) or more documents per second")
	case (f.worker || f.enqueue) && (cfg.Catalog.Type != "postgres" || cfg.Index.Type != "qdrant"):
		return usage("--worker and --enqueue need catalog.type: postgres and index.type: qdrant, which the machines share")
	}
	if f.rate > 0 {
		cfg.Queue.Rate = f.rate
	}
	return nil
}

// runWorker works until it is stopped.
func runWorker(c *cobra.Command, cfg *configs.Config) error {
	a, err := app.Open(c.Context(), cfg, app.Options{Log: logger(cfg, c.ErrOrStderr()), AllowDemoKeys: true})
	if err != nil {
		return err
	}
	defer a.Close()
	fmt.Fprintln(c.ErrOrStderr(), "working; stop with Ctrl-C, batches in hand are finished first")
	return a.Work(c.Context())
}

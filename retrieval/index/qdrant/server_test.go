package qdrant_test

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/doorward/doorward/retrieval/index/indextest"
	"github.com/doorward/doorward/retrieval/index/qdrant"
)

// server returns the address of a real Qdrant, or skips.
func server(t *testing.T) string {
	t.Helper()
	addr := os.Getenv("DOORWARD_TEST_QDRANT")
	if addr == "" {
		t.Skip("set DOORWARD_TEST_QDRANT=host:port (gRPC) to test against a server")
	}
	return addr
}

// made returns an index on a fresh collection, dropped when the test ends.
func made(t *testing.T, cfg qdrant.Config) *qdrant.Index {
	t.Helper()
	cfg.Collection = fmt.Sprintf("doorward-test-%d-%d", os.Getpid(), time.Now().UnixNano())
	if cfg.Pins == nil {
		pins := indextest.Pins()
		cfg.Pins = &pins
	}
	if cfg.Schema == nil {
		cfg.Schema = indextest.Schema()
	}
	if err := qdrant.Create(t.Context(), cfg, cfg.Collection); err != nil {
		t.Fatal(err)
	}
	x, err := qdrant.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		x.Close()
		if err := qdrant.Drop(context.Background(), cfg, cfg.Collection); err != nil {
			t.Error(err)
		}
	})
	return x
}

func TestSuiteOnServer(t *testing.T) {
	for name, cfg := range map[string]qdrant.Config{
		"indexed":       {},
		"unindexed":     {Layout: qdrant.Layout{Unindexed: true}},
		"server fusion": {ServerFusion: true, Exact: true, Layout: qdrant.Layout{TermsOnDisk: true, VectorsOnDisk: true, PayloadOnDisk: true, SharedGraph: true}},
	} {
		t.Run(name, func(t *testing.T) {
			cfg.Address = server(t)
			indextest.Run(t, indextest.Harness{New: func(t *testing.T) indextest.Index { return made(t, cfg) }, Tolerance: 1e-4, LooseTies: cfg.ServerFusion})
		})
	}
}

// TestScale measures queries on a server; DOORWARD_TEST_SCALE is the number of
// chunks.
func TestScale(t *testing.T) {
	n, _ := strconv.Atoi(os.Getenv("DOORWARD_TEST_SCALE"))
	if n == 0 {
		t.Skip("set DOORWARD_TEST_SCALE=100000 to measure")
	}
	s := indextest.NewScale(t)
	pins := s.Pins()
	x := made(t, qdrant.Config{Address: server(t), Pins: &pins, Schema: indextest.ScaleSchema()})
	s.Fill(t, x, n)
	s.Measure(t, x)
}

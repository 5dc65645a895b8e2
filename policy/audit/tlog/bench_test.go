package tlog

import (
	"context"
	"sync"
	"testing"
	"time"
)

// BenchmarkVerify verifies a log of 200,000 entries.
func BenchmarkVerify(b *testing.B) {
	f := newFolder(b)
	l := f.open(b)
	const n = 200_000
	for i := 0; i < n; i += 2000 {
		fill(b, l, i, 2000)
	}
	published(b, l, n-1)
	if err := l.Close(); err != nil {
		b.Fatal(err)
	}
	b.ResetTimer()
	for b.Loop() {
		verify(b, f, n)
	}
	b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "entries/s")
}

// BenchmarkAppend appends one entry a time from 16 clients. Its anchor is the
// disk: a write of the same size and a sync, one after the other.
func BenchmarkAppend(b *testing.B) {
	f := newFolder(b)
	l := f.open(b)
	const clients = 16
	var wg sync.WaitGroup
	b.ResetTimer()
	for g := range clients {
		wg.Go(func() {
			for i := g; i < b.N; i += clients {
				if err := l.Append(context.Background(), entry(i)); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "appends/s")
	anchor := &journal{dir: b.TempDir(), signer: f.Signer, open: openFile}
	started, n := time.Now(), 0
	for ; time.Since(started) < time.Second; n++ {
		if err := anchor.write(make([]byte, 400)); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(n)/time.Since(started).Seconds(), "bare-syncs/s")
}

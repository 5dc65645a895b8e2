package retrieval_test

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/doorward/doorward/policy"
	"github.com/doorward/doorward/policy/audit"
	"github.com/doorward/doorward/policy/audit/tlog"
	"github.com/doorward/doorward/policy/keys/local"
	"github.com/doorward/doorward/retrieval"
)

// noLog is the anchor: an audit log that keeps nothing.
type noLog struct{}

func (noLog) Append(context.Context, ...audit.Entry) error { return nil }

// BenchmarkDurableAudit asks for 20 passages of 1 KB from 16 clients at once,
// in turns with the durable Merkle log and with a log that keeps nothing, and
// reports the throughput of both and their ratio.
func BenchmarkDurableAudit(b *testing.B) {
	const clients, turn = 16, 700 * time.Millisecond
	w := newWorldOf(b, 400)
	vocabulary := strings.Fields("crane harbour ship anchor rope winch keel mast sail deck cargo pilot tide berth quay buoy")
	var texts []string
	for i := range 1000 {
		var t strings.Builder
		fmt.Fprintf(&t, "d%d", i)
		for j := i; t.Len() < 1000; j++ {
			t.WriteString(" " + vocabulary[(j*j+i)%len(vocabulary)])
		}
		texts = append(texts, t.String())
	}
	w.add("eng", texts...)
	asking := func(log audit.Log) *retrieval.Service {
		c := w.service.Config
		c.Audit = log
		s, err := retrieval.New(c)
		if err != nil {
			b.Fatal(err)
		}
		return s
	}
	bare, durable := asking(noLog{}), asking(openMerkleLog(b))
	var sent atomic.Int64
	work := func(service *retrieval.Service) float64 {
		var done atomic.Int64
		var group sync.WaitGroup
		started := time.Now()
		for range clients {
			group.Go(func() {
				for time.Since(started) < turn {
					i := int(sent.Add(1))
					a, err := service.Retrieve(context.Background(), retrieval.Request{
						Subject: policy.Subject{ID: "ann", Tenant: "acme", Groups: []string{"eng"}, Authn: policy.Authn{Backend: "chat"}},
						Context: policy.Context{Now: w.now, Destination: "internal"}, TopK: 20, Budget: 20000,
						Question: vocabulary[i%len(vocabulary)] + " " + vocabulary[(i/3)%len(vocabulary)]})
					if err != nil || len(a.Passages) != 20 {
						b.Errorf("%d passages, %v", len(a.Passages), err)
						return
					}
					done.Add(1)
				}
			})
		}
		group.Wait()
		return float64(done.Load()) / time.Since(started).Seconds()
	}
	work(bare) // warm
	var without, with, ratios []float64
	for range max(b.N, 12) {
		x, y := work(bare), work(durable)
		z := work(bare) // the anchor on both sides, so that a drift of the machine cancels out
		without, with, ratios = append(without, (x+z)/2), append(with, y), append(ratios, 2*y/(x+z))
	}
	for _, list := range [][]float64{without, with, ratios} {
		slices.Sort(list)
	}
	b.ReportMetric(without[len(without)/2], "without-q/s")
	b.ReportMetric(with[len(with)/2], "durable-q/s")
	b.ReportMetric(ratios[len(ratios)/2], "ratio")
	b.ReportMetric(0, "ns/op")
}

func openMerkleLog(t testing.TB) *tlog.Log {
	t.Helper()
	keys := filepath.Join(t.TempDir(), "audit-keys")
	if err := local.Create(keys, false); err != nil {
		t.Fatal(err)
	}
	signer, err := local.OpenSigner(keys)
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := local.OpenVerifier(keys)
	if err != nil {
		t.Fatal(err)
	}
	log, err := tlog.Open(context.Background(), tlog.Config{Dir: filepath.Join(t.TempDir(), "audit"), Signer: signer, Verifier: verifier})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := log.Close(); err != nil {
			t.Error(err)
		}
	})
	return log
}

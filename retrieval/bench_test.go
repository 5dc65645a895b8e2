package retrieval_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/doorward/doorward/policy"
	"github.com/doorward/doorward/policy/keys"
	"github.com/doorward/doorward/retrieval"
	"github.com/doorward/doorward/retrieval/embed"
	"github.com/doorward/doorward/retrieval/index"
)

// BenchmarkSecuredQuery asks for 20 passages of 1 KB, with the bare search of the
// same index for the same passages as the anchor: the difference is what access
// control, receipts, unsealing, sanitising, delimiting and audit cost.
func BenchmarkSecuredQuery(b *testing.B) {
	w := newWorldOf(b, 400)
	rng := rand.New(rand.NewPCG(3, 3))
	vocabulary := strings.Fields("crane harbour ship anchor rope winch keel mast sail deck cargo pilot tide berth quay buoy")
	var texts []string
	for i := range 2000 {
		var t strings.Builder
		fmt.Fprintf(&t, "d%d", i)
		for t.Len() < 1000 {
			t.WriteString(" " + vocabulary[rng.IntN(len(vocabulary))])
			if rng.IntN(12) == 0 {
				t.WriteString(".")
			}
		}
		texts = append(texts, t.String())
	}
	w.add("eng", texts...)
	ctx := context.Background()
	request := func(i int) retrieval.Request {
		return retrieval.Request{Subject: policy.Subject{ID: "ann", Tenant: "acme", Groups: []string{"eng"}, Authn: policy.Authn{Backend: "chat"}},
			Context: policy.Context{Now: w.now, Destination: "internal"}, TopK: 20, Budget: 20000,
			Question: vocabulary[i%len(vocabulary)] + " " + vocabulary[(i/3)%len(vocabulary)]}
	}
	snapshot, err := w.policies.Snapshot()
	if err != nil {
		b.Fatal(err)
	}
	analyzer, err := embed.NewAnalyzer(embed.Config{})
	if err != nil {
		b.Fatal(err)
	}
	key, err := w.ring.Derive("acme", keys.Terms)
	if err != nil {
		b.Fatal(err)
	}
	var bare, secured []float64
	for i := 0; b.Loop(); i++ {
		r := request(i)
		started := time.Now()
		statistics, _ := w.index.Statistics(ctx, "acme")
		f, _, _ := snapshot.Plan(ctx, r.Subject, r.Context)
		hits, err := w.index.Search(ctx, index.Query{Tenant: "acme", Terms: analyzer.Query(key, statistics, r.Question), Filter: f.At(w.now), Limit: 20})
		if err != nil || len(hits) != 20 {
			b.Fatal(len(hits), err)
		}
		bare = append(bare, float64(time.Since(started).Microseconds())/1000)
		started = time.Now()
		a, err := w.service.Retrieve(ctx, r)
		if err != nil || len(a.Passages) != 20 {
			b.Fatal(len(a.Passages), err)
		}
		secured = append(secured, float64(time.Since(started).Microseconds())/1000)
	}
	slices.Sort(bare)
	slices.Sort(secured)
	at := func(list []float64, p int) float64 { return list[min(len(list)-1, len(list)*p/100)] }
	b.ReportMetric(at(bare, 50), "bare-p50-ms")
	b.ReportMetric(at(secured, 50), "secured-p50-ms")
	b.ReportMetric(at(secured, 99), "secured-p99-ms")
	b.ReportMetric(at(secured, 50)-at(bare, 50), "security-p50-ms")
}

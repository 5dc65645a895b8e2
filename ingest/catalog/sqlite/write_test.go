package sqlite

import (
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime/pprof"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/doorward/doorward/ingest/catalog"
	"github.com/doorward/doorward/ingest/receipt"
	"github.com/doorward/doorward/ingest/signal"
	"github.com/doorward/doorward/policy"
	"github.com/doorward/doorward/retrieval/embed"
	"github.com/doorward/doorward/sanitize/fingerprint"
)

// written is the n-th of many documents of 10 KB as ingest writes them.
func written(r *rand.Rand, n int) (catalog.Arrival, catalog.Version) {
	const words = "the answer of a patient's cell was 12 % \"higher\" in these groups than it is\n"
	text := strings.Repeat(words, 10_000/len(words)+1)
	ref := catalog.Ref{Tenant: "acme", Document: fmt.Sprintf("texts~d%07d", n), Version: fmt.Sprintf("%064x", sha256.Sum256([]byte(strconv.Itoa(n))))}
	prov := catalog.Provenance{Batch: "batch-1", Submitter: "local"}
	a := catalog.Arrival{Tenant: ref.Tenant, ID: ref.Document, Source: "texts", Name: "d.txt", URI: "file:///data/texts.jsonl#L" + strconv.Itoa(n), MediaType: "text/plain",
		Content: ref.Version, Claimed: map[string]any{"groups": []any{"staff"}}, Bytes: []byte(text), Received: time.Unix(1_800_000_000, 0), Provenance: prov}
	v := catalog.Version{Ref: ref, Source: a.Source, URI: a.URI, MediaType: a.MediaType, Content: a.Content, Revision: ref.Version[:32], Claimed: ref.Version[32:], Provenance: prov,
		Attributes: policy.Attributes{"groups": []any{"staff"}, "classification": "internal", "level": int64(2), "source": "texts"},
		Receipt:    receipt.Signed{Receipt: receipt.Receipt{Tenant: ref.Tenant, Document: ref.Document, Version: ref.Version, Verdict: "index", Scanner: ref.Version, Policy: ref.Version}, Signature: make([]byte, 64)}}
	for range 640 {
		v.Prints = append(v.Prints, fingerprint.Print(r.Uint64()))
	}
	var s signal.Signature
	for i := range s {
		s[i] = uint32(r.Uint64())
	}
	v.Signature = s.Encode()
	for i := range 8 {
		id := make([]byte, 16)
		for j := range id {
			id[j] = byte(r.Uint64())
		}
		ch := catalog.Chunk{ID: fmt.Sprintf("%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:]), Document: ref.Document, Version: ref.Version, Ordinal: i, Tokens: 250, Text: text[i*1250 : i*1250+1250], Scanner: ref.Version}
		v.Receipt.Chunks = append(v.Receipt.Chunks, receipt.Chunk{ID: ch.ID})
		terms := make([]embed.Term, 320)
		for j := range terms {
			terms[j] = embed.Term{Key: r.Uint32(), Weight: float32(1+r.IntN(200)) / 64}
		}
		v.Chunks = append(v.Chunks, catalog.StoredChunk{Chunk: ch, Terms: terms})
	}
	return a, v
}

// TestWriting measures what the catalog takes of a document of 10 KB, by processor
// time beside a SHA-256 of as many bytes. DOORWARD_BENCH_WRITING is how many
// documents.
func TestWriting(t *testing.T) {
	n, _ := strconv.Atoi(os.Getenv("DOORWARD_BENCH_WRITING"))
	if n <= 0 {
		t.Skip("a measurement: set DOORWARD_BENCH_WRITING to a number of documents")
	}
	cat, err := Open(t.Context(), Config{Dir: t.TempDir(), Keys: ring(t), Keep: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	defer cat.Close()
	if p := os.Getenv("DOORWARD_BENCH_PROFILE"); p != "" {
		f, _ := os.Create(p)
		pprof.StartCPUProfile(f)
		defer pprof.StopCPUProfile()
	}
	r := rand.New(rand.NewPCG(1, 1))
	var receive, intend, commit, anchor time.Duration
	timed := func(to *time.Duration, fn func() error) {
		before := spent()
		if err := fn(); err != nil {
			t.Fatal(err)
		}
		*to += spent() - before
	}
	const batch = 64
	for from := 0; from < n; from += batch {
		var arrivals []catalog.Arrival
		var versions []catalog.Version
		var refs []catalog.Ref
		for i := range batch {
			a, v := written(r, from+i)
			arrivals, versions, refs = append(arrivals, a), append(versions, v), append(refs, v.Ref)
		}
		timed(&anchor, func() error {
			for range 20 {
				for _, a := range arrivals {
					sha256.Sum256(a.Bytes)
				}
			}
			return nil
		})
		timed(&receive, func() error { return cat.Receive(t.Context(), arrivals) })
		timed(&intend, func() error { return cat.Intend(t.Context(), versions) })
		timed(&commit, func() error { return cat.Commit(t.Context(), refs) })
	}
	each := func(d time.Duration) time.Duration { return (d / time.Duration(n)).Round(time.Microsecond) }
	all := receive + intend + commit
	t.Logf("a document: receive %v, intend %v, commit %v, all %v of processor time; %.1f times its SHA-256 20 times", each(receive), each(intend), each(commit), each(all), float64(all)/float64(anchor))
}

// spent is the processor time of this process.
func spent() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

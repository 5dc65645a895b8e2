package relational

import (
	"bytes"
	"context"
	"encoding/binary"
	"slices"
	"sort"
	"sync"
	"sync/atomic"
	"time"

	"github.com/doorward/doorward/ingest/catalog"
	"github.com/doorward/doorward/sanitize/fingerprint"
)

// printings is where the fingerprints of each tenant's protected documents are
// found by print. It is memory only, filled from the table printed when a tenant
// is first asked about, and brought up to date before every answer.
type printings struct {
	last    atomic.Int64 // the last number this process gave, where it is the only one
	mu      sync.Mutex
	tenants map[string]*printing
}

// printing finds documents by print. Entries are the upper half of a print and a
// document's number, in sorted runs; a few large runs and then smaller ones, so
// that each entry is moved about log n times. Entries of documents that changed
// or went stay until the tenant is read anew, which happens when there may be as many
// of them as of others; every hit is checked.
type printing struct {
	mu        sync.Mutex
	from      int64 // rows numbered lower have been read
	whole     int   // documents there were when all was read
	documents []printedDocument
	number    map[string]uint32 // document → number of its latest row
	runs      [][]uint64
}

type printedDocument struct {
	id  string
	seq int64
}

// nextSeq numbers the changes of a database that has one writer. Nothing remembers
// numbers longer than the process.
func (p *printings) nextSeq(now time.Time) int64 {
	for {
		last := p.last.Load()
		next := max(last+1, now.UnixNano())
		if p.last.CompareAndSwap(last, next) {
			return next
		}
	}
}

// putPrints keeps a document's fingerprints; those of its version before must be
// gone, see [clearBeside].
func (c *Catalog) putPrints(ctx context.Context, tx Tx, v catalog.Version) error {
	if len(v.Prints) == 0 {
		return nil
	}
	if change := c.db.Dialect().Change; change != "" {
		return tx.Queue(ctx, `insert into printed (tenant, document, seq, prints) values (?, ?, `+change+`, ?)`+overPrinted, v.Tenant, v.Document, v.Prints.Bytes())
	}
	return tx.Queue(ctx, `insert into printed (tenant, document, seq, prints) values (?, ?, ?, ?)`+overPrinted,
		v.Tenant, v.Document, c.printings.nextSeq(c.now()), v.Prints.Bytes())
}

const overPrinted = ` on conflict (tenant, document) do update set seq = excluded.seq, prints = excluded.prints`

// Owners returns, for each print, the live protected documents that keep it. It
// is what the output filter asks (sanitize/output.Protected).
func (c *Catalog) Owners(ctx context.Context, tenant string, prints []fingerprint.Print) ([][]string, error) {
	out, err := c.ownersBefore(ctx, tenant, prints)
	if err != nil {
		return nil, unavailable("reading fingerprints", err)
	}
	c.printings.mu.Lock()
	if c.printings.tenants == nil {
		c.printings.tenants = map[string]*printing{}
	}
	t := c.printings.tenants[tenant]
	if t == nil {
		t = &printing{number: map[string]uint32{}}
		c.printings.tenants[tenant] = t
	}
	c.printings.mu.Unlock()
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.update(ctx, c, tenant); err != nil {
		return nil, unavailable("reading fingerprints", err)
	}
	if err := t.find(ctx, c, tenant, prints, out); err != nil {
		return nil, unavailable("reading fingerprints", err)
	}
	return out, nil
}

// ownersBefore asks the rows of before, one for each print.
func (c *Catalog) ownersBefore(ctx context.Context, tenant string, prints []fingerprint.Print) ([][]string, error) {
	keys := make([]int64, len(prints))
	for i, p := range prints {
		keys[i] = int64(p)
	}
	list, err := c.list(keys)
	if err != nil {
		return nil, err
	}
	owners := map[int64][]string{}
	err = each(ctx, c.db, func(r Rows) error {
		var print int64
		var document string
		if err := r.Scan(&print, &document); err != nil {
			return err
		}
		owners[print] = append(owners[print], document)
		return nil
	}, c.owners, tenant, list)
	out := make([][]string, len(prints))
	for i, k := range keys {
		out[i] = owners[k]
	}
	return out, err
}

// staleDocuments is how many changed or gone documents' entries do not matter.
const staleDocuments = 256

// forget has all rows read anew.
func (t *printing) forget() {
	t.runs, t.documents, t.number, t.from, t.whole = nil, nil, map[string]uint32{}, 0, 0
}

// update reads the rows written since the last time.
func (t *printing) update(ctx context.Context, c *Catalog, tenant string) error {
	if len(t.documents) > 2*t.whole+staleDocuments {
		t.forget()
	}
	anew := len(t.documents) == 0
	var run []uint64
	next := t.from
	if settled := c.db.Dialect().Settled; settled != "" { // asked first: what is committed in between is read twice
		if err := one(ctx, c.db, settled, nil, &next); err != nil {
			return err
		}
	}
	err := each(ctx, c.db, func(r Rows) error {
		var d printedDocument
		var set []byte
		if err := r.Scan(&d.id, &d.seq, &set); err != nil {
			return err
		}
		if n, ok := t.number[d.id]; ok && t.documents[n].seq == d.seq {
			return nil
		}
		n := uint32(len(t.documents))
		t.documents, t.number[d.id] = append(t.documents, d), n
		for ; len(set) >= 8; set = set[8:] {
			run = append(run, binary.BigEndian.Uint64(set)&^0xffffffff|uint64(n))
		}
		if c.db.Dialect().Settled == "" {
			next = max(next, d.seq+1)
		}
		return nil
	}, `select document, seq, prints from printed where tenant = ? and seq >= ? order by seq`, tenant, t.from)
	if err != nil {
		t.forget() // from the beginning, next time
		return err
	}
	if t.from = next; anew {
		t.whole = len(t.documents)
	}
	if len(run) > 0 {
		slices.Sort(run)
		t.add(run)
	}
	return nil
}

// add appends a run and merges it with those before it that are no larger.
func (t *printing) add(run []uint64) {
	for n := len(t.runs); n > 0 && len(t.runs[n-1]) <= 2*len(run); n = len(t.runs) {
		run = merged(t.runs[n-1], run)
		t.runs = t.runs[:n-1]
	}
	t.runs = append(t.runs, run)
}

func merged(a, b []uint64) []uint64 {
	out := make([]uint64, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		if a[0] <= b[0] {
			out, a = append(out, a[0]), a[1:]
		} else {
			out, b = append(out, b[0]), b[1:]
		}
	}
	return append(append(out, a...), b...)
}

// find adds the owners of prints to out, each checked against its row: that it
// is still there, and holds the whole print.
func (t *printing) find(ctx context.Context, c *Catalog, tenant string, prints []fingerprint.Print, out [][]string) error {
	hits := map[string][]int{} // document → which prints
	for i, p := range prints {
		high := uint64(p) &^ 0xffffffff
		for _, run := range t.runs {
			at := sort.Search(len(run), func(k int) bool { return run[k] >= high })
			for ; at < len(run) && run[at]&^0xffffffff == high; at++ {
				d := t.documents[uint32(run[at])]
				if n := t.number[d.id]; n == uint32(run[at]) {
					hits[d.id] = append(hits[d.id], i)
				}
			}
		}
	}
	if len(hits) == 0 {
		return nil
	}
	ids := make([]string, 0, len(hits))
	for id := range hits {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	list, err := c.list(ids)
	if err != nil {
		return err
	}
	err = each(ctx, c.db, func(r Rows) error {
		var id string
		var set []byte
		if err := r.Scan(&id, &set); err != nil {
			return err
		}
		for _, i := range hits[id] {
			if holds(set, prints[i]) && !slices.Contains(out[i], id) {
				out[i] = append(out[i], id)
			}
		}
		return nil
	}, `select document, prints from printed where tenant = ? and `+c.in("document"), tenant, list)
	for i := range out {
		slices.Sort(out[i])
	}
	return err
}

// holds looks a print up in a row.
func holds(set []byte, p fingerprint.Print) bool {
	var want [8]byte
	binary.BigEndian.PutUint64(want[:], uint64(p))
	n := len(set) / 8
	at := sort.Search(n, func(i int) bool { return bytes.Compare(set[8*i:8*i+8], want[:]) >= 0 })
	return at < n && bytes.Equal(set[8*at:8*at+8], want[:])
}

package relational

import (
	"crypto/sha256"
	"hash"
	"sync"

	"github.com/doorward/doorward/ingest/catalog"
)

// decoded remembers what documents' rows decode to, by a hash of all the bytes
// that are decoded: every question reads the row, and only unchanged bytes are
// not decoded again. It never stands in for the database: a document that was
// changed, withdrawn or erased is not found by its former bytes.
//
// Remembered documents are shared; nobody may change their attributes, findings
// or receipts. When half of the memory is used, the older half is forgotten.
type decoded struct {
	mu       sync.Mutex
	size     int // bytes that the entries of now were decoded from
	now, old map[[sha256.Size]byte]catalog.Document
}

// halfDecoded bounds the bytes that one half was decoded from.
const halfDecoded = 8 << 20

// of returns the document with what its row decodes to.
func (m *decoded) of(d catalog.Document, raw rawDocument, decode func(catalog.Document, rawDocument) (catalog.Document, error)) (catalog.Document, error) {
	k := raw.key(d)
	m.mu.Lock()
	known, ok := m.now[k]
	if !ok {
		known, ok = m.old[k]
	}
	m.mu.Unlock()
	if ok { // times and who handed it in are not part of the key
		known.Received, known.Updated, known.Batch, known.Submitter = d.Received, d.Updated, d.Batch, d.Submitter
		return known, nil
	}
	d, err := decode(d, raw)
	if err != nil || d.State != catalog.Live {
		return d, err
	}
	d = d.Computed()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.size += len(raw.attributes) + len(raw.findings) + len(raw.signed) + len(raw.sealed); m.now == nil || m.size > halfDecoded {
		m.now, m.old, m.size = map[[sha256.Size]byte]catalog.Document{}, m.now, 0
	}
	m.now[k] = d
	return d, nil
}

// forget drops everything, so that nothing of an erased document stays.
func (m *decoded) forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.now, m.old, m.size = nil, nil, 0
}

// key is a hash of every column but the last four.
func (raw rawDocument) key(d catalog.Document) (k [sha256.Size]byte) {
	h := sha256.New()
	for _, s := range []string{d.Tenant, d.ID, d.Source, string(d.State), d.Version, d.MediaType, d.Content, raw.attributes, raw.findings} {
		part(h, []byte(s))
	}
	part(h, raw.signed)
	part(h, raw.sealed)
	h.Sum(k[:0])
	return k
}

// part writes a part so that no two lists of parts are written alike.
func part(h hash.Hash, b []byte) {
	n := len(b)
	h.Write([]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)})
	h.Write(b)
}

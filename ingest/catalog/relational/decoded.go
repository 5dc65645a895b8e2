package relational

import (
	"crypto/sha256"
	"hash"

	"github.com/doorward/doorward/ingest/catalog"
	"github.com/doorward/doorward/policy/recent"
)

// decoded remembers what documents' rows decode to, by a hash of all the bytes
// that are decoded: every question reads the row, and only unchanged bytes are
// not decoded again. It never stands in for the database: a document that was
// changed, withdrawn or erased is not found by its former bytes.
//
// Remembered documents are shared; nobody may change their attributes, findings
// or receipts.
type decoded struct {
	by *recent.Map[[sha256.Size]byte, catalog.Document]
}

// mostDecoded bounds the bytes that remembered documents were decoded from.
const mostDecoded = 16 << 20

func newDecoded() decoded {
	return decoded{recent.New[[sha256.Size]byte, catalog.Document](mostDecoded)}
}

// of returns the document with what its row decodes to.
func (m decoded) of(d catalog.Document, raw rawDocument, decode func(catalog.Document, rawDocument) (catalog.Document, error)) (catalog.Document, error) {
	k := raw.key(d)
	if known, ok := m.by.Get(k); ok { // times and who handed it in are not part of the key
		known.Received, known.Updated, known.Batch, known.Submitter = d.Received, d.Updated, d.Batch, d.Submitter
		return known, nil
	}
	d, err := decode(d, raw)
	if err != nil || d.State != catalog.Live {
		return d, err
	}
	d = d.Computed()
	m.by.Put(k, d, raw.size())
	return d, nil
}

// forget drops everything, so that nothing of an erased document stays.
func (m decoded) forget() { m.by.Forget() }

// size is how many bytes it holds.
func (raw rawDocument) size() int {
	return len(raw.attributes) + len(raw.findings) + len(raw.signed) + len(raw.sealed)
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

package relational

import (
	"bytes"

	"github.com/doorward/doorward/ingest/catalog"
	"github.com/doorward/doorward/policy/recent"
)

// intended remembers the versions this process stored last, which it is about to
// commit, beside their sealed records: while the row has the very bytes that were
// written, they need not be opened and decoded to know what they say. It never
// stands in for the database.
type intended struct {
	by *recent.Map[catalog.Ref, intent]
}

type intent struct {
	version catalog.Version
	record  []byte
}

// mostIntended bounds the bytes of remembered records; a batch has far fewer.
const mostIntended = 4 << 20

func newIntended() intended { return intended{recent.New[catalog.Ref, intent](mostIntended)} }

// put remembers a version, which nobody may change from then on.
func (m intended) put(v catalog.Version, record []byte) {
	v.Chunks = nil
	m.by.Put(v.Ref, intent{v, record}, len(record))
}

// get is the version whose sealed record is given.
func (m intended) get(r catalog.Ref, record []byte) (catalog.Version, bool) {
	known, ok := m.by.Get(r)
	if !ok || !bytes.Equal(known.record, record) {
		return catalog.Version{}, false
	}
	return known.version, true
}

// forget drops everything, so that nothing of an erased document stays.
func (m intended) forget() { m.by.Forget() }

package relational

import (
	"context"
	"sync"

	"github.com/doorward/doorward/ingest/catalog"
)

// Versioned is a database that tells cheaply whether anything was committed.
type Versioned interface {
	// DataVersion returns a number that is another one after any commit, whoever
	// made it. It asks the database, and fails where that cannot be read.
	DataVersion(ctx context.Context) (int64, error)
}

// hot holds live documents and opened chunks as they were read at one version of
// the database. Every question asks for the version first: with any commit since,
// by whomever, all of it is dropped and read anew, so that what is answered from
// here is what the database would have answered. A database that is not
// [Versioned] is always read.
//
// It holds text of passages that were found lately, unsealed, in memory; as little
// as [mostHot] says, and nothing after a commit or an erasure.
type hot struct {
	mu        sync.Mutex
	version   int64
	size      int
	documents map[hotKey]catalog.Document
	chunks    map[hotKey]catalog.Chunk
}

type hotKey struct{ tenant, id string }

// mostHot bounds what is held, in bytes; beyond it the holding starts anew.
const mostHot = 16 << 20

// at asks for the version and drops what is older. ok is false where nothing can
// be held.
func (h *hot) at(ctx context.Context, db DB) (version int64, ok bool, err error) {
	v, ok := db.(Versioned)
	if !ok {
		return 0, false, nil
	}
	if version, err = v.DataVersion(ctx); err != nil {
		return 0, false, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if version != h.version {
		h.clear()
		h.version = version
	}
	return version, true, nil
}

func (h *hot) clear() {
	h.documents, h.chunks, h.size = map[hotKey]catalog.Document{}, map[hotKey]catalog.Chunk{}, 0
}

// forget drops everything, so that nothing of an erased document stays.
func (h *hot) forget() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.clear()
}

// held moves what is held of ids to out and returns the others.
func held[V any](h *hot, of func(*hot) map[hotKey]V, version int64, tenant string, ids []string, out map[string]V) (others []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.version != version {
		return ids
	}
	for _, id := range ids {
		if v, ok := of(h)[hotKey{tenant, id}]; ok {
			out[id] = v
		} else {
			others = append(others, id)
		}
	}
	return others
}

// hold keeps what was read after the version was asked for. It may be newer than
// that; then the next version is another.
func hold[V any](h *hot, of func(*hot) map[hotKey]V, version int64, tenant, id string, v V, size int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.version != version {
		return
	}
	if h.size += size; h.size > mostHot {
		h.clear()
		h.size = size
	}
	of(h)[hotKey{tenant, id}] = v
}

func hotDocuments(h *hot) map[hotKey]catalog.Document { return h.documents }

func hotChunks(h *hot) map[hotKey]catalog.Chunk { return h.chunks }

// hotOverhead is what a held value takes beside its text, about.
const hotOverhead = 1 << 10

package ingest

import (
	"context"
	"errors"
	"io"
	"strings"
	"time"
)

// Source is a store of documents. Implementations live in ingest/source and
// pass ingest/source/sourcetest.
type Source interface {
	// Name is the source's configured name, part of every document's provenance.
	Name() string
	// Walk calls fn once for each document now in the source, in an order that
	// does not change while the source does not. An item that exists but cannot
	// be used is still given to fn, with Item.Err set, and the walk goes on.
	//
	// Walk returns nil only when it was complete: a document that was not given
	// to fn is then no longer in the source. It stops at the first error of fn
	// and returns it.
	Walk(ctx context.Context, fn func(Item) error) error
}

// Follower is a Source that can say what changed without a full walk.
type Follower interface {
	Source
	// Changes calls fn for each change since a cursor it returned before, oldest
	// first. since "" means all there is. It returns the next cursor, which
	// covers exactly the changes given to fn, or [ErrCursor] when the cursor is
	// no longer known and a full walk is needed.
	Changes(ctx context.Context, since string, fn func(Change) error) (next string, err error)
}

// Change is one difference between two states of a source.
type Change struct {
	Item
	// Deleted means the document is gone; only ID and URI are set.
	Deleted bool
}

// Item is one document as a source offers it. Everything in it is claimed by
// the source and trusted no further than the source is.
type Item struct {
	// ID is the document id, [A-Za-z0-9._~:-]{1,200}, made from the source's own
	// name for the document. It is empty only when Err is set and the source
	// could not tell which document it was: a pipeline that retires vanished
	// documents must then not do so for this walk.
	ID string
	// URI says where the document is, for people: a path, an object URL, a file
	// and line number.
	URI string
	// Name is the document's own file name, which extraction uses as a hint to
	// its type; it may be empty.
	Name string
	// MediaType is what the source claims; the extractor looks for itself.
	MediaType string
	// Size is the number of bytes Open yields, or -1 when unknown.
	Size int64
	// Fingerprint changes whenever the bytes may have changed, and is cheap to
	// make (size and time, an ETag, an object id). Empty means unknown: read it.
	Fingerprint string
	// Modified is when the source says the bytes last changed; zero if unknown.
	Modified time.Time
	// Attributes are the claimed attributes, after the source's mapping rules
	// and sidecar files, before normalisation against the schema. Document
	// content has no influence on them.
	Attributes map[string]any
	// Own are the attributes as the connector itself claims them, before mapping
	// rules: what its manifest is about. Nil when it claims none.
	Own map[string]any
	// Manifest is the connector's signed statement about the document, if it
	// made one; the pipeline verifies it.
	Manifest []byte
	// Open reads the bytes. It may be called more than once. It is nil when the
	// bytes cannot be read, and Err then says why.
	Open func(ctx context.Context) (io.ReadCloser, error)
	// Err is why the item cannot be used as it is: one of the sentinels of this
	// package, wrapped. With Open set, only the attributes are unusable
	// (ErrAttributes): the document can be received and held.
	Err error
}

// Sentinel errors of sources, found by errors.Is in Item.Err and in Walk's error.
var (
	// ErrUnreadable means the source has the document but does not give its bytes.
	ErrUnreadable = errors.New("document cannot be read")
	// ErrTooLarge means the document is over the source's size limit.
	ErrTooLarge = errors.New("document is too large")
	// ErrNotRegular means a link leaving the source, a device, a pipe or a socket.
	ErrNotRegular = errors.New("not a regular file inside the source")
	// ErrMalformed means a record or sidecar file that is not as it should be.
	ErrMalformed = errors.New("malformed record")
	// ErrDuplicate means two documents of one source claim the same id.
	ErrDuplicate = errors.New("document id is used twice")
	// ErrAttributes means the mapping rules found no value where they need one.
	ErrAttributes = errors.New("attributes cannot be mapped")
	// ErrSource means the source as a whole cannot be read.
	ErrSource = errors.New("source cannot be read")
	// ErrCursor means a change cursor is not known any more.
	ErrCursor = errors.New("change cursor is not known")
)

// MaxID is the most bytes a document id may have.
const MaxID = 200

// ValidID reports whether s can be a document id as it is.
func ValidID(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("._~:-", c) >= 0) {
			return false
		}
	}
	return len(s) > 0 && len(s) <= MaxID
}

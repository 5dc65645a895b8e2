package ingest

import (
	"context"
	"runtime/debug"
)

// largeText is from how many bytes of text on a document is judged while no other
// such is: its views, chunks and terms take tens of times its own size, and several
// at once would take the memory of the service.
const largeText = 1 << 20

// tight is the collector's pace while a large document is in hand: half as much again
// of processor time for garbage that would be as large as the document's views.
const tight = 25

// alone waits until no other large document is in hand. done must be called; it
// gives the memory back.
func (p *Pipeline) alone(ctx context.Context, bytes int) (done func(), err error) {
	if bytes < largeText {
		return func() {}, nil
	}
	select {
	case p.large <- struct{}{}:
		before := debug.SetGCPercent(tight)
		return func() {
			debug.SetGCPercent(before)
			debug.FreeOSMemory()
			<-p.large
		}, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

package ingest

import (
	"context"
	"runtime/debug"
)

// largeText is from how many bytes of text on a document is judged while no other
// such is: its views, chunks and terms take tens of times its own size, and several
// at once would take the memory of the service.
const largeText = 1 << 20

// alone waits until no other large document is in hand. done must be called; it
// gives the memory back.
func (p *Pipeline) alone(ctx context.Context, bytes int) (done func(), err error) {
	if bytes < largeText {
		return func() {}, nil
	}
	select {
	case p.large <- struct{}{}:
		return func() {
			debug.FreeOSMemory()
			<-p.large
		}, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

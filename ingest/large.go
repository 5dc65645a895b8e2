package ingest

import (
	"context"
	"errors"
	"sync"

	"github.com/doorward/doorward/policy/heap"
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
		loosen := heap.Process.Tighten() // garbage would be as large as the document's views
		return func() {
			loosen()
			<-p.large
		}, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// defaultInHand is how many bytes of text are judged and not settled yet at once, of
// all batches: what became of them takes about as much again, several times. A
// document with more is in hand by itself. A small file may hold hundreds of times
// its size.
const defaultInHand = 8 << 20

// textSize is how long a document's text is known to be; 0 before it was read.
func (w *work) textSize() int {
	if w.read == nil {
		return 0
	}
	return w.read.size
}

// partsOf divides a measured batch so that each part may be in hand at once.
func (p *Pipeline) partsOf(batch []*work) [][]*work {
	var out [][]*work
	from, size := 0, 0
	for i, w := range batch {
		n := w.textSize()
		if i > from && size+n > p.InHand {
			out = append(out, batch[from:i])
			from, size = i, 0
		}
		size += n
	}
	return append(out, batch[from:])
}

// hand waits until there is room for a part. done must be called when it is settled.
func (p *Pipeline) hand(ctx context.Context, part []*work) (done func(), err error) {
	size := 0
	for _, w := range part {
		size += w.textSize()
	}
	n := int64(min(size, p.InHand))
	if err := p.room.Acquire(ctx, n); err != nil {
		return nil, err
	}
	return sync.OnceFunc(func() { p.room.Release(n) }), nil
}

// ErrLarge means a batch whose documents hold too much text to be judged together.
var ErrLarge = errors.New("the batch holds too much text to be judged at once")

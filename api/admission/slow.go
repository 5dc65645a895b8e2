package admission

import "context"

// slowedAPlace is how many may be slowed down at once for each place. One of them
// holds an answer of a few kilobytes and a connection.
const slowedAPlace = 32

// Slowed says that a request is about to be answered late on purpose: its place is
// the next one's from now on, so that whoever is slowed down slows nobody else. It
// reports false where so many are slowed down already that this one has to be
// refused instead. A request without a place may always wait.
func Slowed(ctx context.Context) bool {
	w, ok := ctx.Value(waitingKey{}).(*waiting)
	if !ok {
		return true
	}
	w.once.Do(func() {
		if w.of.slowed.Add(1) > slowedAPlace*int64(w.of.Concurrent) {
			w.of.slowed.Add(-1)
			return
		}
		w.slow = true
		w.leave()
	})
	return w.slow
}

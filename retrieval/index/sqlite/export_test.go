package sqlite

// WithTailSlots returns c with segments made of every n points.
func (c Config) WithTailSlots(n int) Config { c.tailSlots = n; return c }

// WithTailBytes returns c with segments made of the largest tails when all take
// more than n bytes.
func (c Config) WithTailBytes(n int) Config { c.tailBytes = n; return c }

// WithSteps returns c with fn called after every step that writes files, and merging
// only when it is asked for.
func (c Config) WithSteps(fn func(step string)) Config { c.step, c.byHand = fn, true; return c }

// Merge merges what is due.
func (x *Index) Merge() { x.merge() }

// Tails is how many bytes the tails take together, about.
func (x *Index) Tails() int { return int(x.tails.Load()) }

// Living is how many points of a tenant can be found.
func (x *Index) Living(tenant string) int { return x.corpus(tenant).alive() }

package sqlite

// WithTailSlots returns c with segments made of every n points.
func (c Config) WithTailSlots(n int) Config { c.tailSlots = n; return c }

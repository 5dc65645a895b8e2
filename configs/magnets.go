package configs

// Magnets says which documents draw too many questions, and what becomes of them.
type Magnets struct {
	Act    string  `yaml:"act"`    // last, hold, alarm (nothing but that) or off
	Window int     `yaml:"window"` // distinct questions remembered for each tenant, as keyed hashes in memory
	Least  int     `yaml:"least"`  // questions before anything is called a magnet
	Share  float64 `yaml:"share"`  // of the questions for which it must have come up, 0 to 1
	Times  float64 `yaml:"times"`  // its count over the mean of all documents that came up
}

func (c *Config) validateMagnets(v *problems) {
	m := c.Magnets
	v.oneOf("magnets.act", m.Act, "last", "hold", "alarm", "off")
	v.need(m.Least >= 10 && m.Window >= m.Least && m.Window <= 1<<16, "magnets: use 10 or more for least, and for window at least that, 65536 at most")
	v.need(m.Share > 0 && m.Share <= 1, "magnets.share: use more than 0 and at most 1")
	v.need(m.Times >= 1, "magnets.times: use 1 or more")
}

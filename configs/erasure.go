package configs

import (
	"fmt"
	"time"
)

// Erasure says who documents are about, how long they are kept and what keeps
// them.
type Erasure struct {
	// Subjects are the attributes that name a person: erasing a person erases
	// the documents in which one of them is, or contains, that person's id.
	Subjects []string `yaml:"subjects"`
	// Hold is the attribute (bool) that puts a document on legal hold.
	Hold string `yaml:"hold"`
	// Retain is the attribute (time) until which a document is kept.
	Retain string `yaml:"retain"`
	// Keep says how long documents of a source are kept that have no such
	// attribute: source → duration.
	Keep map[string]time.Duration `yaml:"keep"`
	// Every is how often expired documents are erased while serving; 0 never.
	Every time.Duration `yaml:"every"`
}

func (c *Config) validateErasure(v *problems) {
	kind := func(key, path string, kinds ...string) {
		a, declared := c.Schema.Document[path]
		if path == "" || !declared {
			return // an attribute that no document can have
		}
		v.oneOf(key+": the kind of "+path, a.Kind, kinds...)
	}
	kind("erasure.hold", c.Erasure.Hold, "bool")
	kind("erasure.retain", c.Erasure.Retain, "time")
	for i, path := range c.Erasure.Subjects {
		kind(fmt.Sprintf("erasure.subjects[%d]", i), path, "string", "set<string>")
	}
	for source, keep := range c.Erasure.Keep {
		known := false
		for _, s := range c.Sources {
			known = known || s.Name == source
		}
		v.need(known, fmt.Sprintf("erasure.keep: there is no source %q", source))
		v.need(keep > 0, fmt.Sprintf("erasure.keep.%s: use a duration, for example 8760h", source))
	}
	v.need(c.Erasure.Every >= 0, "erasure.every: must not be negative")
}

package index

import (
	"context"
	"fmt"
)

// Export lists a tenant's chunks ascending by id, one line each, so that two
// indexes, or one before and after a crash, can be compared. Vectors are written
// as directions rounded to three digits, because some stores keep them at unit
// length.
func Export(ctx context.Context, s Scroller, tenant string) ([]string, error) {
	var out []string
	err := s.Scroll(ctx, tenant, func(c Chunk) error {
		line := fmt.Sprintf("%s %s %s %d %s %s terms", c.ID, c.Document, c.Version, c.Ordinal, c.Receipt, c.Attributes.Hash())
		for _, t := range c.Terms {
			line += fmt.Sprintf(" %08x:%.4g", t.Key, t.Weight)
		}
		if u := unit(c.Vector); u != nil {
			line += " vector"
			for _, v := range u {
				line += fmt.Sprintf(" %.3f", v+0) // no negative zero
			}
		}
		out = append(out, line)
		return nil
	})
	return out, err
}

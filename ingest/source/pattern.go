package source

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/doorward/doorward/ingest"
)

// pattern is a compiled path pattern.
type pattern = *regexp.Regexp

func patterns(globs []string) ([]pattern, error) {
	out := make([]pattern, 0, len(globs))
	for _, g := range globs {
		re, err := globPattern(g)
		if err != nil {
			return nil, fmt.Errorf("%w: %v", ErrConfig, err)
		}
		out = append(out, re)
	}
	return out, nil
}

func anyMatch(all []pattern, path string) bool {
	return slices.ContainsFunc(all, func(p pattern) bool { return p.MatchString(path) })
}

func sortBy[T any](list []T, key func(T) string) {
	slices.SortFunc(list, func(a, b T) int { return strings.Compare(key(a), key(b)) })
}

// prefixed puts a prefix before an id; a result over the limit is shortened as
// DocumentID shortens names.
func prefixed(prefix, id string) (string, error) {
	if len(prefix)+len(id) <= ingest.MaxID {
		return prefix + id, nil
	}
	return shorten(prefix+id, prefix+id), nil
}

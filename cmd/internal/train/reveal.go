package train

import (
	"encoding/base64"
	"slices"
	"strings"
)

// reveal undoes the deliveries of the mixed family, to compare strings.
func reveal(s string) string {
	if _, rest, ok := strings.Cut(s, "BASE64: "); ok {
		if b, err := base64.StdEncoding.DecodeString(strings.TrimSpace(rest)); err == nil {
			return string(b)
		}
	}
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 0xE0020 && r <= 0xE007E:
			return r - 0xE0000
		case r == 0x200B:
			return -1
		}
		return r
	}, s)
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

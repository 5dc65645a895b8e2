package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"unicode"
)

// plain keeps what documents and people wrote from giving orders to a terminal:
// control characters, and those that change the direction of text, become dots.
type plain struct{ w io.Writer }

func (p plain) Write(b []byte) (int, error) {
	safe := strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || unicode.IsPrint(r) {
			return r
		}
		return '·'
	}, string(b))
	if _, err := io.WriteString(p.w, safe); err != nil {
		return 0, err
	}
	return len(b), nil
}

// counted writes numbers by name, in order: "email 2, override 6".
func counted(counts map[string]int) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		parts = append(parts, fmt.Sprintf("%s %d", name, counts[name]))
	}
	return strings.Join(parts, ", ")
}

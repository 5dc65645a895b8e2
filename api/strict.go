package api

import (
	"encoding/json"
	"fmt"
	"unicode/utf8"
)

// strict refuses what encoding/json reads in its own way and another reader of the
// same bytes may read in a different one: bytes that are no UTF-8, a field given
// twice, and a field of the request whose name differs in case. The data must be
// valid JSON. Its errors hold offsets, and names only where they were given in
// full lower case.
func strict(data []byte) error {
	if !utf8.Valid(data) {
		return fmt.Errorf("%w: the body is not UTF-8", errMalformed)
	}
	var open []map[string]bool // the names of each object around; nil for a list
	key := false               // whether the next string names a field
	for i := 0; i < len(data); i++ {
		switch data[i] {
		case '{':
			open, key = append(open, map[string]bool{}), true
		case '[':
			open, key = append(open, nil), false
		case '}', ']':
			open, key = open[:len(open)-1], false
		case ',':
			key = len(open) > 0 && open[len(open)-1] != nil
		case '"':
			end := stringEnd(data, i)
			if key {
				if err := named(open, data[i:end], i); err != nil {
					return err
				}
			}
			i, key = end-1, false
		}
	}
	return nil
}

// stringEnd returns the offset after the string that begins at i.
func stringEnd(data []byte, i int) int {
	for i++; i < len(data) && data[i] != '"'; i++ {
		if data[i] == '\\' {
			i++
		}
	}
	return min(i+1, len(data))
}

// named notes a field's name in the innermost object, once.
func named(open []map[string]bool, quoted []byte, at int) error {
	var name string
	if err := json.Unmarshal(quoted, &name); err != nil {
		return fmt.Errorf("%w: not JSON at byte %d", errMalformed, at)
	}
	if names := open[len(open)-1]; names[name] {
		return fmt.Errorf("%w: the field at byte %d was given before", errMalformed, at)
	}
	open[len(open)-1][name] = true
	if len(open) > 1 {
		return nil
	}
	for _, c := range name {
		if c >= 'A' && c <= 'Z' {
			return fmt.Errorf("%w: unknown field at byte %d; names are in lower case", errMalformed, at)
		}
	}
	return nil
}

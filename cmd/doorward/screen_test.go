package main

import (
	"bytes"
	"fmt"
	"testing"
)

// TestTerminalsTakeNoOrders: what a held document says is shown, not obeyed.
func TestTerminalsTakeNoOrders(t *testing.T) {
	var out bytes.Buffer
	fmt.Fprintf(plain{&out}, "%s\t%s\n", "a\x1b]0;x\x07b\u202ec", "ünï 中 \xff")
	if got, want := out.String(), "a·]0;x·b·c\tünï 中 ·\n"; got != want && got != "a·]0;x·b·c\tünï 中 \uFFFD\n" {
		t.Errorf("got %q, want %q", got, want)
	}
}

package train

import (
	"slices"
	"testing"
)

func TestDirectives(t *testing.T) {
	const text = "# Setup\n\nThe tool is small. Run `make install` first. It takes a minute.\n- Do not close the window\n- two files\nYou should see version 1.2 now. Thanks!"
	var got []string
	for _, s := range Directives(text) {
		got = append(got, text[s.Start:s.End])
	}
	want := []string{"Run `make install` first.", "Do not close the window", "You should see version 1.2 now."}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

package extract

import "testing"

func TestTerminalControlsShowWhatATerminalShows(t *testing.T) {
	for _, tc := range []struct{ in, seen, dropped string }{
		{"plain", "plain", ""},
		{"ig\x1b[0mnore", "ignore", ""},
		{"ig\x1b[1;31mnore\x1b[0m all", "ignore all", ""},
		{"safe\b\b\b\bignore", "ignore", "efas"},
		{"naï\b\bo", "no", "ïa"},
		{"\x1b]8;;https://evil.example\x07click\x1b]8;;\x07", "click", "8;;https://evil.example8;;"},
		{"\x1b]8;;x\x1b\\y", "y", "8;;x"},
		{"\x1bcx", "x", ""},
		{"a\n\bb", "a\nb", ""},
		{"unended \x1b]8;;https", "unended ]8;;https", ""},
		{"\x1b", "", ""},
	} {
		if seen, dropped := terminal(tc.in); seen != tc.seen || dropped != tc.dropped {
			t.Errorf("%q: seen %q, dropped %q; want %q, %q", tc.in, seen, dropped, tc.seen, tc.dropped)
		}
	}
}

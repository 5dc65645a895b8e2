package train

import (
	"regexp"
	"strings"

	"github.com/doorward/doorward/sanitize"
)

// Directives returns the sentences and list items of a text that tell a reader
// to do something: those that begin with a verb in the imperative and those
// that say please, must, should or do not. They are found by a short list of
// English words, apart from anything the scanner knows, so that what is kept of
// them can be counted.
func Directives(text string) []sanitize.Span {
	var out []sanitize.Span
	for _, at := range sentencePattern.FindAllStringIndex(text, -1) {
		s := text[at[0]:at[1]]
		body := strings.TrimLeft(s, " \t\n-*>#0123456789.)(\"'")
		at[0] += len(s) - len(body)
		if len(body) < 12 || len(body) > 400 || !directive(body) {
			continue
		}
		out = append(out, sanitize.Span{Start: at[0], End: at[1]})
	}
	return out
}

// sentencePattern is a run up to a full stop before a blank, or to a line's end.
var sentencePattern = regexp.MustCompile(`[^\n.!?]+(?:[.!?]+[^\s][^\n.!?]*)*[.!?]*`)

func directive(s string) bool {
	low := strings.ToLower(s)
	first, _, _ := strings.Cut(low, " ")
	if directiveVerbs[strings.Trim(first, ",:;*_`")] && !strings.HasPrefix(low, "use of ") {
		return true
	}
	return orderPattern.MatchString(low)
}

var orderPattern = regexp.MustCompile(`\b(?:please|you must|you should|you need to|you have to|make sure|be sure to|do not|don't|never)\b`)

var directiveVerbs = func() map[string]bool {
	m := map[string]bool{}
	for _, v := range strings.Fields(`add allow apply ask assign attach avoid be begin build call change check choose clean click clone close combine
		compare complete configure connect consider contact copy create define delete deploy describe disable discuss do document
		don't download edit enable ensure enter execute explain export fill find fix follow get give go ignore implement import include
		install keep learn leave let limit list log look make merge move name never note open pay pick place please prefer
		prepare press print provide publish push put read record refer remember remove replace reply report request restart return review run
		save schedule see select send set share show sign specify start stop store submit switch take tell test treat try turn type update upload
		use validate verify visit wait watch write`) {
		m[v] = true
	}
	return m
}()

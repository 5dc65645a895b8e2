package secret

import (
	"math/rand/v2"
	"regexp/syntax"
	"strings"
	"testing"

	"github.com/doorward/doorward/sanitize"
	"github.com/doorward/doorward/sanitize/sanitizetest"
)

// writer makes strings that an expression matches.
type writer struct {
	*rand.Rand
	b strings.Builder
}

func instance(r *rand.Rand, re *syntax.Regexp) string {
	w := writer{Rand: r}
	w.write(re)
	return w.b.String()
}

func (w *writer) write(re *syntax.Regexp) {
	switch re.Op {
	case syntax.OpLiteral:
		w.b.WriteString(string(re.Rune))
	case syntax.OpCharClass:
		w.class(re.Rune)
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		w.b.WriteByte("abcdefghijklmnopqrstuvwxyz0123456789"[w.IntN(36)])
	case syntax.OpCapture, syntax.OpConcat:
		for _, s := range re.Sub {
			w.write(s)
		}
	case syntax.OpAlternate:
		w.write(re.Sub[w.IntN(len(re.Sub))])
	case syntax.OpQuest:
		w.times(re.Sub[0], 0, 1)
	case syntax.OpStar:
		w.times(re.Sub[0], 0, 4)
	case syntax.OpPlus:
		w.times(re.Sub[0], 1, 5)
	case syntax.OpRepeat:
		most := re.Max
		if most < 0 {
			most = re.Min + 20
		}
		w.times(re.Sub[0], re.Min, most)
	}
}

func (w *writer) times(re *syntax.Regexp, least, most int) {
	for range least + w.IntN(most-least+1) {
		w.write(re)
	}
}

// class writes a printable member of a class.
func (w *writer) class(ranges []rune) {
	var list []rune
	for i := 0; i < len(ranges); i += 2 {
		for c := ranges[i]; c <= ranges[i+1] && c < 127; c++ {
			if c == '\n' || c == '\t' || c >= ' ' {
				list = append(list, c)
			}
		}
	}
	if len(list) > 0 {
		w.b.WriteRune(list[w.IntN(len(list))])
	}
}

// TestSameFindingsAsTheLibraryPlanted plants strings made from every rule's
// expression into a document and compares what the library and we find. The
// rules listed in differs are known to.
func TestSameFindingsAsTheLibraryPlanted(t *testing.T) {
	d, s := library(t), onlyGitleaks(t)
	r := rand.New(rand.NewPCG(11, 5))
	found, missed, extra := 0, map[string]int{}, map[string]int{}
	for _, id := range d.Config.OrderedRules {
		if d.Config.Rules[id].Regex == nil {
			continue
		}
		re, err := syntax.Parse(d.Config.Rules[id].Regex.String(), syntax.Perl)
		if err != nil {
			t.Fatal(err)
		}
		for range 8 {
			text := "Some prose before it.\n value " + instance(r, re) + " \nand prose behind it, of no interest.\n"
			want, got := libraryMarks(d, text), ourMarks(t, s, text)
			for m := range want {
				if found++; got[m] == 0 {
					missed[m.rule]++
					if !differs[m.rule] {
						t.Errorf("rule %s, planted by %s: the library finds what we do not", m.rule, id)
					}
				}
			}
			for m := range got {
				if want[m] == 0 {
					extra[m.rule]++
					if !differs[m.rule] {
						t.Errorf("rule %s, planted by %s: we find what the library does not", m.rule, id)
					}
				}
			}
			whole := ourMarks(t, s, text)
			split := map[mark]int{}
			for _, f := range sanitizetest.Stream(t, s, text, func() int { return 1 + r.IntN(9) }) {
				split[mark{f.Rule, text[f.Start:f.End]}]++
			}
			if sortedRules(whole) != sortedRules(split) {
				t.Errorf("planted by %s: scan finds %s, stream %s", id, sortedRules(whole), sortedRules(split))
			}
		}
	}
	t.Logf("%d findings of the library; missed %v, extra %v", found, missed, extra)
}

// differs lists rules that may find other things than the library, and why.
var differs = map[string]bool{
	// gitleaks wants the vendor's name anywhere in the document; a stream cannot
	// wait for it, so these match without it.
	"airtable-personnal-access-token": true,
	"facebook-access-token":           true,
	// gitleaks takes any 40 hexadecimal digits in a document with the vendor's
	// name; we want them behind it on the same line.
	"sourcegraph-access-token": true,
}

func sortedRules(m map[mark]int) string {
	rules := map[string]int{}
	for k := range m {
		rules[k.rule]++
	}
	return sortedMarks(rules)
}

var _ sanitize.Streamer = (*Scanner)(nil)

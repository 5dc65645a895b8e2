package injection

import (
	"encoding/binary"
	"sort"
	"strings"
)

// class is a set of word classes: what a word can do in an instruction, in any
// language of the lexicon. Rules and the model see classes, so that what they
// know about one language holds in the others.
type class uint64

// Word classes.
const (
	cOverride  class = 1 << iota // ignore, disregard, forget
	cPrior                       // previous, above, earlier
	cAll                         // all, any, everything
	cInstr                       // instructions, rules, prompt
	cAI                          // assistant, model, chatbot
	cSystem                      // system, developer, administrator
	cNew                         // new, following, updated, actual
	cTask                        // task, assignment, mission
	cReveal                      // reveal, show, repeat, print
	cSecret                      // password, key, confidential
	cSend                        // send, forward, upload
	cRespond                     // respond, say, answer
	cResponse                    // response, answer, summary (nouns)
	cUser                        // user, reader, customer
	cTell                        // tell, mention, inform
	cUrgent                      // urgent, important, immediately
	cMust                        // must, should, have to
	cPersona                     // pretend, roleplay, persona, DAN
	cYou                         // you, your
	cOnly                        // only, solely, exactly
	cInstead                     // instead
	cNow                         // now, then, next, from now on
	cIf                          // if, when, whenever
	cEncode                      // base64, decode, rot13
	cVerdict                     // recommend, hire, approve, safe
	cFollow                      // follow, obey, execute
	cMode                        // mode, jailbreak, unlocked
	cTool                        // transfer, delete, buy, invoke
	cMy                          // my, our
	cWrite                       // write, explain, list, translate: plain tasks
	cNote                        // note, notice, reminder, update
	cTalk                        // conversation, chat, history
	cChange                      // change, replace, alter
	cLimit                       // restriction, filter, safety, ethics
	cPlease                      // please, kindly
	cNot                         // not, never, without
	cHide                        // silently, secretly, hidden
	cMind                        // attention, focus, remember, consider
	cCome                        // comes, awaits, coming, arrives: announcements
	cDone                        // done, completed, finished, great, well
	cAttack                      // injection, attacker, payload: talk about attacks
	cDrop                        // delete, drop, skip: weaker than override
	classCount = iota
)

// lexicon maps folded words and stems to classes.
type lexicon struct {
	words map[string]class
	// stems are looked up by their first three bytes, longest first. A stem
	// matches at the start of a word, and anywhere in scripts without spaces.
	stems map[uint32][]stem
}

type stem struct {
	text string
	class
}

// entry gives words of one class in one language: words separated by blanks, a
// trailing * marks a stem.
type entry struct {
	class
	words string
}

func newLexicon(tables ...[]entry) *lexicon {
	l := &lexicon{words: map[string]class{}, stems: map[uint32][]stem{}}
	for _, t := range tables {
		for _, e := range t {
			for _, w := range strings.Fields(e.words) {
				l.add(w, e.class)
			}
		}
	}
	for k := range l.stems {
		list := l.stems[k]
		sort.Slice(list, func(i, j int) bool {
			if len(list[i].text) != len(list[j].text) {
				return len(list[i].text) > len(list[j].text)
			}
			return list[i].text < list[j].text
		})
	}
	return l
}

func (l *lexicon) add(w string, c class) {
	text, isStem := strings.CutSuffix(w, "*")
	text = foldWord(text)
	if !isStem {
		l.words[text] |= c
		return
	}
	k := stemKey([]byte(text))
	for i := range l.stems[k] {
		if l.stems[k][i].text == text {
			l.stems[k][i].class |= c
			return
		}
	}
	l.stems[k] = append(l.stems[k], stem{text, c})
}

// foldWord writes a lexicon word as blocks are folded: without accents.
func foldWord(w string) string {
	var b strings.Builder
	for _, r := range w {
		switch c := plainLetter(r); {
		case c != 0:
			b.WriteByte(c)
		case r >= 0x300 && r <= 0x36F, invisible(r):
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// word returns the classes of a folded word.
func (l *lexicon) word(w []byte) class {
	if c, ok := l.words[string(w)]; ok {
		return c
	}
	c, _ := l.stem(w)
	return c
}

// stem returns the classes of the longest stem that w starts with, and its length.
func (l *lexicon) stem(w []byte) (class, int) {
	if len(w) < 3 {
		return 0, 0
	}
	for _, s := range l.stems[stemKey(w)] {
		if len(w) >= len(s.text) && string(w[:len(s.text)]) == s.text {
			return s.class, len(s.text)
		}
	}
	return 0, 0
}

func stemKey(w []byte) uint32 {
	var b [4]byte
	copy(b[:3], w)
	return binary.LittleEndian.Uint32(b[:])
}

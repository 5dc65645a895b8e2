package injection

import "strings"

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

// entry gives words of one class in one language: words separated by blanks, a
// trailing * marks a stem.
type entry struct {
	class
	words string
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

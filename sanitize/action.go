package sanitize

// Action is what policy wants done about a finding. The zero value holds the
// whole text back.
type Action int

// Actions from strictest to laxest.
const (
	Hold         Action = iota // quarantine the document; in output: stop the stream
	Withhold                   // output only: drop the match and say that something was withheld
	Strip                      // remove the span
	Redact                     // replace by a numbered placeholder, [EMAIL_1]
	Pseudonymise               // replace by a keyed pseudonym
	Mask                       // replace all but the last characters
	Neutralise                 // keep the words, break the instruction (quote, defang)
	Flag                       // report only
	Pass                       // ignore
)

var actionWords = [...]string{"hold", "withhold", "strip", "redact", "pseudonymise", "mask", "neutralise", "flag", "pass"}

func (a Action) String() string {
	if a < 0 || int(a) >= len(actionWords) {
		return "hold"
	}
	return actionWords[a]
}

// ParseAction reads an action word as policies write it. "quarantine" and
// "stop" mean [Hold]. ok is false for anything else, and the action is Hold.
func ParseAction(word string) (a Action, ok bool) {
	switch word {
	case "quarantine", "stop":
		return Hold, true
	}
	for i, w := range actionWords {
		if w == word {
			return Action(i), true
		}
	}
	return Hold, false
}

// Actions maps a rule ("rule"), a type ("EMAIL") or a kind ("pii") to an action.
type Actions map[string]Action

// ParseActions reads an action table from a policy's answer. Unknown words hold.
func ParseActions(words map[string]string) Actions {
	t := make(Actions, len(words))
	for k, w := range words {
		t[k], _ = ParseAction(w)
	}
	return t
}

// For returns the action for a finding: by rule, else by type, else by kind,
// else the entry "*", else Hold.
func (t Actions) For(f Finding) Action {
	for _, k := range [...]string{f.Rule, f.Type, string(f.Kind), "*"} {
		if a, ok := t[k]; ok && k != "" {
			return a
		}
	}
	return Hold
}

package train

// Grammar is one grammar and how many texts are made from it.
type Grammar struct {
	Name  string
	Texts int
}

// Grammars lists what [Synthesise] makes: attacks first, then harmless texts.
// Those about languages are both.
func Grammars() []Grammar {
	var out []Grammar
	for _, name := range attackGrammars {
		out = append(out, Grammar{name + " (attacks)", positivesEach})
	}
	return append(out, Grammar{"benign", negativeTexts}, Grammar{"everyday", everydayTexts}, Grammar{"papers", paperTexts},
		Grammar{"stages", stageTexts}, Grammar{"languages (both)", foreignTexts})
}

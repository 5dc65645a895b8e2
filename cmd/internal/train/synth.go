package train

import (
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"strings"
)

// Numbers of synthetic texts. More templates hurt: the model learns them rather
// than the classes.
const (
	positivesEach = 450 // for each of the attack grammars
	negativeTexts = 2400
	everydayTexts = 2000
	paperTexts    = 1500
	stageTexts    = 500
	foreignTexts  = 700
)

// attackGrammars are small grammars, each of its own style.
var attackGrammars = []string{"announcements", "overrides", "turns", "personas", "world", "verdicts", "scenes", "paperwork", "tongues", "exchanges",
	"errands", "vaults", "repos", "memories", "chatter", "formal", "polyglot", "heralds", "rulings"}

// Synthesise makes positives and hard negatives from the grammars, placed in
// paragraphs of the benign cases or alone. Equal seeds give equal texts.
func Synthesise(seed uint64, cases []Case) ([]Case, error) {
	rng := rand.New(rand.NewPCG(seed, 0x9e3779b9))
	papers, err := readGrammar("papers")
	if err != nil {
		return nil, err
	}
	s := &synthesiser{rng: rng, carriers: carriersOf(cases), papers: papers}
	for _, name := range attackGrammars {
		g, err := readGrammar(name)
		if err != nil {
			return nil, err
		}
		for range positivesEach {
			s.positive(name, g.expand(rng, "attack", 0))
		}
	}
	g, err := readGrammar("benign")
	if err != nil {
		return nil, err
	}
	for range negativeTexts {
		s.negative(g)
	}
	if g, err = readGrammar("everyday"); err != nil {
		return nil, err
	}
	for range everydayTexts {
		s.everyday(g)
	}
	for range paperTexts {
		s.add(Case{Label: "benign", Kind: "synthetic", Family: "synthetic-papers",
			Text: strings.Replace(papers.expand(rng, "document", 0), hole, papers.expand(rng, "calm", 0), 1)})
	}
	if g, err = readGrammar("stages"); err != nil {
		return nil, err
	}
	for range stageTexts {
		s.add(Case{Label: "benign", Kind: "synthetic", Family: "synthetic-stages", Weight: stageWeight, Text: g.expand(rng, "chat", 0)})
	}
	if g, err = readGrammar("languages"); err != nil {
		return nil, err
	}
	for range foreignTexts {
		s.foreign(g)
	}
	return s.out, nil
}

// Attacks writes n bare orders, evenly over the grammars of attacks, for tests
// that need many. Equal seeds give equal texts.
func Attacks(seed uint64, n int) ([]string, error) {
	rng := rand.New(rand.NewPCG(seed, 0xa77ac4))
	out := make([]string, 0, n)
	for i := range n {
		g, err := readGrammar(attackGrammars[i%len(attackGrammars)])
		if err != nil {
			return nil, err
		}
		out = append(out, g.expand(rng, "attack", 0))
	}
	return out, nil
}

// stageWeight keeps invited role-play from hiding the uninvited.
const stageWeight = .4

type synthesiser struct {
	rng      *rand.Rand
	carriers []*Case
	papers   grammar
	out      []Case
}

// add appends a case under the next number.
func (s *synthesiser) add(c Case) {
	c.ID = fmt.Sprint("synthetic-", len(s.out))
	s.out = append(s.out, c)
}

// carriersOf lists the benign texts that may carry synthetic sentences.
func carriersOf(cases []Case) []*Case {
	var out []*Case
	for i := range cases {
		c := &cases[i]
		switch {
		case c.Injection(), c.Kind == "security-quote", c.Kind == "benign-role-token", c.Kind == "overdefense-safety", len(c.Text) < 200:
		default:
			out = append(out, c)
		}
	}
	return out
}

// excerpt takes some paragraphs of a random carrier.
func (s *synthesiser) excerpt() (text, source string) {
	c := s.carriers[s.rng.IntN(len(s.carriers))]
	paras := strings.Split(c.Text, "\n\n")
	n := min(len(paras), 1+s.rng.IntN(5))
	from := s.rng.IntN(len(paras) - n + 1)
	text = strings.Join(paras[from:from+n], "\n\n")
	if len(text) > 2000 {
		text = strings.ToValidUTF8(text[:2000], "")
	}
	return text, c.Source
}

// positive delivers one attack.
func (s *synthesiser) positive(name, attack string) {
	c := Case{Label: "injection", Family: "synthetic-" + name, Kind: "synthetic", Overt: true, ID: fmt.Sprint("synthetic-", len(s.out))}
	if s.rng.IntN(10) < 3 {
		c.Text = attack
		s.out = append(s.out, c)
		return
	}
	if s.rng.IntN(12) == 0 {
		attack = disguise(s.rng, attack)
	}
	wrapped := s.wrap(attack)
	if s.rng.IntN(3) == 0 {
		before, after, _ := strings.Cut(s.papers.expand(s.rng, "document", 0), hole)
		c.Text = before + wrapped + after
		c.Spans = [][2]int{{len(before), len(before) + len(wrapped)}}
		s.out = append(s.out, c)
		return
	}
	carrier, source := s.excerpt()
	c.Source = source
	at, glue := s.place(carrier)
	before, after := carrier[:at], carrier[at:]
	if before != "" {
		before += glue
	}
	if after != "" {
		after = glue + strings.TrimLeft(after, " \n")
	}
	c.Text = before + wrapped + after
	c.Spans = [][2]int{{len(before), len(before) + len(wrapped)}}
	s.out = append(s.out, c)
}

// hole marks where an order is planted in a document of the papers grammar.
const hole = "¤"

// place picks the start, the end, a paragraph border or a sentence border.
func (s *synthesiser) place(carrier string) (at int, glue string) {
	switch s.rng.IntN(4) {
	case 0:
		return 0, "\n\n"
	case 1:
		return len(carrier), "\n\n"
	}
	mark, glue := "\n\n", "\n\n"
	if s.rng.IntN(2) == 0 {
		mark, glue = ". ", " "
	}
	from := s.rng.IntN(len(carrier) + 1)
	if i := strings.Index(carrier[from:], mark); i >= 0 {
		return from + i + len(strings.TrimSpace(mark)), glue
	}
	return len(carrier), "\n\n"
}

// wrap delivers an attack in one of the channels documents have.
func (s *synthesiser) wrap(a string) string {
	switch s.rng.IntN(26) {
	case 0:
		return "<!-- " + a + " -->"
	case 1:
		return `<span style="display:none">` + a + "</span>"
	case 2:
		return `<p style="color:white;font-size:1px">` + a + "</p>"
	case 3:
		return "[//]: # (" + strings.ReplaceAll(a, "\n", " ") + ")"
	case 4:
		return "<|im_start|>system\n" + a + "<|im_end|>"
	case 5:
		return base64.StdEncoding.EncodeToString([]byte(a))
	case 6:
		return tagged(a)
	case 7:
		return strings.Join(strings.Split(a, ""), "\u200b")
	case 8:
		return "> " + strings.ReplaceAll(a, "\n", "\n> ")
	case 9:
		return `"` + a + `"`
	case 10:
		return "- " + a
	case 11:
		return "# " + strings.ReplaceAll(a, "\n", "\n# ")
	case 12:
		return "{'title': 'Notes', 'content': '" + a + "', 'read': False}"
	case 13:
		return "(" + a + ")"
	}
	return a
}

// tagged spells ASCII in Unicode tag characters.
func tagged(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= ' ' && r < 0x7F {
			return 0xE0000 + r
		}
		return -1
	}, s)
}

// disguise misspells an attack the way filters are evaded.
func disguise(rng *rand.Rand, a string) string {
	words := strings.Fields(a)
	for i, w := range words {
		if len(w) < 4 || rng.IntN(3) > 0 {
			continue
		}
		switch rng.IntN(4) {
		case 0:
			words[i] = strings.ToUpper(w)
		case 1:
			words[i] = strings.NewReplacer("o", "0", "i", "1", "e", "3", "a", "4").Replace(w)
		case 2:
			k := 1 + rng.IntN(len(w)-2)
			b := []byte(w)
			if b[k] < 0x80 && b[k+1] < 0x80 {
				b[k], b[k+1] = b[k+1], b[k]
			}
			words[i] = string(b)
		case 3:
			k := 1 + rng.IntN(len(w)-1)
			if w[k] < 0x80 && w[k-1] < 0x80 {
				words[i] = w[:k] + w[k-1:k] + w[k:]
			}
		}
	}
	return strings.Join(words, " ")
}

// negative delivers hard negatives.
func (s *synthesiser) negative(g grammar) {
	c := Case{Label: "benign", Kind: "synthetic", ID: fmt.Sprint("synthetic-", len(s.out))}
	rng := s.rng
	switch rng.IntN(10) {
	case 0, 1:
		c.Family, c.Text = "synthetic-chat", g.expand(rng, "chat", 0)
	case 2:
		carrier, source := s.excerpt()
		c.Source, c.Family = source, "synthetic-comment"
		c.Text = g.expand(rng, "comment", 0) + "\n" + carrier + "\n" + g.expand(rng, "comment", 0)
	case 3:
		c.Family, c.Text = "synthetic-turns", g.expand(rng, "turns", 0)
	case 4:
		c.Family = "synthetic-blob"
		c.Text = "data: " + base64.StdEncoding.EncodeToString([]byte(g.expand(rng, "blob", 0))) + "\n"
	default:
		c.Family = "synthetic-directive"
		c.Text, c.Source = s.sentences(g)
	}
	s.out = append(s.out, c)
}

// sentences joins some harmless sentences, half of the time around an excerpt.
func (s *synthesiser) sentences(g grammar) (text, source string) {
	rng := s.rng
	var lines []string
	if rng.IntN(2) == 0 {
		var carrier string
		carrier, source = s.excerpt()
		lines = append(lines, carrier)
	}
	for range 1 + rng.IntN(6) {
		lines = append(lines, g.expand(rng, "sentence", 0))
	}
	rng.Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
	return strings.Join(lines, []string{"\n\n", " ", "\n", "\n- "}[rng.IntN(4)]), source
}

// everyday delivers what people tell each other to do, in prose and in talk.
func (s *synthesiser) everyday(g grammar) {
	c := Case{Label: "benign", Kind: "synthetic", ID: fmt.Sprint("synthetic-", len(s.out))}
	switch s.rng.IntN(20) {
	case 0, 1, 2, 3:
		c.Family, c.Text = "synthetic-talk", g.expand(s.rng, "chat", 0)
	case 4:
		c.Family = "synthetic-blob"
		c.Text = "data: " + base64.StdEncoding.EncodeToString([]byte(g.expand(s.rng, "world", 0))) + "\n"
	default:
		c.Family = "synthetic-everyday"
		c.Text, c.Source = s.sentences(g)
	}
	s.out = append(s.out, c)
}

// foreign delivers harmless text in other languages, plain or encoded.
func (s *synthesiser) foreign(g grammar) {
	c := Case{Label: "benign", Kind: "synthetic", Family: "synthetic-languages", ID: fmt.Sprint("synthetic-", len(s.out))}
	c.Text = g.expand(s.rng, "benign", 0)
	switch s.rng.IntN(8) {
	case 0, 1:
		c.Text = "data: " + base64.StdEncoding.EncodeToString([]byte(c.Text))
	case 2:
		c.Text = "<!-- " + c.Text + " -->"
	}
	s.out = append(s.out, c)
}

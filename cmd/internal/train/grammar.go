package train

import (
	"embed"
	"fmt"
	"math/rand/v2"
	"strings"
)

//go:embed grammar/*.txt
var grammarFiles embed.FS

// grammar is a context-free grammar: a name stands for one of its alternatives.
type grammar map[string][]string

// readGrammars merges grammar/common.txt with one other file.
func readGrammar(name string) (grammar, error) {
	g := grammar{}
	for _, file := range []string{"common", name} {
		b, err := grammarFiles.ReadFile("grammar/" + file + ".txt")
		if err != nil {
			return nil, fmt.Errorf("reading grammar %s: %w", file, err)
		}
		for _, line := range strings.Split(string(b), "\n") {
			if line == "" || line[0] == '#' {
				continue
			}
			key, rest, ok := strings.Cut(line, " = ")
			if !ok {
				return nil, fmt.Errorf("reading grammar %s: a line without ' = '", file)
			}
			for _, alt := range strings.Split(rest, " | ") {
				g[key] = append(g[key], strings.ReplaceAll(strings.TrimSpace(alt), `\n`, "\n"))
			}
		}
	}
	return g, nil
}

// expand writes a random sentence of a symbol. {x} expands x, {x?} does so half
// of the time; braces around anything else stand for themselves.
func (g grammar) expand(rng *rand.Rand, symbol string, depth int) string {
	alts := g[symbol]
	if len(alts) == 0 || depth > 12 {
		return ""
	}
	s := alts[rng.IntN(len(alts))]
	var b strings.Builder
	for i := 0; i < len(s); {
		if s[i] == '{' {
			if end := strings.IndexByte(s[i:], '}'); end > 0 {
				name := s[i+1 : i+end]
				maybe := strings.HasSuffix(name, "?")
				name = strings.TrimSuffix(name, "?")
				if _, ok := g[name]; ok {
					if !maybe || rng.IntN(2) == 0 {
						b.WriteString(g.expand(rng, name, depth+1))
					}
					i += end + 1
					continue
				}
			}
		}
		b.WriteByte(s[i])
		i++
	}
	return strings.TrimRight(b.String(), " ")
}

package redteam

import (
	"embed"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"encoding/base64"

	"github.com/doorward/doorward/sanitize/normalize"
)

//go:embed benign.txt
var benignFile embed.FS

// benign scans harmless texts in 40 languages, right-to-left ones among them,
// with emoji, and encodings of harmless data, and notes which are flagged.
func (p *parts) benign(r *Report) error {
	b, err := benignFile.ReadFile("benign.txt")
	if err != nil {
		return err
	}
	texts := map[string]string{}
	for _, line := range strings.Split(strings.TrimSpace(string(b)), "\n") {
		lang, text, ok := strings.Cut(line, "\t")
		if !ok {
			return fmt.Errorf("benign.txt: a line without a tab")
		}
		texts[lang] = text
		sentences := strings.SplitAfter(text, " ")
		half := strings.Join(sentences[:len(sentences)/2], "")
		texts[lang+" twice"] = text + "\n\n" + half
		texts[lang+" with emoji"] = "👩‍👩‍👧 " + text + " 🏴󠁧󠁢󠁳󠁣󠁴󠁿 ❤️"
		texts[lang+" in base64"] = "Attachment:\n" + base64.StdEncoding.EncodeToString([]byte(text))
		texts[lang+" isolated"] = "\u2067" + text + "\u2069 (" + lang + ")"
	}
	rng := rand.New(rand.NewPCG(r.Seed, 7))
	for i := range 40 {
		blob := make([]byte, 60+rng.IntN(400))
		for k := range blob {
			blob[k] = byte(rng.UintN(256))
		}
		texts[fmt.Sprintf("random bytes %d", i)] = "icon: data:image/png;base64," + base64.StdEncoding.EncodeToString(blob)
		texts[fmt.Sprintf("digest %d", i)] = fmt.Sprintf("sha256 %x\nsize %d\n%s", blob[:32], len(blob), carriers[i%len(carriers)])
	}
	for _, name := range sorted(texts) {
		found, err := p.injection.Scan(p.ctx, normalize.Build(texts[name]))
		if err != nil {
			return err
		}
		r.Benign++
		if len(found) > 0 {
			r.BenignFlagged = append(r.BenignFlagged, name)
		}
	}
	return nil
}

func sorted(m map[string]string) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

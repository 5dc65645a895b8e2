package train

import (
	"bufio"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"index/suffixarray"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	_ "embed"

	"github.com/doorward/doorward/sanitize"
)

// ErrData means a data file is missing or is not the one the manifest names.
var ErrData = errors.New("training data do not fit the manifest")

//go:embed manifest.json
var manifestJSON []byte

// Manifest names everything the weights are made from.
type Manifest struct {
	Seed  uint64 `json:"seed"`
	Files []File `json:"files"`
}

// File is one data file with its origin.
type File struct {
	Name    string   `json:"name"`   // relative to the data directory
	SHA256  string   `json:"sha256"` // of the file as stored
	Sources []string `json:"sources"`
	License string   `json:"license"`
	// Everyday, if not 0, says that the lines are harmless texts made for other
	// ends, of which every so-many-th is trained on and none is scored.
	Everyday int `json:"everyday,omitempty"`
}

// everydayKind marks texts that are trained on but not scored.
const everydayKind = "everyday"

// maxEveryday is how many bytes of such a text are used.
const maxEveryday = 3000

// everyday keeps every nth case as a harmless one.
func everyday(cases []Case, f File) (out []Case) {
	for i := 0; i < len(cases); i += f.Everyday {
		text := strings.TrimSpace(cases[i].Title + "\n\n" + cases[i].Text)
		if len(text) > maxEveryday {
			text = strings.ToValidUTF8(text[:maxEveryday], "")
		}
		out = append(out, Case{ID: fmt.Sprintf("%s-%d", f.Name, i), Text: text, Label: "benign", Kind: everydayKind, Family: f.Name})
	}
	return out
}

// ReadManifest returns the embedded manifest.
func ReadManifest() (Manifest, error) {
	var m Manifest
	if err := json.Unmarshal(manifestJSON, &m); err != nil {
		return m, fmt.Errorf("reading the training manifest: %w", err)
	}
	return m, nil
}

// Case is one labelled text.
type Case struct {
	ID       string `json:"id"`
	Source   string `json:"source"`
	Title    string `json:"title"` // of everyday texts
	Text     string `json:"text"`
	Label    string `json:"label"`
	Kind     string `json:"kind"`
	Family   string `json:"family"`
	Delivery string `json:"delivery"`
	Overt    bool   `json:"overt"`
	// Spans are the half-open byte ranges to remove.
	Spans [][2]int `json:"spans"`
	// Attack names the family the injected string belongs to, where that is
	// another one than the document's.
	Attack string `json:"-"`
	// Hidden marks text that an extractor would hand over as hidden.
	Hidden bool `json:"-"`
	// Weight scales the case in training; 0 means 1.
	Weight float64 `json:"-"`
}

// Injection reports a positive.
func (c *Case) Injection() bool { return c.Label == "injection" }

// Repository is the source without revision and path.
func (c *Case) Repository() string {
	s, _, _ := strings.Cut(c.Source, "@")
	return strings.TrimPrefix(s, "github.com/")
}

// Covered is the number of bytes of s inside the injected spans; the whole text
// is injected where a positive has no spans.
func (c *Case) Covered(s sanitize.Span) int {
	if !c.Injection() {
		return 0
	}
	if len(c.Spans) == 0 {
		return s.Len()
	}
	n := 0
	for _, p := range c.Spans {
		n += max(0, min(s.End, p[1])-max(s.Start, p[0]))
	}
	return n
}

// Load reads and checks the manifest's files under dir.
func Load(m Manifest, dir string) ([]Case, error) {
	var out []Case
	for _, f := range m.Files {
		cases, err := loadFile(filepath.Join(dir, filepath.FromSlash(f.Name)), f.SHA256)
		if err != nil {
			return nil, fmt.Errorf("reading training data %s: %w", f.Name, err)
		}
		if f.Everyday > 0 {
			cases = everyday(cases, f)
		}
		out = append(out, cases...)
	}
	nameAttacks(out)
	return out, nil
}

func loadFile(path, want string) ([]Case, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrData, err)
	}
	defer file.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, file); err != nil {
		return nil, err
	}
	if got := hex.EncodeToString(hash.Sum(nil)); got != want {
		return nil, fmt.Errorf("%w: SHA-256 is %s", ErrData, got)
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	z, err := gzip.NewReader(file)
	if err != nil {
		return nil, err
	}
	defer z.Close()
	return decode(z)
}

func decode(r io.Reader) ([]Case, error) {
	var out []Case
	in := bufio.NewReaderSize(r, 1<<16)
	for {
		line, err := in.ReadBytes('\n')
		if len(strings.TrimSpace(string(line))) > 0 {
			var c Case
			if err := json.Unmarshal(line, &c); err != nil {
				return nil, fmt.Errorf("line %d: %w", len(out)+1, err)
			}
			out = append(out, c)
		}
		if err == io.EOF {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

// nameAttacks finds, for injected strings that another family holds as well,
// that family: leaving it out leaves those documents out of training too.
func nameAttacks(cases []Case) {
	var all strings.Builder
	var starts []int
	var families []string
	for i := range cases {
		c := &cases[i]
		if c.Injection() && c.Family != mixedFamily {
			starts, families = append(starts, all.Len()), append(families, c.Family)
			all.WriteString(squeeze(c.Text))
			all.WriteByte('\n')
		}
	}
	index := suffixarray.New([]byte(all.String()))
	for i := range cases {
		c := &cases[i]
		if c.Family != mixedFamily || !c.Injection() {
			continue
		}
		var b strings.Builder
		for _, s := range c.Spans {
			b.WriteString(c.Text[s[0]:s[1]])
		}
		probe := squeeze(reveal(b.String()))
		if len(probe) > 60 {
			probe = probe[20:60]
		}
		if len(probe) <= 8 {
			continue
		}
		for _, at := range index.Lookup([]byte(probe), -1) {
			k, _ := slices.BinarySearch(starts, at+1)
			if f := families[k-1]; c.Attack == "" || f < c.Attack {
				c.Attack = f
			}
		}
	}
}

// mixedFamily delivers strings of several families in documents.
const mixedFamily = "poisoned-docs-A"

// squeeze keeps letters and digits, lower case.
func squeeze(s string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(s) {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r > 0x7F && r < 0xE000 && r != 0x200B {
			b.WriteRune(r)
		}
	}
	return b.String()
}

package demo

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/doorward/doorward/configs"
)

const corpusRoot = "demo/corpus"

// Write makes the demo corpus in dir, which must be empty or not exist yet. The
// credentials in it are fresh, look real and open nothing.
func Write(dir string) error {
	_, err := write(dir, time.Now())
	return err
}

// write is Write; the planter knows what was planted.
func write(dir string, now time.Time) (*planter, error) {
	p := newPlanter(now)
	err := fs.WalkDir(configs.Demo, corpusRoot, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		source, err := configs.Demo.ReadFile(name)
		if err != nil {
			return err
		}
		text, err := p.fill(string(source))
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		name, content, err := document(strings.TrimPrefix(name, corpusRoot+"/"), text)
		if err != nil {
			return fmt.Errorf("making %s: %w", name, err)
		}
		return put(filepath.Join(dir, filepath.FromSlash(name)), content)
	})
	if err != nil {
		return nil, fmt.Errorf("writing the demo corpus: %w", err)
	}
	return p, nil
}

func put(file string, content []byte) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}

var directive = regexp.MustCompile(`\A\{\{(truncate|as:([A-Za-z0-9.-]+))\}\}\n`)

// document turns a source into the document and its name. Only DOCX and PDF
// sources need turning.
func document(name, text string) (string, []byte, error) {
	base, ok := strings.CutSuffix(name, ".source")
	if !ok {
		return name, []byte(text), nil
	}
	m := directive.FindStringSubmatch(text)
	if m != nil {
		text = text[len(m[0]):]
	}
	var content []byte
	var err error
	switch path.Ext(base) {
	case ".docx":
		content, err = writeDOCX(parseMarkup(text))
	case ".pdf":
		content, err = writePDF(parseMarkup(text))
	default:
		err = fmt.Errorf("no writer for %s", path.Ext(base))
	}
	switch {
	case m == nil:
	case m[2] != "":
		base = path.Join(path.Dir(base), m[2])
	default:
		content = content[:len(content)*2/3]
	}
	return base, content, err
}

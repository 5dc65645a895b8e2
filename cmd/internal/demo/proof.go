package demo

import (
	"context"
	"encoding/binary"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// needles are strings to look for in many files at once, by their first eight
// bytes.
type needles struct {
	byHead map[uint64][]string
	n      int
}

func (n *needles) add(s string) {
	if s = strings.TrimSpace(s); len(s) < 8 {
		return
	}
	head := binary.LittleEndian.Uint64([]byte(s))
	if slices.Contains(n.byHead[head], s) {
		return
	}
	n.byHead[head] = append(n.byHead[head], s)
	n.n++
}

// in returns those that stand in text.
func (n *needles) in(text []byte) []string {
	var found []string
	for i := 0; i+8 <= len(text); i++ {
		for _, s := range n.byHead[binary.LittleEndian.Uint64(text[i:])] {
			if len(text)-i >= len(s) && string(text[i:i+len(s)]) == s && !slices.Contains(found, s) {
				found = append(found, s)
			}
		}
	}
	return found
}

// planted are the needles of everything the planter planted.
func (p *planter) needles() *needles {
	n := &needles{byHead: map[uint64][]string{}}
	for _, values := range []map[string]string{p.secrets, p.data} {
		for _, v := range values {
			for line := range strings.Lines(v) {
				if !strings.HasPrefix(line, "-----") {
					n.add(line)
				}
			}
		}
	}
	return n
}

// sentenceBytes is how long a line of a document must be to be looked for.
const sentenceBytes = 40

// prove looks for everything that was planted, and for every longer line of the
// documents, in every file under the data directory.
func (s *show) prove(context.Context) error {
	n := s.Stage.planted.needles()
	err := eachFile(s.Stage.Corpus, func(name string, content []byte) {
		switch filepath.Ext(name) {
		case ".yaml", ".docx", ".pdf":
			return
		}
		for line := range strings.Lines(string(content)) {
			if line = strings.TrimSpace(line); len(line) >= sentenceBytes {
				n.add(line)
			}
		}
	})
	if err != nil {
		return err
	}
	proof := &s.result.Proof
	proof.Searched = n.n
	err = eachFile(s.Stage.Config.Data, func(_ string, content []byte) {
		proof.Files++
		proof.Bytes += int64(len(content))
		proof.Found += len(n.in(content))
	})
	s.View.proof(s.Stage, *proof)
	return err
}

// eachFile reads all files below a folder.
func eachFile(dir string, fn func(name string, content []byte)) error {
	return filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(name)
		if err == nil {
			fn(name, content)
		}
		return err
	})
}

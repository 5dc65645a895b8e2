package extract

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/doorward/doorward/ingest/chunk"
)

// maxNesting is how deep JSON and XML may nest.
const maxNesting = 128

// readJSON reads one JSON value, or one on each line, as lines of
// "path: value". Keys and values are both visible to whoever opens the file.
func readJSON(b *builder, in Input, _ int) error {
	s, err := decode(in.Bytes, charsetOf(in.MediaType))
	if err != nil {
		return err
	}
	dec := json.NewDecoder(strings.NewReader(s))
	dec.UseNumber()
	b.gap()
	for n := 0; !b.stopped(); n++ {
		j := jsonWalk{builder: b, dec: dec}
		start := len(b.out)
		err := j.value()
		if errors.Is(err, io.EOF) && n > 0 && len(j.path) == 0 {
			return b.err
		}
		if err != nil {
			if errors.Is(err, ErrTooLarge) || b.err != nil {
				return errors.Join(b.err, err)
			}
			line := 1 + bytes.Count([]byte(s[:min(int(dec.InputOffset()), len(s))]), []byte("\n"))
			return fmt.Errorf("%w: JSON near line %d", ErrMalformed, line)
		}
		b.block(chunk.List, 0, start)
		b.gap()
	}
	return b.err
}

// jsonWalk writes one value as it is read; it holds no tree.
type jsonWalk struct {
	*builder
	dec  *json.Decoder
	path []string
}

func (j *jsonWalk) value() error {
	if len(j.path) > maxNesting {
		return fmt.Errorf("%w: JSON nested more than %d deep", ErrTooLarge, maxNesting)
	}
	tok, err := j.dec.Token()
	if err != nil || j.stopped() {
		return errors.Join(err, j.err)
	}
	switch t := tok.(type) {
	case json.Delim:
		return j.compound(t)
	case string:
		j.leaf(t)
	case json.Number:
		j.leaf(t.String())
	case bool:
		j.leaf(fmt.Sprint(t))
	case nil:
	}
	return nil
}

// compound reads the rest of an object or array.
func (j *jsonWalk) compound(open json.Delim) error {
	for j.dec.More() {
		key := ""
		if open == '{' {
			tok, err := j.dec.Token()
			if err != nil {
				return err
			}
			key, _ = tok.(string)
		}
		j.path = append(j.path, key)
		if err := j.value(); err != nil {
			if err == io.EOF {
				return io.ErrUnexpectedEOF
			}
			return err
		}
		j.path = j.path[:len(j.path)-1]
	}
	_, err := j.dec.Token()
	return err
}

// leaf writes "a.b: value" on a line of its own.
func (j *jsonWalk) leaf(value string) {
	j.line()
	name := ""
	for _, p := range j.path {
		if p != "" {
			if name != "" {
				name += "."
			}
			name += p
		}
	}
	if name != "" {
		j.inline(name + ":")
		j.raw(" ")
	}
	j.space = false
	j.raw(value)
	j.line()
}

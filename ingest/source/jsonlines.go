package source

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/doorward/doorward/ingest"
)

// JSONLinesConfig describes a file with one JSON object on each line.
type JSONLinesConfig struct {
	// Name is the source's name; required.
	Name string
	// Path is the file, gzipped when its name ends in ".gz"; required.
	Path string
	// Fields say which field holds what. The zero value means: id (or _id),
	// title, text, attributes, uri, media_type.
	Fields Fields
	// MaxBytes is the longest line; 0 means 16 MiB. A longer one is an item with
	// an error; the walk goes on after it.
	MaxBytes int64
	// Mapping makes attributes of the record's fields (${field.X}); the record's
	// own attributes object goes over them.
	Mapping Mapping
	// Prefix goes before every document id.
	Prefix string
}

// Fields name the fields of a record; dots reach into objects. "" keeps the
// default, "-" means there is none.
type Fields struct {
	ID         string `yaml:"id" json:"id"`
	Title      string `yaml:"title" json:"title"`
	Text       string `yaml:"text" json:"text"`
	Attributes string `yaml:"attributes" json:"attributes"`
	URI        string `yaml:"uri" json:"uri"`
	MediaType  string `yaml:"media_type" json:"media_type"`
	Manifest   string `yaml:"manifest" json:"manifest"` // the connector's signed manifest, an object
}

// JSONLines reads records from a file. It keeps 16 bytes for each id it has
// seen, to refuse one used twice; otherwise memory does not grow with the file.
type JSONLines struct {
	config JSONLinesConfig
	mapper Mapper
}

// NewJSONLines checks the settings; the file is opened by Walk.
func NewJSONLines(c JSONLinesConfig) (*JSONLines, error) {
	if err := checkName(c.Name); err != nil {
		return nil, err
	}
	if c.Path == "" {
		return nil, fmt.Errorf("%w: source %s has no path", ErrConfig, c.Name)
	}
	if c.Prefix != "" && !ingest.ValidID(c.Prefix) {
		return nil, fmt.Errorf("%w: the prefix of source %s has characters ids do not have", ErrConfig, c.Name)
	}
	c.Path = absolute(c.Path)
	if c.MaxBytes == 0 {
		c.MaxBytes = 16 << 20
	}
	m, err := NewMapper(c.Mapping)
	if err != nil {
		return nil, err
	}
	return &JSONLines{config: c, mapper: m}, nil
}

// Name is the source's name.
func (j *JSONLines) Name() string { return j.config.Name }

// Walk gives one item for each line that is not blank, in file order. A line
// that cannot be used is an item with an error and the line's number in its
// URI; where not even its id can be told, Item.ID is empty.
func (j *JSONLines) Walk(ctx context.Context, fn func(ingest.Item) error) error {
	f, err := os.Open(j.config.Path)
	if err != nil {
		return fmt.Errorf("%w: opening the file: %w", ingest.ErrSource, err)
	}
	defer f.Close()
	var r io.Reader = f
	if strings.HasSuffix(j.config.Path, ".gz") {
		gz, err := gzip.NewReader(f)
		if err != nil {
			return fmt.Errorf("%w: the file is not gzipped: %w", ingest.ErrSource, err)
		}
		r = gz
	}
	return j.records(ctx, r, fn)
}

func (j *JSONLines) records(ctx context.Context, r io.Reader, fn func(ingest.Item) error) error {
	lines := &lineReader{r: bufio.NewReaderSize(r, 1<<16), limit: j.config.MaxBytes}
	seen := idSet{}
	for number := 1; ; number++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		line, size, err := lines.next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%w: reading line %d: %w", ingest.ErrSource, number, err)
		}
		if size == 0 {
			continue
		}
		it := j.item(line, size, number)
		if !seen.add(it.ID) {
			it.Open, it.Err = nil, fmt.Errorf("%w: line %d", ingest.ErrDuplicate, number)
		}
		if err := fn(it); err != nil {
			return err
		}
	}
}

// item makes an item of one line.
func (j *JSONLines) item(line []byte, size int64, number int) ingest.Item {
	where := fmt.Sprintf("file://%s#L%d", filepath.ToSlash(j.config.Path), number)
	it := ingest.Item{URI: where, Size: -1}
	fail := func(err error) ingest.Item {
		it.Open, it.Err = nil, err
		return it
	}
	if size > j.config.MaxBytes {
		return fail(fmt.Errorf("%w: line %d has %d bytes, the limit is %d", ingest.ErrTooLarge, number, size, j.config.MaxBytes))
	}
	record, err := parseRecord(line)
	if err != nil {
		return fail(fmt.Errorf("%w: line %d: %v", ingest.ErrMalformed, number, err))
	}
	rec, err := readRecord(record, j.config.Fields)
	if rec.id != "" {
		if it.ID, _ = recordID(j.config.Prefix, rec.id); it.ID == "" {
			return fail(fmt.Errorf("%w: line %d: the id cannot be used", ingest.ErrMalformed, number))
		}
	}
	if err != nil {
		return fail(fmt.Errorf("%w: line %d: %v", ingest.ErrMalformed, number, err))
	}
	if rec.uri != "" {
		it.URI = rec.uri
	}
	rec.fill(&it)
	it.Attributes, err = j.mapper.Map(Facts{Source: j.config.Name, Path: rec.id, Fields: record}, rec.attributes)
	if err != nil {
		it.Err = fmt.Errorf("line %d: %w", number, err)
	}
	return it
}

// record is what the fields of a record say.
type record struct {
	id, title, text, uri, mediaType string
	attributes                      map[string]any
	manifest                        []byte
}

// readRecord takes the named fields. Its errors name fields, never values.
func readRecord(fields map[string]any, names Fields) (record, error) {
	var r record
	var firstErr error
	text := func(name, fallback string, required bool) string {
		if name == "" {
			name = fallback
		}
		if name == "-" {
			return ""
		}
		v, ok := field(fields, name)
		if !ok {
			if required && firstErr == nil {
				firstErr = fmt.Errorf("the field %q is missing", name)
			}
			return ""
		}
		s, ok := v.(string)
		if n, isInt := v.(int64); isInt {
			s, ok = fmt.Sprint(n), true
		}
		if !ok && firstErr == nil {
			firstErr = fmt.Errorf("the field %q is not text", name)
		}
		return s
	}
	idField := names.ID
	if idField == "" {
		if _, ok := fields["id"]; !ok {
			idField = "_id"
		}
	}
	r.id = text(idField, "id", true)
	r.text = text(names.Text, "text", true)
	r.title = text(names.Title, "title", false)
	r.uri = text(names.URI, "uri", false)
	r.mediaType = text(names.MediaType, "media_type", false)
	if r.id == "" && firstErr == nil {
		firstErr = errors.New("the id is empty")
	}
	name := names.Attributes
	if name == "" {
		name = "attributes"
	}
	if v, ok := field(fields, name); ok && name != "-" {
		if r.attributes, ok = v.(map[string]any); !ok && firstErr == nil {
			firstErr = fmt.Errorf("the field %q is not an object", name)
		}
	}
	name = names.Manifest
	if name == "" {
		name = "manifest"
	}
	if v, ok := field(fields, name); ok && name != "-" {
		var err error
		if r.manifest, err = json.Marshal(v); err != nil && firstErr == nil {
			firstErr = fmt.Errorf("the field %q is not JSON", name)
		}
	}
	return r, firstErr
}

// fill sets the item's bytes: the title, a blank line, the text.
func (r record) fill(it *ingest.Item) {
	body := r.text
	if r.title != "" {
		body = r.title + "\n\n" + r.text
	}
	it.MediaType = r.mediaType
	if it.MediaType == "" {
		it.MediaType = "text/plain"
	}
	it.Own, it.Manifest = r.attributes, r.manifest
	it.Size = int64(len(body))
	it.Fingerprint = digest(it.MediaType, body)
	it.Open = opener([]byte(body))
}

// recordID makes a document id of a record's own: as it is when it can be one,
// else with "~" and two hex digits for each other byte, "~" among them.
func recordID(prefix, own string) (string, error) {
	return prefixed(prefix, shorten(escape(own, "~2f", ":"), own))
}

// lineReader reads lines and steps over those that are too long without
// keeping them.
type lineReader struct {
	r     *bufio.Reader
	limit int64
	buf   []byte
}

// next returns the next line, without blanks around it, and its size. A line
// over the limit comes back nil with its size. The slice is good until the next
// call.
func (l *lineReader) next() ([]byte, int64, error) {
	l.buf = l.buf[:0]
	size := int64(0)
	for {
		part, err := l.r.ReadSlice('\n')
		size += int64(len(part))
		if size <= l.limit+2 {
			l.buf = append(l.buf, part...)
		}
		switch {
		case err == bufio.ErrBufferFull:
			continue
		case err == io.EOF && size == 0:
			return nil, 0, io.EOF
		case err != nil && err != io.EOF:
			return nil, 0, err
		}
		if size > l.limit+2 {
			return nil, size, nil
		}
		line := bytes.TrimSpace(l.buf)
		return line, int64(len(line)), nil
	}
}

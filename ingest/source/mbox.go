package source

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/mail"
	"os"
	"path/filepath"
	"strings"

	"github.com/doorward/doorward/ingest"
)

// MboxConfig describes a mail box file (RFC 4155, with mboxrd quoting), or a file
// with one message, whose name ends in .eml.
type MboxConfig struct {
	// Name is the source's name; required.
	Name string
	// Path is the file; required.
	Path string
	// MaxBytes is the largest message; 0 means 100 MiB. A larger one is an item
	// with an error.
	MaxBytes int64
	// Mapping makes attributes. A message's headers are written by whoever sent
	// it, so they are no fields to map: path, name and literals are.
	Mapping Mapping
	// Prefix goes before every document id.
	Prefix string
}

// Mbox reads the messages of a mail box. A message's id is made of its
// Message-ID, or of a hash of its bytes when it has none. One message is held
// in memory at a time.
type Mbox struct {
	config MboxConfig
	mapper Mapper
}

// NewMbox checks the settings; the file is opened by Walk.
func NewMbox(c MboxConfig) (*Mbox, error) {
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
		c.MaxBytes = defaultMaxBytes
	}
	m, err := NewMapper(c.Mapping)
	if err != nil {
		return nil, err
	}
	return &Mbox{config: c, mapper: m}, nil
}

// Name is the source's name.
func (m *Mbox) Name() string { return m.config.Name }

// Walk gives every message in file order.
func (m *Mbox) Walk(ctx context.Context, fn func(ingest.Item) error) error {
	f, err := os.Open(m.config.Path)
	if err != nil {
		return fmt.Errorf("%w: opening the mail box: %w", ingest.ErrSource, err)
	}
	defer f.Close()
	seen := idSet{}
	box := &mboxReader{r: bufio.NewReaderSize(f, 1<<16), limit: m.config.MaxBytes, single: strings.EqualFold(filepath.Ext(m.config.Path), ".eml")}
	for number := 1; ; number++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		message, size, err := box.next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%w: reading message %d: %w", ingest.ErrSource, number, err)
		}
		it := m.item(message, size, number)
		if !seen.add(it.ID) {
			it.Open, it.Err = nil, fmt.Errorf("%w: message %d", ingest.ErrDuplicate, number)
		}
		if err := fn(it); err != nil {
			return err
		}
	}
}

// item makes an item of one message.
func (m *Mbox) item(message []byte, size int64, number int) ingest.Item {
	it := ingest.Item{URI: fmt.Sprintf("file://%s#%d", filepath.ToSlash(m.config.Path), number), Name: "message.eml", MediaType: "message/rfc822", Size: size}
	if message == nil {
		it.Err = fmt.Errorf("%w: message %d has %d bytes, the limit is %d", ingest.ErrTooLarge, number, size, m.config.MaxBytes)
		return it
	}
	it.Size = int64(len(message))
	sum := sha256.Sum256(message)
	it.Fingerprint = hex.EncodeToString(sum[:16])
	own := it.Fingerprint
	if parsed, err := mail.ReadMessage(bytes.NewReader(message)); err == nil {
		if id := strings.Trim(strings.TrimSpace(parsed.Header.Get("Message-Id")), "<>"); id != "" {
			own = id
		}
	}
	var err error
	if it.ID, err = recordID(m.config.Prefix, own); err != nil {
		it.Err = err
		return it
	}
	it.Open = opener(message)
	it.Attributes, it.Err = m.mapper.Map(Facts{Source: m.config.Name, Path: filepath.Base(m.config.Path)}, nil)
	return it
}

// opener serves bytes in memory.
func opener(p []byte) func(context.Context) (io.ReadCloser, error) {
	return func(context.Context) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(p)), nil }
}

// idSet remembers ids in 16 bytes each.
type idSet map[[16]byte]struct{}

// add reports whether an id is new; an empty one always is.
func (s idSet) add(id string) bool {
	if id == "" {
		return true
	}
	sum := sha256.Sum256([]byte(id))
	key := [16]byte(sum[:16])
	_, twice := s[key]
	s[key] = struct{}{}
	return !twice
}

// mboxReader splits a mail box at its "From " lines.
type mboxReader struct {
	r      *bufio.Reader
	limit  int64
	single bool // the whole file is one message
	begun  bool
	closed bool
}

// next returns the next message; nil with its size when it is over the limit.
func (m *mboxReader) next() ([]byte, int64, error) {
	if m.closed {
		return nil, 0, io.EOF
	}
	var message []byte
	m.begun = m.begun || m.single
	size, over, any := int64(0), false, m.begun
	start := true
	for {
		part, err := m.r.ReadSlice('\n')
		if start && !m.single && bytes.HasPrefix(part, []byte("From ")) {
			for err == bufio.ErrBufferFull { // the rest of a long separator
				_, err = m.r.ReadSlice('\n')
			}
			if m.begun {
				return finish(message, size, over)
			}
			m.begun, any = true, true
		} else if len(part) > 0 {
			if !m.begun && len(bytes.TrimSpace(part)) > 0 {
				return nil, 0, fmt.Errorf("the file does not begin with a \"From \" line")
			}
			if start && !m.single && unquoted(part) {
				part = part[1:]
			}
			size += int64(len(part))
			if over = over || size > m.limit; !over {
				message = append(message, part...)
			}
		}
		start = err == nil
		switch err {
		case nil, bufio.ErrBufferFull:
		case io.EOF:
			m.closed = true
			if !any {
				return nil, 0, io.EOF
			}
			return finish(message, size, over)
		default:
			return nil, 0, err
		}
	}
}

func finish(message []byte, size int64, over bool) ([]byte, int64, error) {
	if over {
		return nil, size, nil
	}
	if message == nil {
		message = []byte{}
	}
	// The blank line before a separator is the separator's.
	return bytes.TrimSuffix(bytes.TrimSuffix(message, []byte("\n")), []byte("\r")), size, nil
}

// unquoted reports a line of ">" and "From ", from which one ">" is to go.
func unquoted(line []byte) bool {
	return line[0] == '>' && bytes.HasPrefix(bytes.TrimLeft(line, ">"), []byte("From "))
}

package extract

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"net/textproto"
	"path"
	"sort"
	"strings"

	"github.com/doorward/doorward/ingest/chunk"
)

// shownHeaders are what mail programs show; all others are reported.
var shownHeaders = []string{"From", "To", "Cc", "Date", "Subject"}

// quietHeaders are machine-made and hold no words of the sender.
var quietHeaders = set(`content-type content-transfer-encoding mime-version message-id date received return-path in-reply-to references
dkim-signature arc-seal arc-message-signature arc-authentication-results authentication-results received-spf content-length lines
content-disposition content-id delivered-to`)

// maxParts bounds the parts of a mail.
const maxParts = 1000

// readMail reads a mail as a mail program shows it: the main headers, the
// richest alternative of the body, attachments it can read. Other alternatives
// are reported where they say something else, other headers always.
func readMail(b *builder, in Input, depth int) error {
	msg, err := mail.ReadMessage(bytes.NewReader(in.Bytes))
	if err != nil {
		return fmt.Errorf("%w: mail headers", ErrMalformed)
	}
	m := &message{builder: b, depth: depth}
	m.headers(msg.Header)
	return m.entity(textproto.MIMEHeader(msg.Header), msg.Body, depth)
}

// message reads one mail.
type message struct {
	*builder
	depth int
	parts int
}

// headers adds the visible headers and reports the others.
func (m *message) headers(h mail.Header) {
	m.gap()
	for _, name := range shownHeaders {
		for _, v := range h[name] {
			m.line()
			start := len(m.out)
			m.inline(name + ": " + decodeWords(v))
			if name == "Subject" && m.name == "" {
				m.name = strings.TrimSpace(decodeWords(v))
			}
			m.block(chunk.Paragraph, 0, start)
		}
	}
	names := make([]string, 0, len(h))
	for name := range h {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		shown := false
		for _, s := range shownHeaders {
			shown = shown || s == name
		}
		if shown || quietHeaders[strings.ToLower(name)] {
			continue
		}
		for _, v := range h[name] {
			m.hide(Metadata, "mail-header", "header not shown", decodeWords(v))
		}
	}
	m.gap()
}

// entity reads one MIME entity.
func (m *message) entity(h textproto.MIMEHeader, body io.Reader, depth int) error {
	if depth > m.config.MaxDepth {
		return fmt.Errorf("%w: mail parts nested more than %d deep", ErrTooLarge, m.config.MaxDepth)
	}
	if m.parts++; m.parts > maxParts {
		return fmt.Errorf("%w: mail of more than %d parts", ErrTooLarge, maxParts)
	}
	kind, params := contentType(h)
	body, err := transfer(h, body)
	if err != nil {
		return err
	}
	if strings.HasPrefix(kind, "multipart/") {
		return m.multipart(kind, params["boundary"], body, depth)
	}
	p, err := io.ReadAll(io.LimitReader(body, m.config.MaxBytes+1))
	if err != nil {
		return fmt.Errorf("%w: body of a mail part", ErrMalformed)
	}
	if err := m.expand(int64(len(p)), 0, 1); err != nil {
		return err
	}
	return m.leaf(kind, params, h, p, depth)
}

// multipart reads the parts of a container.
func (m *message) multipart(kind, boundary string, body io.Reader, depth int) error {
	if boundary == "" {
		return fmt.Errorf("%w: mail container without a boundary", ErrMalformed)
	}
	r := multipart.NewReader(body, boundary)
	var shown *builder
	var others []*builder
	for n := 0; !m.stopped(); n++ {
		part, err := r.NextRawPart()
		if err == io.EOF {
			break
		}
		if err != nil {
			if errors.Is(err, io.ErrUnexpectedEOF) && n > 0 {
				m.warn("mail ends before its last boundary")
				break
			}
			return fmt.Errorf("%w: mail container", ErrMalformed)
		}
		sub := &message{builder: m.part(), depth: m.depth, parts: m.parts}
		err = sub.entity(part.Header, part, depth+1)
		m.parts = sub.parts
		if err != nil {
			return err
		}
		if kind != "multipart/alternative" {
			m.join(sub.builder)
			continue
		}
		// The last alternative is the richest one, and the one shown.
		if shown != nil && len(shown.out) > 0 {
			others = append(others, shown)
		}
		if len(sub.out) > 0 || shown == nil {
			shown = sub.builder
		} else {
			others = append(others, sub.builder)
		}
	}
	if shown != nil {
		m.join(shown)
		m.alternatives(string(shown.out), others)
	}
	return m.err
}

// alternatives reports what the alternatives not shown say otherwise.
func (m *message) alternatives(shown string, others []*builder) {
	have := " " + foldWords(shown) + " "
	for _, o := range others {
		for _, line := range strings.Split(string(o.out), "\n") {
			if f := foldWords(line); f != "" && !strings.Contains(have, " "+f+" ") {
				m.hide(Markup, "mail-alternative", "alternative body", line)
			}
		}
		for _, h := range o.hidden {
			m.hide(h.Class, h.Technique, h.Locator, h.Text)
		}
	}
}

// foldWords reduces a text to its words, for comparing renderings.
func foldWords(s string) string {
	return strings.Join(strings.FieldsFunc(strings.ToLower(s), func(r rune) bool {
		return r < '0' || r > '9' && r < 'a' || r > 'z' && r < 0x80
	}), " ")
}

// leaf reads a single part: body text, a mail within the mail, an attachment.
func (m *message) leaf(kind string, params map[string]string, h textproto.MIMEHeader, p []byte, depth int) error {
	if len(bytes.TrimSpace(p)) == 0 {
		return nil
	}
	disposition, dparams, _ := mime.ParseMediaType(h.Get("Content-Disposition"))
	name := decodeWords(dparams["filename"])
	if name == "" {
		name = decodeWords(params["name"])
	}
	if disposition != "attachment" && name == "" && (kind == "text/plain" || kind == "text/html") {
		return m.bodyText(kind, params["charset"], p)
	}
	if strings.HasPrefix(kind, "image/") || strings.HasPrefix(kind, "audio/") || strings.HasPrefix(kind, "video/") ||
		strings.HasPrefix(kind, "application/pgp-") || strings.HasPrefix(kind, "application/pkcs7-") || kind == "text/calendar" || kind == "text/vcard" {
		m.hide(Metadata, "mail-file-name", "attachment name", name)
		m.skip(kind)
		return nil
	}
	if kind == "message/rfc822" {
		name = "part.eml"
	}
	return m.attachment(kind, params["charset"], name, p, depth)
}

// bodyText adds a body of text or HTML.
func (m *message) bodyText(kind, charsetName string, p []byte) error {
	claimed := kind
	if charsetName != "" {
		claimed += "; charset=" + charsetName
	}
	in := Input{MediaType: claimed, Bytes: p}
	if kind == "text/html" {
		return readHTML(m.builder, in, 0)
	}
	s, err := decode(p, charsetName)
	if err != nil {
		return err
	}
	m.gap()
	m.raw(s)
	m.gap()
	return m.err
}

// attachment reads an attachment as a document of its own. One of a kind that
// is not read is counted; one that is broken or over a limit fails the mail.
func (m *message) attachment(kind, charsetName, name string, p []byte, depth int) error {
	if charsetName != "" {
		kind += "; charset=" + charsetName
	}
	sub := m.part()
	found, err := sub.read(Input{Name: path.Base(name), MediaType: kind, Bytes: p}, depth+1)
	switch {
	case errors.Is(err, ErrUnsupported), errors.Is(err, ErrEmpty):
		m.hide(Metadata, "mail-file-name", "attachment name", name)
		m.skip(bareType(kind))
		return nil
	case err != nil:
		return fmt.Errorf("reading an attachment: %w", err)
	}
	m.border()
	if found != mailFile {
		m.heading(2, "Attachment: "+path.Base(name))
	}
	m.join(sub)
	return m.err
}

// contentType parses a part's type; what cannot be parsed is opaque.
func contentType(h textproto.MIMEHeader) (string, map[string]string) {
	v := h.Get("Content-Type")
	if v == "" {
		return "text/plain", map[string]string{}
	}
	kind, params, err := mime.ParseMediaType(v)
	if kind == "" || err != nil && !errors.Is(err, mime.ErrInvalidMediaParameter) {
		return "application/octet-stream", map[string]string{}
	}
	if params == nil {
		params = map[string]string{}
	}
	return kind, params
}

// transfer undoes a content transfer encoding.
func transfer(h textproto.MIMEHeader, body io.Reader) (io.Reader, error) {
	switch strings.ToLower(strings.TrimSpace(h.Get("Content-Transfer-Encoding"))) {
	case "", "7bit", "8bit", "binary":
		return body, nil
	case "base64":
		return base64.NewDecoder(base64.StdEncoding, &base64Only{r: body}), nil
	case "quoted-printable":
		return quotedprintable.NewReader(body), nil
	}
	return nil, fmt.Errorf("%w: transfer encoding of a mail part", ErrUnsupported)
}

// base64Only drops everything outside the alphabet, as mail programs do.
type base64Only struct{ r io.Reader }

func (r *base64Only) Read(p []byte) (int, error) {
	n, err := r.r.Read(p)
	k := 0
	for _, c := range p[:n] {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '+' || c == '/' || c == '=' {
			p[k] = c
			k++
		}
	}
	return k, err
}

// decodeWords decodes RFC 2047 words; what cannot be decoded stays as it is.
func decodeWords(s string) string {
	d := mime.WordDecoder{CharsetReader: func(name string, r io.Reader) (io.Reader, error) {
		p, err := io.ReadAll(r)
		if err != nil {
			return nil, err
		}
		out, err := decode(p, name)
		return strings.NewReader(out), err
	}}
	if out, err := d.DecodeHeader(s); err == nil {
		return out
	}
	return s
}

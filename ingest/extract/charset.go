package extract

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/html/charset"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/unicode"
)

// refusedCharsets are encodings that let ASCII text hide markup, or that no
// document store has used for decades.
var refusedCharsets = map[string]bool{
	"utf-7": true, "unicode-1-1-utf-7": true, "csutf7": true, "utf7": true, "x-imap4-modified-utf7": true, "hz-gb-2312": true,
	"iso-2022-kr": true, "iso-2022-cn": true, "iso-2022-cn-ext": true, "replacement": true, "cesu-8": true, "scsu": true, "bocu-1": true,
	"utf-32": true, "utf-32le": true, "utf-32be": true, "ibm037": true, "cp037": true, "ebcdic": true,
}

// decode turns text bytes into UTF-8. declared is a charset named by the
// document or its container, "" for none. A byte order mark wins, then the
// declaration, then valid UTF-8, then what the bytes look like; text that is
// not valid in the encoding found is refused rather than repaired.
func decode(p []byte, declared string) (string, error) {
	declared = strings.ToLower(strings.Trim(strings.TrimSpace(declared), `"'`))
	if refusedCharsets[declared] {
		return "", fmt.Errorf("%w: the declared encoding is refused", ErrEncoding)
	}
	switch {
	case bytes.HasPrefix(p, []byte("\xef\xbb\xbf")):
		return valid(p[3:])
	case bytes.HasPrefix(p, []byte("\xff\xfe\x00\x00")), bytes.HasPrefix(p, []byte("\x00\x00\xfe\xff")):
		return "", fmt.Errorf("%w: UTF-32", ErrEncoding)
	case bytes.HasPrefix(p, []byte("\xff\xfe")):
		return strict(unicode.UTF16(unicode.LittleEndian, unicode.ExpectBOM), p)
	case bytes.HasPrefix(p, []byte("\xfe\xff")):
		return strict(unicode.UTF16(unicode.BigEndian, unicode.ExpectBOM), p)
	}
	if enc := utf16Shape(p); enc != nil {
		return strict(enc, p)
	}
	if bytes.IndexByte(p, 0) >= 0 {
		return "", fmt.Errorf("%w: the bytes are not text", ErrEncoding)
	}
	if bytes.Contains(p, []byte("\x1b$")) || bytes.Contains(p, []byte("\x1b(")) {
		if declared == "" || declared == "iso-2022-jp" || declared == "csiso2022jp" {
			return strict(japanese.ISO2022JP, p)
		}
		return "", fmt.Errorf("%w: escape sequences of another encoding", ErrEncoding)
	}
	if declared != "" && declared != "utf-8" && declared != "utf8" && declared != "us-ascii" && declared != "ascii" {
		enc, _ := charset.Lookup(declared)
		if enc == nil {
			return "", fmt.Errorf("%w: the declared encoding is not known", ErrEncoding)
		}
		if isASCII(p) {
			return string(p), nil
		}
		if declared == "iso-8859-1" || declared == "latin1" || declared == "windows-1252" {
			return latin(p)
		}
		return strict(enc, p)
	}
	if utf8.Valid(p) {
		return string(p), nil
	}
	return guess(p)
}

// guess decodes undeclared text that is not UTF-8.
func guess(p []byte) (string, error) {
	for _, enc := range []encoding.Encoding{japanese.ShiftJIS, japanese.EUCJP} {
		if s, err := strict(enc, p); err == nil && mostlyKana(s) {
			return s, nil
		}
	}
	if mixed(p) {
		return "", fmt.Errorf("%w: UTF-8 is mixed with another encoding", ErrEncoding)
	}
	return latin(p)
}

// latin decodes windows-1252, refusing the five codes it does not have and text
// that is mostly not ASCII: that is some other encoding.
func latin(p []byte) (string, error) {
	high := 0
	for _, c := range p {
		switch c {
		case 0x81, 0x8d, 0x8f, 0x90, 0x9d:
			return "", fmt.Errorf("%w: not UTF-8, and not a Western encoding", ErrEncoding)
		}
		if c >= 0x80 {
			high++
		}
	}
	if high*3 > len(p) {
		return "", fmt.Errorf("%w: not UTF-8, and nothing says what it is", ErrEncoding)
	}
	return strict(charmap.Windows1252, p)
}

// mixed reports text that holds well-formed multi-byte UTF-8 besides bytes that
// are not UTF-8; honest single-byte text practically never does.
func mixed(p []byte) bool {
	good, bad := 0, 0
	for i := 0; i < len(p); {
		if p[i] < utf8.RuneSelf {
			i++
			continue
		}
		r, n := utf8.DecodeRune(p[i:])
		if r == utf8.RuneError && n == 1 {
			bad++
		} else {
			good++
		}
		i += n
	}
	return good > 0 && bad > 0 && good*20 > bad
}

// mostlyKana reports whether a decoded text looks Japanese.
func mostlyKana(s string) bool {
	kana, high := 0, 0
	for _, r := range s {
		if r >= 0x80 {
			high++
		}
		if r >= 0x3040 && r <= 0x30ff {
			kana++
		}
	}
	return kana*5 > high
}

// strict decodes and refuses text with replacement characters.
func strict(enc encoding.Encoding, p []byte) (string, error) {
	out, err := enc.NewDecoder().Bytes(p)
	if err != nil {
		return "", fmt.Errorf("%w: not valid in its encoding", ErrEncoding)
	}
	if bytes.Contains(out, []byte("\ufffd")) {
		return "", fmt.Errorf("%w: not valid in its encoding", ErrEncoding)
	}
	return valid(out)
}

func valid(p []byte) (string, error) {
	if !utf8.Valid(p) {
		return "", fmt.Errorf("%w: not valid UTF-8", ErrEncoding)
	}
	if bytes.IndexByte(p, 0) >= 0 {
		return "", fmt.Errorf("%w: the bytes are not text", ErrEncoding)
	}
	return string(p), nil
}

// utf16Shape recognises UTF-16 without a byte order mark by its zero bytes.
func utf16Shape(p []byte) encoding.Encoding {
	if len(p) < 4 || len(p)%2 != 0 {
		return nil
	}
	head := p[:min(len(p), 4096)&^1]
	var zero [2]int
	for i, c := range head {
		if c == 0 {
			zero[i%2]++
		}
	}
	half := len(head) / 2
	switch {
	case zero[1]*10 > half*7 && zero[0] == 0:
		return unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM)
	case zero[0]*10 > half*7 && zero[1] == 0:
		return unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM)
	}
	return nil
}

func isASCII(p []byte) bool {
	for _, c := range p {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// decodeHead decodes the first part of a text for a first look.
func decodeHead(p []byte) (string, error) {
	head := p[:min(len(p), 8192)&^1]
	if len(p) < 8192 {
		head = p
	}
	s, err := decode(head, "")
	if err == nil {
		return s, nil
	}
	if bytes.HasPrefix(head, []byte("\xff\xfe")) || bytes.HasPrefix(head, []byte("\xfe\xff")) {
		return "", err
	}
	if bytes.IndexByte(head, 0) >= 0 {
		return "", fmt.Errorf("%w: the bytes are not text", ErrUnsupported)
	}
	// The cut may have split a character; a wrong guess here only means that the
	// whole is looked at as plain text.
	return strings.ToValidUTF8(string(head), "?"), nil
}

var (
	metaCharset = regexp.MustCompile(`(?i)<meta[^>]{0,200}?charset\s*=\s*["']?\s*([a-z0-9_:-]{2,40})`)
	xmlCharset  = regexp.MustCompile(`^\s*<\?xml[^>]{0,200}?encoding\s*=\s*["']([A-Za-z0-9._-]{2,40})["']`)
	utf7Markup  = regexp.MustCompile(`\+ADw-/?[A-Za-z!]`)
)

// charsetOf returns the charset parameter of a claimed media type.
func charsetOf(mediaType string) string {
	_, params, _ := strings.Cut(mediaType, ";")
	for _, kv := range strings.Split(params, ";") {
		if k, v, _ := strings.Cut(kv, "="); strings.EqualFold(strings.TrimSpace(k), "charset") {
			return strings.Trim(strings.TrimSpace(v), `"'`)
		}
	}
	return ""
}

// decodeMarkup decodes HTML or XML, whose encoding the document may declare.
func decodeMarkup(in Input) (string, error) {
	declared := charsetOf(in.MediaType)
	head := in.Bytes[:min(len(in.Bytes), 2048)]
	if declared == "" {
		for _, re := range []*regexp.Regexp{xmlCharset, metaCharset} {
			if m := re.FindSubmatch(head); m != nil {
				declared = string(m[1])
				break
			}
		}
		// A declaration that could be read at all is not UTF-16; browsers take
		// UTF-8 then.
		if strings.HasPrefix(strings.ToLower(declared), "utf-16") && utf16Shape(in.Bytes) == nil {
			declared = "utf-8"
		}
	}
	s, err := decode(in.Bytes, declared)
	if err == nil && declared == "" && utf7Markup.MatchString(s) {
		return "", fmt.Errorf("%w: markup in UTF-7", ErrEncoding)
	}
	return s, err
}

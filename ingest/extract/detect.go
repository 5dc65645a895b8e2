package extract

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"path"
	"regexp"
	"strings"
)

// format is a kind of document this package can tell apart.
type format string

const (
	plainText format = "text/plain"
	sourceTxt format = "text/x-source"
	markdown  format = "text/markdown"
	htmlPage  format = "text/html"
	xmlText   format = "application/xml"
	csvText   format = "text/csv"
	tsvText   format = "text/tab-separated-values"
	jsonText  format = "application/json"
	jsonLines format = "application/x-ndjson"
	yamlText  format = "application/yaml"
	mailFile  format = "message/rfc822"
	pdfFile   format = "application/pdf"
	docx      format = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
	pptx      format = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
	xlsx      format = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
	zipFile   format = "application/zip"
)

func (f format) mediaType() string { return string(f) }

// plain reports whether the format's reader is simple enough to run in this
// process: it allocates in proportion to the input and calls no parser.
func (f format) plain() bool { return f == plainText || f == sourceTxt || f == yamlText }

// reader reads one document of a known format.
type reader func(b *builder, in Input, depth int) error

// byExtension are the text formats told by name; binary ones are told by bytes.
var byExtension = map[string]format{
	".txt": plainText, ".text": plainText, ".log": plainText, ".rst": plainText, ".adoc": plainText, ".org": plainText,
	".md": markdown, ".markdown": markdown, ".mdx": markdown,
	".html": htmlPage, ".htm": htmlPage, ".xhtml": htmlPage, ".xml": xmlText, ".svg": xmlText, ".rss": xmlText, ".atom": xmlText,
	".csv": csvText, ".tsv": tsvText, ".json": jsonText, ".ndjson": jsonLines, ".jsonl": jsonLines,
	".yaml": yamlText, ".yml": yamlText, ".eml": mailFile, ".mht": mailFile, ".mhtml": mailFile,
	".pdf": pdfFile, ".docx": docx, ".docm": docx, ".pptx": pptx, ".pptm": pptx, ".xlsx": xlsx, ".xlsm": xlsx,
}

// sourceExtensions are names of source code and configuration, read as text
// whose lines are kept.
var sourceExtensions = extensionSet(`go py js mjs cjs ts tsx jsx java kt kts c h cc cpp hpp cxx cs rb rs php pl pm sh bash zsh fish ps1
bat cmd sql r lua swift scala clj ex exs erl hs ml fs vb dart groovy gradle toml ini cfg conf properties env proto graphql
tf hcl dockerfile makefile cmake mk rego css scss less tex bib diff patch awk sed vim asm s jl m`)

func extensionSet(words string) map[string]bool {
	set := map[string]bool{}
	for _, w := range strings.Fields(words) {
		set["."+w] = true
	}
	return set
}

// byMediaType are claimed types worth believing for text; parameters are cut.
var byMediaType = map[string]format{
	"text/markdown": markdown, "text/x-markdown": markdown, "text/html": htmlPage, "application/xhtml+xml": htmlPage,
	"text/csv": csvText, "text/tab-separated-values": tsvText, "application/json": jsonText, "application/x-ndjson": jsonLines,
	"application/jsonl": jsonLines, "application/xml": xmlText, "text/xml": xmlText, "image/svg+xml": xmlText,
	"message/rfc822": mailFile, "application/yaml": yamlText, "text/yaml": yamlText, "text/plain": plainText, "text/x-source": sourceTxt,
	"application/pdf": pdfFile, string(docx): docx, string(pptx): pptx, string(xlsx): xlsx,
}

// signatures are binary formats by their first bytes; those without a reader
// are refused by name.
var signatures = []struct{ magic, mediaType string }{
	{"PK\x03\x04", string(zipFile)}, {"PK\x05\x06", string(zipFile)},
	{"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"},
	{"{\\rtf", "application/rtf"}, {"\x1f\x8b", "application/gzip"}, {"BZh", "application/x-bzip2"},
	{"\xfd7zXZ\x00", "application/x-xz"}, {"\x28\xb5\x2f\xfd", "application/zstd"}, {"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"},
	{"Rar!\x1a\x07", "application/vnd.rar"}, {"\x7fELF", "application/x-executable"}, {"MZ\x90", "application/x-executable"},
	{"\xca\xfe\xba\xbe", "application/x-executable"}, {"\x89PNG\r\n\x1a\n", "image/png"}, {"\xff\xd8\xff", "image/jpeg"},
	{"GIF87a", "image/gif"}, {"GIF89a", "image/gif"}, {"RIFF", "application/x-riff"}, {"II*\x00", "image/tiff"}, {"MM\x00*", "image/tiff"},
	{"BM", "image/bmp"}, {"%!PS", "application/postscript"}, {"ID3", "audio/mpeg"}, {"OggS", "audio/ogg"}, {"fLaC", "audio/flac"},
	{"SQLite format 3\x00", "application/vnd.sqlite3"}, {"!<arch>\n", "application/x-archive"}, {"\x00asm", "application/wasm"},
}

// detect tells a document's format. Bytes win over name, name over claimed
// type. Bytes that carry the marks of two formats are refused.
func detect(in Input) (format, error) {
	p := in.Bytes
	if len(bytes.TrimSpace(p)) == 0 {
		return "", fmt.Errorf("%w: no bytes", ErrEmpty)
	}
	pdfAt := bytes.Index(p[:min(len(p), 1024)], []byte("%PDF-"))
	zipTail := hasZipTail(p)
	isZip := bytes.HasPrefix(p, []byte("PK\x03\x04")) || bytes.HasPrefix(p, []byte("PK\x05\x06"))
	switch {
	case pdfAt >= 0 && zipTail:
		return "", fmt.Errorf("%w: PDF and ZIP", ErrAmbiguous)
	case pdfAt == 0 || pdfAt > 0 && !isText(p[:pdfAt]) && !isZip:
		return told(in, pdfFile)
	case pdfAt > 0 && bytes.Contains(p, []byte("startxref")):
		return "", fmt.Errorf("%w: text before a PDF", ErrAmbiguous)
	case isZip:
		return zipFile, nil // told apart later: a directory may be a bomb
	case zipTail:
		return "", fmt.Errorf("%w: a ZIP follows other data", ErrAmbiguous)
	}
	for _, s := range signatures {
		if bytes.HasPrefix(p, []byte(s.magic)) && (s.mediaType == "application/rtf" || !isText(p) || plainRun(s.magic) < len(s.magic)) {
			if s.mediaType == "application/x-ole-storage" && bytes.Contains(p, utf16le("EncryptedPackage")) {
				return "", fmt.Errorf("%w: Office document", ErrEncrypted)
			}
			return "", fmt.Errorf("%w: %s", ErrUnsupported, s.mediaType)
		}
	}
	return detectText(in)
}

// told refuses a binary document under a text name: whoever stored it so meant
// it to be read as something else.
func told(in Input, kind format) (format, error) {
	if byName, ok := nameFormat(in.Name); ok && byName != kind && byName != zipFile {
		return "", fmt.Errorf("%w: named as %s, is %s", ErrAmbiguous, byName.mediaType(), kind.mediaType())
	}
	return kind, nil
}

// nameFormat is the format a file name claims.
func nameFormat(name string) (format, bool) {
	base := strings.ToLower(path.Base(strings.ReplaceAll(name, "\\", "/")))
	ext := path.Ext(base)
	if f, ok := byExtension[ext]; ok {
		return f, true
	}
	if sourceExtensions[ext] || sourceExtensions["."+base] {
		return sourceTxt, true
	}
	return "", false
}

// detectText tells text formats apart: by name, then by claimed type, then by
// first look. What looks like a page or a mail is read as one even when called
// plain text, since that is how hidden text in it would be found.
func detectText(in Input) (format, error) {
	kind, known := nameFormat(in.Name)
	if !known {
		kind, known = byMediaType[bareType(in.MediaType)]
	}
	switch kind {
	case pdfFile, docx, pptx, xlsx:
		return "", fmt.Errorf("%w: named as %s, is not", ErrMalformed, kind.mediaType())
	}
	if !known || kind == plainText {
		head, err := decodeHead(in.Bytes)
		if err != nil {
			return "", err
		}
		if looks := sniff(head); looks != "" {
			return looks, nil
		}
		return plainText, nil
	}
	return kind, nil
}

var (
	htmlStart = regexp.MustCompile(`(?i)^(?:\s|<!--(?s:.*?)-->|<\?xml[^>]{0,200}\?>)*<(?:!doctype\s+html|html|head|body)[\s>]`)
	xmlStart  = regexp.MustCompile(`^\s*<\?xml\s`)
	mailStart = regexp.MustCompile(`(?i)^(?:(?:return-path|received|from|to|cc|date|subject|message-id|mime-version|delivered-to|reply-to|x-[a-z0-9-]+|content-type|dkim-signature|arc-[a-z-]+|authentication-results):[^\n]*\r?\n(?:[ \t][^\n]*\r?\n)*){3}`)

	mediaTypeWords = regexp.MustCompile(`^[a-z0-9][a-z0-9.+-]{0,60}/[a-z0-9][a-z0-9.+-]{0,80}$`)
)

// sniff tells a text format by its first characters; "" for plain text.
func sniff(head string) format {
	switch {
	case htmlStart.MatchString(head):
		return htmlPage
	case xmlStart.MatchString(head):
		return xmlText
	case mailStart.MatchString(head):
		return mailFile
	}
	return ""
}

// bareType cuts a media type's parameters.
func bareType(t string) string {
	t, _, _ = strings.Cut(t, ";")
	return strings.ToLower(strings.TrimSpace(t))
}

// mismatch describes a claimed type that is not what was found, in fixed words.
func mismatch(in Input, kind format) string {
	claimed := bareType(in.MediaType)
	if byName, ok := nameFormat(in.Name); ok && byName != kind {
		return "named as " + byName.mediaType() + ", read as " + kind.mediaType()
	}
	if f, ok := byMediaType[claimed]; ok && f != kind && f != plainText {
		return "claimed " + claimed + ", read as " + kind.mediaType()
	}
	return ""
}

// isText reports whether the bytes could be text in a single-byte or UTF-8
// encoding: no NUL and few control characters.
func isText(p []byte) bool {
	bad := 0
	for _, c := range p[:min(len(p), 4096)] {
		if c == 0 {
			return false
		}
		if c < 0x20 && c != '\n' && c != '\r' && c != '\t' && c != '\f' && c != 0x1b {
			bad++
		}
	}
	return bad*50 <= min(len(p), 4096)
}

// hasZipTail reports whether the bytes end in a ZIP end-of-directory record.
func hasZipTail(p []byte) bool {
	tail := p[max(0, len(p)-22-65535):]
	for at := len(tail); at > 0; {
		at = bytes.LastIndex(tail[:at], []byte("PK\x05\x06"))
		if at < 0 || at+22 > len(tail) {
			return false
		}
		if int(binary.LittleEndian.Uint16(tail[at+20:])) <= len(tail)-at-22 {
			return true
		}
	}
	return false
}

func utf16le(s string) []byte {
	out := make([]byte, 0, 2*len(s))
	for i := 0; i < len(s); i++ {
		out = append(out, s[i], 0)
	}
	return out
}

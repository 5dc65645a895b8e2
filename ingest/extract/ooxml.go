package extract

import (
	"archive/zip"
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
)

// zipKind tells an OOXML document from other archives by its main part.
func zipKind(p []byte, maxEntries int) (format, error) {
	if n := bytes.Count(p, []byte("PK\x01\x02")); n > maxEntries {
		return zipFile, fmt.Errorf("%w: archive of more than %d entries", ErrTooLarge, maxEntries)
	}
	if bytes.Contains(p[4:min(len(p), 1024)], []byte("%PDF-")) {
		return "", fmt.Errorf("%w: ZIP and PDF", ErrAmbiguous)
	}
	z, err := zip.NewReader(bytes.NewReader(p), int64(len(p)))
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) {
		return "", fmt.Errorf("%w: ZIP archive", ErrMalformed)
	}
	var found format
	for _, f := range z.File {
		var kind format
		switch {
		case mainName(f.Name, "word/document"):
			kind = docx
		case mainName(f.Name, "ppt/presentation"):
			kind = pptx
		case mainName(f.Name, "xl/workbook"):
			kind = xlsx
		}
		switch f.Name {
		case "mimetype":
			return "", fmt.Errorf("%w: OpenDocument or EPUB", ErrUnsupported)
		case "EncryptedPackage":
			return "", fmt.Errorf("%w: Office document", ErrEncrypted)
		}
		if kind != "" && found != "" && kind != found {
			return "", fmt.Errorf("%w: two main parts in one Office document", ErrAmbiguous)
		}
		if kind != "" {
			found = kind
		}
	}
	if found == "" {
		return zipFile, fmt.Errorf("%w: application/zip", ErrUnsupported)
	}
	return found, nil
}

// mainName reports whether an entry is a main part by its name; some programs
// number it (word/document2.xml).
func mainName(name, stem string) bool {
	rest, ok := strings.CutPrefix(name, stem)
	return ok && strings.HasSuffix(rest, ".xml") && strings.Trim(rest, "0123456789") == ".xml"
}

// mainPart is the part the package's relationships name as its document; usual
// stands in where they name none. A package that holds both is ambiguous: one
// program might open the one, another the other.
func (o *office) mainPart(usual string) (string, error) {
	rels, err := o.relations("")
	if err != nil {
		return "", err
	}
	main := usual
	for _, r := range sorted(rels) {
		if r.kind == "officeDocument" && !r.external {
			main = strings.TrimPrefix(r.target, "/")
		}
	}
	if o.files[main] == nil {
		return "", fmt.Errorf("%w: Office document without its main part", ErrMalformed)
	}
	if main != usual && o.files[usual] != nil {
		return "", fmt.Errorf("%w: two main parts in one Office document", ErrAmbiguous)
	}
	return main, nil
}

// office is an opened OOXML package.
type office struct {
	*builder
	files map[string]*zip.File
	names []string
}

// openOffice checks the package's directory against the limits before anything
// is expanded.
func openOffice(b *builder, p []byte) (*office, error) {
	z, err := zip.NewReader(bytes.NewReader(p), int64(len(p)))
	if err != nil {
		return nil, fmt.Errorf("%w: ZIP archive", ErrMalformed)
	}
	if len(z.File) > b.config.MaxEntries {
		return nil, fmt.Errorf("%w: archive of more than %d entries", ErrTooLarge, b.config.MaxEntries)
	}
	o := &office{builder: b, files: make(map[string]*zip.File, len(z.File))}
	for _, f := range z.File {
		if strings.Contains(f.Name, "..") || strings.HasPrefix(f.Name, "/") || strings.Contains(f.Name, "\\") {
			return nil, fmt.Errorf("%w: archive entry with a path out of the archive", ErrMalformed)
		}
		if f.Flags&1 != 0 {
			return nil, fmt.Errorf("%w: archive entry", ErrEncrypted)
		}
		if _, dup := o.files[f.Name]; dup {
			return nil, fmt.Errorf("%w: archive with two entries of one name", ErrAmbiguous)
		}
		o.files[f.Name] = f
		o.names = append(o.names, f.Name)
	}
	if err := overlap(z.File); err != nil {
		return nil, err
	}
	if z.Comment != "" {
		b.hide(Metadata, "zip-comment", "archive comment", z.Comment)
	}
	return o, nil
}

// overlap refuses archives whose entries share bytes, which only bombs do.
func overlap(files []*zip.File) error {
	seen := make(map[int64]bool, len(files))
	for _, f := range files {
		at, err := f.DataOffset()
		if err != nil {
			return fmt.Errorf("%w: archive entry", ErrMalformed)
		}
		if seen[at] && f.CompressedSize64 > 0 {
			return fmt.Errorf("%w: archive entries share bytes", ErrMalformed)
		}
		seen[at] = true
	}
	return nil
}

// open returns a reader of one part, bounded by the document's limits; nil when
// there is no such part.
func (o *office) open(name string) (io.ReadCloser, error) {
	f := o.files[strings.TrimPrefix(name, "/")]
	if f == nil {
		return nil, nil
	}
	rc, err := f.Open()
	if err != nil {
		return nil, fmt.Errorf("%w: archive entry", ErrMalformed)
	}
	return &bounded{ReadCloser: rc, b: o.builder, packed: int64(f.CompressedSize64)}, nil
}

// xml reads one part token by token; a missing part is no error.
func (o *office) xml(name string, fn func(xml.Token) error) error {
	rc, err := o.open(name)
	if rc == nil || err != nil {
		return err
	}
	defer rc.Close()
	return o.xmlTokens(rc, "part "+partWord(name), fn)
}

// partWord names a part without the document's own words: its folder and the
// kind of file.
func partWord(name string) string {
	dir := strings.SplitN(name, "/", 2)[0]
	if dir == "word" || dir == "xl" || dir == "ppt" || dir == "docProps" || dir == "customXml" {
		return dir + "/*" + path.Ext(name)[:min(len(path.Ext(name)), 5)]
	}
	return "of the archive"
}

// bounded is a decompressed stream under the document's limits.
type bounded struct {
	io.ReadCloser
	b      *builder
	packed int64
	n      int64
}

func (r *bounded) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	r.n += int64(n)
	if e := r.b.expand(int64(n), r.n, r.packed); e != nil {
		return 0, e
	}
	return n, err
}

// expand takes n decompressed bytes of the budget; total and packed are of the
// stream they belong to.
func (b *builder) expand(n, total, packed int64) error {
	if b.budget.expanded -= n; b.budget.expanded < 0 {
		return fmt.Errorf("%w: expands to more than %d bytes", ErrTooLarge, b.config.MaxExpanded)
	}
	if total > 1<<20 && total > packed*b.config.MaxRatio {
		return fmt.Errorf("%w: a part expands more than %d times", ErrTooLarge, b.config.MaxRatio)
	}
	return nil
}

// limitError returns err when it is one of this package's own, met inside a
// library that passes reader errors through.
func limitError(err error) error {
	for _, c := range classes {
		if errors.Is(err, c.err) {
			return err
		}
	}
	return nil
}

// relations reads a part's relationships: id → target part, resolved; external
// ones are left out.
func (o *office) relations(part string) (map[string]relation, error) {
	rels := map[string]relation{}
	dir, file := path.Split(part)
	err := o.xml(dir+"_rels/"+file+".rels", func(tok xml.Token) error {
		if e, ok := tok.(xml.StartElement); ok && e.Name.Local == "Relationship" {
			a := flatAttrs(e)
			r := relation{kind: path.Base(a["Type"]), external: a["TargetMode"] == "External"}
			r.target = strings.TrimPrefix(a["Target"], "/")
			if !strings.HasPrefix(a["Target"], "/") && !r.external {
				r.target = path.Join(dir, a["Target"])
			}
			rels[a["Id"]] = r
		}
		return nil
	})
	return rels, err
}

type relation struct {
	target, kind string
	external     bool
}

// properties reports the package's metadata, comments and custom parts.
func (o *office) properties() error {
	for _, name := range o.names {
		switch {
		case strings.HasPrefix(name, "docProps/") && strings.HasSuffix(name, ".xml"):
			if err := o.allText(name, Metadata, "office-property", "document properties"); err != nil {
				return err
			}
		case strings.HasPrefix(name, "customXml/") && strings.HasSuffix(name, ".xml") && !strings.Contains(name, "_rels/"):
			if err := o.allText(name, Markup, "office-custom-xml", "custom XML"); err != nil {
				return err
			}
		case strings.Contains(name, "/media/"):
			o.skip("image/*")
		case strings.Contains(name, "/embeddings/"):
			o.skip("application/octet-stream")
		case strings.HasSuffix(name, "vbaProject.bin"):
			o.warn("document has macros, not read")
		}
	}
	return nil
}

// allText reports all character data of a part as hidden.
func (o *office) allText(name string, class Class, technique, locator string) error {
	return o.xml(name, func(tok xml.Token) error {
		switch t := tok.(type) {
		case xml.CharData:
			o.hideRun(class, technique, locator, string(t))
		case xml.Comment:
			o.hide(Markup, "xml-comment", "comment", string(t))
		case xml.StartElement:
			// Runs of a paragraph follow each other; anything else stands apart.
			o.apart = o.apart || t.Name.Local != "r" && t.Name.Local != "t" && t.Name.Local != "rPr"
			for _, a := range t.Attr {
				if words(a.Value) >= 3 {
					o.hide(class, technique, locator, a.Value)
				}
			}
		}
		return nil
	})
}

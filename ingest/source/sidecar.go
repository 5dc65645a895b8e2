package source

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/doorward/doorward/ingest"
)

// sidecarSuffixes are put after a file's whole name: report.pdf.doorward.json.
var sidecarSuffixes = []string{".doorward.json", ".doorward.yaml", ".doorward.yml"}

// manifestSuffix names a connector's signed statement about the file beside it,
// handed on as it is in ingest.Item.Manifest.
const manifestSuffix = ".doorward.manifest"

// maxSidecar is the largest sidecar file.
const maxSidecar = 1 << 20

// Sidecar is the content of a sidecar file; other fields are refused.
type Sidecar struct {
	// Attributes go over those of the mapping rules, attribute by attribute.
	Attributes map[string]any `json:"attributes" yaml:"attributes"`
	// MediaType is the claimed type of the document beside it.
	MediaType string `json:"media_type" yaml:"media_type"`
}

func isSidecar(name string) bool {
	for _, s := range sidecarSuffixes {
		if strings.HasSuffix(name, s) {
			return true
		}
	}
	return strings.HasSuffix(name, manifestSuffix)
}

// manifest reads the signed manifest of p, if there is one.
func (d *Directory) manifest(p string, siblings map[string]bool) ([]byte, error) {
	if !siblings[p[strings.LastIndexByte(p, '/')+1:]+manifestSuffix] {
		return nil, nil
	}
	f, err := d.open(p + manifestSuffix)
	if err != nil {
		return nil, fmt.Errorf("%w: reading the manifest: %w", ingest.ErrAttributes, withoutPath(err))
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, maxSidecar+1))
	if err == nil && len(content) > maxSidecar {
		err = fmt.Errorf("over %d bytes", maxSidecar)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: reading the manifest: %w", ingest.ErrAttributes, withoutPath(err))
	}
	return content, nil
}

// sidecar reads the sidecar file of p, if there is one.
func (d *Directory) sidecar(p string, siblings map[string]bool) (map[string]any, string, error) {
	if d.config.NoSidecars {
		return nil, "", nil
	}
	base := p[strings.LastIndexByte(p, '/')+1:]
	return oneSidecar(func(suffix string) ([]byte, bool, error) {
		if !siblings[base+suffix] {
			return nil, false, nil
		}
		f, err := d.open(p + suffix)
		if err != nil {
			return nil, false, err
		}
		defer f.Close()
		content, err := io.ReadAll(io.LimitReader(f, maxSidecar+1))
		return content, true, err
	})
}

// withoutPath is an error of a file without the file's name.
func withoutPath(err error) error {
	if p := (*fs.PathError)(nil); errors.As(err, &p) {
		return p.Err
	}
	return err
}

// oneSidecar reads the sidecar file of a document, of which there may be one.
func oneSidecar(read func(suffix string) (content []byte, found bool, err error)) (map[string]any, string, error) {
	var s Sidecar
	have := ""
	for _, suffix := range sidecarSuffixes {
		content, found, err := read(suffix)
		if err != nil {
			return nil, "", fmt.Errorf("%w: reading the attribute file: %w", ingest.ErrAttributes, withoutPath(err))
		}
		if !found {
			continue
		}
		if have != "" {
			return nil, "", fmt.Errorf("%w: two attribute files for one document (%s and %s)", ingest.ErrAttributes, have, suffix)
		}
		have = suffix
		if s, err = parseSidecar(content, strings.HasSuffix(suffix, ".json")); err != nil {
			return nil, "", err
		}
	}
	return s.Attributes, s.MediaType, nil
}

// parseSidecar reads a sidecar file strictly. Its errors hold none of the
// file's own words.
func parseSidecar(content []byte, isJSON bool) (Sidecar, error) {
	var s Sidecar
	if len(content) > maxSidecar {
		return s, fmt.Errorf("%w: the attribute file is over %d bytes", ingest.ErrAttributes, maxSidecar)
	}
	if isJSON {
		dec := json.NewDecoder(bytes.NewReader(content))
		dec.DisallowUnknownFields()
		dec.UseNumber()
		if err := dec.Decode(&s); err != nil {
			return Sidecar{}, fmt.Errorf("%w: the attribute file is not JSON with the fields attributes, media_type (near byte %d)", ingest.ErrAttributes, dec.InputOffset())
		}
		if _, err := dec.Token(); err != io.EOF {
			return Sidecar{}, fmt.Errorf("%w: the attribute file goes on after its object", ingest.ErrAttributes)
		}
		plainNumbers(s.Attributes)
		return s, nil
	}
	dec := yaml.NewDecoder(bytes.NewReader(content))
	dec.KnownFields(true)
	if err := dec.Decode(&s); err != nil && !errors.Is(err, io.EOF) {
		return Sidecar{}, fmt.Errorf("%w: the attribute file is not YAML with the fields attributes, media_type", ingest.ErrAttributes)
	}
	return s, nil
}

// plainNumbers turns json.Number into int64 where it is a whole number, else
// float64, so that attributes look the same whichever source they come from.
func plainNumbers(v any) any {
	switch v := v.(type) {
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n
		}
		f, _ := v.Float64()
		return f
	case map[string]any:
		for k, e := range v {
			v[k] = plainNumbers(e)
		}
	case []any:
		for i, e := range v {
			v[i] = plainNumbers(e)
		}
	}
	return v
}

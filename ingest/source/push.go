package source

import (
	"fmt"

	"github.com/doorward/doorward/ingest"
)

// PushConfig describes a source whose documents are pushed over HTTP.
type PushConfig struct {
	// Name is the source's name; required.
	Name string
	// Tenant is the only tenant whose backends may push into it; "" is any.
	Tenant string
	// MaxBytes is the largest document; 0 means 16 MiB.
	MaxBytes int64
	// Mapping makes attributes; the path is the caller's own document id. What the
	// caller claims goes over it, but not over final rules.
	Mapping Mapping
}

// Push makes items of pushed documents. It is no ingest.Source: nothing can be
// walked.
type Push struct {
	config PushConfig
	mapper Mapper
}

var _ ingest.PushSource = (*Push)(nil)

// NewPush checks the settings.
func NewPush(c PushConfig) (*Push, error) {
	if err := checkName(c.Name); err != nil {
		return nil, err
	}
	if c.MaxBytes == 0 {
		c.MaxBytes = 16 << 20
	}
	m, err := NewMapper(c.Mapping)
	if err != nil {
		return nil, err
	}
	return &Push{config: c, mapper: m}, nil
}

// Name is the source's name.
func (s *Push) Name() string { return s.config.Name }

// Tenant is the only tenant the source is for.
func (s *Push) Tenant() string { return s.config.Tenant }

// Item makes an item. Without usable attributes it can be received and held;
// without a usable id it has none.
func (s *Push) Item(d ingest.Pushed) ingest.Item {
	it := ingest.Item{Name: d.Name, URI: d.URI, MediaType: d.MediaType, Manifest: d.Manifest}
	if it.ID, it.Err = ingest.PushedID(s.config.Name, d.ID); it.Err != nil {
		return it
	}
	if it.URI == "" {
		it.URI = "push:" + s.config.Name + "/" + d.ID
	}
	body := d.Bytes
	if d.Title != "" {
		body = append([]byte(d.Title+"\n\n"), d.Bytes...)
	}
	if it.Size = int64(len(body)); it.Size > s.config.MaxBytes {
		it.Err = fmt.Errorf("%w: %d bytes, the limit is %d", ingest.ErrTooLarge, it.Size, s.config.MaxBytes)
		return it
	}
	it.Fingerprint = digest(it.MediaType, it.Name, string(body))
	it.Open = opener(body)
	var own map[string]any
	if len(d.Attributes) > 0 {
		if own, it.Err = parseRecord(d.Attributes); it.Err != nil {
			it.Err = fmt.Errorf("%w: the attributes are %w", ingest.ErrAttributes, it.Err)
			return it
		}
	}
	it.Own = own
	it.Attributes, it.Err = s.Attributes(d.ID, own)
	return it
}

// Attributes applies the mapping rules to what a caller claims.
func (s *Push) Attributes(id string, own map[string]any) (map[string]any, error) {
	return s.mapper.Map(Facts{Source: s.config.Name, Path: id}, own)
}

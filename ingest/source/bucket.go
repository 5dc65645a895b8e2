package source

import (
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"path"
	"strings"

	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"

	"github.com/doorward/doorward/ingest"
)

// BucketConfig describes objects in a bucket.
type BucketConfig struct {
	// Name is the source's name; required.
	Name string
	// Bucket is the open bucket; required. OpenBucket opens one by URL.
	Bucket *blob.Bucket
	// Folder is a key prefix, for example "handbook/"; paths are what follows it.
	Folder string
	// Include and Exclude are path patterns; see DirectoryConfig.
	Include, Exclude []string
	// MaxBytes is the largest object; 0 means 100 MiB.
	MaxBytes int64
	// Metadata asks the store for each object's own metadata, at one more request
	// for each object, and offers it to Mapping as ${field.metadata.KEY}.
	Metadata bool
	// Mapping makes attributes.
	Mapping Mapping
	// NoSidecars ignores attribute objects (KEY.doorward.json and so on).
	NoSidecars bool
	// Prefix goes before every document id.
	Prefix string
}

// Bucket reads the objects of a bucket.
type Bucket struct {
	config  BucketConfig
	mapper  Mapper
	include []pattern
	exclude []pattern
}

// NewBucket checks the settings; it does not close the bucket.
func NewBucket(c BucketConfig) (*Bucket, error) {
	if err := checkName(c.Name); err != nil {
		return nil, err
	}
	if c.Bucket == nil {
		return nil, fmt.Errorf("%w: source %s has no bucket", ErrConfig, c.Name)
	}
	if c.Prefix != "" && !ingest.ValidID(c.Prefix) {
		return nil, fmt.Errorf("%w: the prefix of source %s has characters ids do not have", ErrConfig, c.Name)
	}
	if c.MaxBytes == 0 {
		c.MaxBytes = defaultMaxBytes
	}
	b := &Bucket{config: c}
	var err error
	if b.mapper, err = NewMapper(c.Mapping); err != nil {
		return nil, err
	}
	if b.include, err = patterns(c.Include); err != nil {
		return nil, err
	}
	if b.exclude, err = patterns(c.Exclude); err != nil {
		return nil, err
	}
	return b, nil
}

// Name is the source's name.
func (b *Bucket) Name() string { return b.config.Name }

// Walk lists the bucket, twice unless NoSidecars: first to learn which objects
// have an attribute object beside them, then to give the objects in the
// store's order. Only the keys of attribute objects are held in memory.
func (b *Bucket) Walk(ctx context.Context, fn func(ingest.Item) error) error {
	sidecars := map[string]bool{}
	if !b.config.NoSidecars {
		err := b.list(ctx, func(o *blob.ListObject, p string) error {
			if isSidecar(p) {
				sidecars[o.Key] = true
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return b.list(ctx, func(o *blob.ListObject, p string) error {
		if isSidecar(p) || !b.wanted(p) {
			return nil
		}
		return fn(b.item(ctx, o, sidecars))
	})
}

// list calls fn for every object under the folder, with its path.
func (b *Bucket) list(ctx context.Context, fn func(o *blob.ListObject, path string) error) error {
	list := b.config.Bucket.List(&blob.ListOptions{Prefix: b.config.Folder})
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		o, err := list.Next(ctx)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return b.failed(ctx, "listing the bucket", err)
		}
		p := strings.TrimPrefix(o.Key, b.config.Folder)
		if o.IsDir || strings.HasSuffix(p, "/") || p == "" {
			continue
		}
		if err := fn(o, p); err != nil {
			return err
		}
	}
}

func (b *Bucket) wanted(p string) bool {
	return (len(b.include) == 0 || anyMatch(b.include, p)) && !anyMatch(b.exclude, p)
}

// failed wraps a store's error by its kind; its own words may hold keys.
func (b *Bucket) failed(ctx context.Context, doing string, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return fmt.Errorf("%w: %s: %v", ingest.ErrSource, doing, gcerrors.Code(err))
}

// item describes one object.
func (b *Bucket) item(ctx context.Context, o *blob.ListObject, sidecars map[string]bool) ingest.Item {
	p := strings.TrimPrefix(o.Key, b.config.Folder)
	it := ingest.Item{URI: "bucket:" + b.config.Name + "/" + o.Key, Name: path.Base(p), Size: o.Size, Modified: o.ModTime}
	if it.ID, it.Err = pathID(b.config.Prefix, p); it.Err != nil {
		return it
	}
	// A hash of the bytes where the store has one; else size and time, which
	// stores set themselves.
	it.Fingerprint = hex.EncodeToString(o.MD5)
	if it.Fingerprint == "" {
		it.Fingerprint = fmt.Sprintf("%d-%d", o.Size, o.ModTime.UnixNano())
	}
	if o.Size > b.config.MaxBytes {
		it.Err = fmt.Errorf("%w: %d bytes, the limit is %d", ingest.ErrTooLarge, o.Size, b.config.MaxBytes)
		return it
	}
	it.Open = func(ctx context.Context) (io.ReadCloser, error) { return b.open(ctx, o.Key, o.Size) }
	facts := Facts{Source: b.config.Name, Path: p}
	if b.config.Metadata {
		a, err := b.config.Bucket.Attributes(ctx, o.Key)
		if err != nil {
			it.Err = fmt.Errorf("%w: reading the object's metadata: %v", ingest.ErrAttributes, gcerrors.Code(err))
			return it
		}
		it.MediaType = a.ContentType
		facts.Fields = map[string]any{"metadata": anyMap(a.Metadata)}
	}
	own, mediaType, err := b.sidecar(ctx, o.Key, sidecars)
	if mediaType != "" {
		it.MediaType = mediaType
	}
	if err == nil {
		it.Own = own
		it.Attributes, err = b.mapper.Map(facts, own)
	}
	it.Err = err
	return it
}

func anyMap(m map[string]string) map[string]any {
	out := make(map[string]any, len(m))
	for k, v := range m {
		out[k] = v
	}
	return out
}

func (b *Bucket) sidecar(ctx context.Context, key string, sidecars map[string]bool) (map[string]any, string, error) {
	if b.config.NoSidecars {
		return nil, "", nil
	}
	return oneSidecar(func(suffix string) ([]byte, bool, error) {
		if !sidecars[key+suffix] {
			return nil, false, nil
		}
		r, err := b.open(ctx, key+suffix, -1)
		if err != nil {
			return nil, false, err
		}
		defer r.Close()
		p, err := io.ReadAll(io.LimitReader(r, maxSidecar+1))
		return p, true, err
	})
}

// open reads an object; size is what the listing said, -1 for unknown.
func (b *Bucket) open(ctx context.Context, key string, size int64) (io.ReadCloser, error) {
	r, err := b.config.Bucket.NewReader(ctx, key, nil)
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ingest.ErrUnreadable, gcerrors.Code(err))
	}
	if size >= 0 && r.Size() != size {
		r.Close()
		return nil, fmt.Errorf("%w: the object changed since it was listed", ingest.ErrUnreadable)
	}
	return r, nil
}

package source

import (
	"context"
	"fmt"
	"net/url"

	"gocloud.dev/blob"
	_ "gocloud.dev/blob/fileblob" // file:///path, for tests and mounted stores
)

// OpenBucket opens a bucket by URL: file:///path always; s3://, gs:// and
// azblob:// in programs built with the tag "cloud". Credentials come from the
// environment as each store's own tools take them, never from the URL.
func OpenBucket(ctx context.Context, address string) (*blob.Bucket, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme == "" {
		return nil, fmt.Errorf("%w: the bucket's address is no URL", ErrConfig)
	}
	if u.User != nil {
		return nil, fmt.Errorf("%w: the bucket's address holds credentials; take them from the environment", ErrConfig)
	}
	if !blob.DefaultURLMux().ValidBucketScheme(u.Scheme) {
		return nil, fmt.Errorf("%w: this program has no driver for %s:// buckets; it must be built with -tags cloud", ErrConfig, u.Scheme)
	}
	b, err := blob.OpenBucket(ctx, address)
	if err != nil {
		return nil, fmt.Errorf("%w: opening the bucket: %w", ErrConfig, err)
	}
	return b, nil
}

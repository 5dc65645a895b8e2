//go:build cloud

package source

// The drivers of S3, Google Cloud Storage and Azure Blob register their URL
// schemes. They triple the program's size, so they are built on demand.
import (
	_ "gocloud.dev/blob/azureblob" // azblob://container
	_ "gocloud.dev/blob/gcsblob"   // gs://bucket
	_ "gocloud.dev/blob/s3blob"    // s3://bucket?region=…
)

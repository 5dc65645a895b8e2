package rego

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/doorward/doorward/policy/peer"
)

// Directory is an origin: a folder of Rego and data files, unsigned, for policies
// that are deployed with the machine.
type Directory struct {
	Path string
}

func (d Directory) describe() string { return d.Path }

func (d Directory) fetch(_ context.Context, tag string, _ time.Time) (*fetched, error) {
	info, err := os.Stat(d.Path)
	if err != nil {
		return nil, fmt.Errorf("reading policy directory: %w", err)
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("reading policy directory: %s is not a directory", d.Path)
	}
	src, err := readSources(os.DirFS(d.Path))
	if err != nil {
		return nil, err
	}
	if src.digest == tag {
		return &fetched{unchanged: true, tag: tag}, nil
	}
	return &fetched{src: src, name: d.Path, sequence: -1, tag: src.digest}, nil
}

// HTTP is an origin: a signed OPA bundle (a .tar.gz) at a URL. Unchanged bundles
// are told by ETag.
type HTTP struct {
	URL    string
	Trust  Trust
	Header http.Header  // sent with each request, for example Authorization
	Client *http.Client // nil means one with a timeout of 30 seconds
}

func (h HTTP) describe() string { return h.URL }

func (h HTTP) fetch(ctx context.Context, tag string, now time.Time) (*fetched, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, h.URL, nil)
	if err != nil {
		return nil, fmt.Errorf("fetching policy bundle: %w", err)
	}
	for k, vs := range h.Header {
		req.Header[k] = vs
	}
	return fetchBundle(h.Client, req, h.URL, tag, h.Trust, now)
}

// S3 is an origin: a signed OPA bundle in an S3 bucket or a compatible store.
type S3 struct {
	Bucket    string
	Object    string // key of the bundle in the bucket
	Region    string
	Endpoint  string // empty for AWS; else the store's base URL, the bucket follows in the path
	AccessKey string
	SecretKey string
	Session   string // session token, if the keys are temporary
	Trust     Trust
	Client    *http.Client // nil means one with a timeout of 30 seconds
}

func (s S3) describe() string { return "s3://" + s.Bucket + "/" + s.Object }

func (s S3) fetch(ctx context.Context, tag string, now time.Time) (*fetched, error) {
	req, err := s.request(ctx, now)
	if err != nil {
		return nil, fmt.Errorf("fetching policy bundle: %w", err)
	}
	return fetchBundle(s.Client, req, s.describe(), tag, s.Trust, now)
}

func fetchBundle(client *http.Client, req *http.Request, name, tag string, trust Trust, now time.Time) (*fetched, error) {
	if client == nil {
		client = &http.Client{Timeout: 30 * time.Second}
	}
	if tag != "" {
		req.Header.Set("If-None-Match", tag)
	}
	res, err := client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("fetching policy bundle: %w", peer.Failure(err))
	}
	defer res.Body.Close()
	switch res.StatusCode {
	case http.StatusNotModified:
		if tag == "" {
			return nil, fmt.Errorf("fetching policy bundle: not modified, but nothing was fetched before")
		}
		return &fetched{unchanged: true, tag: tag}, nil
	case http.StatusOK:
	default:
		return nil, fmt.Errorf("fetching policy bundle: %s answered %s", name, res.Status)
	}
	raw, err := io.ReadAll(io.LimitReader(res.Body, maxBundle+1))
	if err != nil {
		return nil, fmt.Errorf("fetching policy bundle: %w", err)
	}
	f, err := bundleFetched(raw, name, trust, now)
	if err != nil {
		return nil, err
	}
	f.tag = res.Header.Get("ETag")
	return f, nil
}

func bundleFetched(raw []byte, name string, trust Trust, now time.Time) (*fetched, error) {
	src, manifest, facts, err := openBundle(raw, trust, now)
	if err != nil {
		return nil, err
	}
	return &fetched{src: src, id: manifest.Revision, name: name, sequence: facts.sequence, expires: facts.expires, raw: raw}, nil
}

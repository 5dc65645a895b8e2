package rego

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// request makes a GET of the object, signed with AWS Signature Version 4
// (https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html).
func (s S3) request(ctx context.Context, now time.Time) (*http.Request, error) {
	for what, v := range map[string]string{"bucket": s.Bucket, "object": s.Object, "region": s.Region, "access key": s.AccessKey, "secret key": s.SecretKey} {
		if v == "" {
			return nil, fmt.Errorf("the S3 origin has no %s", what)
		}
	}
	base := "https://" + s.Bucket + ".s3." + s.Region + ".amazonaws.com"
	if s.Endpoint != "" {
		base = strings.TrimRight(s.Endpoint, "/") + "/" + url.PathEscape(s.Bucket)
	}
	segments := strings.Split(strings.TrimLeft(s.Object, "/"), "/")
	for i, seg := range segments {
		segments[i] = awsEscape(seg)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/"+strings.Join(segments, "/"), nil)
	if err != nil {
		return nil, err
	}
	s.sign(req, now.UTC())
	return req, nil
}

// emptyHash is the SHA-256 of no payload.
const emptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

func (s S3) sign(req *http.Request, now time.Time) {
	stamp, day := now.Format("20060102T150405Z"), now.Format("20060102")
	req.Header.Set("X-Amz-Date", stamp)
	req.Header.Set("X-Amz-Content-Sha256", emptyHash)
	names := []string{"host", "x-amz-content-sha256", "x-amz-date"}
	headers := "host:" + req.URL.Host + "\nx-amz-content-sha256:" + emptyHash + "\nx-amz-date:" + stamp + "\n"
	if s.Session != "" {
		req.Header.Set("X-Amz-Security-Token", s.Session)
		names = append(names, "x-amz-security-token")
		headers += "x-amz-security-token:" + s.Session + "\n"
	}
	signed := strings.Join(names, ";")
	canonical := strings.Join([]string{req.Method, req.URL.EscapedPath(), "", headers, signed, emptyHash}, "\n")
	scope := day + "/" + s.Region + "/s3/aws4_request"
	sum := sha256.Sum256([]byte(canonical))
	toSign := "AWS4-HMAC-SHA256\n" + stamp + "\n" + scope + "\n" + hex.EncodeToString(sum[:])
	key := []byte("AWS4" + s.SecretKey)
	for _, part := range []string{day, s.Region, "s3", "aws4_request"} {
		key = hmacSHA256(key, part)
	}
	req.Header.Set("Authorization", fmt.Sprintf("AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=%s, Signature=%x",
		s.AccessKey, scope, signed, hmacSHA256(key, toSign)))
}

func hmacSHA256(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

// awsEscape escapes a path segment as S3 signs it: everything but unreserved
// characters.
func awsEscape(seg string) string {
	var b strings.Builder
	for _, c := range []byte(seg) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '.', c == '_', c == '~':
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

package kms

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/tink-crypto/tink-go/v2/tink"

	"github.com/doorward/doorward/policy/peer"
)

// vault seals with a key of Vault's transit engine, over its HTTP API. The key
// must be of an authenticated kind, such as aes256-gcm96 (the default).
type vault struct {
	base, name string // https://host:port/v1/MOUNT, key
	namespace  string
	tokenFile  string // read for every call: agents renew it
	client     *http.Client
	c          Config
}

var _ tink.AEAD = (*vault)(nil)

func openVault(c Config, scheme, rest string) (tink.AEAD, error) {
	host, path, _ := strings.Cut(rest, "/")
	mount, name, ok := strings.Cut(path, "/keys/")
	if host == "" || mount == "" || !ok || name == "" || strings.Contains(name, "/") {
		return nil, fmt.Errorf("%w: use hcvault://host:port/MOUNT/keys/NAME", ErrURI)
	}
	if c.TokenFile == "" {
		return nil, fmt.Errorf("%w: hcvault needs kms.token_file", ErrURI)
	}
	web := "https"
	if scheme == "hcvault+http" {
		h, _, err := net.SplitHostPort(host)
		if ip := net.ParseIP(h); err != nil || ip == nil || !ip.IsLoopback() {
			return nil, fmt.Errorf("%w: hcvault+http is for loopback addresses alone", ErrURI)
		}
		web = "http"
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12}}
	if c.CAFile != "" {
		pem, err := os.ReadFile(c.CAFile)
		if err != nil {
			return nil, fmt.Errorf("reading kms.ca_file: %w", err)
		}
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("reading kms.ca_file: it holds no certificate")
		}
		transport.TLSClientConfig.RootCAs = pool
	}
	return &vault{base: web + "://" + host + "/v1/" + mount, name: url.PathEscape(name), namespace: c.Namespace, tokenFile: c.TokenFile,
		client: &http.Client{Timeout: c.Timeout, Transport: transport}, c: c}, nil
}

// Encrypt implements [tink.AEAD].
func (v *vault) Encrypt(plaintext, associated []byte) ([]byte, error) {
	var out struct {
		Ciphertext string `json:"ciphertext"`
	}
	err := v.call("encrypt", map[string]string{"plaintext": base64.StdEncoding.EncodeToString(plaintext)}, associated, &out)
	if err == nil && !strings.HasPrefix(out.Ciphertext, "vault:") {
		err = fmt.Errorf("%w: Vault's answer is not a ciphertext", ErrUnavailable)
	}
	return []byte(out.Ciphertext), err
}

// Decrypt implements [tink.AEAD].
func (v *vault) Decrypt(ciphertext, associated []byte) ([]byte, error) {
	var out struct {
		Plaintext string `json:"plaintext"`
	}
	if err := v.call("decrypt", map[string]string{"ciphertext": string(ciphertext)}, associated, &out); err != nil {
		return nil, err
	}
	plain, err := base64.StdEncoding.DecodeString(out.Plaintext)
	if err != nil {
		return nil, fmt.Errorf("%w: Vault's answer is not base64", ErrUnavailable)
	}
	return plain, nil
}

func (v *vault) call(what string, body map[string]string, associated []byte, into any) error {
	if len(associated) > 0 {
		body["associated_data"] = base64.StdEncoding.EncodeToString(associated)
	}
	data, err := json.Marshal(body)
	if err != nil {
		return err
	}
	token, err := os.ReadFile(v.tokenFile)
	if err != nil {
		return fmt.Errorf("reading kms.token_file: %w", err)
	}
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, v.base+"/"+what+"/"+v.name, bytes.NewReader(data))
	if err != nil {
		return ErrURI
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Vault-Request", "true")
	req.Header.Set("X-Vault-Token", strings.TrimSpace(string(token)))
	if v.namespace != "" {
		req.Header.Set("X-Vault-Namespace", v.namespace)
	}
	res, err := v.client.Do(req)
	if err != nil {
		return fmt.Errorf("%w: asking Vault: %w", ErrUnavailable, peer.Failure(err))
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return fmt.Errorf("%w: asking Vault: %w", ErrUnavailable, peer.Failure(err))
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%w: Vault answered %d to %s%s", ErrUnavailable, res.StatusCode, what, hint(res.StatusCode))
	}
	whole := struct{ Data any }{into}
	if err := json.Unmarshal(answer, &whole); err != nil {
		return fmt.Errorf("%w: Vault's answer is not JSON", ErrUnavailable)
	}
	return nil
}

func hint(status int) string {
	switch status {
	case http.StatusForbidden:
		return ": the token may not use this key"
	case http.StatusNotFound:
		return ": there is no such transit engine"
	case http.StatusBadRequest:
		return ": there is no such key, or it did not seal this"
	case http.StatusServiceUnavailable:
		return ": it is sealed"
	}
	return ""
}

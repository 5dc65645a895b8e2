package configs

import (
	"fmt"
	"net"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

var (
	sourceName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)
	tenantName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)
	kinds      = []string{"string", "int", "time", "bool", "set<string>", "set<int>", "list<object>"}
)

// Validate returns what is wrong, as "key: what, and how to mend it".
func (c *Config) Validate() []string {
	var v problems
	v.need(c.Data != "", "data: name the data directory")
	v.need(c.Keys != "", "keys: name the key folder")
	v.need(c.Keys == "" || c.Data == "" || !inside(c.Keys, c.Data), "keys: the key folder lies inside the data directory; move it elsewhere, so that a copy of the data does not hold its keys")
	v.need(tenantName.MatchString(c.Tenant), "tenant: use 1 to 64 letters, digits, dots, dashes or underscores")
	v.listen("listen.public", c.Listen.Public)
	v.listen("listen.operator", c.Listen.Operator)
	v.need(c.Listen.Public != c.Listen.Operator || strings.HasSuffix(c.Listen.Public, ":0"), "listen: public and operator need different ports")
	v.need((c.Listen.TLSCert == "") == (c.Listen.TLSKey == ""), "listen: tls_cert and tls_key go together")
	b := c.Policy.Bundle
	v.need(c.Policy.Dir == "" || b.URL == "", "policy: dir and bundle exclude each other")
	v.need(b.URL == "" || b.KeyID != "" && b.KeyFile != "" && b.Algorithm != "", "policy.bundle: key_id, key_file and algorithm are needed; unsigned bundles are never used")
	v.need(b.URL == "" || strings.HasPrefix(b.URL, "https://") || strings.HasPrefix(b.URL, "s3://") || strings.HasPrefix(b.URL, "http://127.0.0.1"), "policy.bundle.url: use https:// or s3://")
	c.validateSchema(&v)
	c.validateSources(&v)
	c.validateAudit(&v)
	c.validateErasure(&v)
	c.validateKMS(&v)
	c.validateReview(&v)
	c.validateMagnets(&v)
	c.validateLimits(&v)
	v.oneOf("chunks.encoding", c.Chunks.Encoding, "cl100k_base", "o200k_base")
	v.need(c.Chunks.MaxTokens >= 16 && c.Chunks.MaxTokens <= 8192, "chunks.max_tokens: use 16 to 8192")
	v.need(c.Chunks.Overlap >= 0 && c.Chunks.Overlap < (c.Chunks.MaxTokens+1)/2, "chunks.overlap: use less than half of max_tokens")
	v.oneOf("scan.minimum", c.Scan.Minimum, "", "any", "current")
	v.need(len(c.Scan.Accepted) == 0 || c.Scan.Minimum == "current", "scan.accepted: it goes with minimum: current")
	v.need(c.Scan.Rescan >= 0 && c.Scan.Rescan <= 1e6, "scan.rescan: use 0 (never) or a number of documents a second")
	v.oneOf("prompt.marking", c.Prompt.Marking, "delimit", "datamark", "base64")
	v.need(c.Prompt.Budget > 0, "prompt.budget: use a positive number of tokens")
	v.need(c.Prompt.TopK > 0 && c.Prompt.TopK <= 50, "prompt.top_k: use 1 to 50")
	v.need(c.Output.Verbatim >= 0, "output.verbatim: use 0 or more tokens")
	c.Quota.validate(&v)
	c.Identity.validate(&v, c.Listen.TLSCert != "")
	c.validateCatalog(&v)
	v.oneOf("index.type", c.Index.Type, "sqlite", "qdrant")
	v.need(c.Index.Type != "qdrant" || c.Index.Qdrant.Address != "", "index.qdrant.address: name the server, host:port of gRPC")
	v.oneOf("embedder.type", c.Embedder.Type, "none", "openai", "ollama", "tei")
	v.need(c.Embedder.Type == "none" || c.Embedder.URL != "", "embedder.url: name the server")
	v.need(c.Embedder.Dimension >= 0, "embedder.dimension: use 0 (ask the server) or more")
	v.need(c.Embedder.Type == "none" || c.Embedder.Destination != "", "embedder.destination: say internal, or the provider's name in policies")
	v.oneOf("reranker.type", c.Reranker.Type, "none", "tei")
	v.need(c.Reranker.Type == "none" || c.Reranker.URL != "", "reranker.url: name the server")
	v.need(c.Prompt.PerSource >= 0 && c.Prompt.Neighbors >= 0 && c.Prompt.Neighbors <= 3, "prompt: per_source must be 0 or more, neighbours 0 to 3")
	v.need(c.Prompt.Diversity >= 0 && c.Prompt.Diversity <= 1, "prompt.diversity: use 0 to 1")
	for i, u := range c.Gateway.Upstreams {
		v.need(len(u.Models) > 0 && u.URL != "" && u.Destination != "", fmt.Sprintf("gateway.upstreams[%d]: models, url and destination are all needed", i))
	}
	v.oneOf("log.level", c.Log.Level, "debug", "info", "warn", "error")
	return v
}

// Serving returns what makes a configuration unsafe to serve with, by the name
// of the setting. demo is true for `doorward demo`, which makes its own keys.
func (c *Config) Serving() []string {
	var v problems
	v.need(loopback(c.Listen.Public) || c.Listen.TLSCert != "" || c.Listen.Plain, "listen.public: it is reachable from other machines without TLS; set tls_cert and tls_key, or plain: true where a TLS proxy stands in front")
	v.need(loopback(c.Listen.Operator), "listen.operator: operators connect over loopback only; use 127.0.0.1:PORT and a tunnel")
	v.need(!c.Extract.InProcess, "extract.in_process: documents would be parsed without limits on memory; remove it")
	v.need(c.Identity.BackendSigned || len(c.Identity.Issuers) > 0, "identity: nobody could ask; name an issuer, or set backend_signed: true to trust backends to say who their user is")
	return v
}

func (c *Config) validateSchema(v *problems) {
	v.need(len(c.Schema.Document) > 0, "schema.document: declare at least one attribute")
	for where, attributes := range map[string]map[string]Attribute{"document": c.Schema.Document, "claims": c.Schema.Claims} {
		for path, a := range attributes {
			key := "schema." + where + "." + path
			v.oneOf(key, a.Kind, kinds...)
			v.need((a.Kind == "list<object>") == (len(a.Fields) > 0), key+": fields go with list<object>, and it needs them")
			for name, kind := range a.Fields {
				v.oneOf(key+".fields."+name, kind, "string", "int", "time", "bool")
			}
		}
	}
	v.need(len(c.Schema.Access) > 0, "schema.access: name the attributes that can grant access; a document without any of them is quarantined")
	for _, path := range c.Schema.Access {
		_, ok := c.Schema.Document[path]
		v.need(ok, fmt.Sprintf("schema.access: %q is not declared under schema.document", path))
	}
}

func (c *Config) declares(path string) bool {
	_, ok := c.Schema.Document[path]
	return ok
}

func keysIn[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

type problems []string

func (p *problems) need(ok bool, problem string) {
	if !ok {
		*p = append(*p, problem)
	}
}

func (p *problems) oneOf(key, value string, allowed ...string) {
	p.need(slices.Contains(allowed, value), fmt.Sprintf("%s: %q is not one of %s", key, value, strings.Join(allowed, ", ")))
}

func (p *problems) listen(key, address string) {
	_, port, err := net.SplitHostPort(address)
	p.need(err == nil && port != "", fmt.Sprintf("%s: use host:port, for example 127.0.0.1:8080", key))
}

func loopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// inside reports whether path lies in dir.
func inside(path, dir string) bool {
	p, err1 := filepath.Abs(path)
	d, err2 := filepath.Abs(dir)
	if err1 != nil || err2 != nil {
		return true
	}
	rel, err := filepath.Rel(d, p)
	return err != nil || rel == "." || rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}

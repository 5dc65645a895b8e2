// Package configs reads Doorward's configuration: one YAML file, checked
// strictly, with defaults that are safe to run. It also carries the default
// policies and the demo corpus. It knows nothing of the parts it configures.
package configs

import (
	_ "embed"
	"time"
)

// Default is a commented configuration, as `doorward init` writes it.
//
//go:embed default.yaml
var Default []byte

// Config is the whole configuration.
type Config struct {
	Data     string   `yaml:"data"`     // data directory
	Keys     string   `yaml:"keys"`     // key folder; must lie outside Data
	Tenant   string   `yaml:"tenant"`   // tenant that commands use unless told otherwise
	Listen   Listen   `yaml:"listen"`   // HTTP listeners
	Schema   Schema   `yaml:"schema"`   // attributes of documents and subjects
	Policy   Policy   `yaml:"policy"`   // where the Rego is
	Sources  []Source `yaml:"sources"`  // document stores
	Push     Push     `yaml:"push"`     // bounds of pushed documents
	Extract  Extract  `yaml:"extract"`  // limits of extraction
	Chunks   Chunks   `yaml:"chunks"`   // how documents are cut
	Scan     Scan     `yaml:"scan"`     // what is looked for
	Prompt   Prompt   `yaml:"prompt"`   // how prompts are written
	Output   Output   `yaml:"output"`   // what answers may hold
	Identity Identity `yaml:"identity"` // who may ask
	Catalog  Catalog  `yaml:"catalog"`  // where documents are recorded
	Quota    Quota    `yaml:"quota"`    // how much may be taken
	Queue    Queue    `yaml:"queue"`    // how machines share ingest
	Index    Index    `yaml:"index"`    // where chunks are searched
	Embedder Embedder `yaml:"embedder"` // vectors, if any
	Reranker Reranker `yaml:"reranker"` // a second ordering, if any
	Model    Model    `yaml:"model"`    // the model the demo may ask
	Gateway  Gateway  `yaml:"gateway"`  // models that chat completions go to
	Review   Review   `yaml:"review"`   // how the quarantine is looked after
	Magnets  Magnets  `yaml:"magnets"`  // documents that draw too many questions
	Contain  Contain  `yaml:"contain"`  // how containment and roll-back are bounded
	Audit    Audit    `yaml:"audit"`    // who else keeps or sees the audit log
	KMS      KMS      `yaml:"kms"`      // what seals the master key
	Pins     string   `yaml:"pins"`     // lock file with the hashes of policy, rule and key files; "" none
	Erasure  Erasure  `yaml:"erasure"`  // retention, legal hold, erasing
	Log      Log      `yaml:"log"`
	Limits   Limits   `yaml:"limits"` // what is worked on at once, and for how long
	Traces   Traces   `yaml:"traces"` // OpenTelemetry
}

// Listen names the listeners.
type Listen struct {
	Public   string `yaml:"public"`   // host:port for backends
	Operator string `yaml:"operator"` // host:port for operators; loopback
	TLSCert  string `yaml:"tls_cert"` // PEM file; required for a public address that is not loopback
	TLSKey   string `yaml:"tls_key"`
	Plain    bool   `yaml:"plain"` // a TLS-terminating proxy stands in front
}

// Schema declares attributes: path → kind, one of string, int, time, bool,
// set<string>, set<int>, or list<object> with fields.
type Schema struct {
	Document map[string]Attribute `yaml:"document"`
	Claims   map[string]Attribute `yaml:"claims"`
	Access   []string             `yaml:"access"` // attributes that can grant access
}

// Attribute is one declaration. In YAML a bare word is its kind.
type Attribute struct {
	Kind     string            `yaml:"kind"`
	Required bool              `yaml:"required"`
	Fields   map[string]string `yaml:"fields"` // list<object> only
}

// Policy says where the Rego is: a folder, a signed bundle, or neither for the
// built-in default.
type Policy struct {
	Dir      string        `yaml:"dir"`
	Bundle   Bundle        `yaml:"bundle"`
	Every    time.Duration `yaml:"every"`     // how often to look for changes while serving; 0: 2s for a folder, 15s for a bundle
	MaxStale time.Duration `yaml:"max_stale"` // how long the last revision holds without the origin answering; 0: a minute at least
	Shadow   string        `yaml:"shadow"`    // folder of a candidate policy that is asked beside the live one
}

// Bundle is a signed OPA bundle, over HTTP or in an S3 bucket.
type Bundle struct {
	URL       string `yaml:"url"` // https://… or s3://bucket/key
	KeyID     string `yaml:"key_id"`
	KeyFile   string `yaml:"key_file"`  // PEM public key
	Algorithm string `yaml:"algorithm"` // ES256, RS256, EdDSA, …
	Region    string `yaml:"region"`    // S3 only
	Endpoint  string `yaml:"endpoint"`  // S3-compatible stores only
	AccessKey string `yaml:"access_key_file"`
	SecretKey string `yaml:"secret_key_file"`
	TokenFile string `yaml:"token_file"` // bearer token for HTTP
}

// Mapping is one rule that gives attributes to documents; later rules win.
type Mapping struct {
	Match string         `yaml:"match"` // glob over the path below the source; empty matches all
	Set   map[string]any `yaml:"set"`   // attribute → value; text may hold ${path.0}, ${name}, ${match.1}, ${field.x}, ${source}
	Final bool           `yaml:"final"` // sidecars and later rules may not change what this sets
}

// Fields name a record's fields; empty ones take the usual names.
type Fields struct {
	ID         string `yaml:"id"`
	Title      string `yaml:"title"`
	Text       string `yaml:"text"`
	URI        string `yaml:"uri"`
	MediaType  string `yaml:"media_type"`
	Attributes string `yaml:"attributes"`
	Manifest   string `yaml:"manifest"`
}

// Extract bounds extraction. Zero values take the defaults.
type Extract struct {
	MaxBytes  int64         `yaml:"max_bytes"`
	Timeout   time.Duration `yaml:"timeout"`
	Memory    int64         `yaml:"memory"`
	InProcess bool          `yaml:"in_process"` // no child processes; refused by serve
}

// Chunks says how documents are cut.
type Chunks struct {
	MaxTokens int    `yaml:"max_tokens"`
	Overlap   int    `yaml:"overlap"`
	Encoding  string `yaml:"encoding"` // cl100k_base or o200k_base
}

// Scan says what is looked for.
type Scan struct {
	SecretRules []string `yaml:"secret_rules"` // further gitleaks TOML files
	Countries   []string `yaml:"countries"`    // personal data packs; empty: all
	// KeepQuotations leaves attacks that security writing quotes in documents.
	KeepQuotations bool     `yaml:"keep_quotations"`
	Minimum        string   `yaml:"minimum"`  // any, or current: release only what the scanners in force have scanned
	Accepted       []string `yaml:"accepted"` // with current: earlier scanner revisions that are released too
	Rescan         float64  `yaml:"rescan"`   // documents a second that serve scans again after a change; 0 none
}

// Prompt says how prompts are written.
type Prompt struct {
	PerSource int     `yaml:"per_source"` // most passages from one source; 0 any
	Neighbors int     `yaml:"neighbours"` // chunks on either side that a passage is extended by
	Diversity float64 `yaml:"diversity"`  // 0 to 1: how much sameness counts against a passage
	// Shares is, for a source's trust word, the most of a prompt's passages that
	// one such source may fill, 0 to 1; "*" is for all other words.
	Shares  map[string]float64 `yaml:"shares"`
	Budget  int                `yaml:"budget"`  // tokens of passages
	TopK    int                `yaml:"top_k"`   // passages
	Marking string             `yaml:"marking"` // delimit, datamark or base64
}

// Output says what answers may hold.
type Output struct {
	Hosts    []string `yaml:"hosts"`    // hosts links may point to
	Verbatim int      `yaml:"verbatim"` // longest verbatim run of context, in tokens
}

// Index says where chunks are searched.
type Index struct {
	Type   string        `yaml:"type"`  // sqlite or qdrant
	Scrub  time.Duration `yaml:"scrub"` // how often the index is compared with the catalog while serving; 0 never
	Qdrant Qdrant        `yaml:"qdrant"`
}

// Qdrant is a server, 1.17 to 1.19.
type Qdrant struct {
	Address      string `yaml:"address"`    // host:port of gRPC
	Collection   string `yaml:"collection"` // a collection's or an alias's name
	Create       bool   `yaml:"create"`     // make the collection when missing; needs a key that may
	APIKeyFile   string `yaml:"api_key_file"`
	TLS          bool   `yaml:"tls"`
	Consistency  string `yaml:"consistency"` // of reads: "", majority, quorum, all
	Shards       uint32 `yaml:"shards"`
	Replicas     uint32 `yaml:"replicas"`
	OnDisk       bool   `yaml:"on_disk"`      // vectors, terms and payload
	Quantization string `yaml:"quantization"` // "", scalar or binary
}

// Embedder makes vectors.
type Embedder struct {
	Type        string `yaml:"type"` // none, openai, ollama or tei
	URL         string `yaml:"url"`
	Model       string `yaml:"model"`
	Dimension   int    `yaml:"dimension"` // 0 asks the server
	APIKeyFile  string `yaml:"api_key_file"`
	Destination string `yaml:"destination"` // internal, or the name policies know the provider by
}

// Reranker orders passages anew.
type Reranker struct {
	Type        string `yaml:"type"` // none or tei
	URL         string `yaml:"url"`
	APIKeyFile  string `yaml:"api_key_file"`
	Destination string `yaml:"destination"`
}

// Model is a chat model, OpenAI-shaped.
type Model struct {
	URL         string `yaml:"url"`
	Name        string `yaml:"name"`
	APIKeyFile  string `yaml:"api_key_file"`
	Destination string `yaml:"destination"`
}

// Gateway lists the models that POST /v1/chat/completions may ask.
type Gateway struct {
	Upstreams []Upstream `yaml:"upstreams"`
}

// Upstream is a model server, OpenAI-shaped.
type Upstream struct {
	Models      []string `yaml:"models"`       // names or patterns ("gpt-*")
	URL         string   `yaml:"url"`          // up to and without /chat/completions
	APIKeyFile  string   `yaml:"api_key_file"` // sent upstream; callers never see it
	Destination string   `yaml:"destination"`  // internal, or the name policies know the provider by
}

// Log says how to log.
type Log struct {
	Level string `yaml:"level"` // debug, info, warn or error
	JSON  bool   `yaml:"json"`
}

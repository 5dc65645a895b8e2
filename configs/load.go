package configs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

// Error lists what is wrong with a configuration, each with where and how to
// mend it.
type Error struct {
	File     string
	Problems []string
}

func (e *Error) Error() string {
	return fmt.Sprintf("%s: %s", e.File, strings.Join(e.Problems, "; "))
}

// Load reads a file over the defaults, resolves its paths against the file's
// folder and validates it.
func Load(path string) (*Config, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading configuration: %w (make one with `doorward init`)", err)
	}
	c, err := Parse(data)
	if err != nil {
		var e *Error
		if errors.As(err, &e) {
			e.File = path
		}
		return nil, err
	}
	c.Resolve(filepath.Dir(path))
	if problems := c.Validate(); len(problems) > 0 {
		return nil, &Error{File: path, Problems: problems}
	}
	return c, nil
}

// Parse decodes a configuration over the defaults. Unknown keys and wrong types
// are errors. It does not validate.
func Parse(data []byte) (*Config, error) {
	c := Defaults()
	d := yaml.NewDecoder(bytes.NewReader(data))
	d.KnownFields(true)
	if err := d.Decode(c); err != nil && !errors.Is(err, io.EOF) {
		return nil, &Error{File: "configuration", Problems: explain(err)}
	}
	return c, nil
}

// Defaults is the configuration in force where a file says nothing.
func Defaults() *Config {
	return &Config{
		Data:     "./data",
		Keys:     "./keys",
		Tenant:   "default",
		Listen:   Listen{Public: "127.0.0.1:8080", Operator: "127.0.0.1:8081"},
		Chunks:   Chunks{MaxTokens: 384, Overlap: 32, Encoding: "cl100k_base"},
		Prompt:   Prompt{Budget: 3000, TopK: 8, Marking: "datamark", Shares: map[string]float64{"untrusted": 0.3}},
		Output:   Output{Verbatim: 60},
		Identity: Identity{Audience: "doorward"},
		Catalog:  Catalog{Type: "sqlite", Postgres: Postgres{Schema: "doorward", Connections: 16}},
		Quota:    defaultQuota(),
		Queue:    Queue{Batches: 2, Waiting: 256, Lease: 5 * time.Second},
		Index:    Index{Type: "sqlite", Scrub: time.Hour, Qdrant: Qdrant{Collection: "doorward", Create: true}},
		Embedder: Embedder{Type: "none", Destination: "internal"},
		Reranker: Reranker{Type: "none", Destination: "internal"},
		Review:   Review{Expire: 90 * 24 * time.Hour, Every: time.Hour, Local: LocalOperator{Roles: []string{"admin"}}},
		Magnets:  Magnets{Act: "last", Window: 512, Least: 100, Share: 0.25, Times: 10},
		Contain:  Contain{Keep: 24 * time.Hour, Fresh: time.Second},
		Audit:    Audit{Origin: "doorward/audit", Every: time.Second, Timeout: 5 * time.Second},
		Push:     Push{MaxDocument: 24 << 20, MaxBatch: 64 << 20, MaxDocuments: 10_000, Remember: 7 * 24 * time.Hour},
		Erasure:  Erasure{Subjects: []string{"owner"}, Hold: "legal_hold", Retain: "retain_until", Every: time.Hour},
		Log:      Log{Level: "info"},
		Limits:   defaultLimits(),
		Traces:   Traces{Sample: 0.1},
		Schema: Schema{
			Document: map[string]Attribute{
				"public": {Kind: "bool"}, "owner": {Kind: "string"}, "groups": {Kind: "set<string>"}, "level": {Kind: "int"},
				"embargo_until": {Kind: "time"}, "legal_hold": {Kind: "bool"}, "destinations": {Kind: "set<string>"},
			},
			Access: []string{"public", "owner", "groups"},
		},
	}
}

// UnmarshalYAML reads "kind" or the long form.
func (a *Attribute) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		return n.Decode(&a.Kind)
	}
	type long Attribute
	return n.Decode((*long)(a))
}

// Resolve makes relative paths relative to dir.
func (c *Config) Resolve(dir string) {
	paths := []*string{&c.Data, &c.Pins, &c.KMS.TokenFile, &c.KMS.CAFile, &c.Keys, &c.Policy.Dir, &c.Policy.Shadow, &c.Policy.Bundle.KeyFile, &c.Policy.Bundle.AccessKey, &c.Policy.Bundle.SecretKey, &c.Policy.Bundle.TokenFile, &c.Listen.TLSCert, &c.Listen.TLSKey, &c.Catalog.Postgres.URLFile, &c.Index.Qdrant.APIKeyFile, &c.Embedder.APIKeyFile, &c.Reranker.APIKeyFile, &c.Model.APIKeyFile, &c.Traces.KeyFile}
	for i := range c.Sources {
		paths = append(paths, c.Sources[i].paths()...)
		c.Sources[i].resolve(dir)
		for k := range c.Sources[i].Manifest.Keys {
			paths = append(paths, &c.Sources[i].Manifest.Keys[k])
		}
	}
	for i := range c.Gateway.Upstreams {
		paths = append(paths, &c.Gateway.Upstreams[i].APIKeyFile)
	}
	for i := range c.Audit.Export {
		paths = append(paths, &c.Audit.Export[i].TokenFile)
		if !strings.Contains(c.Audit.Export[i].To, "://") {
			paths = append(paths, &c.Audit.Export[i].To)
		}
	}
	for i := range c.Audit.Witness {
		if !strings.Contains(c.Audit.Witness[i], "://") {
			paths = append(paths, &c.Audit.Witness[i])
		}
	}
	for i := range c.Scan.SecretRules {
		paths = append(paths, &c.Scan.SecretRules[i])
	}
	paths = append(paths, c.Identity.paths()...)
	for _, p := range paths {
		if *p != "" && !filepath.IsAbs(*p) {
			*p = filepath.Join(dir, *p)
		}
	}
}

var (
	unknownField = regexp.MustCompile(`^line (\d+): field (\S+) not found in type configs\.(\w+)$`)
	wrongType    = regexp.MustCompile("^line (\\d+): cannot unmarshal !!(\\w+)(?: `.*`)? into (\\S+)$")
)

// explain turns the decoder's errors into advice. It never repeats values.
func explain(err error) []string {
	var te *yaml.TypeError
	if !errors.As(err, &te) {
		return []string{strings.TrimPrefix(err.Error(), "yaml: ")}
	}
	var out []string
	for _, m := range te.Errors {
		switch {
		case unknownField.MatchString(m):
			g := unknownField.FindStringSubmatch(m)
			out = append(out, fmt.Sprintf("line %s: unknown key %q%s", g[1], g[2], suggestion(g[2], g[3])))
		case wrongType.MatchString(m):
			g := wrongType.FindStringSubmatch(m)
			out = append(out, fmt.Sprintf("line %s: a %s stands where %s is needed", g[1], yamlWord(g[2]), typeWord(g[3])))
		default:
			out = append(out, m)
		}
	}
	return out
}

func yamlWord(tag string) string {
	return map[string]string{"str": "text", "seq": "list", "map": "mapping", "int": "number", "float": "number", "bool": "true/false", "null": "empty value"}[tag]
}

func typeWord(goType string) string {
	switch {
	case goType == "time.Duration":
		return `a duration such as "30s"`
	case strings.HasPrefix(goType, "[]"):
		return "a list"
	case strings.HasPrefix(goType, "map["), strings.HasPrefix(goType, "configs."):
		return "a mapping"
	case strings.HasPrefix(goType, "int"):
		return "a whole number"
	case goType == "bool", goType == "*bool":
		return "true or false"
	}
	return "text"
}

// suggestion names the known key nearest to a mistyped one.
func suggestion(key, typeName string) string {
	known := keysOf(reflect.TypeFor[Config](), typeName, map[reflect.Type]bool{})
	if best := Nearest(key, known); best != "" {
		return fmt.Sprintf(", did you mean %q?", best)
	}
	slices.Sort(known)
	return ", known here: " + strings.Join(known, ", ")
}

// Nearest is the known name that a mistyped one was most likely meant to be, ""
// where none is near: at most three letters differ, and not all.
func Nearest(name string, known []string) string {
	best, distance := "", 4
	for _, k := range known {
		if d := editDistance(name, k); d < distance && d < max(len(name), len(k)) {
			best, distance = k, d
		}
	}
	return best
}

// keysOf lists the YAML keys of the configuration type with a name.
func keysOf(t reflect.Type, name string, seen map[reflect.Type]bool) []string {
	for t.Kind() == reflect.Slice || t.Kind() == reflect.Map || t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || seen[t] {
		return nil
	}
	seen[t] = true
	var own []string
	for i := range t.NumField() {
		own = append(own, t.Field(i).Tag.Get("yaml"))
	}
	if t.Name() == name {
		return own
	}
	for i := range t.NumField() {
		if k := keysOf(t.Field(i).Type, name, seen); k != nil {
			return k
		}
	}
	return nil
}

// editDistance is Levenshtein's.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		prev := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := prev
			if a[i] != b[j] {
				cost = 1 + min(prev, row[j], row[j+1])
			}
			prev, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}

package rego

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"

	"github.com/doorward/doorward/policy"
)

// SchemaFile is the name of a file beside a policy that declares what it reads.
const SchemaFile = "schema.json"

// ReadSchema reads a policy's schema.json:
//
//	{"document": {"owner": "string", "groups": "set<string>",
//	              "grants": {"kind": "list<object>", "fields": {"id": "string"}}},
//	 "claims": {"department": "string"}}
//
// ok is false when there is no such file.
func ReadSchema(files fs.FS) (document, claims policy.Schema, ok bool, err error) {
	raw, err := fs.ReadFile(files, SchemaFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, false, nil
	}
	if err != nil {
		return nil, nil, false, fmt.Errorf("reading %s: %w", SchemaFile, err)
	}
	var file struct {
		Document map[string]declaration `json:"document"`
		Claims   map[string]declaration `json:"claims"`
	}
	if err := json.Unmarshal(raw, &file); err != nil {
		return nil, nil, false, fmt.Errorf("reading %s: %w", SchemaFile, err)
	}
	document, err1 := schemaOf(file.Document)
	claims, err2 := schemaOf(file.Claims)
	if err := errors.Join(err1, err2); err != nil {
		return nil, nil, false, fmt.Errorf("reading %s: %w", SchemaFile, err)
	}
	return document, claims, true, nil
}

// declaration is one attribute: a kind's word, or an object.
type declaration struct {
	Kind     string            `json:"kind"`
	Required bool              `json:"required"`
	Fields   map[string]string `json:"fields"`
}

func (d *declaration) UnmarshalJSON(raw []byte) error {
	if len(raw) > 0 && raw[0] == '"' {
		return json.Unmarshal(raw, &d.Kind)
	}
	type plain declaration
	return json.Unmarshal(raw, (*plain)(d))
}

func schemaOf(in map[string]declaration) (policy.Schema, error) {
	out := policy.Schema{}
	for path, d := range in {
		kind, err := policy.ParseKind(d.Kind)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		a := policy.Attribute{Kind: kind, Required: d.Required}
		for name, word := range d.Fields {
			if a.Fields == nil {
				a.Fields = map[string]policy.Kind{}
			}
			if a.Fields[name], err = policy.ParseKind(word); err != nil {
				return nil, fmt.Errorf("%s.%s: %w", path, name, err)
			}
		}
		out[path] = a
	}
	return out, out.Validate()
}

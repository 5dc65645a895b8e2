// Package contract is the HTTP API's description, written first: OpenAPI 3.1 in
// one file for each area, the list of problem types, and the reference made from
// both. It describes; packages above api serve it and tests hold the service to
// it.
package contract

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"

	"gopkg.in/yaml.v3"
)

// Listener is one of the two HTTP faces.
type Listener string

// The listeners.
const (
	Public   Listener = "public"
	Operator Listener = "operator"
)

//go:embed *.yaml
var files embed.FS

// Problem is one RFC 9457 problem type.
type Problem struct {
	Type   string `yaml:"type"`
	Status int    `yaml:"status"`
	Title  string `yaml:"title"`
	Means  string `yaml:"means"`
	Do     string `yaml:"do"`
}

// Base is the prefix of problem types in answers.
const Base = "urn:doorward:problem:"

// Problems lists every problem type.
func Problems() ([]Problem, error) {
	data, err := files.ReadFile("problems.yaml")
	if err != nil {
		return nil, err
	}
	var list []Problem
	if err := yaml.Unmarshal(data, &list); err != nil {
		return nil, fmt.Errorf("reading problems: %w", err)
	}
	return list, nil
}

// Route is one operation.
type Route struct {
	Method, Path string // as OpenAPI writes it: /v1/citations/{id}
}

// Routes lists what a listener offers, sorted.
func Routes(l Listener) ([]Route, error) {
	d, err := load(l)
	if err != nil {
		return nil, err
	}
	var out []Route
	for path, item := range object(d["paths"]) {
		for method := range object(item) {
			out = append(out, Route{strings.ToUpper(method), path})
		}
	}
	slices.SortFunc(out, func(a, b Route) int { return strings.Compare(a.Path+" "+a.Method, b.Path+" "+b.Method) })
	return out, nil
}

// JSON is the document of what a listener offers.
func JSON(l Listener) ([]byte, error) {
	d, err := load(l)
	if err != nil {
		return nil, err
	}
	return json.MarshalIndent(d, "", " ")
}

// All is the document of both listeners together.
func All() ([]byte, error) {
	d, err := load("")
	if err != nil {
		return nil, err
	}
	return json.MarshalIndent(d, "", " ")
}

var loaded sync.Map // Listener → map[string]any or error; documents are never changed after

func load(l Listener) (map[string]any, error) {
	if v, ok := loaded.Load(l); ok {
		return v.(map[string]any), nil
	}
	d, err := assemble(l)
	if err != nil {
		return nil, fmt.Errorf("reading the api's contract: %w", err)
	}
	loaded.Store(l, d)
	return d, nil
}

// assemble merges the files of a listener; "" takes them all.
func assemble(l Listener) (map[string]any, error) {
	out := map[string]any{}
	names, err := fs.Glob(files, "*.yaml")
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if name == "problems.yaml" {
			continue
		}
		data, err := files.ReadFile(name)
		if err != nil {
			return nil, err
		}
		var part map[string]any
		if err := yaml.Unmarshal(data, &part); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		listeners, scoped := part["x-listeners"].([]any)
		delete(part, "x-listeners")
		if l != "" && scoped && !slices.Contains(listeners, any(string(l))) {
			delete(part, "paths") // its schemas may be used elsewhere
		}
		if err := merge(out, part, name); err != nil {
			return nil, err
		}
	}
	return out, types(out)
}

// merge adds from into to; both may hold objects, nothing else may meet.
func merge(to, from map[string]any, where string) error {
	for k, v := range from {
		have, ok := to[k]
		if !ok {
			to[k] = v
			continue
		}
		a, ok1 := have.(map[string]any)
		b, ok2 := v.(map[string]any)
		if !ok1 || !ok2 {
			return fmt.Errorf("%s: %s is described twice", where, k)
		}
		if err := merge(a, b, where+": "+k); err != nil {
			return err
		}
	}
	return nil
}

// types puts the list of problems into the schema of problems.
func types(d map[string]any) error {
	list, err := Problems()
	if err != nil {
		return err
	}
	var words []any
	for _, p := range list {
		words = append(words, Base+p.Type)
	}
	property := object(object(object(object(object(d["components"])["schemas"])["Problem"])["properties"])["type"])
	if property == nil {
		return fmt.Errorf("base.yaml: the schema Problem has no type")
	}
	property["enum"] = words
	return nil
}

func object(v any) map[string]any {
	m, _ := v.(map[string]any)
	return m
}

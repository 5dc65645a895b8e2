package rego

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/util"
)

// Limits of what a policy may consist of.
const (
	maxFiles    = 2000
	maxFileSize = 32 << 20
)

// sources are the files of a policy, read but not parsed.
type sources struct {
	modules map[string]string // by path
	data    map[string]any
	digest  string // hex SHA-256 over everything read
}

// readSources reads the policy files. Anything unreadable fails the whole: a
// policy without one of its files is another policy.
func readSources(files fs.FS) (*sources, error) {
	if files == nil {
		return nil, fmt.Errorf("no policy files given")
	}
	src := &sources{modules: map[string]string{}, data: map[string]any{}}
	raw := map[string][]byte{}
	err := fs.WalkDir(files, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		hidden := strings.HasPrefix(d.Name(), ".") && p != "."
		if d.IsDir() {
			if hidden {
				return fs.SkipDir
			}
			return nil
		}
		if hidden || !wanted(p) {
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if info.Size() > maxFileSize {
			return fmt.Errorf("%s has %d bytes, more than %d", p, info.Size(), maxFileSize)
		}
		if len(raw) == maxFiles {
			return fmt.Errorf("more than %d policy files", maxFiles)
		}
		raw[p], err = fs.ReadFile(files, p)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading policy files: %w", err)
	}
	for _, p := range slices.Sorted(maps.Keys(raw)) {
		if err := src.add(p, raw[p]); err != nil {
			return nil, err
		}
	}
	src.digest = digestFiles(raw)
	return src, nil
}

func wanted(p string) bool {
	switch path.Base(p) {
	case "data.json", "data.yaml", "data.yml":
		return true
	}
	return path.Ext(p) == ".rego"
}

func (src *sources) add(p string, content []byte) error {
	if path.Ext(p) == ".rego" {
		src.modules[p] = string(content)
		return nil
	}
	var doc any
	if err := util.Unmarshal(content, &doc); err != nil {
		return fmt.Errorf("reading %s: not valid %s", p, strings.TrimPrefix(path.Ext(p), "."))
	}
	obj, ok := doc.(map[string]any)
	if !ok {
		return fmt.Errorf("reading %s: the top level must be an object", p)
	}
	at := src.data
	if dir := path.Dir(p); dir != "." {
		for _, seg := range strings.Split(dir, "/") {
			next, ok := at[seg].(map[string]any)
			if !ok {
				if _, taken := at[seg]; taken {
					return fmt.Errorf("reading %s: data.%s is already a value of another file", p, seg)
				}
				next = map[string]any{}
				at[seg] = next
			}
			at = next
		}
	}
	return mergeData(p, at, obj)
}

// mergeData joins data files that share a folder; the same key twice is an error.
func mergeData(file string, into, from map[string]any) error {
	for _, k := range slices.Sorted(maps.Keys(from)) {
		have, taken := into[k]
		if !taken {
			into[k] = from[k]
			continue
		}
		a, ok1 := have.(map[string]any)
		b, ok2 := from[k].(map[string]any)
		if !ok1 || !ok2 {
			return fmt.Errorf("reading %s: key %q is already given by another data file", file, k)
		}
		if err := mergeData(file, a, b); err != nil {
			return err
		}
	}
	return nil
}

func digestFiles(raw map[string][]byte) string {
	h := sha256.New()
	for _, p := range slices.Sorted(maps.Keys(raw)) {
		fmt.Fprintf(h, "%d:%s%d:", len(p), p, len(raw[p]))
		h.Write(raw[p])
	}
	return hex.EncodeToString(h.Sum(nil))
}

// revisionHash covers files and schemas: a cache key made with it can never
// serve a plan of another policy.
func revisionHash(digest string, schemas ...string) string {
	h := sha256.New()
	_ = json.NewEncoder(h).Encode(append([]string{"doorward.policy.v1", digest}, schemas...))
	return hex.EncodeToString(h.Sum(nil))
}

func isTest(p string) bool { return strings.HasSuffix(p, "_test.rego") }

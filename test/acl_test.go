package test

import (
	"bufio"
	"compress/gzip"
	"context"
	"encoding/json"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/doorward/doorward/policy"
	"github.com/doorward/doorward/policy/rego"
)

// A store is a published set of relationship tuples with checks that must come
// out as stated (the sample stores of OpenFGA, Apache-2.0).
type store struct {
	ID     string
	Tuples []tuple
	Tests  []struct {
		Name   string
		Tuples []tuple
		Check  []storeCheck
	}
}

type tuple struct {
	User, Relation, Object string
	Condition              *struct {
		Name    string
		Context map[string]any
	}
}

type storeCheck struct {
	User, Relation, Object string
	Allowed                bool
	Context                map[string]any
}

// TestPublishedAuthorisationCases expresses published stores in Rego (test/acl)
// and holds the plan and the full evaluation to all of their checks. Relations
// between objects become attributes of the document, as a connector would
// materialise them; who belongs to what is data.
func TestPublishedAuthorisationCases(t *testing.T) {
	file := aclCases(t)
	dirs, err := filepath.Glob("acl/*/access.rego")
	if err != nil {
		t.Fatal(err)
	}
	stores, checks := 0, 0
	for _, s := range readStores(t, file) {
		i := slices.IndexFunc(dirs, func(d string) bool {
			return strings.Contains(s.ID, "/"+filepath.Base(filepath.Dir(d))) && !strings.Contains(s.ID, "advanced-")
		})
		if i < 0 {
			continue
		}
		stores++
		for _, test := range s.Tests {
			tuples := append(slices.Clone(s.Tuples), test.Tuples...)
			snap := loadStore(t, filepath.Dir(dirs[i]), tuples)
			for _, c := range test.Check {
				checks++
				tryCheck(t, s.ID, snap, tuples, c)
			}
		}
	}
	t.Logf("%d stores, %d checks", stores, checks)
	if stores != len(dirs) || stores < 10 {
		t.Errorf("%d stores for %d folders", stores, len(dirs))
	}
}

func aclCases(t *testing.T) string {
	dir := os.Getenv("DOORWARD_DATA")
	if dir == "" {
		dir = "../../shared/data"
	}
	file := filepath.Join(dir, "acl", "authz_cases.jsonl.gz")
	if _, err := os.Stat(file); err != nil {
		t.Skipf("no labelled data: set DOORWARD_DATA to the folder that holds acl/authz_cases.jsonl.gz (%v)", err)
	}
	return file
}

func readStores(t *testing.T, name string) []store {
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var out []store
	lines := bufio.NewScanner(z)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var s store
		if strings.Contains(lines.Text(), `"tuples"`) {
			if err := json.Unmarshal(lines.Bytes(), &s); err != nil {
				t.Fatal(err)
			}
			out = append(out, s)
		}
	}
	return out
}

// relations between objects that the stores use.
var storeLinks = []string{"draft", "published", "bank", "associated_plan", "parent", "owner", "organization", "role_assignment", "project", "system"}

func storeSchema() policy.Schema {
	s := policy.Schema{"object": {Kind: policy.String}, "ancestors": {Kind: policy.StringSet}, "status": {Kind: policy.String}}
	for _, l := range storeLinks {
		s["links."+l] = policy.Attribute{Kind: policy.StringSet}
	}
	return s
}

func loadStore(t *testing.T, dir string, tuples []tuple) *rego.Snapshot {
	byObject, grants := map[string]map[string][]string{}, []map[string]any{}
	for _, x := range tuples {
		if x.Condition != nil {
			grants = append(grants, grant(t, x))
			continue
		}
		if byObject[x.Object] == nil {
			byObject[x.Object] = map[string][]string{}
		}
		byObject[x.Object][x.Relation] = append(byObject[x.Object][x.Relation], x.User)
	}
	data, err := json.Marshal(map[string]any{"tuples": byObject, "grants": grants})
	if err != nil {
		t.Fatal(err)
	}
	files := fstest.MapFS{"data.json": {Data: data}}
	for _, pattern := range []string{"acl/relations.rego", dir + "/*.rego"} {
		names, _ := filepath.Glob(pattern)
		for _, n := range names {
			text, err := os.ReadFile(n)
			if err != nil {
				t.Fatal(err)
			}
			files[path.Base(n)] = &fstest.MapFile{Data: text}
		}
	}
	s, diags, err := rego.Load(context.Background(), rego.Config{Files: files, Name: dir, Document: storeSchema(),
		Claims: policy.Schema{"transaction_amount": {Kind: policy.Int}, "new_transaction_limit_approved": {Kind: policy.Int}}})
	if err != nil {
		t.Fatalf("%v\n%s", err, diags)
	}
	return s
}

// grant is a conditional tuple as data; a time-bound one gets the end of its
// time.
func grant(t *testing.T, x tuple) map[string]any {
	g := map[string]any{"user": x.User, "relation": x.Relation, "object": x.Object, "context": x.Condition.Context}
	if from, ok := x.Condition.Context["grant_time"].(string); ok {
		start, err1 := time.Parse(time.RFC3339, from)
		length, err2 := time.ParseDuration(x.Condition.Context["grant_duration"].(string))
		if err1 != nil || err2 != nil {
			t.Fatal(err1, err2)
		}
		g["expires"] = start.Add(length).Unix()
	}
	return g
}

// attributesOf is what a connector would say of an object.
func attributesOf(t *testing.T, object string, tuples []tuple, c storeCheck) policy.Attributes {
	links := map[string]any{}
	ancestors := []string{object}
	for i := 0; i < len(ancestors); i++ {
		for _, x := range tuples {
			if x.Object != ancestors[i] || x.Condition != nil || strings.Contains(x.User, "#") || !slices.Contains(storeLinks, x.Relation) || strings.HasPrefix(x.User, "user:") {
				continue
			}
			if i == 0 {
				have, _ := links[x.Relation].([]string)
				links[x.Relation] = append(have, x.User)
			}
			if !slices.Contains(ancestors, x.User) {
				ancestors = append(ancestors, x.User)
			}
		}
	}
	raw := map[string]any{"object": object, "ancestors": ancestors, "links": links}
	if doc, ok := c.Context["document_attributes"].(map[string]any); ok {
		raw["status"] = doc["status"]
	}
	attrs, err := storeSchema().Normalize(raw)
	if err != nil {
		t.Fatal(err)
	}
	return attrs
}

func tryCheck(t *testing.T, id string, s *rego.Snapshot, tuples []tuple, c storeCheck) {
	sub := policy.Subject{ID: c.User, Tenant: "store", Claims: c.Context}
	when := policy.Context{Now: time.Unix(1, 0), Action: c.Relation}
	if at, ok := c.Context["current_time"].(string); ok {
		now, err := time.Parse(time.RFC3339, at)
		if err != nil {
			t.Fatal(err)
		}
		when.Now = now
	}
	doc := attributesOf(t, c.Object, tuples, c)
	f, _, err := s.Plan(context.Background(), sub, when)
	if err != nil {
		t.Errorf("%s: %s %s %s: %v", id, c.User, c.Relation, c.Object, err)
		return
	}
	d, err := s.Check(context.Background(), sub, when, []policy.Attributes{doc})
	if err != nil {
		t.Fatal(err)
	}
	if f.Match(doc) != c.Allowed || d[0].Allow != c.Allowed {
		t.Errorf("%s: %s %s %s %v: plan %v, check %v (%s), published %v; filter %s", id, c.User, c.Relation, c.Object, c.Context, f.Match(doc), d[0].Allow, d[0].Reason, c.Allowed, f)
	}
}

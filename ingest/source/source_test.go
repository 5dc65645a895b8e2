package source_test

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"pgregory.net/rapid"

	"github.com/doorward/doorward/ingest"
	"github.com/doorward/doorward/ingest/source"
)

// tree writes files given as path, content pairs.
func tree(t testing.TB, files ...string) string {
	t.Helper()
	root := t.TempDir()
	for i := 0; i < len(files); i += 2 {
		p := filepath.Join(root, files[i])
		if err := os.MkdirAll(filepath.Dir(p), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(files[i+1]), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// walk collects a source's items.
func walk(t testing.TB, s ingest.Source) []ingest.Item {
	t.Helper()
	var out []ingest.Item
	if err := s.Walk(context.Background(), func(it ingest.Item) error { out = append(out, it); return nil }); err != nil {
		t.Fatal(err)
	}
	return out
}

func body(t testing.TB, it ingest.Item) string {
	t.Helper()
	r, err := it.Open(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	p, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(p)
}

func directory(t testing.TB, c source.DirectoryConfig) *source.Directory {
	t.Helper()
	c.Name = "docs"
	d, err := source.NewDirectory(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func TestDirectoryMapsAttributes(t *testing.T) {
	root := tree(t,
		"hr/pay.txt", "pay", "hr/pay.txt.doorward.json", `{"attributes":{"level":3,"tags":["x"]},"media_type":"text/plain"}`,
		"sales/eu/deal.md", "deal", "top.txt", "top", ".git/config", "no", "hr/bad.txt", "b", "hr/bad.txt.doorward.yaml", "attribute: {}\n")
	d := directory(t, source.DirectoryConfig{Root: root, Mapping: source.Mapping{Rules: []source.Rule{
		{Set: map[string]any{"origin": "${source}/${stem}", "level": 1}},
		{Match: "*/**", Set: map[string]any{"department": "${path.0}"}, Final: true},
		{Match: "sales/*/*.md", Set: map[string]any{"region": "${match.1}", "readers": []any{"sales-${match.1}"}}},
	}}})
	var got []string
	for _, it := range walk(t, d) {
		got = append(got, fmt.Sprintf("%s %v %v", it.ID, it.Attributes, it.Err != nil))
	}
	want := []string{
		"hr:bad.txt map[] true",
		"hr:pay.txt map[department:hr level:3 origin:docs/pay tags:[x]] false",
		"sales:eu:deal.md map[department:sales level:1 origin:docs/deal readers:[sales-eu] region:eu] false",
		"top.txt map[level:1 origin:docs/top] false",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestAttributesFailClosed(t *testing.T) {
	root := tree(t, "a/x.txt", "x", "b/y.txt", "y", "b/y.txt.doorward.json", `{"attributes":{"acl":"everyone"}}`)
	d := directory(t, source.DirectoryConfig{Root: root, Mapping: source.Mapping{Rules: []source.Rule{
		{Match: "a/*", Set: map[string]any{"team": "${path.5}"}},
		{Match: "b/*", Set: map[string]any{"acl": "staff"}, Final: true},
	}}})
	for _, it := range walk(t, d) {
		if !errors.Is(it.Err, ingest.ErrAttributes) || it.Attributes != nil || it.Open == nil {
			t.Errorf("%s: %v %v", it.ID, it.Err, it.Attributes)
		}
	}
}

func TestDirectoryRefusesWhatIsNoFileInside(t *testing.T) {
	outside := tree(t, "secret.txt", "s")
	root := tree(t, "good.txt", "g", "big.txt", strings.Repeat("x", 100))
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.Symlink(filepath.Join(outside, "secret.txt"), filepath.Join(root, "escape.txt")))
	must(os.Symlink("good.txt", filepath.Join(root, "inside.txt")))
	must(os.Symlink(outside, filepath.Join(root, "folder")))
	must(os.Symlink("loop", filepath.Join(root, "loop")))
	must(syscall.Mkfifo(filepath.Join(root, "pipe"), 0o600))
	d := directory(t, source.DirectoryConfig{Root: root, MaxBytes: 50})
	errs := map[string]error{}
	for _, it := range walk(t, d) {
		errs[it.ID] = it.Err
		if it.Err == nil {
			body(t, it)
		} else if it.Open != nil {
			t.Errorf("%s can be opened", it.ID)
		}
	}
	for id, want := range map[string]error{"good.txt": nil, "inside.txt": nil, "escape.txt": ingest.ErrNotRegular, "folder": ingest.ErrNotRegular,
		"pipe": ingest.ErrNotRegular, "big.txt": ingest.ErrTooLarge, "loop": ingest.ErrUnreadable} {
		if err, ok := errs[id]; !ok || !errors.Is(err, want) || want == nil && err != nil {
			t.Errorf("%s: %v, want %v", id, err, want)
		}
	}
	for id, err := range errs {
		if err != nil && strings.Contains(err.Error(), outside) {
			t.Errorf("%s: the error names a path: %v", id, err)
		}
	}
}

func TestFileThatGrowsWhileRead(t *testing.T) {
	root := tree(t, "log.txt", "one")
	d := directory(t, source.DirectoryConfig{Root: root})
	r, err := walk(t, d)[0].Open(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	f, _ := os.OpenFile(filepath.Join(root, "log.txt"), os.O_APPEND|os.O_WRONLY, 0)
	f.WriteString("two")
	f.Close()
	if _, err := io.ReadAll(r); !errors.Is(err, ingest.ErrUnreadable) {
		t.Errorf("got %v", err)
	}
}

func TestFingerprintChangesWithTheFile(t *testing.T) {
	root := tree(t, "a.txt", "one")
	d := directory(t, source.DirectoryConfig{Root: root})
	before := walk(t, d)[0].Fingerprint
	if again := walk(t, d)[0].Fingerprint; again != before || before == "" {
		t.Errorf("%q then %q", before, again)
	}
	p := filepath.Join(root, "a.txt")
	info, _ := os.Stat(p)
	os.WriteFile(p, []byte("two"), 0o600)
	os.Chtimes(p, info.ModTime(), info.ModTime())
	if after := walk(t, d)[0].Fingerprint; after == before {
		t.Error("the same fingerprint for other bytes with the old time")
	}
}

func TestManifestIsHandedOn(t *testing.T) {
	root := tree(t, "a.txt", "a", "a.txt.doorward.manifest", "signed")
	items := walk(t, directory(t, source.DirectoryConfig{Root: root}))
	if len(items) != 1 || string(items[0].Manifest) != "signed" {
		t.Errorf("%+v", items)
	}
}

func TestMappingErrors(t *testing.T) {
	for want, r := range map[string]source.Rule{
		"set is empty":             {Match: "*"},
		"is no placeholder":        {Set: map[string]any{"a": "${nope}"}},
		"no such wildcard":         {Match: "*", Set: map[string]any{"a": "${match.2}"}},
		"a placeholder is not":     {Set: map[string]any{"a": "${name"}},
		"is no attribute name":     {Set: map[string]any{"a b": "x"}},
		"a brace is not closed":    {Match: "{a", Set: map[string]any{"a": "x"}},
		"attribute a: has no valu": {Set: map[string]any{"a": nil}},
	} {
		_, err := source.NewMapper(source.Mapping{Rules: []source.Rule{r}})
		if !errors.Is(err, source.ErrConfig) || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "rule 1") {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}

func TestDocumentIDs(t *testing.T) {
	valid := regexp.MustCompile(`^[A-Za-z0-9._~:-]{1,200}$`)
	seen := map[string]string{}
	rapid.Check(t, func(t *rapid.T) {
		part := rapid.SampledFrom([]string{"a", "/", ":", "~", "~3a", "é", " ", "\x00", "..", strings.Repeat("x", 90), "~~", "A"})
		name := strings.Join(rapid.SliceOfN(part, 1, 6).Draw(t, "name"), "")
		id, err := source.DocumentID(name)
		if err != nil || !valid.MatchString(id) {
			t.Fatalf("%q: %q %v", name, id, err)
		}
		if other, ok := seen[id]; ok && other != name {
			t.Fatalf("%q and %q share %q", name, other, id)
		}
		seen[id] = name
	})
	if id, _ := source.DocumentID("hr/pay roll.txt"); id != "hr:pay~20roll.txt" {
		t.Error(id)
	}
}

func jsonLines(t testing.TB, c source.JSONLinesConfig) *source.JSONLines {
	t.Helper()
	c.Name = "lines"
	j, err := source.NewJSONLines(c)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func TestJSONLines(t *testing.T) {
	root := tree(t, "a.jsonl", strings.Join([]string{
		`{"_id":"post-0","title":"T","text":"x","metadata":{"acl":{"public":true,"users":["u1"],"level":2}}}`,
		``,
		`{"id":7,"text":"y","attributes":{"a":1},"metadata":{"acl":{"public":false,"users":[],"level":2}}}`,
		`{"id":"bad`,
		`{"id":"n","title":"no text"}`,
		`{"id":"dup","id":"dup2","text":""}`,
		`{"id":"post-0","text":"again","metadata":{"acl":{"public":true,"users":[]}}}`,
		`{"id":"noacl","text":"z"}`,
		`{"id":"long","text":"` + strings.Repeat("x", 3000) + `"}`,
		"{\"id\":\"u\",\"text\":\"\xff\"}",
		`["list"]`,
		`{"id":"a/b c","text":"w","metadata":{"acl":{"public":true,"users":[]}}} `,
	}, "\n"))
	j := jsonLines(t, source.JSONLinesConfig{Path: filepath.Join(root, "a.jsonl"), MaxBytes: 1000, Mapping: source.Mapping{Rules: []source.Rule{
		{Set: map[string]any{"public": "${field.metadata.acl.public}", "users": "${field.metadata.acl.users}", "level": "${field.metadata.acl.level?}"}}}}})
	var got []string
	for _, it := range walk(t, j) {
		line := fmt.Sprintf("%s %s", it.ID, it.URI[strings.LastIndexByte(it.URI, '#'):])
		if it.Err != nil {
			line += " " + it.Err.Error()
		} else {
			line += fmt.Sprintf(" %v %q", it.Attributes, body(t, it))
		}
		got = append(got, line)
	}
	want := []string{
		`post-0 #L1 map[level:2 public:true users:[u1]] "T\n\nx"`,
		`7 #L3 map[a:1 level:2 public:false users:[]] "y"`,
		` #L4 malformed record: line 4: not one JSON object (near byte 6)`,
		`n #L5 malformed record: line 5: the field "text" is missing`,
		` #L6 malformed record: line 6: a field stands twice in one object`,
		`post-0 #L7 document id is used twice: line 7`,
		`noacl #L8 line 8: attributes cannot be mapped: rule 1, attribute public: ${field.metadata.acl.public} has no value`,
		` #L9 document is too large: line 9 has 3024 bytes, the limit is 1000`,
		` #L10 malformed record: line 10: not valid UTF-8`,
		` #L11 malformed record: line 11: not one JSON object`,
		`a~2fb~20c #L12 map[public:true users:[]] "w"`,
	}
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || got[i] != want[i] {
			t.Fatalf("item %d\ngot  %v\nwant %v", i, got[min(i, len(got)-1)], want[min(i, len(want)-1)])
		}
	}
}

func TestJSONLinesGzip(t *testing.T) {
	p := filepath.Join(t.TempDir(), "a.jsonl.gz")
	f, _ := os.Create(p)
	gz := gzip.NewWriter(f)
	gz.Write([]byte(`{"id":"a","text":"hello"}`))
	gz.Close()
	f.Close()
	if items := walk(t, jsonLines(t, source.JSONLinesConfig{Path: p})); len(items) != 1 || body(t, items[0]) != "hello" {
		t.Errorf("%+v", items)
	}
	os.Truncate(p, 30)
	err := jsonLines(t, source.JSONLinesConfig{Path: p}).Walk(context.Background(), func(ingest.Item) error { return nil })
	if !errors.Is(err, ingest.ErrSource) {
		t.Errorf("cut file: %v", err)
	}
}

func ExampleNewDirectory() {
	root, _ := os.MkdirTemp("", "example")
	defer os.RemoveAll(root)
	os.Mkdir(filepath.Join(root, "hr"), 0o700)
	os.WriteFile(filepath.Join(root, "hr", "leave policy.md"), []byte("# Leave"), 0o600)
	d, err := source.NewDirectory(source.DirectoryConfig{Name: "handbook", Root: root, Mapping: source.Mapping{
		Rules: []source.Rule{{Match: "*/**", Set: map[string]any{"department": "${path.0}"}}},
	}})
	if err != nil {
		panic(err)
	}
	defer d.Close()
	d.Walk(context.Background(), func(it ingest.Item) error {
		fmt.Println(it.ID, it.Attributes)
		return nil
	})
	// Output: hr:leave~20policy.md map[department:hr]
}

// TestAddresses: a document's address is one, wherever the program was started.
func TestAddresses(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := errors.Join(os.Mkdir("docs", 0o700), os.WriteFile("docs/a.txt", []byte("a"), 0o600), os.WriteFile("a.jsonl", []byte(`{"id":"a","text":"a"}`), 0o600),
		os.WriteFile("a.mbox", []byte("From a\nSubject: a\n\na\n"), 0o600)); err != nil {
		t.Fatal(err)
	}
	d, err := source.NewDirectory(source.DirectoryConfig{Name: "d", Root: "docs"})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	j, jerr := source.NewJSONLines(source.JSONLinesConfig{Name: "j", Path: "a.jsonl"})
	m, merr := source.NewMbox(source.MboxConfig{Name: "m", Path: "a.mbox"})
	if err := errors.Join(jerr, merr); err != nil {
		t.Fatal(err)
	}
	for _, s := range []ingest.Source{d, j, m} {
		found := 0
		err := s.Walk(context.Background(), func(it ingest.Item) error {
			if found++; !strings.HasPrefix(it.URI, "file:///") {
				t.Errorf("%s: %s", s.Name(), it.URI)
			}
			return nil
		})
		if err != nil || found != 1 {
			t.Errorf("%s: %d found, %v", s.Name(), found, err)
		}
	}
}

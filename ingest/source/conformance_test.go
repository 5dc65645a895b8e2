package source_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing/object"
	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"

	"github.com/doorward/doorward/ingest"
	"github.com/doorward/doorward/ingest/source"
	"github.com/doorward/doorward/ingest/source/sourcetest"
)

// fileStore keeps documents and their attribute files under a folder.
type fileStore struct {
	root string
	src  ingest.Source
}

func (f fileStore) Source() ingest.Source { return f.src }

func (f fileStore) Put(t *testing.T, name, body, team string) {
	f.write(t, name, body)
	if team != "" {
		f.write(t, name+".doorward.json", fmt.Sprintf(`{"attributes":{"team":%q}}`, team))
	}
}

// write leaves a file with the right content alone, as a store would.
func (f fileStore) write(t *testing.T, name, body string) {
	p := filepath.Join(f.root, name)
	if old, err := os.ReadFile(p); err == nil && string(old) == body {
		return
	}
	if err := errors.Join(os.MkdirAll(filepath.Dir(p), 0o700), os.WriteFile(p, []byte(body), 0o600)); err != nil {
		t.Fatal(err)
	}
}

func (f fileStore) Delete(t *testing.T, name string) {
	os.Remove(filepath.Join(f.root, name+".doorward.json"))
	if err := os.Remove(filepath.Join(f.root, name)); err != nil {
		t.Fatal(err)
	}
}

func TestDirectoryConforms(t *testing.T) {
	sourcetest.Run(t, sourcetest.Options{}, func(t *testing.T) sourcetest.Store {
		root := t.TempDir()
		return fileStore{root, directory(t, source.DirectoryConfig{Root: root})}
	})
}

func TestBucketConforms(t *testing.T) {
	sourcetest.Run(t, sourcetest.Options{}, func(t *testing.T) sourcetest.Store {
		root := t.TempDir()
		b, err := source.OpenBucket(context.Background(), "file://"+root+"?metadata=skip")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { b.Close() })
		src, err := source.NewBucket(source.BucketConfig{Name: "bucket", Bucket: b})
		if err != nil {
			t.Fatal(err)
		}
		return fileStore{root, src}
	})
}

func TestOpenBucketRefuses(t *testing.T) {
	for _, address := range []string{"", "nope://x", "s3://user:pw@x", "/path"} {
		if _, err := source.OpenBucket(context.Background(), address); !errors.Is(err, source.ErrConfig) || strings.Contains(err.Error(), "pw") {
			t.Errorf("%q: %v", address, err)
		}
	}
}

// gitStore commits every change.
type gitStore struct {
	fileStore
	repo *git.Repository
}

func (g gitStore) commit(t *testing.T) {
	w, err := g.repo.Worktree()
	if err != nil {
		t.Fatal(err)
	}
	if err := w.AddWithOptions(&git.AddOptions{All: true}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Commit("change", &git.CommitOptions{Author: &object.Signature{Name: "n", When: time.Unix(1, 0)}, AllowEmptyCommits: true}); err != nil {
		t.Fatal(err)
	}
}

func (g gitStore) Put(t *testing.T, name, body, team string) {
	g.fileStore.Put(t, name, body, team)
	g.commit(t)
}

func (g gitStore) Delete(t *testing.T, name string) {
	g.fileStore.Delete(t, name)
	g.commit(t)
}

func newGit(t *testing.T) (gitStore, *source.Git) {
	root := t.TempDir()
	repo, err := git.PlainInit(root, false)
	if err != nil {
		t.Fatal(err)
	}
	g := gitStore{fileStore{root: root}, repo}
	g.commit(t)
	src, err := source.NewGit(source.GitConfig{Name: "code", Path: root})
	if err != nil {
		t.Fatal(err)
	}
	g.src = src
	return g, src
}

func TestGitConforms(t *testing.T) {
	sourcetest.Run(t, sourcetest.Options{}, func(t *testing.T) sourcetest.Store {
		g, _ := newGit(t)
		return g
	})
}

func TestGitLinksCursorsAndAttributeFiles(t *testing.T) {
	g, src := newGit(t)
	os.Symlink("/etc/passwd", filepath.Join(g.root, "link"))
	g.Put(t, "a.txt", "a", "red")
	items := walk(t, src)
	if len(items) != 2 || !errors.Is(items[1].Err, ingest.ErrNotRegular) || items[1].Open != nil {
		t.Errorf("%+v", items)
	}
	_, err := src.Changes(context.Background(), strings.Repeat("0", 40), func(ingest.Change) error { return nil })
	if !errors.Is(err, ingest.ErrCursor) {
		t.Errorf("unknown commit: %v", err)
	}
	cursor, err := src.Changes(context.Background(), "", func(ingest.Change) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	g.Put(t, "a.txt", "a", "blue")
	var got []ingest.Change
	if _, err := src.Changes(context.Background(), cursor, func(c ingest.Change) error { got = append(got, c); return nil }); err != nil {
		t.Fatal(err)
	}
	if len(got) != 1 || got[0].ID != "a.txt" || got[0].Attributes["team"] != "blue" {
		t.Errorf("attribute-only change: %+v", got)
	}
	if _, err := source.NewGit(source.GitConfig{Name: "x", Path: t.TempDir()}); !errors.Is(err, ingest.ErrSource) {
		t.Errorf("no repository: %v", err)
	}
}

// sqlStore keeps documents in a table with a change counter.
type sqlStore struct {
	db     *sql.DB
	dollar bool
	src    ingest.Source
}

func (s sqlStore) Source() ingest.Source { return s.src }

func (s sqlStore) exec(t *testing.T, query string, args ...any) {
	t.Helper()
	if s.dollar {
		for i := 1; strings.Contains(query, "?"); i++ {
			query = strings.Replace(query, "?", fmt.Sprintf("$%d", i), 1)
		}
	}
	if _, err := s.db.Exec(query, args...); err != nil {
		t.Fatal(err)
	}
}

func (s sqlStore) Put(t *testing.T, name, body, team string) {
	s.exec(t, "DELETE FROM docs WHERE id = ?", name)
	s.exec(t, "INSERT INTO docs (seq, id, body, team, gone) SELECT COALESCE(MAX(seq), 0) + 1, CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS TEXT), FALSE FROM docs", name, body, team)
}

func (s sqlStore) Delete(t *testing.T, name string) {
	s.exec(t, "UPDATE docs SET gone = TRUE, body = NULL, seq = (SELECT MAX(seq) + 1 FROM docs) WHERE id = ?", name)
}

func newSQL(t *testing.T, db *sql.DB, dollar bool) sqlStore {
	s := sqlStore{db: db, dollar: dollar}
	s.exec(t, "CREATE TABLE docs (seq INTEGER, id TEXT PRIMARY KEY, body TEXT, team TEXT, gone BOOLEAN)")
	changes := "SELECT seq, id, body, team, gone FROM docs WHERE seq > CAST(? AS INTEGER) ORDER BY seq"
	if dollar {
		changes = strings.Replace(changes, "?", "$1", 1)
	}
	src, err := source.NewSQL(source.SQLConfig{Name: "db", DB: db, Query: "SELECT id, body, team FROM docs WHERE NOT gone ORDER BY id", Changes: changes,
		Cursor: "seq", First: "0", Deleted: "gone", Fields: source.Fields{Text: "body"},
		Mapping: source.Mapping{Rules: []source.Rule{{Set: map[string]any{"team": "${field.team}"}}}}})
	if err != nil {
		t.Fatal(err)
	}
	s.src = src
	return s
}

func TestSQLiteConforms(t *testing.T) {
	sourcetest.Run(t, sourcetest.Options{}, func(t *testing.T) sourcetest.Store {
		db, err := sql.Open("sqlite", filepath.Join(t.TempDir(), "a.db"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { db.Close() })
		return newSQL(t, db, false)
	})
}

func TestPostgresConforms(t *testing.T) {
	dsn := os.Getenv("DOORWARD_POSTGRES")
	if dsn == "" {
		t.Skip("set DOORWARD_POSTGRES to the URL of an empty test database to run this")
	}
	sourcetest.Run(t, sourcetest.Options{}, func(t *testing.T) sourcetest.Store {
		db, err := sql.Open("pgx", dsn)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { db.Exec("DROP TABLE IF EXISTS docs"); db.Close() })
		if _, err := db.Exec("DROP TABLE IF EXISTS docs"); err != nil {
			t.Fatal(err)
		}
		return newSQL(t, db, true)
	})
}

func TestSQLErrors(t *testing.T) {
	db, err := sql.Open("sqlite", filepath.Join(t.TempDir(), "a.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, c := range []source.SQLConfig{{Name: "x"}, {Name: "x", DB: db}, {Name: "x", DB: db, Query: "q", Changes: "c"}, {Name: "x y", DB: db, Query: "q"}} {
		if _, err := source.NewSQL(c); !errors.Is(err, source.ErrConfig) {
			t.Errorf("%+v: %v", c, err)
		}
	}
	get := func(query string) ([]ingest.Item, error) {
		s, err := source.NewSQL(source.SQLConfig{Name: "x", DB: db, Query: query, MaxBytes: 5})
		if err != nil {
			t.Fatal(err)
		}
		var out []ingest.Item
		err = s.Walk(context.Background(), func(it ingest.Item) error { out = append(out, it); return nil })
		return out, err
	}
	if _, err := get("SELECT secret FROM nowhere"); !errors.Is(err, ingest.ErrSource) || strings.Contains(err.Error(), "secret") {
		t.Errorf("bad query: %v", err)
	}
	if _, err := get("SELECT 'a' AS id, 'b' AS id"); !errors.Is(err, ingest.ErrSource) {
		t.Errorf("two columns of one name: %v", err)
	}
	for query, want := range map[string]error{
		"SELECT 'a' AS id, NULL AS text":                           ingest.ErrMalformed,
		"SELECT 'a' AS id, 'too long' AS text":                     ingest.ErrTooLarge,
		"SELECT 'a' AS id, 'x' AS text, 'oops' AS attributes":      ingest.ErrMalformed,
		"SELECT 'a' AS id, 'x' AS text UNION ALL SELECT 'a', 'y'":  ingest.ErrDuplicate,
		"SELECT 7 AS id, 'x' AS text, '{\"k\":[1]}' AS attributes": nil,
	} {
		items, err := get(query)
		if err != nil || len(items) == 0 || !errors.Is(items[len(items)-1].Err, want) {
			t.Errorf("%s: %v %+v", query, err, items)
		}
	}
}

// linesStore rewrites a JSON lines file, or a mail box, from its documents.
type linesStore struct {
	path string
	docs map[string][2]string
	src  ingest.Source
	line func(name, body, team string) string
}

func (l *linesStore) Source() ingest.Source { return l.src }

func (l *linesStore) Put(t *testing.T, name, body, team string) {
	l.docs[name] = [2]string{body, team}
	l.write(t)
}

func (l *linesStore) Delete(t *testing.T, name string) {
	delete(l.docs, name)
	l.write(t)
}

func (l *linesStore) write(t *testing.T) {
	var names []string
	for n := range l.docs {
		names = append(names, n)
	}
	slices.Sort(names)
	var b strings.Builder
	for _, n := range names {
		b.WriteString(l.line(n, l.docs[n][0], l.docs[n][1]))
	}
	if err := os.WriteFile(l.path, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestJSONLinesConforms(t *testing.T) {
	sourcetest.Run(t, sourcetest.Options{}, func(t *testing.T) sourcetest.Store {
		l := &linesStore{path: filepath.Join(t.TempDir(), "a.jsonl"), docs: map[string][2]string{}, line: func(name, body, team string) string {
			p, _ := json.Marshal(map[string]any{"id": name, "text": body, "attributes": map[string]any{"team": team}})
			return string(p) + "\n"
		}}
		l.write(t)
		l.src = jsonLines(t, source.JSONLinesConfig{Path: l.path})
		return l
	})
}

func newMbox(t *testing.T, c source.MboxConfig) *source.Mbox {
	t.Helper()
	c.Name = "mail"
	m, err := source.NewMbox(c)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestMboxConforms(t *testing.T) {
	sourcetest.Run(t, sourcetest.Options{NoTeam: true, Wrap: "\n%s\n"}, func(t *testing.T) sourcetest.Store {
		l := &linesStore{path: filepath.Join(t.TempDir(), "a.mbox"), docs: map[string][2]string{}, line: func(name, body, _ string) string {
			return "From x@y Thu Jan  1 00:00:00 1970\n" + "\n" + body + "\n\n"
		}}
		l.write(t)
		l.src = newMbox(t, source.MboxConfig{Path: l.path})
		return mboxStore{l}
	})
}

// mboxStore gives each message an id of its name, outside the body.
type mboxStore struct{ *linesStore }

func TestMboxMessages(t *testing.T) {
	root := tree(t, "a.mbox", "From a\nMessage-ID: <one@x>\n\nbody\n>From quoted\n>>From twice\n\nFrom b\nMessage-ID: <one@x>\n\nagain\n\nFrom c\n\n"+strings.Repeat("x", 200)+"\n\nFrom d\nMessage-ID: <two words@x>\n\nlast", "b.mbox", "no mail box")
	var got []string
	for _, it := range walk(t, newMbox(t, source.MboxConfig{Path: filepath.Join(root, "a.mbox"), MaxBytes: 100})) {
		line := it.ID
		if it.Err != nil {
			line += " " + it.Err.Error()
		} else {
			line += fmt.Sprintf(" %q", body(t, it))
		}
		got = append(got, line)
	}
	want := []string{`one~40x "Message-ID: <one@x>\n\nbody\nFrom quoted\n>From twice\n"`, "one~40x document id is used twice: message 2",
		" document is too large: message 3 has 203 bytes, the limit is 100", `two~20words~40x "Message-ID: <two words@x>\n\nlast"`}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	err := newMbox(t, source.MboxConfig{Path: filepath.Join(root, "b.mbox")}).Walk(context.Background(), func(ingest.Item) error { return nil })
	if !errors.Is(err, ingest.ErrSource) {
		t.Errorf("no mail box: %v", err)
	}
}

func TestDirectoryWatch(t *testing.T) {
	root := tree(t, "a.txt", "one", "b.txt", "two")
	d := directory(t, source.DirectoryConfig{Root: root})
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	changes := make(chan string, 100)
	done := make(chan error, 1)
	go func() {
		done <- d.Watch(ctx, source.WatchConfig{Poll: 200 * time.Millisecond, Settle: 20 * time.Millisecond}, func(c ingest.Change) error {
			changes <- fmt.Sprintf("%s %v %v", c.ID, c.Deleted, c.Attributes["team"])
			return nil
		})
	}()
	expect := func(want string) {
		t.Helper()
		select {
		case got := <-changes:
			if got != want {
				t.Fatalf("got %q, want %q", got, want)
			}
		case <-ctx.Done():
			t.Fatalf("no change, want %q", want)
		}
	}
	expect("a.txt false <nil>")
	expect("b.txt false <nil>")
	os.Mkdir(filepath.Join(root, "new"), 0o700)
	os.WriteFile(filepath.Join(root, "new", "c.txt"), []byte("three"), 0o600)
	expect("new:c.txt false <nil>")
	os.Remove(filepath.Join(root, "b.txt"))
	expect("b.txt true <nil>")
	os.WriteFile(filepath.Join(root, "a.txt.doorward.json"), []byte(`{"attributes":{"team":"red"}}`), 0o600)
	expect("a.txt false red")
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("the watch ended with %v", err)
	}
}

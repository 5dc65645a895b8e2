package test

import (
	"bytes"
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the "pgx" driver
	_ "modernc.org/sqlite"             // the "sqlite" driver

	"github.com/doorward/doorward/ingest/catalog/postgres/postgrestest"
)

// TestSQLSource reads documents from a table, then its changes: a changed text, a
// changed attribute and a deletion, without reading the rest again. On SQLite,
// and on PostgreSQL where its programs are here.
func TestSQLSource(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "wiki.db")
		readTable(t, "sqlite", "sqlite", path, "?")
	})
	t.Run("postgres", func(t *testing.T) { readTable(t, "postgres", "pgx", postgrestest.URL(t), "$1") })
}

func readTable(t *testing.T, driver, open, dsn, parameter string) {
	db, err := sql.Open(open, dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	change := func(statements ...string) {
		t.Helper()
		for _, s := range statements {
			if _, err := db.Exec(s); err != nil {
				t.Fatal(err)
			}
		}
	}
	change(`create table wiki_pages (id text primary key, body text, team text, seq integer, gone boolean default false)`,
		`insert into wiki_pages values ('a', 'The quorblefant is in the cellar.', 'staff', 1, false), ('b', 'The thrumbolite is green.', 'staff', 2, false), ('c', 'The zanderquill is blue.', 'staff', 3, false)`)
	dir := t.TempDir()
	write(t, filepath.Join(dir, "wiki.dsn"), []byte(dsn))
	if err := os.Chmod(filepath.Join(dir, "wiki.dsn"), 0o600); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "doorward.yaml"), fmt.Appendf(nil, `
sources:
  - name: wiki
    type: sql
    fields: {text: body}
    mapping: [{set: {groups: ["${field.team}"]}}]
    sql:
      driver: %s
      dsn_file: ./wiki.dsn
      query: select id, body, team from wiki_pages where not gone order by id
      changes: select id, body, team, seq, gone from wiki_pages where seq > cast(%s as integer) order by seq
      cursor: seq
      first: "0"
      deleted: gone
`, driver, parameter))
	must(t, dir, "keys", "init")
	says := func(want ...string) {
		t.Helper()
		out := must(t, dir, "ingest", "--prune")
		for _, w := range want {
			if !strings.Contains(strings.Join(strings.Fields(out), " "), w) {
				t.Errorf("ingest does not say %q:\n%s", w, out)
			}
		}
	}
	says("3 documents", "indexed 3")
	says("0 documents")
	change(`update wiki_pages set body = 'The quorblefant is on the roof.', seq = 4 where id = 'a'`, `update wiki_pages set team = 'hr', seq = 5 where id = 'b'`, `update wiki_pages set gone = true, seq = 6 where id = 'c'`)
	says("indexed 1", "attributes 1", "retired 1")
	says("0 documents")
	if out := must(t, dir, "fsck", "--deep"); strings.Contains(out, "fault") && !strings.Contains(out, "0 faults") {
		t.Errorf("fsck:\n%s", out)
	}
}

// TestWatch follows a folder: what is put there, changed and removed is taken in
// and out while the program runs, and an interrupt ends it well.
func TestWatch(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "documents", "a.txt"), []byte("The quorblefant is in the cellar."))
	write(t, filepath.Join(dir, "doorward.yaml"), []byte("sources: [{name: folder, type: directory, path: ./documents, mapping: [{set: {groups: [staff]}}]}]\n"))
	must(t, dir, "keys", "init")
	report := filepath.Join(dir, "report.json")
	cmd := exec.Command(doorward(t), "ingest", "--watch", "--json")
	cmd.Dir = dir
	out, err := os.Create(report)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	var errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = out, &errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if cmd.ProcessState == nil {
			cmd.Process.Kill()
			cmd.Wait()
		}
	}()
	said := func(what ...string) func() bool {
		return func() bool {
			data, err := os.ReadFile(report)
			if err != nil {
				t.Fatal(err)
			}
			for line := range strings.Lines(string(data)) {
				all := true
				for _, w := range what {
					all = all && strings.Contains(line, w)
				}
				if all {
					return true
				}
			}
			return false
		}
	}
	within(t, 30*time.Second, "the first reading", said("a.txt", "indexed"))
	write(t, filepath.Join(dir, "documents", "b.txt"), []byte("The thrumbolite is green."))
	within(t, 30*time.Second, "taking in what is new", said("b.txt", "indexed"))
	if err := os.Remove(filepath.Join(dir, "documents", "a.txt")); err != nil {
		t.Fatal(err)
	}
	within(t, 30*time.Second, "taking out what is gone", said("a.txt", "retired"))
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("an interrupt: %v\n%s", err, errs.String())
	}
	if out := must(t, dir, "ingest"); !strings.Contains(out, "1 documents") || !strings.Contains(out, "unchanged") {
		t.Errorf("afterwards:\n%s", out)
	}
}

// TestRate: a bound on documents per second can only make a run slower, and it
// must make it that slow.
func TestRate(t *testing.T) {
	dir := t.TempDir()
	for i := range 9 {
		write(t, filepath.Join(dir, "documents", fmt.Sprint(i, ".txt")), fmt.Appendf(nil, "The quorblefant number %d is in the cellar.", i))
	}
	write(t, filepath.Join(dir, "doorward.yaml"), []byte("sources: [{name: folder, type: directory, path: ./documents, mapping: [{set: {groups: [staff]}}]}]\n"))
	must(t, dir, "keys", "init")
	if _, errs, code := run(t, dir, "ingest", "--rate", "-1"); code != 2 || !strings.Contains(errs, "--rate") {
		t.Errorf("a negative rate: exit %d, %s", code, errs)
	}
	started := time.Now()
	out := must(t, dir, "ingest", "--rate", "8")
	if took := time.Since(started); took < time.Second {
		t.Errorf("9 documents at 8 in a second took %s", took)
	}
	if !strings.Contains(strings.Join(strings.Fields(out), " "), "indexed 9") {
		t.Errorf("%s", out)
	}
	started = time.Now()
	must(t, dir, "ingest", "--rate", "0.01") // nothing changed: nothing to slow down
	if took := time.Since(started); took > 90*time.Second {
		t.Errorf("unchanged documents count against the rate: %s", took)
	}
}

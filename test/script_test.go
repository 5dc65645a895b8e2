package test

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestScripts runs scripts/*.txtar: the program at a shell, with files beside
// it. Exit codes are asserted with the command `code N doorward …`.
func TestScripts(t *testing.T) {
	bin := filepath.Dir(doorward(t))
	testscript.Run(t, testscript.Params{
		Dir: "scripts",
		Setup: func(e *testscript.Env) error {
			e.Setenv("PATH", bin+string(os.PathListSeparator)+os.Getenv("PATH"))
			e.Setenv("HOME", e.WorkDir)
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"code": func(ts *testscript.TestScript, neg bool, args []string) { exitCode(ts, args) },
		},
	})
}

// exitCode runs a command and insists on its exit code.
func exitCode(ts *testscript.TestScript, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: code N command [args]")
	}
	err := ts.Exec(args[1], args[2:]...)
	got := "0"
	if err != nil {
		got = exitStatus(err)
	}
	if got != args[0] {
		ts.Fatalf("exit code %s, want %s", got, args[0])
	}
}

func exitStatus(err error) string {
	if e, ok := err.(interface{ ExitCode() int }); ok {
		return strconv.Itoa(e.ExitCode())
	}
	return err.Error()
}

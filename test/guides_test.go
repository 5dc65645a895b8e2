package test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// step is one command of a guide with what it must print.
type step struct {
	command string
	prints  []string // lines; … stands for anything
	code    string   // exit code that the command's comment announces
}

// steps reads a guide's console blocks.
func steps(t *testing.T, page string) (list []step) {
	t.Helper()
	for _, block := range regexp.MustCompile("(?s)```console\n(.*?)```").FindAllStringSubmatch(page, -1) {
		for line := range strings.Lines(block[1]) {
			line = strings.TrimRight(line, "\n")
			if command, ok := strings.CutPrefix(line, "$ "); ok {
				s := step{command: command, code: "0"}
				if m := regexp.MustCompile(`# exit (\d+)`).FindStringSubmatch(command); m != nil {
					s.code = m[1]
				}
				list = append(list, s)
			} else if len(list) > 0 {
				last := &list[len(list)-1]
				last.prints = append(last.prints, line)
			}
		}
	}
	return list
}

// printed says whether an output holds a line's pieces in order.
func printed(output, line string) bool {
	for piece := range strings.SplitSeq(line, "…") {
		_, rest, ok := strings.Cut(output, piece)
		if !ok {
			return false
		}
		output = rest
	}
	return true
}

// TestGuides runs the guides for backends and for security teams: every command
// as it stands, in one shell for each guide, with the files the guide shows. Each
// must end as it says and print what stands below it. Only ports are changed, and
// a service that is started is waited for.
func TestGuides(t *testing.T) {
	for _, name := range []string{"guide-backend.md", "guide-security.md"} {
		t.Run(name, func(t *testing.T) { guide(t, readPage(t, name)) })
	}
}

func guide(t *testing.T, page string) {
	home, address := t.TempDir(), freeAddress(t)
	port := address[strings.LastIndex(address, ":"):]
	list := steps(t, page)
	follow(t, home, list, func(command string) string {
		command = strings.ReplaceAll(command, "127.0.0.1:8080", address)
		switch {
		case strings.Contains(command, "doorward init"):
			command += "\nsed -i 's/:8080/" + port + "/; s/:8081/:0/' doorward.yaml\n"
			for _, m := range regexp.MustCompile("(?s)\n`([a-z]+\\.[a-z]+)`\n\n```[a-z]+\n(.*?)```").FindAllStringSubmatch(page, -1) {
				write(t, filepath.Join(home, m[1]), []byte(m[2]))
				command += "mv ../" + m[1] + " .\n"
			}
		case strings.HasPrefix(command, "doorward serve"):
			return "doorward serve >serve.log 2>&1 &\nservice=$!\nfor i in $(seq 600); do grep -q 'serving on' serve.log && break; sleep 0.1; done; grep -q 'serving on' serve.log"
		}
		for tool, call := range map[string]string{"python3": "python3 ", "node": " node "} {
			if _, err := exec.LookPath(tool); err != nil && strings.Contains(command, call) {
				t.Logf("%s is not installed: its client is not run", tool)
				return ""
			}
		}
		return command
	})
}

// follow runs steps in one shell in dir, each as edit leaves it ("": not at all),
// and holds exit codes and outputs to what the page says.
func follow(t *testing.T, dir string, list []step, edit func(command string) string) {
	t.Helper()
	script := "exec 2>&1\nservice=\ntrap '[ -z \"$service\" ] || { kill $service; wait $service; }' EXIT\n"
	for i, s := range list {
		if command := edit(s.command); command != "" {
			script += fmt.Sprintf("echo '@@@ %d'\n%s\necho \"@@@ code $?\"\n", i, command)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-c", script)
	cmd.Dir, cmd.WaitDelay = dir, time.Second
	cmd.Env = append(os.Environ(), "HOME="+dir, "PATH="+filepath.Dir(doorward(t))+":"+os.Getenv("PATH"))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	at := -1
	for _, part := range strings.Split(string(out), "@@@ ")[1:] {
		number, output, _ := strings.Cut(part, "\n")
		if code, ok := strings.CutPrefix(number, "code "); ok {
			if s := list[at]; code != s.code {
				t.Errorf("$ %s\nended with %s, not %s", s.command, code, s.code)
			}
			continue
		}
		at = integer(number)
		for _, line := range list[at].prints {
			if !printed(output, line) {
				t.Errorf("$ %s\ndid not print %q but\n%s", list[at].command, line, output)
			}
		}
	}
	if at < 0 || edit(list[len(list)-1].command) != "" && at != len(list)-1 {
		t.Errorf("the last command that was run is number %d of %d", at+1, len(list))
	}
}

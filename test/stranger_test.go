package test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/doorward/doorward/api"
)

// TestStrangersPath runs the README's commands for one's own documents at a
// shell, in under ten, up to a protected answer. Only what a test must change is
// changed: the program is built already, and folders and ports are its own.
func TestStrangersPath(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, ok := strings.Cut(string(readme), "## Your own documents")
	block := regexp.MustCompile("(?s)```console\n(.*?)```").FindStringSubmatch(section)
	if !ok || block == nil {
		t.Fatal("the README has no commands for one's own documents")
	}
	home, documents, address := t.TempDir(), t.TempDir(), freeAddress(t)
	write(t, filepath.Join(documents, "holidays.txt"), []byte("We get thirty days of holiday. Questions go to jane.roe@example.com."))
	script := []string{"export PATH=" + filepath.Dir(doorward(t)) + ":$PATH"}
	commands := 0
	for line := range strings.Lines(block[1]) {
		command, ok := strings.CutPrefix(strings.TrimSpace(line), "$ ")
		if !ok {
			t.Fatalf("%q is not a command", line)
		}
		commands++
		switch {
		case strings.HasPrefix(command, "git clone"), strings.HasPrefix(command, "make build"):
			continue // this is the clone, and the program is built
		case strings.Contains(command, "doorward init"):
			command += "\nsed -i 's/:8080/" + address[strings.LastIndex(address, ":"):] + "/; s/:8081/:0/' doorward.yaml"
		case strings.HasPrefix(command, "doorward serve"):
			command = "doorward serve 2>serve.log &\nservice=$!; trap 'kill $service' EXIT\nfor i in $(seq 600); do grep -q 'serving on' serve.log && break; sleep 0.1; done"
		}
		command = strings.ReplaceAll(command, "/path/to/documents", documents)
		script = append(script, strings.ReplaceAll(command, "127.0.0.1:8080", address))
	}
	if commands >= 10 {
		t.Errorf("it takes %d commands", commands)
	}
	cmd := exec.Command("bash", "-c", strings.Join(script, "\n"))
	cmd.Dir, cmd.Env = home, append(os.Environ(), "HOME="+home)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	var r api.RetrieveResponse
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &r); err != nil || len(r.Passages) != 1 || len(r.Messages) != 2 {
		t.Fatalf("%v, %s", err, out)
	}
	if text := r.Passages[0].Text; !strings.Contains(text, "thirty days") || strings.Contains(text, "jane.roe") {
		t.Errorf("the answer is %q", text)
	}
}

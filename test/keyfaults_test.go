package test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/doorward/doorward/api"
	"github.com/doorward/doorward/policy/keys/kms/kmstest"
	"github.com/doorward/doorward/retrieval/embed/embedtest"
)

const keyFaultsConfig = `
tenant: acme
identity: {backend_signed: true}
listen: {public: "127.0.0.1:0", operator: "127.0.0.1:0"}
quota: {state: off}
kms: {uri: "URI", token_file: ./token}
sources:
  - {name: docs, type: directory, path: ./documents, mapping: [{set: {groups: [staff]}}]}
`

// keyServiceWait is the longest that a call of the key management service may take.
const keyServiceWait = 10 * time.Second

// TestKeyServiceFaults puts a faulty network, and a Vault in trouble, between the
// program and the service that its master key is sealed with. It is asked when
// keys are opened: a running service goes on answering, and what opens keys anew
// under a fault (a command, a rotation) ends by the call's deadline with an error
// that says so, has done nothing, and works again afterwards. DOORWARD_FAULTS=all
// tries all faults.
func TestKeyServiceFaults(t *testing.T) {
	vault := kmstest.New(t)
	proxy := embedtest.NewProxy(t, vault.Address)
	running, apart := keyed(t, proxy.Address(), vault.Token()), keyed(t, proxy.Address(), vault.Token())
	b := register(t, running, "chat")
	b.client = &http.Client{Timeout: time.Minute}
	call := &caller{backend: b}
	b.url, _ = serve(t, running)
	faults := []string{string(embedtest.Refused), "403"}
	if os.Getenv("DOORWARD_FAULTS") == "all" {
		faults = []string{"403", "500", "503"}
		for _, f := range embedtest.Faults() {
			faults = append(faults, string(f))
		}
	}
	fmt.Printf("%-11s %-10s %9s %9s  %s\n", "part", "fault", "longest", "over", "running service, then what a command said")
	var worst time.Duration
	for _, fault := range faults {
		var status int
		if _, err := fmt.Sscan(fault, &status); err == nil {
			vault.Answer(status)
		} else {
			proxy.Set(embedtest.Fault(fault))
		}
		answered, body, err := call.do(context.Background(), ann, "POST", b.url+"/v1/retrieve", api.RetrieveRequest{Question: "when is the crane repaired?"})
		if err != nil || answered != http.StatusOK || !bytes.Contains(body, []byte("Tuesdays")) {
			t.Errorf("%s: a running service, which has its keys, answers %d, %v", fault, answered, err)
		}
		longest, said := keyless(t, apart, fault)
		worst = max(worst, longest-keyServiceWait)
		fmt.Printf("%-11s %-10s %9v %9v  %d; %s\n", "keys", fault, longest.Round(time.Millisecond), max(0, longest-keyServiceWait).Round(time.Millisecond), answered, said)
		vault.Answer(0)
		proxy.Set(embedtest.Healthy)
		must(t, apart, "fsck")
	}
	verdict(func(string, ...any) {}, "longest past its deadline, with the program's own start", float64(worst.Milliseconds()), 1000, "ms")
}

// keyed is a data directory with one document, whose master key is sealed.
func keyed(t *testing.T, address, token string) string {
	t.Helper()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "doorward.yaml"), []byte(strings.Replace(keyFaultsConfig, "URI", kmstest.URI(address), 1)))
	write(t, filepath.Join(dir, "token"), []byte(token+"\n"))
	write(t, filepath.Join(dir, "documents", "crane.txt"), []byte("The harbour crane is repaired on Tuesdays."))
	must(t, dir, "keys", "init")
	must(t, dir, "ingest")
	return dir
}

// keyless runs commands that need the master key under a fault: none may do
// anything. It returns the longest time one took, and what it said.
func keyless(t *testing.T, dir, fault string) (longest time.Duration, said string) {
	t.Helper()
	key := filepath.Join(dir, "keys", "master.key")
	before, err := os.ReadFile(key)
	if err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"ingest"}, {"keys", "rotate", "master"}} {
		began := time.Now()
		out, errs, code := run(t, dir, args...)
		longest = max(longest, time.Since(began))
		if code != 1 || !strings.Contains(errs, "key management service unavailable") {
			t.Errorf("%s: doorward %s: exit %d\n%s%s", fault, strings.Join(args, " "), code, out, errs)
		}
		said = strings.TrimSpace(errs)
	}
	if after, err := os.ReadFile(key); err != nil || !bytes.Equal(before, after) {
		t.Errorf("%s: the master key's file was changed", fault)
	}
	return longest, said
}

package test

import (
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestWorkflowIsPinned: every action by commit, every tool by version, no more
// rights than needed.
func TestWorkflowIsPinned(t *testing.T) {
	files, err := filepath.Glob("../.github/workflows/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no workflows: %v", err)
	}
	for _, file := range append(files, "../Makefile", "../.ci/run") {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(file, ".yaml") && !strings.Contains(string(text), "\npermissions: {contents: read}\n") {
			t.Errorf("%s gives its jobs more than contents: read", file)
		}
		for line := range strings.Lines(string(text)) {
			if strings.Contains(line, "uses: ") && !regexp.MustCompile(`uses: [\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$`).MatchString(strings.TrimSpace(line)) {
				t.Errorf("%s: an action is not pinned by commit with its release beside it: %s", file, strings.TrimSpace(line))
			}
			if regexp.MustCompile(`go run \S+@latest|\$\(GO\) run \S+@latest`).MatchString(line) {
				t.Errorf("%s: a tool is not pinned: %s", file, strings.TrimSpace(line))
			}
		}
	}
}

// TestReleaseIsReproducible builds the release in two copies of the source at
// different places and compares the bytes. It runs where DOORWARD_RELEASE is set
// (`make reproducible`); DOORWARD_RELEASE=fresh gives the second an empty build
// cache, which takes minutes.
func TestReleaseIsReproducible(t *testing.T) {
	mode := os.Getenv("DOORWARD_RELEASE")
	if mode == "" {
		t.Skip("builds the program twice; run `make reproducible`")
	}
	var sums []string
	for i, place := range []string{"here", "some/where/else"} {
		dir := filepath.Join(t.TempDir(), place)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command("bash", "-c", "git -C .. ls-files -z --cached | (cd .. && xargs -0 cp --parents -t "+dir+")").CombinedOutput(); err != nil {
			t.Fatalf("copying the source: %v\n%s", err, out)
		}
		cmd := exec.Command("make", "-n", "release", "VERSION=v0.0.0")
		cmd.Dir = dir
		script, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		build, _, _ := strings.Cut(string(script), "\nmake sbom")
		build = strings.Replace(build, "amd64 arm64", "amd64", 1) // the other one is as good
		build, _, _ = strings.Cut(build, "\nmake[")
		cmd = exec.Command("bash", "-c", build)
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "GOFLAGS=")
		if i == 1 && mode == "fresh" {
			cmd.Env = append(cmd.Env, "GOCACHE="+t.TempDir())
		}
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", build, err, out)
		}
		data, err := os.ReadFile(filepath.Join(dir, "bin", "doorward-linux-amd64"))
		if err != nil {
			t.Fatal(err)
		}
		sums = append(sums, fmt.Sprintf("%x", sha256.Sum256(data)))
		t.Logf("%s: %d bytes, SHA-256 %s", place, len(data), sums[i])
	}
	if sums[0] != sums[1] {
		t.Error("the two builds differ")
	}
}

// enter makes a root that is read-only and holds the program and the certificates
// alone, as the container file does, with a volume at /srv and a small /tmp, and
// runs the program in it without a network and not as root.
const enter = `set -e
mount --bind "$1" "$1"; mount -o remount,bind,ro "$1"
mount --bind "$2" "$1/srv"; mount -t tmpfs tmpfs "$1/tmp" -o size=64m,mode=1777; mount -t proc proc "$1/proc"; mount --bind /dev/null "$1/dev/null"
root=$1; shift 2
exec chroot --userspec=65532:65532 "$root" /doorward "$@"`

// TestEmptyRoot runs the steps of the container file by hand: a static program in
// an empty read-only root, not as root, without a network, makes its
// configuration, takes in a document that needs an extractor, and checks itself.
func TestEmptyRoot(t *testing.T) {
	if os.Getuid() != 0 || exec.Command("unshare", "-m", "-n", "-p", "-f", "true").Run() != nil {
		t.Skip("needs root and unshare")
	}
	base := t.TempDir()
	root, volume := filepath.Join(base, "root"), filepath.Join(base, "srv")
	for _, dir := range []string{"srv", "etc/ssl/certs", "tmp", "proc"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	write(t, filepath.Join(root, "dev", "null"), nil) // as container runtimes have it
	binary := filepath.Join(root, "doorward")
	if out, err := exec.Command("install", "-m", "755", doorward(t), binary).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	write(t, filepath.Join(volume, "documents", "page.html"), []byte("<p>We get thirty days of holiday.</p>"))
	if out, err := exec.Command("bash", "-c", "chmod 755 "+base+" "+filepath.Dir(base)+" && chown -R 65532:65532 "+volume).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	run := func(args ...string) string {
		t.Helper()
		cmd := exec.Command("unshare", append([]string{"-m", "-n", "-p", "-f", "bash", "-c", enter, "bash", root, volume}, args...)...)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
		return string(out)
	}
	run("version")
	run("init", "/srv")
	if out := run("ingest", "--config", "/srv/doorward.yaml"); !strings.Contains(out, "indexed  1") {
		t.Errorf("ingest said %s", out)
	}
	run("config", "check", "--config", "/srv/doorward.yaml")
	run("audit", "verify", "--config", "/srv/doorward.yaml")
	cmd := exec.Command("unshare", "-m", "-n", "-p", "-f", "bash", "-c", enter, "bash", root, volume, "init", "/elsewhere")
	if out, err := cmd.CombinedOutput(); err == nil {
		t.Errorf("the root can be written to: %s", out)
	}
}

// TestPackagedFiles gives the unit and the Compose file to the tools that read
// them, where they are installed.
func TestPackagedFiles(t *testing.T) {
	t.Run("systemd", func(t *testing.T) {
		if _, err := exec.LookPath("systemd-analyze"); err != nil {
			t.Skip("systemd-analyze is not installed")
		}
		text, err := os.ReadFile("../configs/packaging/doorward.service")
		if err != nil {
			t.Fatal(err)
		}
		unit := filepath.Join(t.TempDir(), "doorward.service")
		write(t, unit, []byte(strings.Replace(string(text), "/usr/local/bin/doorward", "/bin/true", 1)))
		if out, err := exec.Command("systemd-analyze", "verify", unit).CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
		out, err := exec.Command("systemd-analyze", "security", "--offline=true", unit).CombinedOutput()
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		t.Log(lines[len(lines)-1])
		if m := regexp.MustCompile(`exposure level .*: (\d+\.\d+)`).FindStringSubmatch(string(out)); err != nil || m == nil || m[1] > "2.0" {
			t.Errorf("exposure of at most 2.0 expected: %v", m)
		}
	})
	t.Run("compose", func(t *testing.T) {
		tool, err := exec.LookPath("docker-compose")
		if err != nil {
			t.Skip("docker-compose is not installed")
		}
		if out, err := exec.Command(tool, "-f", "../configs/packaging/compose.yaml", "config", "-q").CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	})
}

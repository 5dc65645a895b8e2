package test

import (
	"bufio"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/doorward/doorward/api"
	"github.com/doorward/doorward/api/admission"
)

// anchorVariable makes this program a bare server: the processor time that a
// request takes, and the file that holds the answer.
const anchorVariable = "DOORWARD_TEST_ANCHOR"

// anchor starts a bare server in a process of its own, as the service is.
func anchor(t *testing.T, cpu time.Duration, answer []byte) (url string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "answer.json")
	write(t, path, answer)
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, os.Args[0])
	cmd.Env = append(os.Environ(), anchorVariable+"="+cpu.String()+" "+path)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait()
	})
	url, err = bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(url)
}

// beAnchor is that server, until it is ended.
func beAnchor(how string) error {
	took, path, _ := strings.Cut(how, " ")
	cpu, err := time.ParseDuration(took)
	if err != nil {
		return err
	}
	answer, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	cores := runtime.GOMAXPROCS(0)
	a, err := admission.New(admission.Config{Concurrent: cores, Queue: 32 * cores, Wait: 250 * time.Millisecond, Pushes: 1, Streams: 1,
		Body: time.Minute, Deadline: time.Minute, Answer: time.Minute, Classify: func(*http.Request) admission.Class { return admission.Short }})
	if err != nil {
		return err
	}
	gin.SetMode(gin.ReleaseMode)
	g := gin.New()
	rounds := int(cpu / aRound())
	g.POST("/v1/retrieve", func(c *gin.Context) {
		var in api.RetrieveRequest
		if c.BindJSON(&in) == nil {
			burn(rounds)
			c.Data(http.StatusOK, "application/json", answer)
		}
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println("http://" + l.Addr().String())
	if err := http.Serve(l, a.Wrap(g)); !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

// aRound is how long one round of burn takes when nothing disturbs it.
func aRound() time.Duration {
	least := time.Hour
	for range 200 {
		began := time.Now()
		burn(20)
		least = min(least, time.Since(began)/20)
	}
	return max(least, time.Nanosecond)
}

// burn uses processor time and nothing else.
func burn(rounds int) {
	var block [4096]byte
	for range rounds {
		sum := sha256.Sum256(block[:])
		copy(block[:], sum[:])
	}
}

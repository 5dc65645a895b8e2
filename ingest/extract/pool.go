package extract

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// errClosed means the Extractor was closed.
var errClosed = errors.New("extractor is closed")

// pool keeps children that read documents one at a time.
type pool struct {
	config Config
	slots  chan struct{} // one for each child that may run
	mu     sync.Mutex
	idle   []*child
	closed bool
}

func newPool(c Config) *pool {
	if c.Workers <= 0 {
		c.Workers = runtime.GOMAXPROCS(0)
	}
	return &pool{config: c, slots: make(chan struct{}, c.Workers)}
}

// extract sends a document to a child and waits for the answer, the limits or
// the context, whichever is first.
func (p *pool) extract(ctx context.Context, in Input) (Document, error) {
	select {
	case p.slots <- struct{}{}:
		defer func() { <-p.slots }()
	case <-ctx.Done():
		return Document{}, ctx.Err()
	}
	c, err := p.take()
	if err != nil {
		return Document{}, err
	}
	doc, reusable, err := c.extract(ctx, p.config, in)
	if !reusable || c.uses >= p.config.Reuse || !p.give(c) {
		c.end()
	}
	return doc, err
}

// take returns an idle child or starts one.
func (p *pool) take() (*child, error) {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil, errClosed
	}
	if n := len(p.idle); n > 0 {
		c := p.idle[n-1]
		p.idle = p.idle[:n-1]
		p.mu.Unlock()
		return c, nil
	}
	p.mu.Unlock()
	return startChild(p.config)
}

// give puts a child back; false when the pool is closed.
func (p *pool) give(c *child) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return false
	}
	p.idle = append(p.idle, c)
	return true
}

func (p *pool) close() error {
	p.mu.Lock()
	idle := p.idle
	p.idle, p.closed = nil, true
	p.mu.Unlock()
	for _, c := range idle {
		c.end()
	}
	return nil
}

// child is a running extraction process.
type child struct {
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  io.ReadCloser
	uses int
	once sync.Once
}

// startChild starts a process with an empty environment, no standard error (a
// crash report would quote the document) and / as its directory. It ends when
// its standard input does, so none outlives this process.
func startChild(c Config) (*child, error) {
	cmd := exec.Command(c.Command[0], c.Command[1:]...)
	cmd.Env = []string{"GOMAXPROCS=1", "GOTRACEBACK=none"}
	cmd.Dir = string(os.PathSeparator)
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("%w: starting a child: %w", ErrFailed, err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("%w: starting a child: %w", ErrFailed, err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("%w: starting a child: %w", ErrFailed, err)
	}
	k := &child{cmd: cmd, in: in, out: out}
	if err := writeFrame(in, limitsOf(c), nil); err != nil {
		k.end()
		return nil, fmt.Errorf("%w: starting a child: %w", ErrFailed, err)
	}
	return k, nil
}

// extract asks the child about one document. A child that was stopped, or
// answered with anything unexpected, is not reusable.
func (k *child) extract(ctx context.Context, c Config, in Input) (doc Document, reusable bool, err error) {
	k.uses++
	var late atomic.Bool
	timer := time.AfterFunc(c.Timeout, func() { late.Store(true); k.kill() })
	defer timer.Stop()
	stop := context.AfterFunc(ctx, k.kill)
	defer stop()
	answer, err := k.ask(c, in)
	switch {
	case ctx.Err() != nil:
		return Document{}, false, ctx.Err()
	case late.Load():
		return Document{}, false, fmt.Errorf("%w: over %v", ErrTimeout, c.Timeout)
	case err != nil:
		return Document{}, false, k.died(c)
	case answer.Reason != "":
		return Document{}, !answer.Spent && answer.Reason != "failed" && answer.Reason != "timeout", answer.err()
	case answer.Document == nil:
		return Document{}, false, fmt.Errorf("%w: the child gave no answer", ErrFailed)
	}
	return *answer.Document, !answer.Spent, nil
}

// ask writes the question and reads the answer.
func (k *child) ask(c Config, in Input) (reply, error) {
	// The child reads all before it answers, so writing first cannot block both.
	if err := writeFrame(k.in, question{Name: in.Name, MediaType: in.MediaType}, in.Bytes); err != nil {
		return reply{}, err
	}
	var r reply
	_, err := readFrame(k.out, &r, int64(c.MaxText)*8+1<<20, 0)
	return r, err
}

// died says how a child ended.
func (k *child) died(c Config) error {
	k.end()
	switch code := k.cmd.ProcessState.ExitCode(); code {
	case exitCPU:
		return fmt.Errorf("%w: over %v of processor time", ErrTimeout, c.CPU)
	case 2:
		return fmt.Errorf("%w: the child ran out of its %d MiB of memory, or crashed", ErrFailed, c.Memory>>20)
	default:
		return fmt.Errorf("%w: the child ended with status %s", ErrFailed, strconv.Itoa(code))
	}
}

func (k *child) kill() { _ = k.cmd.Process.Kill() }

// end closes the child's input and waits for it, not long.
func (k *child) end() {
	k.once.Do(func() {
		k.in.Close()
		timer := time.AfterFunc(time.Second, k.kill)
		defer timer.Stop()
		_ = k.cmd.Wait()
	})
}

// question precedes the bytes of a document.
type question struct {
	Name      string `json:"name,omitempty"`
	MediaType string `json:"media_type,omitempty"`
}

// reply is a child's answer: a document, or a reason and our own words on it.
type reply struct {
	Document *Document `json:"document,omitempty"`
	Reason   string    `json:"reason,omitempty"`
	Detail   string    `json:"detail,omitempty"`
	// Spent: the child has grown so far that the next document might not find
	// room, and should be replaced.
	Spent bool `json:"spent,omitempty"`
}

// err rebuilds the error of a reply.
func (r reply) err() error {
	sentinel := byReason(r.Reason)
	detail := strings.TrimPrefix(r.Detail, sentinel.Error())
	if detail == "" || len(detail) > 300 {
		return sentinel
	}
	return fmt.Errorf("%w%s", sentinel, detail)
}

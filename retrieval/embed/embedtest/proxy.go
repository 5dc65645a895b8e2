// Package embedtest helps to test clients of servers that fail: a TCP proxy with
// the faults networks have, and the promises every client keeps under them.
package embedtest

import (
	"context"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// Fault is what a proxy does to connections.
type Fault string

// The faults, and Healthy.
const (
	Healthy   Fault = "healthy"
	Refused   Fault = "refused"    // connections are closed at once
	Reset     Fault = "reset"      // reset once the request begins
	BlackHole Fault = "black hole" // accepted, never read
	HalfOpen  Fault = "half-open"  // the request arrives, the answer does not
	Trickle   Fault = "trickle"    // the answer comes at a byte a second
	Cut       Fault = "cut"        // the answer breaks off after its first bytes
	Garbage   Fault = "garbage"    // random bytes instead of an answer
	Endless   Fault = "endless"    // an answer without end
)

// Faults lists all faults.
func Faults() []Fault {
	return []Fault{Refused, Reset, BlackHole, HalfOpen, Trickle, Cut, Garbage, Endless}
}

// Proxy forwards TCP connections to a server, faultily where told so.
type Proxy struct {
	target   string
	listener net.Listener

	mu    sync.Mutex
	fault Fault
	conns map[net.Conn]bool
}

// NewProxy listens on a free port of the loopback interface until the test ends.
// The target is a TCP address, or the path of a socket.
func NewProxy(t testing.TB, target string) *Proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{target: target, listener: l, fault: Healthy, conns: map[net.Conn]bool{}}
	go p.serve()
	t.Cleanup(func() {
		l.Close()
		p.drop()
	})
	return p
}

// Address is where to connect to.
func (p *Proxy) Address() string { return p.listener.Addr().String() }

// Set changes the fault. Connections that are open are dropped, except for black
// holes and half-open ones, which silence those too.
func (p *Proxy) Set(f Fault) {
	p.mu.Lock()
	p.fault = f
	p.mu.Unlock()
	if f != BlackHole && f != HalfOpen {
		p.drop()
	}
}

func (p *Proxy) drop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		c.Close()
		delete(p.conns, c)
	}
}

func (p *Proxy) now() Fault {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.fault
}

func (p *Proxy) track(c net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.conns[c] = true
}

func (p *Proxy) serve() {
	for {
		c, err := p.listener.Accept()
		if err != nil {
			return
		}
		if p.now() == Refused {
			c.Close()
			continue
		}
		p.track(c)
		go p.handle(c)
	}
}

func (p *Proxy) handle(client net.Conn) {
	network := "tcp"
	if strings.HasPrefix(p.target, "/") {
		network = "unix"
	}
	server, err := net.Dial(network, p.target)
	if err != nil {
		client.Close()
		return
	}
	p.track(server)
	go p.up(client, server)
	p.down(client, server)
	client.Close()
	server.Close()
}

// up carries the request.
func (p *Proxy) up(client, server net.Conn) {
	buf := make([]byte, 32<<10)
	for {
		if p.now() == BlackHole {
			time.Sleep(10 * time.Millisecond)
			continue
		}
		n, err := client.Read(buf)
		if err != nil {
			server.Close()
			return
		}
		switch p.now() {
		case Reset:
			if t, ok := client.(*net.TCPConn); ok {
				t.SetLinger(0)
			}
			client.Close()
			return
		case BlackHole:
			continue
		case Garbage:
			junk := make([]byte, 4096)
			for i := range junk {
				junk[i] = byte(rand.UintN(256))
			}
			client.Write(junk)
			client.Close()
			return
		}
		if _, err := server.Write(buf[:n]); err != nil {
			return
		}
	}
}

// down carries the answer.
func (p *Proxy) down(client, server net.Conn) {
	buf := make([]byte, 32<<10)
	for {
		n, err := server.Read(buf)
		if err != nil {
			return
		}
		switch p.now() {
		case BlackHole, HalfOpen:
			continue
		case Trickle:
			for i := range n {
				if _, err := client.Write(buf[i : i+1]); err != nil {
					return
				}
				time.Sleep(time.Second)
			}
			continue
		case Cut:
			client.Write(buf[:min(n, 40)])
			return
		case Endless:
			p.endless(client, buf[:n])
			return
		}
		if _, err := client.Write(buf[:n]); err != nil {
			return
		}
	}
}

// endless answers with a header that promises no length, then spaces for ever,
// in HTTP; for other protocols it repeats the answer.
func (p *Proxy) endless(client net.Conn, first []byte) {
	payload := first
	if len(first) > 5 && string(first[:5]) == "HTTP/" {
		io.WriteString(client, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n[")
		payload = make([]byte, 64<<10)
		for i := range payload {
			payload[i] = ' '
		}
	}
	for {
		if _, err := client.Write(payload); err != nil {
			return
		}
	}
}

// Promise is how a call must behave: end by its deadline plus Grace.
const (
	Deadline = 400 * time.Millisecond
	Grace    = 100 * time.Millisecond
)

// Run holds call to what every client promises: under each fault it fails, and
// by its deadline; after the fault it works again. Overruns are logged beside the
// promised grace and judged by whoever reads them: a test machine may be busy.
// Only a call that seems not to end at all fails the test.
func Run(t *testing.T, p *Proxy, call func(context.Context) error) {
	timed := func() (time.Duration, error) {
		ctx, cancel := context.WithTimeout(context.Background(), Deadline)
		defer cancel()
		began := time.Now()
		err := call(ctx)
		return time.Since(began) - Deadline, err
	}
	var worst time.Duration
	for _, f := range Faults() {
		if err := healed(call); err != nil {
			t.Fatalf("before %q: %v", f, err)
		}
		p.Set(f)
		for range 3 {
			over, err := timed()
			if err == nil {
				t.Errorf("%q: the call succeeded", f)
			}
			worst = max(worst, over)
			if over > stuck {
				t.Errorf("%q: the call ended %v after its deadline", f, over)
			}
		}
		p.Set(Healthy)
		began := time.Now()
		if err := healed(call); err != nil {
			t.Errorf("after %q: %v", f, err)
		}
		t.Logf("%-10s recovered in %v", f, time.Since(began).Round(time.Millisecond))
	}
	t.Logf("longest overrun of the deadline: %v (promised: %v)", worst.Round(time.Millisecond), Grace)
}

// stuck is an overrun no busy machine explains.
const stuck = 30 * time.Second

// healed waits for a success.
func healed(call func(context.Context) error) (err error) {
	for end := time.Now().Add(stuck); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		err = call(ctx)
		cancel()
		if err == nil {
			return nil
		}
	}
	return err
}

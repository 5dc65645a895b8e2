package extract

import (
	"context"
	"io"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// exitCPU is the status of a child that used up its processor time.
const exitCPU = 31

// limits is what a child is told of Config.
type limits struct {
	MaxBytes    int64         `json:"max_bytes"`
	MaxText     int           `json:"max_text"`
	MaxExpanded int64         `json:"max_expanded"`
	MaxRatio    int64         `json:"max_ratio"`
	MaxEntries  int           `json:"max_entries"`
	MaxDepth    int           `json:"max_depth"`
	Timeout     time.Duration `json:"timeout"`
	CPU         time.Duration `json:"cpu"`
	Memory      int64         `json:"memory"`
}

func limitsOf(c Config) limits {
	return limits{c.MaxBytes, c.MaxText, c.MaxExpanded, c.MaxRatio, c.MaxEntries, c.MaxDepth, c.Timeout, c.CPU, c.Memory}
}

func (l limits) config() Config {
	return Config{MaxBytes: l.MaxBytes, MaxText: l.MaxText, MaxExpanded: l.MaxExpanded, MaxRatio: l.MaxRatio, MaxEntries: l.MaxEntries,
		MaxDepth: l.MaxDepth, Timeout: l.Timeout, CPU: l.CPU, Memory: l.Memory, InProcess: true}
}

// Main is the child's side: it reads limits and documents from standard input
// and answers on standard output until the input ends. The program calls it
// when started with the arguments of Config.Command, before anything else, and
// exits with its result. Before the first document the process gives up: heap
// beyond the limit, opening more than a few files, writing files, core dumps.
// On systems without these limits only the wall clock of the parent holds.
func Main() int {
	var l limits
	if _, err := readFrame(os.Stdin, &l, 1<<16, 0); err != nil {
		return 1
	}
	if err := confine(l); err != nil {
		return 1
	}
	if l.Memory > 0 {
		debug.SetMemoryLimit(l.Memory * 3 / 4)
	}
	c := l.config()
	for {
		var q question
		body, err := readFrame(os.Stdin, &q, 1<<20, c.MaxBytes)
		if err == io.EOF {
			return 0
		}
		if err != nil {
			return 1
		}
		if err := allowCPU(l.CPU); err != nil {
			return 1
		}
		r := answer(c, Input{Name: q.Name, MediaType: q.MediaType, Bytes: body})
		body = nil // room for the answer's encoding
		r.Spent = spent(l.Memory)
		if err := writeFrame(os.Stdout, r, nil); err != nil {
			return 1
		}
	}
}

// spent: what the process has of the system is beyond a third of its limit. A child
// that was fit for one large document would fail over the next, and over honest
// ones after it.
func spent(limit int64) bool {
	s := []metrics.Sample{{Name: "/memory/classes/total:bytes"}}
	metrics.Read(s)
	return limit > 0 && int64(s[0].Value.Uint64()) > limit/3
}

// answer reads one document.
func answer(c Config, in Input) reply {
	ctx, cancel := context.WithTimeout(context.Background(), c.Timeout)
	defer cancel()
	doc, err := parse(ctx, c, in)
	if err != nil {
		return reply{Reason: Reason(err), Detail: err.Error()}
	}
	return reply{Document: &doc}
}

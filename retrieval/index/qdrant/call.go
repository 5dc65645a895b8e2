package qdrant

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "github.com/qdrant/go-client/qdrant"

	"github.com/doorward/doorward/retrieval/index"
)

// caller bounds every call by a deadline, repeats what may be repeated, and
// stops asking a server that does not answer.
type caller struct {
	timeout  time.Duration // of a call with all its attempts
	attempts int
	breaker  breaker
}

// do runs f until it succeeds, its failure is final, or the deadline comes.
// Every operation of this package may be repeated: points are written by id and
// removed by filter.
func (c *caller) do(ctx context.Context, what string, f func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	var err error
	for attempt := range c.attempts {
		if !c.breaker.allow() {
			return fmt.Errorf("%s: %w: Qdrant did not answer lately, waiting before it is asked again", what, index.ErrUnavailable)
		}
		err = c.once(ctx, attempt, f)
		c.breaker.report(err == nil || !unreachable(err))
		if err == nil {
			return nil
		}
		if ctx.Err() != nil || !repeatable(err) || attempt == c.attempts-1 {
			break
		}
		pause := time.Duration(50<<attempt)*time.Millisecond + rand.N(50*time.Millisecond)
		var full *pb.QdrantResourceExhaustedError
		if errors.As(err, &full) && full.RetryAfterS > 0 {
			pause = time.Duration(full.RetryAfterS) * time.Second
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
	}
	return fmt.Errorf("%s: %w", what, describe(ctx, err))
}

// once gives an attempt its share of the time left, so that a server that
// swallows one request leaves time to ask another.
func (c *caller) once(ctx context.Context, attempt int, f func(context.Context) error) error {
	deadline, _ := ctx.Deadline()
	share := time.Until(deadline) / time.Duration(c.attempts-attempt)
	ctx, cancel := context.WithTimeout(ctx, share)
	defer cancel()
	return f(ctx)
}

func unreachable(err error) bool {
	switch status.Code(cause(err)) {
	case codes.Unavailable, codes.DeadlineExceeded:
		return true
	}
	return errors.Is(err, context.DeadlineExceeded)
}

func repeatable(err error) bool {
	var full *pb.QdrantResourceExhaustedError
	if errors.As(err, &full) {
		return true
	}
	switch status.Code(cause(err)) {
	case codes.Unavailable, codes.DeadlineExceeded, codes.Aborted, codes.ResourceExhausted, codes.Internal, codes.Unknown:
		return true
	}
	return errors.Is(err, context.DeadlineExceeded)
}

// cause finds the gRPC status inside the client's own error type.
func cause(err error) error {
	for e := err; e != nil; e = errors.Unwrap(e) {
		if _, ok := e.(interface{ GRPCStatus() *status.Status }); ok {
			return e
		}
	}
	return err
}

// describe says what failed without the server's message, which may quote
// filters and with them names of people and groups.
func describe(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("%w: %w", index.ErrUnavailable, ctx.Err())
	}
	code := status.Code(cause(err))
	hint := ""
	switch code {
	case codes.Unauthenticated:
		hint = ": check the API key"
	case codes.PermissionDenied:
		hint = ": the API key's token does not allow this"
	case codes.NotFound:
		hint = ": no such collection: `doorward reindex` makes one, with a token that may manage collections"
	case codes.InvalidArgument:
		hint = ": the collection was made otherwise, or a payload index is missing: make a new one with `doorward reindex`"
	}
	return fmt.Errorf("%w: Qdrant answered %s%s", index.ErrUnavailable, code, hint)
}

// breaker stops calls after a run of unanswered ones and lets a single one
// through each second, so that a dead server costs nothing and a healed one is
// back within about a second.
type breaker struct {
	mu      sync.Mutex
	failed  int
	next    time.Time
	stopped bool
}

const (
	breakAfter = 6
	probeEvery = time.Second
)

func (b *breaker) allow() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.stopped {
		return true
	}
	if time.Now().Before(b.next) {
		return false
	}
	b.next = time.Now().Add(probeEvery)
	return true
}

func (b *breaker) report(ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if ok {
		b.failed, b.stopped = 0, false
		return
	}
	if b.failed++; b.failed >= breakAfter {
		b.stopped = true
		b.next = time.Now().Add(probeEvery)
	}
}

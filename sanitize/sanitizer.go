package sanitize

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
)

// DefaultMaxPasses bounds how often a text is rewritten before it is held.
const DefaultMaxPasses = 4

var (
	// ErrScan means a scanner failed, so nothing is known about the text and
	// nothing of it may be released.
	ErrScan = errors.New("scanning failed")
	// ErrSpan means a finding lies outside the text it was reported for.
	ErrSpan = errors.New("finding lies outside its text")
)

// SanitizerConfig says what a [Sanitizer] looks for. It holds no policy: what
// is done about a finding comes with each call.
type SanitizerConfig struct {
	// Scanners all see every text. At least one is needed.
	Scanners []Scanner
	// Views makes the readings of a text the scanners share
	// (normalize.Build); nil scans the text only as it stands.
	Views func(text string) Views
	// MaxPasses bounds rewrite-and-rescan rounds; 0 means [DefaultMaxPasses].
	// A text that still has something to remove after the last is held.
	MaxPasses int
}

// Sanitizer finds and rewrites: scan → act → rewrite, then scan again until
// nothing more is to be removed. It keeps nothing between calls and is safe for
// concurrent use.
type Sanitizer struct {
	scanners []Scanner
	views    func(string) Views
	passes   int
	revision string
}

// NewSanitizer checks the configuration.
func NewSanitizer(c SanitizerConfig) (*Sanitizer, error) {
	if len(c.Scanners) == 0 {
		return nil, errors.New("making a sanitizer: no scanners given; a text nobody scans cannot be released")
	}
	for i, s := range c.Scanners {
		if s == nil {
			return nil, fmt.Errorf("making a sanitizer: scanner %d is nil", i)
		}
	}
	if c.MaxPasses < 0 {
		return nil, fmt.Errorf("making a sanitizer: MaxPasses is %d, want 0 or more", c.MaxPasses)
	}
	s := &Sanitizer{scanners: c.Scanners, views: c.Views, passes: c.MaxPasses, revision: revisionOf(c.Scanners)}
	if s.views == nil {
		s.views = Plain
	}
	if s.passes == 0 {
		s.passes = DefaultMaxPasses
	}
	return s, nil
}

// Revision identifies the scanners and this package's rewriting, as 16 hex
// digits: stored verdicts made under another revision are scanned anew.
func (s *Sanitizer) Revision() string { return s.revision }

// rewriting names the rules of rewrite.go; it changes whenever they do.
const rewriting = "rewrite/1"

func revisionOf(scanners []Scanner) string {
	h := sha256.New()
	io.WriteString(h, rewriting)
	for _, s := range scanners {
		fmt.Fprintf(h, "\x00%T", s)
		if r, ok := s.(interface{ Revision() string }); ok {
			io.WriteString(h, "\x00"+r.Revision())
		}
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// Scan returns every scanner's findings in text, sorted by start, longer first.
// The error wraps [ErrScan]; a scanner's panic is an error too.
func (s *Sanitizer) Scan(ctx context.Context, text string) ([]Finding, error) {
	v, err := s.view(text)
	if err != nil {
		return nil, err
	}
	var all []Finding
	for _, sc := range s.scanners {
		found, err := scanOne(ctx, sc, v)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	for i := range all {
		if all[i].Start < 0 || all[i].End > len(text) || all[i].Start > all[i].End {
			return nil, fmt.Errorf("%w: rule %q", ErrSpan, all[i].Rule)
		}
		all[i].Span = widen(text, all[i].Span)
	}
	SortFindings(all)
	return all, nil
}

// Sanitize is Scan followed by Rewrite.
func (s *Sanitizer) Sanitize(ctx context.Context, text string, actions Actions, o RewriteOptions) (Result, error) {
	found, err := s.Scan(ctx, text)
	if err != nil {
		return Result{Held: true}, err
	}
	o.Scanned = true
	return s.Rewrite(ctx, text, found, actions, o)
}

func (s *Sanitizer) view(text string) (v Views, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: building views panicked (%T)", ErrScan, r)
		}
	}()
	return s.views(text), nil
}

// scanOne keeps a panicking library from taking the process, or a verdict, with
// it. The panic's value may quote the text and is not repeated.
func scanOne(ctx context.Context, sc Scanner, v Views) (found []Finding, err error) {
	defer func() {
		if r := recover(); r != nil {
			found, err = nil, fmt.Errorf("%w: %T panicked (%T)", ErrScan, sc, r)
		}
	}()
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("%w: %T: %w", ErrScan, sc, err)
	}
	found, err = sc.Scan(ctx, v)
	if err != nil {
		return nil, fmt.Errorf("%w: %T: %w", ErrScan, sc, err)
	}
	return found, nil
}

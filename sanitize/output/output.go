// Package output is the model-output filter: the last gate between a language
// model and a person. It takes an answer whole or as a stream and gives out what
// may be seen of it.
//
// What is found falls into two classes. For exact ones (secrets, structured
// personal data, links and active content, canaries, template tokens, citations
// that were not issued) no byte of a match is ever released, however the stream
// is split, and the streamed text is the whole text's. For windowed ones (verbatim
// runs of context, the system prompt, text of documents the subject may not
// read) at most a configured number of tokens of a run is released. Text that
// can be part of neither is passed on at once.
//
// The filter asks no policy: the table of actions is part of the [Answer] and was
// asked for once. It does not judge what an answer says, and it cannot see
// paraphrase, translation, or personal data spelt out in words.
package output

import (
	"context"
	"errors"
	"fmt"

	"github.com/doorward/doorward/sanitize"
)

// ErrStopped is returned by Write once the policy has stopped the stream: what
// was released is final, and nothing more will be.
var ErrStopped = errors.New("the answer was stopped by policy")

// errPanic stands for a scanner's panic.
var errPanic = errors.New("a scanner panicked")

// Links judges links and other active content; sanitize/egress has one. The
// URLs are the registered addresses of the documents behind this answer: these
// may be linked to as they are, whatever the general rules say of them.
type Links interface {
	For(urls []string) sanitize.Streamer
}

// Config is what a Filter is made of.
type Config struct {
	// Scanners find the exact classes other than links: secrets, personal data,
	// template tokens. Required.
	Scanners []sanitize.Streamer
	// Links finds active content in the text as the other scanners leave it.
	// Required.
	Links Links
	// VerbatimTokens is the most tokens of a run of the context that an answer may
	// repeat word for word; 0 means 60, negative any number.
	VerbatimTokens int
	// EchoTokens is the same for the system prompt; 0 means 20.
	EchoTokens int
	// Count counts tokens for these limits; nil counts one for four bytes begun.
	// It must be safe for concurrent use.
	Count func(text string) int
	// Protected recognises text of protected documents; nil looks for none.
	Protected Protected
}

// Answer is what one answer may contain. The zero value is the strictest: with
// no action for anything, the first finding of any kind ends the answer.
type Answer struct {
	// Actions says what to do about a finding, as the policy answered once for
	// this stream. What it does not name stops the stream.
	Actions sanitize.Actions
	// Canary and Nonce are the secret marks of the prompt.
	Canary, Nonce string
	// System is the system prompt.
	System string
	// Context holds the passages of the prompt.
	Context []string
	// Prompt is the user's own text. A match that stands in it word for word is
	// neither acted on nor counted, except links and marks.
	Prompt string
	// Citations are the labels that were issued, without brackets. nil leaves
	// citations unchecked.
	Citations []string
	// URLs are the registered addresses of the documents that were retrieved.
	URLs []string
	// Reader is for whom protected text is looked for.
	Reader Reader
}

// Result is a whole answer after filtering.
type Result struct {
	Text string
	End
}

// End closes a stream. It says what was done, never what matched; End users
// should be shown only whether something was withheld.
type End struct {
	// Action is the strictest action taken: pass when there was nothing, hold
	// when the answer was stopped.
	Action sanitize.Action
	// Findings counts the matches acted on, by rule; for a stopped answer only
	// those that stopped it.
	Findings []Count
}

// Filter makes streams. It is safe for concurrent use.
type Filter struct{ Config }

// New returns a Filter.
func New(c Config) (*Filter, error) {
	if len(c.Scanners) == 0 {
		return nil, errors.New("making output filter: Scanners are missing")
	}
	if c.Links == nil {
		return nil, errors.New("making output filter: Links is missing")
	}
	if c.VerbatimTokens == 0 {
		c.VerbatimTokens = 60
	}
	if c.EchoTokens == 0 {
		c.EchoTokens = 20
	}
	return &Filter{c}, nil
}

// Whole filters a complete answer. An answer that policy stops gives the text
// before the match and the action hold; err is for trouble, and then there is
// no text.
func (f *Filter) Whole(ctx context.Context, a Answer, text string) (Result, error) {
	s, err := f.NewStream(ctx, a)
	if err != nil {
		return Result{}, err
	}
	out, err := s.Write(text)
	if err != nil && !errors.Is(err, ErrStopped) {
		return Result{}, err
	}
	tail, end := s.Close()
	if s.err != nil && !errors.Is(s.err, ErrStopped) {
		return Result{}, s.err
	}
	return Result{Text: out + tail, End: end}, nil
}

// Stream filters one answer as it arrives. It is not safe for concurrent use.
type Stream struct {
	clean  cleaner
	stages []*stage
	report *tally
	err    error
	closed bool
	buf    [2][]byte
}

// NewStream starts an answer.
func (f *Filter) NewStream(ctx context.Context, a Answer) (*Stream, error) {
	m, err := newMarks(map[string]string{RuleCanary: a.Canary, RuleNonce: a.Nonce})
	if err != nil {
		return nil, fmt.Errorf("making output stream: %w", err)
	}
	report := newTally()
	rewrite := newRewriter(a.Actions, false)
	var exact []sanitize.Stream
	scanners := make([]streamer, 0, len(f.Scanners)+1)
	for _, scanner := range f.Scanners {
		scanners = append(scanners, scanner)
	}
	if m != nil {
		scanners = append(scanners, m)
	}
	for _, scanner := range scanners {
		exact = append(exact, scanner.NewStream())
	}
	exact = append(exact, newFolded(scanners))
	if a.Citations != nil {
		exact = append(exact, newCitationStream(a.Citations))
	}
	first := newStage(exact, rewrite, report)
	first.exempt = ownText(a.Prompt)
	s := &Stream{report: report, stages: []*stage{first}}
	if windowed := f.windowed(ctx, a); len(windowed) > 0 {
		s.stages = append(s.stages, newStage(windowed, rewrite, report))
	}
	links := f.Links.For(a.URLs).NewStream()
	s.stages = append(s.stages, newStage([]sanitize.Stream{links}, newRewriter(a.Actions, true), report))
	return s, nil
}

// windowed makes the streams of the windowed classes.
func (f *Filter) windowed(ctx context.Context, a Answer) []sanitize.Stream {
	own := newPassage(a.Prompt)
	var out []sanitize.Stream
	if s := newRunStream(a.Context, own, f.VerbatimTokens, f.Count, sanitize.Verbatim, RuleVerbatim); s != nil {
		out = append(out, s)
	}
	if s := newRunStream([]string{a.System}, own, f.EchoTokens, f.Count, sanitize.Verbatim, RuleEcho); s != nil {
		out = append(out, s)
	}
	if s := newProtectedStream(ctx, f.Protected, a.Reader, own); s != nil {
		out = append(out, s)
	}
	return out
}

// Write takes the next part of the answer, split anywhere, and returns what may
// be shown now. After ErrStopped nothing more comes.
func (s *Stream) Write(delta string) (released string, err error) {
	if s.err != nil {
		return "", s.err
	}
	if s.closed {
		return "", errors.New("writing to output stream: it is closed")
	}
	text := s.clean.write(s.buf[0][:0], []byte(delta))
	s.buf[0] = text
	released = s.through(text, false)
	return released, s.err
}

// through passes text through the stages. When a stage stops, the text before
// the match still goes through the later ones, which then end too: what is
// released does not depend on how far they had got.
//
// A scanner that panics is an error like any other: nothing more is released.
func (s *Stream) through(text []byte, closing bool) (released string) {
	defer func() {
		if p := recover(); p != nil {
			// The panic's value may quote the text, so it is not passed on.
			s.err, released = fmt.Errorf("filtering output: %w", errPanic), ""
			s.report.stop(nil)
		}
	}()
	in, out := text, s.buf[1]
	for _, stage := range s.stages {
		out = stage.write(out[:0], in)
		if closing {
			out = stage.close(out)
		}
		if err := stage.failure(); err != nil {
			s.err = err
			s.report.stop(nil)
			return ""
		}
		if stage.stopped {
			s.err, closing = ErrStopped, true
		}
		in, out = out, in[:0:cap(in)]
	}
	s.buf[0], s.buf[1] = in, out
	return string(in)
}

// Close ends the answer and returns the rest of it, if it was not stopped, with
// the account of what was done. Closing again returns the same account.
func (s *Stream) Close() (tail string, end End) {
	if !s.closed && s.err == nil {
		text := s.clean.close(s.buf[0][:0])
		tail = s.through(text, true)
		// Of a stopped stream it is not told how far it had been read.
		if n := s.clean.removed; n > 0 && s.err == nil {
			s.report.rules[RuleSmuggling] += n
			s.report.acted(sanitize.Strip)
		}
	}
	s.closed = true
	return tail, End{Action: s.report.action, Findings: s.report.counts()}
}

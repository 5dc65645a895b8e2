package extract

import "errors"

// Sentinel errors. Each is a reason to quarantine; none comes with text.
var (
	// ErrEmpty means nothing visible: no bytes, or a document of hidden text or
	// images only.
	ErrEmpty = errors.New("document has no visible text")
	// ErrUnsupported means a format this package does not read.
	ErrUnsupported = errors.New("format is not supported")
	// ErrTooLarge means a limit of Config was met: bytes, text, entries, ratio,
	// depth.
	ErrTooLarge = errors.New("document is over a limit")
	// ErrMalformed means the bytes are not a well-formed document of their kind.
	ErrMalformed = errors.New("document is malformed")
	// ErrEncrypted means the document needs a password.
	ErrEncrypted = errors.New("document is encrypted")
	// ErrEncoding means the text's encoding is unknown, mixed or refused.
	ErrEncoding = errors.New("text encoding cannot be told")
	// ErrAmbiguous means the bytes are valid as more than one format, or are not
	// what the name and the claimed type say.
	ErrAmbiguous = errors.New("document could be read as more than one format")
	// ErrTimeout means the wall clock or processor time ran out.
	ErrTimeout = errors.New("extraction took too long")
	// ErrFailed means the child process died: out of memory, killed, no answer.
	ErrFailed = errors.New("extraction failed")
)

// classes names the sentinels on the wire between child and parent, and for
// metrics and reasons.
var classes = []struct {
	name string
	err  error
}{
	{"empty", ErrEmpty}, {"unsupported", ErrUnsupported}, {"too_large", ErrTooLarge}, {"malformed", ErrMalformed},
	{"encrypted", ErrEncrypted}, {"encoding", ErrEncoding}, {"ambiguous", ErrAmbiguous}, {"timeout", ErrTimeout}, {"failed", ErrFailed},
}

// Reason is a short fixed word for an error of this package, for a
// quarantine's reasons and metrics; "failed" for any other error.
func Reason(err error) string {
	for _, c := range classes {
		if errors.Is(err, c.err) {
			return c.name
		}
	}
	return "failed"
}

// byReason is the sentinel of a word; ErrFailed for an unknown one.
func byReason(word string) error {
	for _, c := range classes {
		if c.name == word {
			return c.err
		}
	}
	return ErrFailed
}

package api

import (
	"errors"
	"fmt"
	"mime"
	"net/http"
	"slices"
	"strings"
)

// Media types of bodies. Lines are JSON objects, one on each.
var (
	takesJSON  = []string{"application/json"}
	takesLines = []string{"application/x-ndjson", "application/jsonl"}
)

// errMedia means a body of a type that its route does not take.
var errMedia = errors.New("the body's type or coding is not taken")

// errCoded means a body in a coding; none is taken (RFC 9110, section 15.5.16).
var errCoded = fmt.Errorf("%w: compressed bodies are not read; send it without Content-Encoding", errMedia)

// plain refuses a body in any coding.
func plain(r *http.Request) error {
	for _, coding := range r.Header.Values("Content-Encoding") {
		if coding != "" && !strings.EqualFold(coding, "identity") {
			return errCoded
		}
	}
	return nil
}

// accepted sets the headers that say which bodies are taken, where one was not.
func accepted(h http.Header, err error) {
	if m := (*mediaError)(nil); errors.As(err, &m) {
		h.Set("Accept", strings.Join(m.takes, ", "))
	}
	if errors.Is(err, errCoded) {
		h.Set("Accept-Encoding", "identity")
	}
}

// mediaError says which types a route takes.
type mediaError struct{ takes []string }

func (e *mediaError) Error() string {
	hint := ""
	if e.takes[0] == takesJSON[0] {
		hint = " (with curl: --json instead of -d)"
	}
	return fmt.Sprintf("%v: send Content-Type: %s%s; charset may be utf-8 only", errMedia, strings.Join(e.takes, " or "), hint)
}

func (e *mediaError) Unwrap() error { return errMedia }

// JSON refuses a request whose body does not say that it is JSON, as it is.
func JSON(r *http.Request) error {
	_, err := typed(r, takesJSON)
	return err
}

// typed returns the type of a request's body, one of those that the route takes,
// without parameters. A body that names no type could be anything: it is taken as
// application/octet-stream (RFC 9110, section 8.3), and refused. So whoever looks
// at bodies on the way here by their type has seen all that is read as JSON. An
// empty body has no type, "". One in a coding is refused too; so are all of them
// where the route takes no body (nil).
func typed(r *http.Request, takes []string) (string, error) {
	if err := plain(r); err != nil || takes == nil {
		return "", err
	}
	values := r.Header.Values("Content-Type")
	if len(values) == 0 && (r.ContentLength == 0 || r.Body == nil) {
		return "", nil
	}
	if len(values) != 1 {
		return "", &mediaError{takes}
	}
	media, parameters, err := mime.ParseMediaType(values[0])
	charset, given := parameters["charset"]
	if err != nil || !slices.Contains(takes, media) || given && !strings.EqualFold(charset, "utf-8") {
		return "", &mediaError{takes}
	}
	return media, nil
}

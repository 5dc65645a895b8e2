package test

import (
	"bufio"
	"bytes"
	"errors"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// line is one connection to a service, over which requests go that were written
// before, one after another. A load test shares the machine with what it loads:
// net/http's client takes as much processor time for an answer as all of this.
type line struct {
	net.Conn
	from *bufio.Reader
}

// answered is what a service said, the body read and dropped.
type answered struct {
	status int
	retry  bool // it says when to come again
	bytes  int64
}

func dialLine(url string) (*line, error) {
	c, err := net.DialTimeout("tcp", strings.TrimPrefix(url, "http://"), 10*time.Second)
	if err != nil {
		return nil, err
	}
	return &line{c, bufio.NewReaderSize(c, 64<<10)}, nil
}

// ask sends a request and reads the answer.
func (l *line) ask(request []byte) (a answered, err error) {
	_ = l.SetDeadline(time.Now().Add(time.Minute))
	if _, err := l.Write(request); err != nil {
		return a, err
	}
	first, err := l.header()
	if err != nil {
		return a, err
	}
	if len(first) < 12 || !bytes.HasPrefix(first, []byte("HTTP/1.1 ")) {
		return a, errors.New("this is not HTTP/1.1")
	}
	if a.status, err = strconv.Atoi(string(first[9:12])); err != nil {
		return a, err
	}
	length, chunked := int64(-1), false
	for {
		field, err := l.header()
		if err != nil {
			return a, err
		}
		if len(field) == 0 {
			break
		}
		name, value, _ := bytes.Cut(field, []byte(": "))
		switch http.CanonicalHeaderKey(string(name)) {
		case "Retry-After":
			a.retry = true
		case "Content-Length":
			if length, err = strconv.ParseInt(string(value), 10, 64); err != nil {
				return a, err
			}
		case "Transfer-Encoding":
			chunked = true
		}
	}
	if !chunked && length < 0 {
		return a, errors.New("the answer does not say how long it is")
	}
	if !chunked {
		n, err := l.from.Discard(int(length))
		a.bytes = int64(n)
		return a, err
	}
	for {
		size, err := l.header()
		if err != nil {
			return a, err
		}
		n, err := strconv.ParseInt(string(size), 16, 64)
		if err != nil {
			return a, err
		}
		if _, err := l.from.Discard(int(n) + 2); err != nil {
			return a, err
		}
		if a.bytes += n; n == 0 {
			return a, nil
		}
	}
}

// header is the next line, without its end.
func (l *line) header() ([]byte, error) {
	s, err := l.from.ReadSlice('\n')
	return bytes.TrimRight(s, "\r\n"), err
}

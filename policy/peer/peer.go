// Package peer says what went wrong with a server that was asked over the network,
// without its address, which may hold a secret, and without a byte of what it said:
// net/http's errors quote both.
package peer

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"syscall"
)

// failure is a plain text that may still be asked for the context's errors.
type failure struct {
	text string
	kind error // context.Canceled, context.DeadlineExceeded or nil
}

func (f *failure) Error() string { return f.text }
func (f *failure) Unwrap() error { return f.kind }

// Failure is err, of sending a request or reading its answer, without what it
// quotes. It is nil for nil; errors.Is finds the context's errors in it.
func Failure(err error) error {
	if err == nil {
		return nil
	}
	f := &failure{text: "the connection failed"}
	for _, kind := range []error{context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, kind) {
			f.kind = kind
		}
	}
	var timeout interface{ Timeout() bool }
	var dns *net.DNSError
	var certificate *tls.CertificateVerificationError
	var authority x509.UnknownAuthorityError
	var record tls.RecordHeaderError
	var op *net.OpError
	switch {
	case errors.Is(err, context.Canceled):
		f.text = "it was called off"
	case errors.As(err, &timeout) && timeout.Timeout():
		f.text = "no answer in time"
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET):
		f.text = "the connection broke off"
	case errors.As(err, &dns):
		f.text = "its host name does not resolve"
	case errors.Is(err, syscall.ECONNREFUSED):
		f.text = "the connection was refused: nothing listens there"
	case errors.As(err, &certificate), errors.As(err, &authority):
		f.text = "its certificate is not trusted"
	case errors.As(err, &record):
		f.text = "it does not speak TLS"
	case errors.As(err, &op):
		f.text = "the connection failed: " + op.Op
	}
	return f
}

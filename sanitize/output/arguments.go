package output

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"

	"github.com/doorward/doorward/sanitize"
)

// Arguments filters the arguments of a tool call: JSON in which every key, string
// and number is an answer by itself, read after unescaping. Order, duplicate keys
// and the spelling of numbers are kept; a number that is withheld becomes a
// string. What is not JSON is filtered as text. When policy stops any part the
// Text is empty: half a call must not be made.
//
// A call that arrives in parts is given here when it is complete.
func (f *Filter) Arguments(ctx context.Context, a Answer, arguments string) (Result, error) {
	w := argumentWriter{ctx: ctx, filter: f, answer: a, total: newTally()}
	err := w.copy(arguments)
	if errors.Is(err, errNotJSON) {
		r, err := f.Whole(ctx, a, arguments)
		if r.Action == sanitize.Hold {
			r.Text = ""
		}
		return r, err
	}
	end := End{Action: w.total.action, Findings: w.total.counts()}
	if errors.Is(err, ErrStopped) {
		return Result{End: end}, nil
	}
	if err != nil {
		return Result{}, err
	}
	return Result{Text: w.out.String(), End: end}, nil
}

var errNotJSON = errors.New("not one JSON value")

// argumentWriter copies JSON token by token.
type argumentWriter struct {
	ctx    context.Context
	filter *Filter
	answer Answer
	total  *tally
	out    bytes.Buffer
}

// level is an open object or array.
type level struct {
	object bool
	n      int // keys and values so far
}

func (w *argumentWriter) copy(arguments string) error {
	d := json.NewDecoder(bytes.NewReader([]byte(arguments)))
	d.UseNumber()
	var open []level
	for started := false; ; started = true {
		token, err := d.Token()
		if errors.Is(err, io.EOF) && len(open) == 0 && started {
			return nil
		}
		if err != nil || started && len(open) == 0 {
			return errNotJSON
		}
		if delim, ok := token.(json.Delim); ok && (delim == '}' || delim == ']') {
			open = open[:len(open)-1]
			w.out.WriteByte(byte(delim))
			continue
		}
		if n := len(open); n > 0 {
			w.separate(&open[n-1])
		}
		switch v := token.(type) {
		case json.Delim:
			open = append(open, level{object: v == '{'})
			w.out.WriteByte(byte(v))
		case string:
			err = w.text(v)
		case json.Number:
			err = w.number(v.String())
		case bool, nil:
			b, _ := json.Marshal(v)
			w.out.Write(b)
		}
		if err != nil {
			return err
		}
	}
}

// separate writes what stands before the next key or value.
func (w *argumentWriter) separate(l *level) {
	switch {
	case l.object && l.n%2 == 1:
		w.out.WriteByte(':')
	case l.n > 0:
		w.out.WriteByte(',')
	}
	l.n++
}

func (w *argumentWriter) text(s string) error {
	r, err := w.whole(s)
	if err != nil {
		return err
	}
	return w.quote(r)
}

func (w *argumentWriter) number(s string) error {
	r, err := w.whole(s)
	if err != nil {
		return err
	}
	if r == s {
		w.out.WriteString(s)
		return nil
	}
	return w.quote(r)
}

func (w *argumentWriter) quote(s string) error {
	e := json.NewEncoder(&w.out)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		return err
	}
	w.out.Truncate(w.out.Len() - 1) // the line end
	return nil
}

// whole filters one string and adds to the account.
func (w *argumentWriter) whole(s string) (string, error) {
	r, err := w.filter.Whole(w.ctx, w.answer, s)
	if err != nil {
		return "", err
	}
	if r.Action == sanitize.Hold {
		w.total.rules = map[string]int{}
	}
	for _, c := range r.Findings {
		w.total.rules[c.Rule] += c.N
	}
	w.total.acted(r.Action)
	if r.Action == sanitize.Hold {
		return "", ErrStopped
	}
	return r.Text, nil
}

package source

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// maxRecordDepth is how deep a record may nest.
const maxRecordDepth = 64

var (
	errNotJSON  = errors.New("not one JSON object")
	errNotUTF8  = errors.New("not valid UTF-8")
	errTooDeep  = fmt.Errorf("objects nested more than %d deep", maxRecordDepth)
	errTwice    = errors.New("a field stands twice in one object")
	errTrailing = errors.New("text after the object")
)

// parseRecord reads one JSON object strictly: valid UTF-8, no field twice (two
// programs could then read two different access lists), nothing after it. Whole
// numbers come back as int64, others as float64. Errors hold none of the text.
func parseRecord(line []byte) (map[string]any, error) {
	if !utf8.Valid(line) {
		return nil, errNotUTF8
	}
	dec := json.NewDecoder(bytes.NewReader(line))
	dec.UseNumber()
	v, err := parseValue(dec, 0)
	if err != nil {
		if errors.Is(err, errTwice) || errors.Is(err, errTooDeep) {
			return nil, err
		}
		return nil, fmt.Errorf("%w (near byte %d)", errNotJSON, dec.InputOffset())
	}
	object, ok := v.(map[string]any)
	if !ok {
		return nil, errNotJSON
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, errTrailing
	}
	return object, nil
}

func parseValue(dec *json.Decoder, depth int) (any, error) {
	if depth > maxRecordDepth {
		return nil, errTooDeep
	}
	tok, err := dec.Token()
	if err != nil {
		return nil, err
	}
	switch t := tok.(type) {
	case json.Number:
		return plainNumbers(t), nil
	case json.Delim:
		if t == '[' {
			return parseList(dec, depth)
		}
		return parseObject(dec, depth)
	}
	return tok, nil
}

func parseList(dec *json.Decoder, depth int) (any, error) {
	list := []any{}
	for dec.More() {
		v, err := parseValue(dec, depth+1)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	_, err := dec.Token()
	return list, err
}

func parseObject(dec *json.Decoder, depth int) (any, error) {
	object := map[string]any{}
	for dec.More() {
		tok, err := dec.Token()
		if err != nil {
			return nil, err
		}
		key, _ := tok.(string)
		if _, twice := object[key]; twice {
			return nil, errTwice
		}
		if object[key], err = parseValue(dec, depth+1); err != nil {
			return nil, err
		}
	}
	_, err := dec.Token()
	return object, err
}

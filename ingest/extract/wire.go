package extract

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
)

// A frame is the length of a JSON header and of the bytes after it, four and
// eight bytes big-endian, then both.

var errFrame = errors.New("frame is over its limit")

func writeFrame(w io.Writer, header any, body []byte) error {
	h, err := json.Marshal(header)
	if err != nil {
		return err
	}
	var size [12]byte
	binary.BigEndian.PutUint32(size[:4], uint32(len(h)))
	binary.BigEndian.PutUint64(size[4:], uint64(len(body)))
	for _, part := range [][]byte{size[:], h, body} {
		if len(part) == 0 {
			continue
		}
		if _, err := w.Write(part); err != nil {
			return err
		}
	}
	return nil
}

// readFrame reads a frame's header into v and returns its body.
func readFrame(r io.Reader, v any, maxHeader, maxBody int64) ([]byte, error) {
	var size [12]byte
	if _, err := io.ReadFull(r, size[:]); err != nil {
		return nil, err
	}
	h, b := int64(binary.BigEndian.Uint32(size[:4])), int64(binary.BigEndian.Uint64(size[4:]))
	if h > maxHeader || b > maxBody || b < 0 {
		return nil, errFrame
	}
	header := make([]byte, h)
	if _, err := io.ReadFull(r, header); err != nil {
		return nil, err
	}
	body := make([]byte, b)
	if _, err := io.ReadFull(r, body); err != nil {
		return nil, err
	}
	return body, json.Unmarshal(header, v)
}

package catalog

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"slices"

	"github.com/doorward/doorward/sanitize/fingerprint"
)

// Prints are a protected document's fingerprints. They are written as eight bytes
// each: there is one for every two or three words.
type Prints []fingerprint.Print

// Sorted are the prints in ascending order, each once.
func (p Prints) Sorted() Prints {
	for i := range p {
		if i > 0 && p[i-1] >= p[i] {
			sorted := slices.Clone(p)
			slices.Sort(sorted)
			return slices.Compact(sorted)
		}
	}
	return p
}

// Bytes are the prints in ascending order, eight bytes each, big endian.
func (p Prints) Bytes() []byte {
	sorted := p.Sorted()
	out := make([]byte, 0, 8*len(sorted))
	for _, x := range sorted {
		out = binary.BigEndian.AppendUint64(out, uint64(x))
	}
	return out
}

// PrintsOf reads what Bytes wrote.
func PrintsOf(b []byte) (Prints, error) {
	if len(b)%8 != 0 {
		return nil, errors.New("fingerprints are cut off")
	}
	out := make(Prints, 0, len(b)/8)
	for ; len(b) > 0; b = b[8:] {
		out = append(out, fingerprint.Print(binary.BigEndian.Uint64(b)))
	}
	return out, nil
}

// MarshalJSON implements [json.Marshaler].
func (p Prints) MarshalJSON() ([]byte, error) {
	if p == nil {
		return []byte("null"), nil
	}
	return json.Marshal(base64.RawStdEncoding.EncodeToString(p.Bytes()))
}

// UnmarshalJSON reads also the numbers that records held before.
func (p *Prints) UnmarshalJSON(data []byte) error {
	if len(data) == 0 || data[0] != '"' {
		return json.Unmarshal(data, (*[]fingerprint.Print)(p))
	}
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return err
	}
	b, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil {
		return err
	}
	*p, err = PrintsOf(b)
	return err
}

package chain

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/doorward/doorward/policy/audit"
	"github.com/doorward/doorward/policy/keys"
)

// Numbered is an entry with its place in the log.
type Numbered struct {
	Seq uint64 `json:"seq"`
	audit.Entry
}

// Show calls yield for every entry in order, verifying the chain on the way.
func Show(dir string, yield func(Numbered) error) error {
	f, err := os.Open(filepath.Join(dir, LogFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("opening audit log: %w", err)
	}
	defer f.Close()
	err = eachLine(f, func(line []byte, seq uint64, _ string) error {
		var n Numbered
		if err := json.Unmarshal(line, &n); err != nil {
			return fmt.Errorf("%w at entry %d", ErrTampered, seq)
		}
		return yield(n)
	})
	if errors.Is(err, errTorn) { // being written right now, or by a process that was killed
		return nil
	}
	return err
}

// Verify checks the whole chain and its signed head, and returns how many
// entries there are. A log that ends before its head was truncated; one that
// goes on behind it holds entries whose writer was killed before signing.
func Verify(dir string, v keys.Verifier) (entries uint64, err error) {
	var atHead string
	head, signed, err := openHead(dir)
	if err != nil {
		return 0, err
	}
	f, err := os.Open(filepath.Join(dir, LogFile))
	if errors.Is(err, fs.ErrNotExist) && !signed {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("opening audit log: %w", err)
	}
	defer f.Close()
	err = eachLine(f, func(line []byte, seq uint64, _ string) error {
		entries = seq
		if seq == head.Seq {
			atHead = hashLine(line)
		}
		return nil
	})
	if err != nil && !errors.Is(err, errTorn) {
		return entries, err
	}
	switch {
	case !signed && entries == 0:
		return 0, nil
	case !signed:
		return entries, fmt.Errorf("%w: the signed head is missing", ErrTampered)
	case atHead != head.Hash:
		return entries, fmt.Errorf("%w: the signed head reaches entry %d, the log has %d", ErrTampered, head.Seq, entries)
	}
	if err := v.Verify(head.KeyID, headMessage(head.Seq, head.Hash), head.Signature); err != nil {
		return entries, fmt.Errorf("%w: the head is not signed by a known key", ErrTampered)
	}
	return entries, nil
}

func openHead(dir string) (Head, bool, error) {
	f, err := os.Open(filepath.Join(dir, HeadFile))
	if errors.Is(err, fs.ErrNotExist) {
		return Head{}, false, nil
	}
	if err != nil {
		return Head{}, false, fmt.Errorf("opening audit head: %w", err)
	}
	defer f.Close()
	return readHead(f)
}

package tlog

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/doorward/doorward/policy/audit"
)

// Before the Merkle log there was one file of JSON lines, each bound to the one
// before by SHA-256, with a signed head. Such a file stays where it is and is
// read and verified with the log; the log's first entry names its head.
const (
	chainFile = "audit.jsonl"
	chainHead = "head.json"
)

// chainEvent marks the first entry of a log that continues a chain.
const chainEvent, chainOutcome = "audit", "chain-closed"

// chainEnd is the state of a verified chain.
type chainEnd struct {
	Seq       uint64 `json:"seq"`
	Hash      string `json:"hash"`
	KeyID     string `json:"key_id"`
	Signature []byte `json:"signature"`
}

// continueChain makes a chain's head the first entry of an empty log.
func (l *Log) continueChain(ctx context.Context) error {
	end, err := l.Reader().chain(nil)
	if err != nil || end.Seq == 0 {
		return err
	}
	return l.Append(ctx, audit.Entry{Event: chainEvent, Outcome: chainOutcome, Tenant: "*",
		Reason: end.Hash, Counts: map[string]int{"entries": int(end.Seq)}})
}

// verifyChain verifies a chain, and that the log's first entry names its head.
func (r *Reader) verifyChain(ctx context.Context) (uint64, error) {
	end, err := r.chain(nil)
	if err != nil {
		return end.Seq, err
	}
	var first audit.Entry
	stop := errors.New("stop")
	err = r.Entries(ctx, 0, func(n audit.Numbered) error { first = n.Entry; return stop })
	if err != nil && !errors.Is(err, stop) {
		return end.Seq, err
	}
	closed := first.Event == chainEvent && first.Outcome == chainOutcome
	if closed != (end.Seq > 0) || closed && (first.Reason != end.Hash || first.Counts["entries"] != int(end.Seq)) {
		return end.Seq, fmt.Errorf("%w: the log does not continue the chain of the earlier version (%d entries)", ErrTampered, end.Seq)
	}
	return end.Seq, nil
}

// Chain calls yield for the entries of a chain that an earlier version kept.
func (r *Reader) Chain(yield func(audit.Numbered) error) error {
	_, err := r.chain(yield)
	return err
}

// chain reads and verifies the chain; yield may be nil.
func (r *Reader) chain(yield func(audit.Numbered) error) (chainEnd, error) {
	var end chainEnd
	f, err := os.Open(filepath.Join(r.dir, chainFile))
	if errors.Is(err, fs.ErrNotExist) {
		return end, nil
	}
	if err != nil {
		return end, fmt.Errorf("opening audit chain: %w", err)
	}
	defer f.Close()
	head, err := r.chainHead()
	if err != nil {
		return end, err
	}
	atHead := ""
	err = eachLine(f, func(line []byte, seq uint64) error {
		sum := sha256.Sum256(line)
		end.Seq, end.Hash = seq, hex.EncodeToString(sum[:])
		if seq == head.Seq {
			atHead = end.Hash
		}
		if yield == nil {
			return nil
		}
		n := audit.Numbered{Index: seq}
		if err := json.Unmarshal(line, &n.Entry); err != nil {
			return fmt.Errorf("%w at entry %d of the chain", ErrTampered, seq)
		}
		return yield(n)
	})
	if err == nil && end.Seq > 0 && atHead != head.Hash {
		err = fmt.Errorf("%w: the chain's signed head reaches entry %d, the chain has %d", ErrTampered, head.Seq, end.Seq)
	}
	return end, err
}

func (r *Reader) chainHead() (chainEnd, error) {
	var head chainEnd
	data, err := os.ReadFile(filepath.Join(r.dir, chainHead))
	if errors.Is(err, fs.ErrNotExist) {
		return head, nil
	}
	if err != nil {
		return head, fmt.Errorf("reading audit chain: %w", err)
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return head, fmt.Errorf("%w: the chain's head is not JSON", ErrTampered)
	}
	message := fmt.Appendf(nil, "doorward audit head\x00%d\x00%s", head.Seq, head.Hash)
	if r.verifier.Verify(head.KeyID, message, head.Signature) != nil {
		return head, fmt.Errorf("%w: the chain's head is not signed by a known key: is this the key folder it was made with?", ErrTampered)
	}
	return head, nil
}

// eachLine walks the chain, checking numbers and hashes. A torn last line was
// never acknowledged.
func eachLine(r io.Reader, yield func(line []byte, seq uint64) error) error {
	br := bufio.NewReaderSize(r, 1<<16)
	var seq uint64
	var prev string
	for {
		line, err := br.ReadBytes('\n')
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading audit chain: %w", err)
		}
		line = line[:len(line)-1]
		var rec struct {
			Seq  uint64 `json:"seq"`
			Prev string `json:"prev"`
		}
		if err := json.Unmarshal(line, &rec); err != nil || rec.Seq != seq+1 || rec.Prev != prev {
			return fmt.Errorf("%w at entry %d of the chain", ErrTampered, seq+1)
		}
		sum := sha256.Sum256(line)
		seq, prev = rec.Seq, hex.EncodeToString(sum[:])
		if err := yield(line, seq); err != nil {
			return err
		}
	}
}

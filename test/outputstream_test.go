package test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/doorward/doorward/retrieval/prompt"
	"github.com/doorward/doorward/sanitize"
	"github.com/doorward/doorward/sanitize/egress"
	"github.com/doorward/doorward/sanitize/output"
	"github.com/doorward/doorward/sanitize/pii"
	"github.com/doorward/doorward/sanitize/secret"
)

// realFilter is the output filter as the program composes it.
func realFilter(t testing.TB) *output.Filter {
	t.Helper()
	secrets, err := secret.New(secret.Config{})
	if err != nil {
		t.Fatal(err)
	}
	personal, err := pii.New(pii.Config{})
	if err != nil {
		t.Fatal(err)
	}
	links, err := egress.New(egress.Config{Hosts: []string{"docs.example.com"}})
	if err != nil {
		t.Fatal(err)
	}
	f, err := output.New(output.Config{Scanners: []sanitize.Streamer{secrets, personal, prompt.Tokens{}}, Links: links})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// planter makes values that the scanners find, from parts, so that none stands
// in this file.
type planter struct{ r *rand.Rand }

func (p planter) from(alphabet string, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[p.r.IntN(len(alphabet))]
	}
	return string(b)
}

const (
	upper        = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	lower        = "abcdefghijklmnopqrstuvwxyz"
	digits       = "0123456789"
	streamCanary = "c4n4ry-7f3a91bc5d2e"
)

// value returns a sentence part that must not come out, and the part of it that
// is the match.
func (p planter) value() (text, match string) {
	switch p.r.IntN(9) {
	case 0:
		match = "AK" + "IA" + p.from("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 16)
	case 1:
		match = "gh" + "p_" + p.from(upper+lower+digits, 36)
	case 2:
		match = "xo" + "xb-" + p.from(digits, 12) + "-" + p.from(digits, 12) + "-" + p.from(upper+lower+digits, 24)
	case 3:
		body := base64.StdEncoding.EncodeToString([]byte(p.from(upper+lower+digits, 120+p.r.IntN(400))))
		match = "-----BEGIN " + "PRIVATE KEY-----\n" + body[:64] + "\n" + body[64:] + "\n-----END " + "PRIVATE KEY-----"
	case 4:
		match = p.from(lower, 5) + "." + p.from(lower, 7) + "@" + p.from(lower, 6) + ".com"
	case 5:
		match = p.card()
	case 6:
		match = "https://" + p.from(lower, 8) + ".com/?q=" + p.from(lower+digits, 12)
	case 7:
		match = "![x](https://" + p.from(lower, 8) + ".io/" + p.from(lower, 12) + ")"
		return match, match[4:]
	default:
		match = streamCanary
		if p.r.IntN(2) == 0 {
			match = strings.ToUpper(strings.Join(strings.Split(streamCanary, ""), " "))
		}
	}
	return match, match
}

// card is a payment card number with a valid check digit.
func (p planter) card() string {
	d := "4539" + p.from(digits, 11)
	sum := 0
	for i := range d {
		n := int(d[len(d)-1-i] - '0')
		if i%2 == 0 {
			if n *= 2; n > 9 {
				n -= 9
			}
		}
		sum += n
	}
	d += strconv.Itoa((10 - sum%10) % 10)
	return d[:4] + " " + d[4:8] + " " + d[8:12] + " " + d[12:]
}

var streamActions = sanitize.ParseActions(map[string]string{"secret": "withhold", "pii": "redact", "egress": "redact", "URL": "pass", "*": "withhold"})

// TestNoByteOfAPlantedMatchIsReleased streams texts with planted matches in
// random parts. DOORWARD_SPLITS is the number of splits, DOORWARD_PLANTED that of
// planted matches.
func TestNoByteOfAPlantedMatchIsReleased(t *testing.T) {
	splits, planted := number("DOORWARD_SPLITS", 3000), number("DOORWARD_PLANTED", 300)
	f := realFilter(t)
	a := output.Answer{Actions: streamActions, Canary: streamCanary}
	p := planter{rand.New(rand.NewPCG(42, uint64(planted)))}
	const perText = 3
	texts := (planted + perText - 1) / perText
	done, missed := 0, 0
	for range texts {
		var text strings.Builder
		var matches []string
		for range perText {
			part, match := p.value()
			text.WriteString(filler[p.r.IntN(len(filler))] + part + []string{". ", "\n", " and then, ", "\n\n"}[p.r.IntN(4)])
			matches = append(matches, match)
		}
		whole, err := f.Whole(context.Background(), a, text.String())
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range matches {
			if strings.Contains(whole.Text, m) {
				missed++
				t.Logf("not found in the whole text: a match of %d bytes", len(m))
			}
		}
		for range splits / texts {
			if err := streamOnce(f, a, text.String(), whole, p.r); err != nil {
				t.Fatal(err)
			}
			done++
		}
	}
	t.Logf("%d splits of texts with %d planted matches: streams equal wholes; %d matches not found at all", done, texts*perText, missed)
	if missed*100 > texts*perText {
		t.Errorf("%d of %d planted matches were not found", missed, texts*perText)
	}
}

var filler = []string{"The key is ", "Please use ", "It was sent to ", "In the report: ", "Überall gilt ", "日本では ", "```\nvalue: ", "- item: ", "| a | "}

func number(env string, otherwise int) int {
	if n, err := strconv.Atoi(os.Getenv(env)); err == nil && n > 0 {
		return n
	}
	return otherwise
}

// streamOnce streams text in random parts; at every moment what was released
// must be the beginning of the whole's output.
func streamOnce(f *output.Filter, a output.Answer, text string, want output.Result, r *rand.Rand) error {
	s, err := f.NewStream(context.Background(), a)
	if err != nil {
		return err
	}
	n := 0
	take := func(out string) error {
		if !strings.HasPrefix(want.Text[n:], out) {
			return fmt.Errorf("released %q after %q, the whole of %q is %q", out, want.Text[:n], text, want.Text)
		}
		n += len(out)
		return nil
	}
	most := 1 + r.IntN(40)
	for at := 0; at < len(text); {
		size := min(1+r.IntN(most), len(text)-at)
		out, err := s.Write(text[at : at+size])
		if err := errors.Join(err, take(out)); err != nil {
			return err
		}
		at += size
	}
	tail, end := s.Close()
	if err := take(tail); err != nil {
		return err
	}
	if n != len(want.Text) || fmt.Sprint(end) != fmt.Sprint(want.End) {
		return fmt.Errorf("%q gives %q %v, whole %q %v", text, want.Text[:n], end, want.Text, want.End)
	}
	return nil
}

// prose is the demo company's documents: ordinary business text.
func prose(t testing.TB) string {
	t.Helper()
	var all strings.Builder
	err := filepath.WalkDir("../configs/demo/corpus", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && filepath.Ext(path) == ".md" {
			data, err := os.ReadFile(path)
			all.Write(data)
			return err
		}
		return err
	})
	if err != nil || all.Len() == 0 {
		t.Skip("no demo corpus in configs/demo/corpus")
	}
	return all.String()
}

// deltas cuts a text as a model sends it: a word with the blank before it, long
// words in two.
func deltas(text string) []string {
	var out []string
	for start := 0; start < len(text); {
		end := start + 1
		for end < len(text) && text[end] != ' ' && text[end] != '\n' && end-start < 7 {
			end++
		}
		out = append(out, text[start:end])
		start = end
	}
	return out
}

// TestHoldBackOnProse measures how much text waits after each delta.
func TestHoldBackOnProse(t *testing.T) {
	f := realFilter(t)
	for _, setting := range []struct {
		name string
		a    output.Answer
	}{
		{"scanners and links", output.Answer{Actions: sanitize.ParseActions(map[string]string{"*": "flag"})}},
		{"with marks, context and citations", output.Answer{Actions: sanitize.ParseActions(map[string]string{"*": "flag"}), Canary: streamCanary, Nonce: "00ff11ee22dd33cc44bb55aa66997788",
			Context: []string{prose(t)[:2000]}, System: "You are a helpful assistant of the company.", Citations: []string{"S1-ab12"}}},
	} {
		s, err := f.NewStream(context.Background(), setting.a)
		if err != nil {
			t.Fatal(err)
		}
		var held []int
		written, released := 0, 0
		for _, d := range deltas(prose(t)) {
			out, err := s.Write(d)
			if err != nil {
				t.Fatal(err)
			}
			written += len(d)
			released += len(out)
			held = append(held, written-released)
		}
		slices.Sort(held)
		at := func(q float64) int { return held[int(q*float64(len(held)-1))] }
		t.Logf("%s: %d deltas, %d bytes; held back p50 %d, p90 %d, p99 %d, most %d bytes", setting.name, len(held), written, at(.5), at(.9), at(.99), at(1))
	}
}

// BenchmarkOutputStream reports processor time, which a busy machine changes
// least: per megabyte in large parts, per delta in small ones, and for starting
// an answer. "links" is the filter without the scanners of secrets and personal
// data, "full" has everything the windowed classes need.
func BenchmarkOutputStream(b *testing.B) {
	text := prose(b)
	parts := deltas(text)
	full := output.Answer{Actions: streamActions, Canary: streamCanary, Nonce: "00ff11ee22dd33cc44bb55aa66997788",
		Context: []string{shuffled(text)[:8000]}, System: "You are a helpful assistant.", Citations: []string{"S1-ab12"}, Prompt: "what is the leave policy?"}
	for _, setting := range []struct {
		name string
		f    *output.Filter
		a    output.Answer
	}{
		{"links", egressOnly(b), output.Answer{Actions: streamActions}},
		{"plain", realFilter(b), output.Answer{Actions: streamActions}},
		{"full", realFilter(b), full},
	} {
		b.Run(setting.name+"/4KiB", func(b *testing.B) {
			before := processorTime()
			n := 0
			for b.Loop() {
				s, _ := setting.f.NewStream(context.Background(), setting.a)
				for rest := text; len(rest) > 0; {
					part := min(4096, len(rest))
					_, _ = s.Write(rest[:part])
					rest = rest[part:]
				}
				s.Close()
				n += len(text)
			}
			b.ReportMetric(float64(n)/1e6/(processorTime()-before).Seconds(), "MB/cpu-s")
		})
		b.Run(setting.name+"/deltas", func(b *testing.B) {
			before := processorTime()
			n := 0
			for b.Loop() {
				s, _ := setting.f.NewStream(context.Background(), setting.a)
				for _, d := range parts {
					_, _ = s.Write(d)
				}
				s.Close()
				n += len(parts)
			}
			b.ReportMetric(float64((processorTime()-before).Nanoseconds())/float64(n)/1000, "cpu-us/delta")
		})
		b.Run(setting.name+"/start", func(b *testing.B) {
			before := processorTime()
			n := 0
			for b.Loop() {
				_, _ = setting.f.NewStream(context.Background(), setting.a)
				n++
			}
			b.ReportMetric(float64((processorTime()-before).Nanoseconds())/float64(n)/1000, "cpu-us/start")
		})
	}
}

// shuffled has the words of a text without its runs.
func shuffled(text string) string {
	words := strings.Fields(text)
	rand.New(rand.NewPCG(1, 1)).Shuffle(len(words), func(i, j int) { words[i], words[j] = words[j], words[i] })
	return strings.Join(words, " ")
}

// processorTime is what this process has used so far.
func processorTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

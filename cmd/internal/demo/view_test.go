package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/doorward/doorward/api"
	"github.com/doorward/doorward/retrieval/prompt"
)

func TestWrapKeepsWordsAndWidth(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`[a-zå \n]{0,200}`).Draw(t, "text")
		width := rapid.IntRange(5, 40).Draw(t, "width")
		lines := wrap(text, width)
		if got, want := strings.Fields(strings.Join(lines, " ")), strings.Fields(text); strings.Join(got, " ") != strings.Join(want, " ") {
			t.Fatalf("words changed: %q", got)
		}
		for _, l := range lines {
			if utf8.RuneCountInString(l) > width && strings.Contains(l, " ") {
				t.Fatalf("line of %d: %q", utf8.RuneCountInString(l), l)
			}
		}
	})
}

func TestPrintableTakesTerminalsNoOrders(t *testing.T) {
	if got, want := printable("a\x1b[2Jb\u202ec\td\ne\u200bf"), "a·[2Jb·c d\ne·f"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// However an answer is split, it is shown the same.
func TestStreamedAnswerDoesNotDependOnSplits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`([a-z]{1,12}[ \n]{1,2}){0,40}[a-z]{0,5}`).Draw(t, "text")
		whole, pieces := &bytes.Buffer{}, &bytes.Buffer{}
		v, w := &View{w: whole, width: 60}, &View{w: pieces, width: 60}
		v.delta(text)
		v.endAnswer()
		for text != "" {
			n := rapid.IntRange(1, len(text)).Draw(t, "n")
			w.delta(text[:n])
			text = text[n:]
		}
		w.endAnswer()
		if whole.String() != pieces.String() {
			t.Fatalf("whole %q, in pieces %q", whole, pieces)
		}
		for line := range strings.Lines(whole.String()) {
			if utf8.RuneCountInString(strings.TrimSpace(line)) > 60 {
				t.Fatalf("too wide: %q", line)
			}
		}
	})
}

func TestColourIsForTerminals(t *testing.T) {
	t.Setenv("COLUMNS", "70")
	v := NewView(&bytes.Buffer{})
	if v.color || v.terminal || v.width != 70 {
		t.Errorf("%+v", v)
	}
	t.Setenv("COLUMNS", "7")
	if v := NewView(&bytes.Buffer{}); v.width != leastWidth {
		t.Errorf("width %d", v.width)
	}
}

func TestShortenedPromptKeepsDelimiters(t *testing.T) {
	got := shorten("Reference passages:\n<<passage A n plain>>\nTitle\nfirst\n\nsecond\n<<end A n>>\n\nQuestion:\nWhy?")
	want := "Reference passages:\n<<passage A n plain>>\n  Title … 3 lines\n<<end A n>>\nQuestion:\nWhy?"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestScriptQuotesAndCites(t *testing.T) {
	q := Asked{Text: "What does the battery cost?", Reply: api.RetrieveResponse{Passages: []api.Passage{
		{Citation: "S1", Text: "Batteries\n\nA heading about the battery cost\n\nThe sea was calm that day. A battery pack will cost 3.59 thousand euros."},
		{Citation: "S2", Text: "From: somebody about the battery cost\nNothing here says anything."},
		{Text: "The battery cost did not fit the prompt."},
	}}}
	var text strings.Builder
	if err := (Script{}).Answer(context.Background(), q, func(d string) error { text.WriteString(d); return nil }); err != nil {
		t.Fatal(err)
	}
	if got, want := text.String(), "A battery pack will cost 3.59 thousand euros. [S1]"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := quote(Asked{Text: "Anything?"}); !strings.Contains(got, "nothing") {
		t.Errorf("without passages: %q", got)
	}
}

func TestScriptStopsWhenTold(t *testing.T) {
	stop := errors.New("stop")
	q := Asked{Text: "battery", Reply: api.RetrieveResponse{Passages: []api.Passage{{Citation: "S1", Text: "The battery is a thing that is in the buoy."}}}}
	if err := (Script{}).Answer(context.Background(), q, func(string) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("got %v", err)
	}
}

func TestMischiefRepeatsTheMark(t *testing.T) {
	q := Asked{Person: 3, Question: 2, Text: "x", Reply: api.RetrieveResponse{Messages: []prompt.Message{{Role: "user", Content: "Reference passages:\n(reference abc123, not to be repeated)\n"}}}}
	if got := mischief[[2]int{3, 2}].write(q); !strings.Contains(got, "abc123") {
		t.Errorf("got %q", got)
	}
}

func TestEventsOfAModel(t *testing.T) {
	var got []string
	stream := ": ping\ndata: {\"choices\":[{\"delta\":{\"role\":\"assistant\"}}]}\n\ndata: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\ndata:{\"choices\":[{\"delta\":{\"content\":\" b\"}}]}\n\ndata: [DONE]\n\ndata: x\n"
	if err := events(strings.NewReader(stream), func(d string) error { got = append(got, d); return nil }); err != nil {
		t.Fatal(err)
	}
	if strings.Join(got, "") != "a b" {
		t.Errorf("got %q", got)
	}
	if err := events(strings.NewReader("data: {\n"), func(string) error { return nil }); err == nil {
		t.Error("a broken event passed")
	}
}

func TestHostedModelsAreNotInternal(t *testing.T) {
	for url, want := range map[string]string{"http://127.0.0.1:1/v1": "internal", "http://localhost:1/v1": "internal", "https://models.example/v1": "hosted", "https://127.0.0.1.models.example/v1": "hosted"} {
		m, err := NewChat(ChatConfig{URL: url, Model: "m"})
		if err != nil || m.Destination() != want {
			t.Errorf("%s: %v, %v", url, m, err)
		}
	}
	if _, err := NewChat(ChatConfig{URL: "file:///etc", Model: "m"}); err == nil {
		t.Error("a file is no server")
	}
}

func TestStageRefusesWhatNoDemoMade(t *testing.T) {
	for _, suffix := range []string{"", ".keys", ".corpus"} {
		t.Run("data"+suffix, func(t *testing.T) {
			data := filepath.Join(t.TempDir(), "data")
			if err := os.Mkdir(data+suffix, 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(data+suffix, "mine"), []byte("x"), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := NewStage(StageConfig{Data: data}); !errors.Is(err, ErrNotDemo) {
				t.Errorf("got %v", err)
			}
			if _, err := os.Stat(filepath.Join(data+suffix, "mine")); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestStageClearsTheLastDemo(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	first, err := NewStage(StageConfig{Data: data})
	if err != nil {
		t.Fatal(err)
	}
	second, err := NewStage(StageConfig{Data: data})
	if err != nil {
		t.Fatal(err)
	}
	if first.Key == second.Key || first.planted.secrets["aws-key:staging"] == second.planted.secrets["aws-key:staging"] {
		t.Error("something of the first demo is left")
	}
}

func TestNeedlesAreFoundAnywhere(t *testing.T) {
	n := &needles{byHead: map[uint64][]string{}}
	for _, s := range []string{"the first needle", "the first pin", "short", "the first needle"} {
		n.add(s)
	}
	if n.n != 2 {
		t.Errorf("%d needles", n.n)
	}
	if got := n.in([]byte("hay, the first needle hay the first needl")); len(got) != 1 || got[0] != "the first needle" {
		t.Errorf("found %q", got)
	}
}

func ExampleWrite() {
	dir, err := os.MkdirTemp("", "larkfjord")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	if err := Write(filepath.Join(dir, "corpus")); err != nil {
		panic(err)
	}
	departments, err := os.ReadDir(filepath.Join(dir, "corpus"))
	if err != nil {
		panic(err)
	}
	for _, d := range departments {
		fmt.Println(d.Name())
	}
	// Output:
	// engineering
	// finance
	// hr
	// legal
	// sales
}

package app_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/doorward/doorward/cmd/internal/app"
	"github.com/doorward/doorward/configs"
	"github.com/doorward/doorward/ingest"
	"github.com/doorward/doorward/ingest/signal"
	"github.com/doorward/doorward/policy"
	"github.com/doorward/doorward/policy/keys"
	"github.com/doorward/doorward/retrieval"
)

// The poisoning tests put attackers' texts into the whole service (threats T09
// and T10 of SECURITY.md): a trusted collection, a feed that nobody vouches for
// with a week of history, and texts that are to win the answers to chosen
// questions. DOORWARD_POISONING=1 takes SciFact and a hundred questions; without
// it a made-up collection and five.

const top = 8

func TestPoisoning(t *testing.T) {
	p := newPoisoned(t)
	t.Run("Attacks", p.attacks)
	t.Run("Signals", p.signals)
	t.Run("Flood", p.flood)
	t.Run("Magnets", p.magnets)
}

// attacks says how often attackers win, with signals and share caps off and on,
// all at once or a question a day; and that nothing of an unapproved source gets
// in at all.
func (p *poisoned) attacks(t *testing.T) {
	claims := p.claims[:p.targets]
	for _, attack := range p.chosen {
		for _, per := range p.per {
			for _, c := range []struct {
				name          string
				signals, slow bool
			}{{"no signals", false, false}, {"signals, all in a day", true, false}, {"signals, a question a day", true, true}} {
				s := p.copy(t, c.signals)
				texts := attack.texts(claims, per)
				indexed, held := p.feed(t, s, texts, c.slow)
				for _, caps := range []bool{false, true} {
					w := p.won(t, s, claims, caps)
					t.Logf("%-9s %2d each, %-26s caps %-5v %4d indexed %4d held: in the answer %5.1f %%, first %5.1f %%, most of it %5.1f %%; most passages of the feed %d of %d",
						attack.name, per, c.name+",", caps, indexed, held, w.in, w.first, w.most, w.largest, top)
					if limit := top * 3 / 10; caps && w.largest > limit {
						t.Errorf("%s: %d passages of one untrusted source, its share is %d", attack.name, w.largest, limit)
					}
					if !c.signals && !caps && w.in < 50 {
						t.Errorf("%s: the attack itself does not work: %.1f %%", attack.name, w.in)
					}
				}
			}
		}
	}
	p.unapproved(t, claims)
}

// signals gives the area under the curve of each signal, attackers'
// texts against the feed's own next documents and against another collection's.
func (p *poisoned) signals(t *testing.T) {
	s := p.copy(t, true)
	a := s.openAt(t, p.now.Add(24*time.Hour))
	defer a.Close()
	key, err := a.Keys.Derive("acme", keys.Signals)
	if err != nil {
		t.Fatal(err)
	}
	profiler, err := signal.NewProfiler(key)
	if err != nil {
		t.Fatal(err)
	}
	measure := func(texts []string) (out []signal.Signals) {
		usual, err := a.Catalog.Baseline(t.Context(), "acme", "feed")
		if err != nil {
			t.Fatal(err)
		}
		batch := signal.NewBatch(usual, a.Now())
		for _, text := range texts {
			out = append(out, batch.Add(profiler.Measure(text)))
		}
		return out
	}
	own, other := measure(p.next), measure(p.other)
	for _, attack := range attacks {
		for _, per := range p.per {
			bad := measure(values(attack.texts(p.claims[:p.targets], per)))
			line := fmt.Sprintf("%-9s %2d each:", attack.name, per)
			for _, g := range []struct {
				name string
				of   func(signal.Signals) float64
			}{
				{"question", func(s signal.Signals) float64 { return s.Stuffing.Query }},
				{"repetition", func(s signal.Signals) float64 { return s.Stuffing.Repetition }},
				{"copies", func(s signal.Signals) float64 { return float64(s.Duplicates.Batch) }},
				{"drift", func(s signal.Signals) float64 { return s.Drift.Score }},
			} {
				line += fmt.Sprintf("  %s %.3f / %.3f", g.name, auroc(bad, own, g.of), auroc(bad, other, g.of))
			}
			t.Log(line)
		}
	}
	t.Logf("(against %d further documents of the feed / %d of another collection)", len(own), len(other))
	asking := 0
	for _, s := range own {
		if s.Stuffing.Query >= 0.6 {
			asking++
		}
	}
	t.Logf("false alarms: %d of %d further documents are held as written to be found by a question", asking, len(own))
}

// flood is T10: ten usual days in one, a fifth of it on another topic. One
// batch is contained, whole, also what came before it showed; a usual day is
// not; rolling it back leaves catalog and index as they were.
func (p *poisoned) flood(t *testing.T) {
	s := p.copy(t, true)
	usual := map[string]string{}
	for i, text := range p.next[:p.perDay] {
		usual[fmt.Sprint("usual-", i)] = text
	}
	indexed, held := p.feed(t, s, usual, false)
	t.Logf("a usual day: %d indexed, %d held", indexed, held)
	if 10*held > len(usual) {
		t.Errorf("%d documents of a usual day are held", held)
	}
	a := s.openAt(t, p.now.Add(72*time.Hour))
	defer a.Close()
	want, wantIndex := export(t, a), exportIndex(t, a)
	rest := p.next[p.perDay:]
	flood := map[string]string{}
	for i := range 10 * p.perDay {
		text := rest[i%len(rest)] + fmt.Sprintf(" Issue %d.", i)
		if i%5 == 0 {
			text = p.other[(i/5)%len(p.other)]
		}
		flood[fmt.Sprintf("flood-%04d", i)] = text
	}
	writeFeed(t, s, flood)
	r, err := a.Ingest(t.Context(), s.source("feed"), ingest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	orders, err := a.Catalog.AllOrders(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	if len(orders) != 1 || orders[0].Target != r.Batch || orders[0].By != "policy" {
		t.Fatalf("orders: %+v", orders)
	}
	out := 0
	for i := range 20 {
		for _, d := range p.ask(t, a, rest[i%len(rest)][:60]) {
			if strings.HasPrefix(d, "flood-") {
				out++
			}
		}
	}
	if out > 0 {
		t.Errorf("%d passages of the contained batch were given out", out)
	}
	started := time.Now()
	if _, err := a.Pipeline.RollBack(t.Context(), "acme", r.Batch, nil); err != nil {
		t.Fatal(err)
	}
	t.Logf("a flood of %d documents: 1 batch contained, %d indexed before it showed, %d held, 0 given out; rolled back in %.1f s",
		len(flood), r.Outcomes[ingest.Indexed], r.Outcomes[ingest.Quarantined], time.Since(started).Seconds())
	sameExport(t, export(t, a), want)
	sameExport(t, exportIndex(t, a), wantIndex)
}

// magnets asks distinct benign questions and counts documents called magnets,
// then plants documents stuffed with the questions' own words.
func (p *poisoned) magnets(t *testing.T) {
	s := p.copy(t, false)
	s.cfg.Magnets.Least = min(s.cfg.Magnets.Least, len(p.claims)/2)
	a := s.openAt(t, p.now.Add(24*time.Hour))
	alarms := func(a *app.App, claims []string, planted string) (called map[string]bool, up int) {
		called = map[string]bool{}
		for _, c := range claims {
			for _, d := range p.ask(t, a, c) {
				if d == planted {
					up++
				}
				if a.Drawing("acme", d) {
					called[d] = true
				}
			}
		}
		return called, up
	}
	called, _ := alarms(a, p.claims, "")
	t.Logf("benign: %d distinct questions, %d of %d documents called magnets", len(p.claims), len(called), len(p.documents))
	if len(called) > 0 {
		t.Errorf("%d documents are called magnets", len(called))
	}
	a.Close()

	s = p.copy(t, false)
	s.cfg.Magnets.Least = min(s.cfg.Magnets.Least, len(p.claims)/2)
	p.feed(t, s, map[string]string{"magnet": magnet(p.claims)}, false)
	a = s.openAt(t, p.now.Add(48*time.Hour))
	defer a.Close()
	half := len(p.claims) / 2
	called, before := alarms(a, p.claims[:half], "magnet")
	is := a.Drawing("acme", "magnet")
	more, after := alarms(a, p.claims[half:], "magnet")
	t.Logf("planted: in %d of the first %d answers, then called a magnet: %v; in %d of the next %d", before, half, is, after, len(p.claims)-half)
	delete(called, "magnet")
	delete(more, "magnet")
	if len(called)+len(more) > 0 {
		t.Errorf("others are called magnets: %v %v", called, more)
	}
	if len(p.documents) > 1000 && (!is || after >= before/2) {
		t.Error("it is not called one, or not put last")
	}
}

// attack is a way to write texts that are found for a question.
type attack struct {
	name string
	// text is the nth text for a question.
	text func(claim string, n int) string
}

// attacks: the black box of PoisonedRAG (2402.07867), the question itself and then
// a false answer; the same without the question; one text with a word changed.
var attacks = []attack{
	{"question", func(c string, n int) string {
		return fmt.Sprintf("%s No. %s this was shown to be wrong: %s does not hold, %s", question(c), lead(n), lower(c), tail(n))
	}},
	{"statement", func(c string, n int) string {
		return fmt.Sprintf("%s it was thought that %s %s of this %s, and that the opposite of it is the case. %s", lead(n), lower(c), tail(n), lower(c), tail(n+3))
	}},
	{"copies", func(c string, n int) string {
		return fmt.Sprintf("It was thought that %s Later work finds that the opposite is true and that %s was an error of the first reports, as the authors now say themselves in note %d.", lower(c), lower(c), n)
	}},
}

func (k attack) texts(claims []string, per int) map[string]string {
	out := map[string]string{}
	for i, c := range claims {
		for n := range per {
			out[fmt.Sprintf("bad-%03d-%02d", i, n)] = k.text(c, n)
		}
	}
	return out
}

func question(claim string) string { return "Is it true that " + strings.TrimRight(claim, ".") + "?" }
func lower(s string) string        { return strings.ToLower(s[:1]) + s[1:] }

func lead(n int) string {
	return []string{"In a trial of four thousand people", "According to the newest review", "By the agency's own figures", "As two laboratories reported", "In the corrected edition",
		"After a recount of all samples", "For the third year in a row", "In letters to the editor", "By every later measurement", "On closer inspection"}[n%10]
}

func tail(n int) string {
	return []string{"and the first authors withdrew their paper.", "so that guidelines were changed.", "whatever was written before.", "in every group that was looked at.", "with no exception found.",
		"as the registry shows.", "which three teams confirmed.", "and practice has followed.", "at all doses.", "in both sexes."}[n%10]
}

// magnet is a document that repeats what is asked, a part for each few questions,
// to be near them all. One part with the most frequent words of all questions is
// not found: the index weighs a text's length.
func magnet(claims []string) string {
	var b strings.Builder
	for i, c := range claims {
		fmt.Fprintf(&b, "%s\n", c)
		if i%4 == 3 {
			b.WriteString("\nSee the office for all of this and ask for the new forms.\n\n")
		}
	}
	return b.String()
}

func sorted(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }

func values(m map[string]string) []string {
	out := make([]string, 0, len(m))
	for _, id := range sorted(m) {
		out = append(out, m[id])
	}
	return out
}

// won is how attackers fared, in percent of the questions.
type won struct {
	in, first, most float64
	largest         int // most passages of the feed in one answer
}

func (p *poisoned) won(t *testing.T, s *store, claims []string, caps bool) won {
	t.Helper()
	if !caps {
		s.cfg.Prompt.Shares = nil
	} else {
		s.cfg.Prompt.Shares = map[string]float64{"untrusted": 0.3}
	}
	a := s.openAt(t, p.now.Add(400*24*time.Hour))
	defer a.Close()
	var w won
	for _, c := range claims {
		docs := p.ask(t, a, question(c))
		bad := 0
		for i, d := range docs {
			if strings.HasPrefix(d, "bad-") {
				if bad++; i == 0 {
					w.first++
				}
			}
		}
		if bad > 0 {
			w.in++
		}
		if 2*bad > len(docs) {
			w.most++
		}
		w.largest = max(w.largest, bad)
	}
	n := float64(len(claims)) / 100
	w.in, w.first, w.most = w.in/n, w.first/n, w.most/n
	return w
}

// ask asks as a user of one's own and returns the answer's documents.
func (p *poisoned) ask(t *testing.T, a *app.App, text string) []string {
	t.Helper()
	answer, err := a.Service.Retrieve(t.Context(), retrieval.Request{ID: "r", Question: text, TopK: top, Context: policy.Context{Now: a.Now()},
		Subject: policy.Subject{ID: fmt.Sprint("u", asked.Add(1)%50), Tenant: "acme", Groups: []string{"team"}, Authn: policy.Authn{Backend: "b"}}})
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, passage := range answer.Passages {
		out = append(out, passage.Document)
	}
	return out
}

// feed has the feed bring texts, in one day or each question's on a day of its own.
func (p *poisoned) feed(t *testing.T, s *store, texts map[string]string, slow bool) (indexed, held int) {
	t.Helper()
	parts := []map[string]string{texts}
	if slow {
		byDay := map[string]map[string]string{}
		for id, text := range texts {
			day := id[:7]
			if byDay[day] == nil {
				byDay[day] = map[string]string{}
			}
			byDay[day][id] = text
		}
		parts = parts[:0]
		for _, part := range byDay {
			parts = append(parts, part)
		}
	}
	now := p.now.Add(24 * time.Hour)
	a := s.openClock(t, &now)
	defer a.Close()
	for _, part := range parts {
		writeFeed(t, s, part)
		r, err := a.Ingest(t.Context(), s.source("feed"), ingest.Options{})
		if err != nil {
			t.Fatal(err)
		}
		indexed, held = indexed+r.Outcomes[ingest.Indexed], held+r.Outcomes[ingest.Quarantined]+r.Outcomes[ingest.Rejected]
		now = now.Add(24 * time.Hour)
	}
	return indexed, held
}

// unapproved: texts of a source that must be signed, and are not.
func (p *poisoned) unapproved(t *testing.T, claims []string) {
	t.Helper()
	s := p.copy(t, false)
	public, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(s.dir, "connector.pem")
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	s.cfg.Sources[1].Manifest = configs.Connector{Required: true, Keys: []string{path}}
	indexed, held := p.feed(t, s, attacks[0].texts(claims, 1), false)
	t.Logf("texts of a source whose documents must be signed, without a signature: %d indexed, %d held", indexed, held)
	if indexed > 0 || held != len(claims) {
		t.Errorf("%d indexed, %d held", indexed, held)
	}
}

// auroc is the chance that an attacker's text scores above a benign one.
func auroc(bad, good []signal.Signals, of func(signal.Signals) float64) float64 {
	sum := 0.0
	for _, b := range bad {
		for _, g := range good {
			switch x, y := of(b), of(g); {
			case x > y:
				sum++
			case x == y:
				sum += 0.5
			}
		}
	}
	return math.Round(1000*sum/float64(len(bad)*len(good))) / 1000
}

package embed_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/doorward/doorward/retrieval/embed"
)

var key = []byte("a tenant's key for terms, 32 B..")

func analyzer(t testing.TB, cfg embed.Config) *embed.Analyzer {
	t.Helper()
	a, err := embed.NewAnalyzer(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// score is what every store computes.
func score(doc, query []embed.Term) (sum float64) {
	w := map[uint32]float32{}
	for _, t := range doc {
		w[t.Key] = t.Weight
	}
	for _, t := range query {
		sum += float64(t.Weight) * float64(w[t.Key])
	}
	return sum
}

func TestQueriesFindDocuments(t *testing.T) {
	a := analyzer(t, embed.Config{})
	for _, c := range []struct{ name, document, finds, misses string }{
		{"inflection", "The committee approved the budgets.", "budget approval", "weather"},
		{"case and punctuation", "Invoice No. INV-2268/B", "inv 2268", "9999"},
		{"accents", "Le café est fermé à Orléans.", "cafe orleans", "paris"},
		{"Spanish", "La información sobre los contratos de los empleados", "contrato informacion", "vacaciones"},
		{"Russian", "Договоры с поставщиками подписаны и отправлены в архив", "договор поставщик", "погода"},
		{"Chinese", "本公司的年度预算已经批准", "年度预算", "天气"},
		{"Japanese", "社員の給与データは機密です", "給与データ", "天気予報"},
		{"Thai", "งบประมาณประจำปีได้รับการอนุมัติ", "งบประมาณ", "กกกก"},
		{"misspelling, by grams", "Pharmacokinetics of ibuprofen", "pharmacokinetcs", "zebra"},
		{"full-width", "ＡＢＣ１２３ project", "abc123", "zebra"},
	} {
		d := a.Analyze(key, embed.Document{Body: c.document})
		if s := score(d, a.Query(key, nil, c.finds)); s <= 0 {
			t.Errorf("%s: the query does not find the document", c.name)
		}
		if s := score(d, a.Query(key, nil, c.misses)); s > 0 {
			t.Errorf("%s: an unrelated query finds the document (score %v)", c.name, s)
		}
	}
}

func TestLanguageDetection(t *testing.T) {
	a := analyzer(t, embed.Config{})
	for text, want := range map[string]string{
		"The quick brown fox jumps over the lazy dog and then it is gone.":               "en",
		"El rápido zorro marrón salta sobre el perro perezoso y no vuelve por la noche.": "es",
		"Le renard brun saute par-dessus le chien paresseux et ne revient pas.":          "fr",
		"Den snabba bruna räven hoppar över den lata hunden och han är borta.":           "sv",
		"Быстрая лиса прыгает через ленивую собаку, и она не вернется.":                  "ru",
		"A gyors barna róka átugrik a lusta kutya felett, és nem jön vissza, mert ez az": "hu",
		"Der schnelle braune Fuchs springt über den faulen Hund":                         "en", // unsupported Latin script: the first
		"Η γρήγορη καφέ αλεπού":                                                          "xx",
		"TKT-2268 8841": "en",
		"":              "en",
	} {
		if got := a.Language(text); got != want {
			t.Errorf("%q: detected %s, want %s", text, got, want)
		}
	}
}

func TestTermsAreKeyedByTenant(t *testing.T) {
	a := analyzer(t, embed.Config{})
	d := embed.Document{Body: "the annual budget of the sales department"}
	mine, theirs := a.Analyze(key, d), a.Analyze([]byte("another tenant's key"), d)
	if s := score(mine, theirs); s > 0 {
		t.Errorf("two tenants' terms meet with score %v", s)
	}
	if s := score(mine, a.Query([]byte("another tenant's key"), nil, d.Body)); s > 0 {
		t.Error("another tenant's query finds the document")
	}
}

func TestFieldWeights(t *testing.T) {
	a := analyzer(t, embed.Config{})
	q := a.Query(key, nil, "budget")
	rest := strings.Repeat("something else entirely about gardens ", 10)
	title := score(a.Analyze(key, embed.Document{Title: "Budget", Body: rest}), q)
	heading := score(a.Analyze(key, embed.Document{Headings: []string{"Budget"}, Body: rest}), q)
	body := score(a.Analyze(key, embed.Document{Body: "Budget " + rest}), q)
	if !(title > heading && heading > body && body > 0) {
		t.Errorf("title %v, heading %v, body %v: want them descending", title, heading, body)
	}
}

func TestAnalysisProperties(t *testing.T) {
	a := analyzer(t, embed.Config{MaxTerms: 300})
	rapid.Check(t, func(r *rapid.T) {
		d := embed.Document{Title: rapid.String().Draw(r, "title"), Body: rapid.String().Draw(r, "body")}
		terms := a.Analyze(key, d)
		if len(terms) > 300 {
			r.Fatalf("%d terms", len(terms))
		}
		for i, x := range terms {
			if i > 0 && terms[i-1].Key >= x.Key {
				r.Fatal("keys do not ascend")
			}
			if c := x.Weight * 64; x.Weight <= 0 || x.Weight >= 4 || c != float32(int(c)) {
				r.Fatalf("weight %v is no multiple of 1/64 within (0,4)", x.Weight)
			}
		}
		if again := analyzer(t, embed.Config{MaxTerms: 300}).Analyze(key, d); !slices.Equal(again, terms) {
			r.Fatal("analysing again gave other terms")
		}
		for _, x := range a.Query(key, nil, d.Body) {
			if !(x.Weight > 0) {
				r.Fatalf("query weight %v", x.Weight)
			}
		}
	})
}

func TestStatisticsWeighRareTermsHigher(t *testing.T) {
	a := analyzer(t, embed.Config{GramWeight: -1, PhraseWeight: -1})
	tally := embed.NewTally(a.Fingerprint())
	for i := range 100 {
		body := "common word"
		if i == 0 {
			body += " rare"
		}
		tally.Add(a.Analyze(key, embed.Document{Body: body}))
	}
	st := tally.Statistics(1)
	q := a.Query(key, st, "common rare")
	if len(q) != 2 {
		t.Fatalf("%d terms, want 2", len(q))
	}
	rare := a.Query(key, st, "rare")[0].Key
	var wRare, wCommon, sum float64
	for _, x := range q {
		sum += float64(x.Weight)
		if x.Key == rare {
			wRare = float64(x.Weight)
		} else {
			wCommon = float64(x.Weight)
		}
	}
	if wRare < 10*wCommon {
		t.Errorf("rare weighs %v, common %v", wRare, wCommon)
	}
	if sum < 0.999 || sum > 1.001 {
		t.Errorf("the query's word weights sum to %v, want 1", sum)
	}
}

func TestStatisticsEncoding(t *testing.T) {
	a := analyzer(t, embed.Config{})
	tally := embed.NewTally(a.Fingerprint())
	for i := range 50 {
		tally.Add(a.Analyze(key, embed.Document{Body: fmt.Sprintf("chunk number %d of the corpus", i)}))
	}
	st := tally.Statistics(7)
	b, err := st.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	var back embed.Statistics
	if err := back.UnmarshalBinary(b); err != nil {
		t.Fatal(err)
	}
	for _, x := range a.Query(key, nil, "chunk number 33 of the corpus nowhere") {
		if st.Frequency(x.Key) != back.Frequency(x.Key) {
			t.Error("a frequency changed in transit")
		}
	}
	if back.Epoch != 7 || back.Chunks != 50 || back.Analysis != a.Fingerprint() {
		t.Errorf("came back as epoch %d, %d chunks, analysis %q", back.Epoch, back.Chunks, back.Analysis)
	}
	for i := range b {
		damaged := slices.Clone(b)
		damaged[i] ^= 0x10
		if err := back.UnmarshalBinary(damaged); !errors.Is(err, embed.ErrStatistics) {
			t.Fatalf("byte %d flipped: %v", i, err)
		}
		if err := back.UnmarshalBinary(b[:i]); !errors.Is(err, embed.ErrStatistics) {
			t.Fatalf("cut at %d: %v", i, err)
		}
	}
}

func TestFingerprintFollowsConfiguration(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range []embed.Config{{}, {K1: 1}, {B: 0.5}, {TitleWeight: 2}, {Languages: []string{"en"}}, {GramWeight: -1}, {PhraseWeight: -1}, {Pivot: 99}} {
		f := analyzer(t, c).Fingerprint()
		if seen[f] {
			t.Errorf("two configurations share fingerprint %s", f)
		}
		seen[f] = true
	}
	if a, b := analyzer(t, embed.Config{}), analyzer(t, embed.Config{GramWeight: 0.9}); a.Fingerprint() != b.Fingerprint() {
		t.Error("a query-side weight changes the document-side fingerprint")
	}
	for _, c := range []embed.Config{{Languages: []string{"tlh"}}, {K1: 3}, {B: 2}, {Pivot: -1}} {
		if _, err := embed.NewAnalyzer(c); err == nil {
			t.Errorf("%+v: accepted", c)
		}
	}
}

func FuzzAnalyze(f *testing.F) {
	f.Add("Title", "A body, with words")
	f.Add("\xff\xfe", strings.Repeat("a", 300))
	f.Add("本", "ٱلْعَرَبِيَّة don't l'homme İstanbul")
	a, err := embed.NewAnalyzer(embed.Config{})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, title, body string) {
		terms := a.Analyze(key, embed.Document{Title: title, Body: body})
		if !slices.IsSortedFunc(terms, func(x, y embed.Term) int { return int(int64(x.Key) - int64(y.Key)) }) {
			t.Fatal("keys do not ascend")
		}
		a.Query(key, nil, body)
	})
}

func ExampleAnalyzer() {
	a, err := embed.NewAnalyzer(embed.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	tenantKey := []byte("from the key ring, purpose terms")
	document := a.Analyze(tenantKey, embed.Document{Title: "Travel policy", Body: "Flights are booked by the travel desk."})
	query := a.Query(tenantKey, nil, "booking a flight")
	fmt.Println(len(query) > 0, score(document, query) > 0)
	// Output: true true
}

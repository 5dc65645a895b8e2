package normalize_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/doorward/doorward/sanitize"
	"github.com/doorward/doorward/sanitize/normalize"
)

// legitimate is ordinary writing that must make no view but itself.
var legitimate = map[string]string{
	"English":     "The quick brown fox — it's 25 °C today — costs €3.50, doesn’t it? “Yes,” she said… naïve café résumé.",
	"German":      "Die Straßenbahn fährt über die Brücke; Größe: 15 µm. Äpfel, Öl und Übermut.",
	"French":      "L’été dernier, nous étions à Noël : « Où êtes-vous ? » Cœur, sœur, 1 234,56 €.",
	"Spanish":     "¿Dónde está el baño? ¡Qué niño más pingüino!",
	"Portuguese":  "A situação não é fácil: coração, três, avó.",
	"Italian":     "Perché no? Così è la città, più o meno.",
	"Dutch":       "De coöperatie, één voor één.",
	"Polish":      "Zażółć gęślą jaźń, proszę.",
	"Czech":       "Příliš žluťoučký kůň úpěl ďábelské ódy.",
	"Hungarian":   "Árvíztűrő tükörfúrógép.",
	"Romanian":    "Știință și învățământ în țară.",
	"Turkish":     "Pijamalı hasta yağız şoföre çabucak güvendi. Iğdır, ılık.",
	"Swedish":     "Flygande bäckasiner söka hwila på mjuka tuvor.",
	"Icelandic":   "Kæmi ný öxi hér ykist þjófum nú bæði víl og ádrepa.",
	"Finnish":     "Törkylempijävongahdus, äiti ja öljy.",
	"Vietnamese":  "Tôi có thể ăn thủy tinh mà không hại gì. Việt Nam độc lập.",
	"Yoruba":      "Mo lè jẹ gilasi, kò ní pa mí lára.",
	"Russian":     "Съешь же ещё этих мягких французских булок, да выпей чаю. IT-компания, рот, нос, сор.",
	"Ukrainian":   "Чуєш їх, доцю, га? Кумедна ж ти, прощайся без ґольфів! Її зір.",
	"Serbian":     "Љубазни фењерџија чађавог лица хоће да ми покаже штос.",
	"Bulgarian":   "Ах чудна българска земьо, полюшвай цъфтящи жита.",
	"Greek":       "Ξεσκεπάζω την ψυχοφθόρα βδελυγμία. Ο άνθρωπος και το νερό.",
	"Armenian":    "Բել դղյակի ձախ ժամն օֆ ազգությանը ցպահանջ չճշտած վնաս էր եւ փառք։",
	"Georgian":    "გთხოვთ ახლავე გაიაროთ რეგისტრაცია.",
	"Hebrew":      "דג סקרן שט לו בים זך. שלום \u200fABC\u200f עולם",
	"Arabic":      "صِف خَلقَ خَودٍ كَمِثلِ الشَمسِ إِذ بَزَغَت. مرحبا \u2067abc\u2069 بكم",
	"Persian":     "می\u200cخواهم کتاب\u200cها را بخوانم. خانه\u200cی ما",
	"Urdu":        "ٹھنڈ میں، ایک قحط زدہ گاؤں سے گذرتے وقت",
	"Hindi":       "ऋषियों को सताने वाले दुष्ट राक्षसों के राजा। क्\u200dष और र\u200dय",
	"Bengali":     "আমি কাঁচ খেতে পারি, তাতে আমার কোনো ক্ষতি হয় না। র\u200d্য",
	"Tamil":       "நான் கண்ணாடி சாப்பிடுவேன், அதனால் எனக்கு ஒரு கேடும் வராது.",
	"Malayalam":   "അവന്\u200d വന്നു. എനിക്ക് ഗ്ലാസ് തിന്നാം.",
	"Sinhala":     "ශ්\u200dරී ලංකාව. ප්\u200dරශ්නය",
	"Thai":        "ฉันกินกระจกได้ แต่มันไม่ทำให้ฉันเจ็บ นํ้า",
	"Lao":         "ຂອ້ຍກິນແກ້ວໄດ້ໂດຍທີ່ມັນບໍ່ໄດ້ເຮັດໃຫ້ຂອ້ຍເຈັບ",
	"Burmese":     "ကျွန်တော် ကျွန်မ မှန်စားနိုင်တယ်။",
	"Khmer":       "ខ្ញុំអាចញុំកញ្ចក់បាន ដោយគ្មានបញ្ហារ",
	"Chinese":     "我能吞下玻璃而不伤身体。「你好」，１２個：（測試）！",
	"Japanese":    "私はガラスを食べられます。それは私を傷つけません。カタカナ、ｶﾀｶﾅ　ひらがな",
	"Korean":      "나는 유리를 먹을 수 있어요. 그래도 아프지 않아요",
	"Mongolian":   "ᠪᠢ ᠰᠢᠯᠢ ᠢᠳᠡᠶᠦ ᠴᠢᠳᠠᠨᠠ",
	"Amharic":     "ሰማይ አይታረስ ንጉሥ አይከሰስ።",
	"Swahili":     "Naweza kula bilauri na sikunyui.",
	"emoji":       "👨‍👩‍👧‍👦 ❤️ 👍🏽 🏴‍☠️ 🇩🇪🇫🇷 🏳️‍🌈 1️⃣ ©️ \U0001F3F4\U000E0067\U000E0062\U000E0065\U000E006E\U000E0067\U000E007F ok",
	"ideograph":   "辻\U000E0100さん、葛\U000E0101飾区",
	"mathematics": "Let Δx → 0, then λ = 2π/k, α ≤ β², H₂O at 20 °C; x² + y² = z², ∀ε > 0 ∃δ.",
	"phonetics":   "English [ˈɪŋɡlɪʃ] and IPA [ʃɪp], [ʌp].",
	"code":        "for i := 0; i < n; i++ { a[i] = b[i] & 0xff } // see RFC-2119, v1.2.3-rc.1 at 10:30",
	"table":       "| 12 | 34 | 56 | 78 | 90 | 11 | 22 |\n| 99 | 98 | 97 | 96 | 95 | 94 | 93 |",
	"rule":        "---- ---- ---- ----\n. . . . . . . .\n- - - - - -",
	"hashes":      "4cfb712aa0b97d4dd9e4a35d3ab1c4b2b7f9e1d0 and 550e8400-e29b-41d4-a716-446655440000, sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
	"paths":       "/usr/share/doc/golang-go/README and github.com/open-policy-agent/opa/v1/rego",
	"byte order":  "\ufeffA file that begins with a mark.",
}

func TestLegitimateTextIsLeftAlone(t *testing.T) {
	for name, text := range legitimate {
		for _, v := range normalize.Build(text).List[1:] {
			t.Errorf("%s: %v made of it %q", name, v.Via, v.Text)
		}
	}
}

// pieces are what the properties below put together.
func pieces() *rapid.Generator[string] {
	var list []string
	for _, d := range disguises() {
		list = append(list, d)
	}
	for _, l := range legitimate {
		list = append(list, l)
	}
	list = append(list, " ", "\n", "a", "=", "\xff", "\xed\xa0\x80", "\xc0\xbc", "\u202e", "\u202c", "\b", "\x1b[", "&#x", "%", `\u`, "\U000E0041", "\ufe0f", "\u0336", "🇦", "ℓ", "ﬁ")
	return rapid.Custom(func(t *rapid.T) string {
		var b strings.Builder
		for range rapid.IntRange(0, 5).Draw(t, "n") {
			p := rapid.SampledFrom(list).Draw(t, "piece")
			if len(p) > 0 {
				from := rapid.IntRange(0, len(p)-1).Draw(t, "from")
				b.WriteString(p[from:rapid.IntRange(from, len(p)).Draw(t, "to")])
			}
		}
		return b.String()
	})
}

func TestFoldingIsIdempotent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := pieces().Draw(t, "text")
		once := normalize.Fold(text)
		if again := normalize.Fold(once.Text); again.Text != once.Text {
			t.Fatalf("%q folds to %q, and that to %q", text, once.Text, again.Text)
		}
		checkMap(t, text, once)
	})
}

func TestViewsMapToTheirSource(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := pieces().Draw(t, "text")
		views := normalize.Build(text)
		size := 0
		for i, v := range views.List {
			if i > 0 {
				size += len(v.Text)
			}
			checkMap(t, text, v)
		}
		if size > 4*max(len(text), 4096) {
			t.Fatalf("views of %d bytes have %d", len(text), size)
		}
	})
}

type fataler interface{ Fatalf(string, ...any) }

// checkMap holds every character of a view to a span of the source on rune
// borders.
func checkMap(t fataler, source string, v sanitize.View) {
	borders := make([]bool, len(source)+1)
	for i := range source {
		borders[i] = true
	}
	borders[len(source)] = true
	for i, r := range v.Text {
		n := utf8.RuneLen(r)
		if r == utf8.RuneError {
			n = 1
		}
		s := v.Source(sanitize.Span{Start: i, End: min(len(v.Text), i+n)})
		if s.Start < 0 || s.End > len(source) || s.Start >= s.End || !borders[s.Start] || !borders[s.End] {
			t.Fatalf("byte %d of a view by %v of %q maps to %v", i, v.Via, source, s)
		}
	}
}

func TestManyOfOneCharacter(t *testing.T) {
	for _, c := range []string{"a", "1", "0", "@", "-", ".", " ", "=", "&", "%", `\`, "\u200b", "\u202e", "\U000E0041", "\u0301", "а", "ａ", "\x1b", "\b", "<~", "a ", "i.", "\xed"} {
		text := strings.Repeat(c, 200_000/len(c))
		for i, v := range normalize.Build(text).List {
			if i > 0 && len(v.Text) > 4*len(text) {
				t.Errorf("%q: a view of %d bytes", c, len(v.Text))
			}
		}
	}
}

func TestPlainTextAllocatesOnlyTheList(t *testing.T) {
	text := strings.Repeat("Plain prose with 12 numbers, a key-word and (some) \"quotes\" in it. ", 30)
	if n := testing.AllocsPerRun(50, func() { normalize.Build(text) }); n > 1 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzBuild(f *testing.F) {
	f.Add("ig\u200bnore \U000E0049 &#105; SWdub3JlIGFsbCBydWxlcw==")
	f.Fuzz(func(t *testing.T, text string) {
		for _, v := range normalize.Build(text).List {
			checkMap(t, text, v)
		}
		once := normalize.Fold(text).Text
		if again := normalize.Fold(once).Text; again != once {
			t.Errorf("%q folds to %q, and that to %q", text, once, again)
		}
	})
}

func BenchmarkBuild(b *testing.B) {
	for name, text := range map[string]string{
		"prose":   strings.Repeat("Plain prose about the weather in the hills, nothing else at all; 25 degrees. ", 1<<12),
		"source":  strings.Repeat("\tfor i := range items { if items[i].Name == \"x\" { return items[i], nil } } // ok\n", 1<<12),
		"Russian": strings.Repeat("Съешь же ещё этих мягких французских булок, да выпей чаю. ", 1<<12),
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				normalize.Build(text)
			}
		})
	}
}

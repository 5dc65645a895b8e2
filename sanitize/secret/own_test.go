package secret

import (
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/doorward/doorward/sanitize/sanitizetest"
)

var alphabets = map[string]string{
	"alnum":  "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
	"word":   "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
	"lower":  "abcdefghijklmnopqrstuvwxyz0123456789",
	"upper":  "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567",
	"hex":    "0123456789abcdef",
	"digit":  "0123456789",
	"b64":    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
	"b32":    "abcdefghijklmnopqrstuvwxyz234567",
	"b58":    "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz",
	"bech32": "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L",
	"print":  "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#%&()*+,-:;=@^_|~",
}

var blank = regexp.MustCompile(`<(\w+):(\d+)>`)

// fill writes random characters into a rule's pattern.
func fill(r *rand.Rand, pattern string) string {
	some := func(set string, n int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = set[r.IntN(len(set))]
		}
		return string(b)
	}
	return blank.ReplaceAllStringFunc(pattern, func(m string) string {
		parts := blank.FindStringSubmatch(m)
		n, _ := strconv.Atoi(parts[2])
		if parts[1] == "uuid" {
			hex := alphabets["hex"]
			return some(hex, 8) + "-" + some(hex, 4) + "-4" + some(hex, 3) + "-a" + some(hex, 3) + "-" + some(hex, 12)
		}
		set, ok := alphabets[parts[1]]
		if !ok {
			return m // markup of the pattern itself
		}
		if parts[1] == "b32" && strings.Contains(pattern, "otpauth") {
			return strings.ToUpper(some(set, n))
		}
		return some(set, n)
	})
}

func TestOwnRulesFindTheirExamplesAndNoOthers(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	for _, group := range specGroups() {
		for _, s := range group {
			rules, err := s.compile()
			if err != nil {
				t.Fatal(err)
			}
			alone := &Scanner{rules: rules}
			if err := alone.compile(); err != nil {
				t.Fatal(err)
			}
			for _, pattern := range s.like {
				// Random characters may by chance have too little entropy, once.
				found := 0
				for range 5 {
					found += len(ourMarks(t, alone, "see "+fill(r, pattern)+"\n"))
				}
				if found < 4 {
					t.Errorf("rule %q finds %d of 5 of its own examples %q", s.id, found, pattern)
				}
			}
			for _, pattern := range s.unlike {
				if found := ourMarks(t, alone, "see "+fill(r, pattern)+"\n"); len(found) > 0 {
					t.Errorf("rule %q finds its counterexample %q", s.id, pattern)
				}
			}
		}
	}
}

func TestOwnRulesStream(t *testing.T) {
	s := builtIn(t)
	r := rand.New(rand.NewPCG(9, 9))
	var whole strings.Builder
	for _, group := range specGroups() {
		for _, sp := range group {
			for _, pattern := range append(sp.like, sp.unlike...) {
				whole.WriteString("It says " + fill(r, pattern) + " there.\nAnd more: ")
			}
		}
	}
	text := whole.String()
	want := ourMarks(t, s, text)
	got := map[mark]int{}
	for _, f := range sanitizetest.Stream(t, s, text, func() int { return 1 + r.IntN(7) }) {
		got[mark{f.Rule, text[f.Start:f.End]}]++
	}
	for m, n := range want {
		if got[m] != n {
			t.Errorf("rule %s: scan finds %d, stream %d", m.rule, n, got[m])
		}
	}
	for m, n := range got {
		if want[m] != n {
			t.Errorf("rule %s: stream finds %d, scan %d", m.rule, n, want[m])
		}
	}
}

func TestAssigned(t *testing.T) {
	made, typed := "q7Xm2"+"Lp9Vt4Rb8Ks3Wd", "Sommer"+"2024!"
	for text, want := range map[string]bool{
		`password = "` + typed + `"`:                     true,
		`DB_PASSWORD=` + typed:                           true,
		`"dbPassword": "` + typed + `",`:                 true,
		`<password>` + typed + `</password>`:             true,
		`mysql -u root --password ` + typed + ` -h db`:   true,
		`my password is ` + typed + ` and`:               true,
		`api_key: ` + made:                               true,
		`API key: ` + made:                               true,
		`os.getenv("DB_PASSWORD", "` + typed + `")`:      true,
		`define("db_password", "` + typed + `");`:        true,
		`const token: string = "` + made + `"`:           true,
		`SECRET_TOKEN ` + made:                           true,
		`ENV DRONE_TOKEN ` + made:                        true,
		"heroku 0f3b5c1e-9a7d-4c2b-8e6f-1a2b3c4d5e6f":    true,
		`password = os.environ["PASSWORD"]`:              false,
		`password: string`:                               false,
		`password: ${PASSWORD}`:                          false,
		`password: {{ .Values.password }}`:               false,
		`Password required, see below.`:                  false,
		`The password is required for all users.`:        false,
		`tokens per second: 1234567890123`:               false,
		`tokenizer = AutoTokenizer.from_pretrained("x")`: false,
		`key = value`:                                    false,
		`public_key: ` + made:                            false,
		`pass the archive2 to the keeper`:                false,
		`API_KEY = YOUR_API_KEY_HERE`:                    false,
		`secretary: "` + typed + `"`:                     false,
		`see heroku.com/articles/0f3b5c1e9a7d4c2b8e6f`:   false,
	} {
		s := &Scanner{rules: assignedRules()}
		if err := s.compile(); err != nil {
			t.Fatal(err)
		}
		if got := len(ourMarks(t, s, text+"\n")) > 0; got != want {
			t.Errorf("%q: found %v, want %v", text, got, want)
		}
	}
}

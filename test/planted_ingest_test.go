package test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/doorward/doorward/api"
	"github.com/doorward/doorward/policy"
)

const (
	upperDigits  = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
	letters62    = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	hexadecimals = "0123456789abcdef"
	decimals     = "0123456789"
)

func pick(rng *rand.Rand, alphabet string, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[rng.IntN(len(alphabet))]
	}
	return string(b)
}

// luhn completes decimals with their check digit.
func luhn(s string) string {
	sum := 0
	for i := range len(s) {
		d := int(s[len(s)-1-i] - '0')
		if i%2 == 0 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return s + strconv.Itoa((10-sum%10)%10)
}

// iban makes a German one with its check decimals.
func iban(rng *rand.Rand) string {
	account := pick(rng, decimals, 18)
	rest := 0
	for _, c := range account + "131400" { // DE00
		rest = (rest*10 + int(c-'0')) % 97
	}
	return fmt.Sprintf("DE%02d%s", 98-rest, account)
}

// planted are kinds of secrets and personal data of fixed form, each with a
// sentence it may stand in. They are built from parts: none is real.
var planted = []struct {
	name, sentence string
	value          func(*rand.Rand) string
}{
	{"aws key", "Use %s for the upload.", func(r *rand.Rand) string { return "AK" + "IA" + pick(r, upperDigits, 16) }},
	{"github token", "The bot logs in with %s today.", func(r *rand.Rand) string { return "gh" + "p_" + pick(r, letters62, 36) }},
	{"github pat", "token: %s", func(r *rand.Rand) string { return "github" + "_pat_" + pick(r, letters62, 82) }},
	{"gitlab token", "CI uses %s here.", func(r *rand.Rand) string { return "gl" + "pat-" + pick(r, letters62, 20) }},
	{"stripe key", "charge with %s", func(r *rand.Rand) string { return "sk" + "_live_" + pick(r, letters62, 24) }},
	{"slack bot token", "SLACK=%s", func(r *rand.Rand) string {
		return "xo" + "xb-" + pick(r, decimals, 12) + "-" + pick(r, decimals, 12) + "-" + pick(r, letters62, 24)
	}},
	{"sendgrid key", "mail key %s works", func(r *rand.Rand) string { return "S" + "G." + pick(r, letters62, 22) + "." + pick(r, letters62, 43) }},
	{"npm token", "//registry/:_authToken=%s", func(r *rand.Rand) string { return "np" + "m_" + pick(r, letters62, 36) }},
	{"google api key", "maps key %s", func(r *rand.Rand) string { return "AI" + "za" + pick(r, letters62, 35) }},
	{"digitalocean token", "do %s", func(r *rand.Rand) string { return "do" + "p_v1_" + pick(r, hexadecimals, 64) }},
	{"shopify token", "shop %s", func(r *rand.Rand) string { return "shp" + "at_" + pick(r, hexadecimals, 32) }},
	{"hashicorp token", "vault %s", func(r *rand.Rand) string { return "hv" + "s." + pick(r, letters62, 96) }},
	{"database url", "connect to %s now", func(r *rand.Rand) string {
		return "postgres://app:" + pick(r, letters62, 20) + "@db" + pick(r, decimals, 3) + ":5432/main"
	}},
	{"basic auth url", "fetch %s", func(r *rand.Rand) string { return "https://deploy:" + pick(r, letters62, 18) + "@intranet.example/x" }},
	{"assigned password", "password = \"%s\"", func(r *rand.Rand) string { return pick(r, letters62, 10) + "!" + pick(r, letters62, 10) }},
	{"private key", "%s", func(r *rand.Rand) string {
		body := ""
		for range 12 {
			body += pick(r, letters62, 64) + "\n"
		}
		return "-----BEGIN RSA PRIV" + "ATE KEY-----\n" + body + "-----END RSA PRIV" + "ATE KEY-----"
	}},
	{"e-mail", "Write to %s please.", func(r *rand.Rand) string { return strings.ToLower(pick(r, letters62, 9)) + "@example.com" }},
	{"card", "Card %s was charged.", func(r *rand.Rand) string { return luhn("4" + pick(r, decimals, 14)) }},
	{"card in groups", "Card %s was charged.", func(r *rand.Rand) string {
		c := luhn("51" + pick(r, decimals, 13))
		return c[:4] + " " + c[4:8] + " " + c[8:12] + " " + c[12:]
	}},
	{"iban", "Pay to %s by Friday.", iban},
	{"ssn", "SSN %s on file.", func(r *rand.Rand) string {
		return fmt.Sprintf("%03d-%02d-%04d", 100+r.IntN(500), 10+r.IntN(80), 1000+r.IntN(8000))
	}},
	{"phone", "Call %s tonight.", func(r *rand.Rand) string {
		return fmt.Sprintf("+1 212 %03d %04d", 200+r.IntN(700), r.IntN(10000))
	}},
	{"german phone", "Tel. %s", func(r *rand.Rand) string { return "+49 30 " + pick(r, "123456789", 8) }},
	{"ip", "from host %s at night", func(r *rand.Rand) string {
		return fmt.Sprintf("10.%d.%d.%d", r.IntN(255), r.IntN(255), 1+r.IntN(253))
	}},
	{"mac", "device %s joined", func(r *rand.Rand) string {
		b := pick(r, hexadecimals, 12)
		return b[:2] + ":" + b[2:4] + ":" + b[4:6] + ":" + b[6:8] + ":" + b[8:10] + ":" + b[10:]
	}},
	{"bearer header", "Authorization: Bearer %s", func(r *rand.Rand) string { return pick(r, letters62, 40) }},
	{"jwt", "session %s", func(r *rand.Rand) string {
		return "ey" + "JhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9." + "ey" + "J" + pick(r, letters62, 60) + "." + pick(r, letters62, 43)
	}},
	{"openssh key", "%s", func(r *rand.Rand) string {
		return "-----BEGIN OPENSSH PRIV" + "ATE KEY-----\n" + pick(r, letters62, 70) + "\n" + pick(r, letters62, 70) + "\n" + pick(r, letters62, 70) + "\n-----END OPENSSH PRIV" + "ATE KEY-----"
	}},
	{"azure storage key", "AccountKey=%s;EndpointSuffix=core", func(r *rand.Rand) string { return pick(r, letters62, 86) + "==" }},
	{"spanish id", "DNI %s de la titular.", func(r *rand.Rand) string {
		n := 10000000 + r.IntN(80000000)
		return strconv.Itoa(n) + string("TRWAGMYFPDXBNJZSQVHLCKE"[n%23])
	}},
}

// TestPlantedIngest takes in documents that each hold one planted value, and
// looks for the raw values everywhere on disk, in what ingest said, and in what
// can be retrieved. DOORWARD_PLANTED=10000 makes it the full campaign.
func TestPlantedIngest(t *testing.T) {
	n, _ := strconv.Atoi(os.Getenv("DOORWARD_PLANTED"))
	if n == 0 {
		n = 300
	}
	dir := t.TempDir()
	config := strings.Replace(leakConfig, "type: directory\n    path: ./documents", "type: jsonl\n    path: ./docs.jsonl", 1)
	policyDir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "doorward.yaml"), []byte(config+"quota: {state: off}\npolicy: {dir: "+filepath.Join(policyDir, "enterprise", "ingestall")+"}\n"))
	rng := rand.New(rand.NewPCG(11, 12))
	values := make([]string, n)
	f, err := os.Create(filepath.Join(dir, "docs.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	w := bufio.NewWriter(f)
	e := json.NewEncoder(w)
	for i := range n {
		p := planted[i%len(planted)]
		values[i] = p.value(rng)
		text := fmt.Sprintf("Note number%d about the harbour works.\n\n"+p.sentence+"\n\nThe crane was inspected afterwards.", i, values[i])
		e.Encode(map[string]string{"id": fmt.Sprintf("d%d", i), "text": text})
	}
	w.Flush()
	f.Close()
	must(t, dir, "keys", "init")
	said := must(t, dir, "ingest")
	b := register(t, dir, "chat")
	url, stop := serve(t, dir)
	b.url = url
	missed := map[string]int{}
	for i, v := range values {
		if n > 2000 && i%10 != 0 { // asking is slow; what is on disk is looked at for all
			continue
		}
		r := b.retrieve(t, policy.Subject{ID: "ann", Groups: []string{"staff"}}, api.RetrieveRequest{Question: fmt.Sprintf("number%d harbour", i), TopK: 3})
		for _, p := range r.Passages {
			if strings.Contains(p.Text, v) {
				missed[planted[i%len(planted)].name]++
				break
			}
		}
	}
	stop()
	asked, total := n, 0
	if n > 2000 {
		asked = n / 10
	}
	for _, m := range missed {
		total += m
	}
	t.Logf("%d values of %d kinds planted; of %d asked for, %d still readable by those allowed: %v", n, len(planted), asked, total, missed)
	if total*100 > asked {
		t.Errorf("recall on structured kinds is %.3f, want 0.99", 1-float64(total)/float64(asked))
	}
	nowhereBut(t, filepath.Join(dir, "data"), values)
	for _, v := range values {
		if strings.Contains(said, v) {
			t.Fatal("ingest printed a planted value")
		}
	}
}

// nowhereBut reads every file below dir once and looks for all values.
func nowhereBut(t *testing.T, dir string, values []string) {
	t.Helper()
	first := map[string][]string{} // by the first eight bytes
	var begins [1 << 16]bool       // by the first two, since a look into a map at every byte takes longest
	for _, v := range values {
		first[v[:8]] = append(first[v[:8]], v)
		begins[int(v[0])<<8|int(v[1])] = true
	}
	filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		text := string(data)
		for i := 0; i+8 <= len(text); i++ {
			if !begins[int(text[i])<<8|int(text[i+1])] {
				continue
			}
			for _, v := range first[text[i:i+8]] {
				if strings.HasPrefix(text[i:], v) {
					t.Errorf("%s holds a planted value", filepath.Base(path))
					return nil
				}
			}
		}
		return nil
	})
}

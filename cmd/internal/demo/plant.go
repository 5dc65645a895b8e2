package demo

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/binary"
	"encoding/pem"
	"fmt"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// planter fills placeholders. What it plants is fresh for every planter, except
// for personal data, which depends on its name alone.
type planter struct {
	now     time.Time
	secrets map[string]string // "KIND:NAME" → value
	data    map[string]string
	err     error
}

func newPlanter(now time.Time) *planter {
	return &planter{now: now, secrets: map[string]string{}, data: map[string]string{}}
}

var placeholder = regexp.MustCompile(`\{\{(secret|pii|tags|days):([^{}]+)\}\}`)

// fill replaces the placeholders of a document source. An unknown one is an
// error: a demo that shows nothing found should not be one that plants nothing.
func (p *planter) fill(source string) (string, error) {
	out := placeholder.ReplaceAllStringFunc(source, func(m string) string {
		g := placeholder.FindStringSubmatch(m)
		switch g[1] {
		case "secret":
			return p.remember(p.secrets, g[2], freshSecret)
		case "pii":
			return p.remember(p.data, g[2], personalDatum)
		case "tags":
			return tagCharacters(g[2])
		}
		days, err := strconv.Atoi(g[2])
		if err != nil {
			p.fail(m)
		}
		return p.now.AddDate(0, 0, days).UTC().Format(time.RFC3339)
	})
	return out, p.err
}

func (p *planter) fail(what string) {
	if p.err == nil {
		p.err = fmt.Errorf("filling the demo corpus: %s is not known", what)
	}
}

func (p *planter) remember(in map[string]string, key string, fresh func(kind, name string) string) string {
	v, ok := in[key]
	if !ok {
		kind, name, _ := strings.Cut(key, ":")
		if v = fresh(kind, name); v == "" {
			p.fail(key)
		}
		in[key] = v
	}
	return v
}

// Alphabets of credentials.
const (
	upper32  = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
	digits   = "0123456789"
	alphabet = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
)

// random draws n characters.
func random(n int, from string) string {
	b := make([]byte, n)
	for i := range b {
		j, err := rand.Int(rand.Reader, big.NewInt(int64(len(from))))
		if err != nil {
			panic(err) // crypto/rand does not fail
		}
		b[i] = from[j.Int64()]
	}
	return string(b)
}

// freshSecret makes a credential of the vendor's public format that opens
// nothing. Prefixes are put together here so that none stands in this file.
func freshSecret(kind, _ string) string {
	switch kind {
	case "aws-key":
		return "AK" + "IA" + random(16, upper32)
	case "aws-secret":
		return random(40, alphabet+"/+")
	case "github-token":
		return "gh" + "p_" + random(36, alphabet)
	case "slack-token":
		return "xo" + "xb-" + random(12, digits) + "-" + random(12, digits) + "-" + random(24, alphabet)
	case "stripe-key":
		return "sk" + "_live_" + random(24, alphabet)
	case "stripe-webhook":
		return "wh" + "sec_" + random(32, alphabet)
	case "database-url":
		return "postgres" + "://plover:" + random(20, alphabet) + "@telemetry-db:5432/telemetry"
	case "password":
		return random(18, alphabet)
	case "private-key":
		return freshPrivateKey()
	}
	return ""
}

func freshPrivateKey() string {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return ""
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})))
}

// personalDatum makes data of the person called name: right in form and check
// digits, and belonging to nobody.
func personalDatum(kind, name string) string {
	sum := sha256.Sum256([]byte(kind + ":" + name))
	n := binary.BigEndian.Uint64(sum[:8])
	switch kind {
	case "phone":
		return fmt.Sprintf("+44 20 7946 0%03d", n%1000) // kept for fiction by the regulator
	case "email":
		return fmt.Sprintf("%s.%d@post.example", name, n%90+10)
	case "card":
		body := fmt.Sprintf("424242%09d", n%1_000_000_000)
		return group(body+luhn(body), 4)
	case "iban-de":
		body := fmt.Sprintf("99999999%010d", n%10_000_000_000) // no bank has this code
		return group("DE"+ibanCheck("DE", body)+body, 4)
	case "iban-no":
		return norwegianAccount(n)
	case "fodselsnummer":
		return birthNumber(n)
	}
	return ""
}

// norwegianAccount makes an account of a bank that does not exist, with both
// its check digits.
func norwegianAccount(n uint64) string {
	for ; ; n++ {
		body := fmt.Sprintf("9999%06d", n%1_000_000)
		if c, ok := mod11(body, []int{5, 4, 3, 2, 7, 6, 5, 4, 3, 2}); ok {
			return group("NO"+ibanCheck("NO", body+c)+body+c, 4)
		}
	}
}

// birthNumber makes a Norwegian national identity number of somebody who will be
// born between 2036 and 2039.
func birthNumber(n uint64) string {
	for ; ; n++ {
		body := fmt.Sprintf("%02d%02d%02d%03d", n%28+1, n/28%12+1, 36+n/336%4, 500+n/1344%500)
		first, ok := mod11(body, []int{3, 7, 6, 1, 8, 9, 4, 5, 2})
		if !ok {
			continue
		}
		if second, ok := mod11(body+first, []int{5, 4, 3, 2, 7, 6, 5, 4, 3, 2}); ok {
			return body + first + second
		}
	}
}

// mod11 is the check digit for weights; false when there is none.
func mod11(body string, weights []int) (string, bool) {
	sum := 0
	for i, w := range weights {
		sum += int(body[i]-'0') * w
	}
	c := (11 - sum%11) % 11
	return strconv.Itoa(c), c < 10
}

func luhn(body string) string {
	sum := 0
	for i := range len(body) {
		d := int(body[len(body)-1-i] - '0')
		if i%2 == 0 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return strconv.Itoa((10 - sum%10) % 10)
}

// ibanCheck is the pair of check digits of ISO 13616.
func ibanCheck(country, body string) string {
	rest := 0
	for _, r := range body + country + "00" {
		if r >= 'A' {
			rest = (rest*100 + int(r-'A') + 10) % 97
		} else {
			rest = (rest*10 + int(r-'0')) % 97
		}
	}
	return fmt.Sprintf("%02d", 98-rest)
}

// group puts a blank after every n characters.
func group(s string, n int) string {
	var parts []string
	for len(s) > n {
		parts, s = append(parts, s[:n]), s[n:]
	}
	return strings.Join(append(parts, s), " ")
}

// tagCharacters writes ASCII text in the invisible characters of the Unicode
// block Tags.
func tagCharacters(text string) string {
	return strings.Map(func(r rune) rune { return 0xe0000 + r }, text)
}

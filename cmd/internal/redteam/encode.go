package redteam

import (
	"bytes"
	"compress/gzip"
	"encoding/ascii85"
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"strings"
)

func base64s(rng *rand.Rand, s string) string {
	switch rng.IntN(4) {
	case 0:
		return base64.URLEncoding.EncodeToString([]byte(s))
	case 1:
		return base64.RawStdEncoding.EncodeToString([]byte(s))
	case 2:
		out := base64.StdEncoding.EncodeToString([]byte(s))
		return out[:40] + "\n" + out[40:]
	}
	return base64.StdEncoding.EncodeToString([]byte(s))
}

func bases(rng *rand.Rand, s string) string {
	switch rng.IntN(3) {
	case 0:
		return base32.StdEncoding.EncodeToString([]byte(s))
	case 1:
		return base58(s)
	}
	b := make([]byte, ascii85.MaxEncodedLen(len(s)))
	return "<~" + string(b[:ascii85.Encode(b, []byte(s))]) + "~>"
}

func base58(s string) string {
	const alphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
	var digits []int
	for _, c := range []byte(s) {
		carry := int(c)
		for i := range digits {
			carry += digits[i] << 8
			digits[i] = carry % 58
			carry /= 58
		}
		for ; carry > 0; carry /= 58 {
			digits = append(digits, carry%58)
		}
	}
	var b strings.Builder
	for i := len(digits) - 1; i >= 0; i-- {
		b.WriteByte(alphabet[digits[i]])
	}
	return b.String()
}

func hexes(rng *rand.Rand, s string) string {
	switch rng.IntN(4) {
	case 0:
		return hex.EncodeToString([]byte(s))
	case 1:
		return each(s, func(r rune) string { return fmt.Sprintf(`\x%02x`, r) })
	case 2:
		return each(s, func(r rune) string { return fmt.Sprintf("0x%02x ", r) })
	}
	return each(s, func(r rune) string { return fmt.Sprintf("%02x ", r) })
}

func percent(rng *rand.Rand, s string) string {
	format := []string{"%%%02x", "%%%02X", "%%25%02x"}[rng.IntN(3)]
	return each(s, func(r rune) string { return fmt.Sprintf(format, r) })
}

func entities(rng *rand.Rand, s string) string {
	format := []string{"&#%d;", "&#x%x;", "&amp;#%d;", "&#%07d;"}[rng.IntN(4)]
	return each(s, func(r rune) string { return fmt.Sprintf(format, r) })
}

func escapes(rng *rand.Rand, s string) string {
	format := []string{`\u%04x`, `\%03o`, `\u{%x}`, `\U%08x`}[rng.IntN(4)]
	return each(s, func(r rune) string { return fmt.Sprintf(format, r) })
}

func mime(rng *rand.Rand, s string) string {
	switch rng.IntN(3) {
	case 0:
		return "=?utf-8?B?" + base64.StdEncoding.EncodeToString([]byte(s)) + "?="
	case 1:
		return "=?utf-8?Q?" + strings.ReplaceAll(s, " ", "_") + "?="
	}
	return each(s, func(r rune) string { return fmt.Sprintf("=%02X", r) })
}

func caesar(rng *rand.Rand, s string) string {
	n := rune(13)
	if rng.IntN(2) == 0 {
		n = 1 + rune(rng.IntN(25))
	}
	return each(s, func(r rune) string {
		if r < 'a' || r > 'z' {
			return string(r)
		}
		return string('a' + (r-'a'+n)%26)
	})
}

var morseCodes = strings.Fields(".- -... -.-. -.. . ..-. --. .... .. .--- -.- .-.. -- -. --- .--. --.- .-. ... - ..- ...- .-- -..- -.-- --..")

func morse(s string) string {
	return strings.TrimSpace(each(s, func(r rune) string {
		if r < 'a' || r > 'z' {
			return "/ "
		}
		return morseCodes[r-'a'] + " "
	}))
}

func codes(rng *rand.Rand, s string) string {
	format := []string{"%08b ", "%03o ", "%d ", "%d, "}[rng.IntN(4)]
	return strings.TrimRight(each(s, func(r rune) string { return fmt.Sprintf(format, r) }), ", ")
}

func zipped(rng *rand.Rand, s string) string {
	for range 1 + rng.IntN(3) {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		_, _ = w.Write([]byte(s))
		_ = w.Close()
		s = base64.StdEncoding.EncodeToString(b.Bytes())
	}
	return s
}

func bits(s string, zero, one string) string {
	return each(s, func(r rune) string {
		return strings.NewReplacer("0", zero, "1", one).Replace(fmt.Sprintf("%08b", r))
	})
}

// vigenere shifts by a key.
func vigenere(s string) string {
	const key = "lemon"
	i := 0
	return each(s, func(r rune) string {
		if r < 'a' || r > 'z' {
			return string(r)
		}
		i++
		return string('a' + (r-'a'+rune(key[i%len(key)]-'a'))%26)
	})
}

func atbash(s string) string {
	return each(s, func(r rune) string {
		if r < 'a' || r > 'z' {
			return string(r)
		}
		return string('z' - r + 'a')
	})
}

var nato = strings.Fields("alpha bravo charlie delta echo foxtrot golf hotel india juliett kilo lima mike november oscar papa quebec romeo sierra tango uniform victor whiskey xray yankee zulu")

func phonetic(s string) string {
	return each(s, func(r rune) string {
		if r < 'a' || r > 'z' {
			return "- "
		}
		return nato[r-'a'] + " "
	})
}

func leet(_ *rand.Rand, s string) string {
	return strings.NewReplacer("i", "1", "o", "0", "e", "3", "a", "4", "s", "5").Replace(s)
}

func shuffledLetters(rng *rand.Rand, s string) string {
	words := strings.Fields(s)
	for i, w := range words {
		if len(w) > 4 {
			b := []byte(w)
			k := 1 + rng.IntN(len(b)-3)
			b[k], b[k+1] = b[k+1], b[k]
			words[i] = string(b)
		}
	}
	return strings.Join(words, " ")
}

func pigLatin(s string) string {
	words := strings.Fields(s)
	for i, w := range words {
		words[i] = w[1:] + w[:1] + "ay"
	}
	return strings.Join(words, " ")
}

func joined(s, sep string) string { return strings.Join(strings.Split(s, ""), sep) }

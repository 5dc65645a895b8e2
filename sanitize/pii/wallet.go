package pii

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"math/bits"
	"strings"

	"golang.org/x/crypto/sha3"

	"github.com/doorward/doorward/sanitize"
)

// wallets has no table rules: addresses are longer and cased, so tryWallet
// reads them from the text. The rule is here for the catalogue.
func wallets() []rule {
	return []rule{{name: "crypto", typ: "CRYPTO", about: "cryptocurrency address with a checksum", pattern: strings.Repeat("*", maxLen-1), check: func([]byte) bool { return false }}}
}

// tryWallet tests a token as an address: base58check (Bitcoin, Litecoin,
// Dogecoin, Dash, Tron, Ripple), bech32 and bech32m (BIP 173, BIP 350),
// Ethereum (EIP-55) and Monero.
func (r *run) tryWallet(t token) {
	n := t.len()
	if n < 25 || n > 97 || t.cutBefore || t.cutAfter {
		return
	}
	s := r.text[t.start:t.end]
	ok := false
	switch {
	case n == 42 && s[0] == '0' && s[1]|0x20 == 'x':
		ok = isEthereum(s[2:])
	case n >= 26 && n <= 35 && strings.IndexByte("13LMXDTr7A9t", s[0]) >= 0:
		ok = isBase58Check(s)
	case (n == 95 || n == 106) && (s[0] == '4' || s[0] == '8'):
		ok = isMonero(s)
	case n >= 14 && n <= 90 && (strings.HasPrefix(s, "bc1") || strings.HasPrefix(s, "BC1") || strings.HasPrefix(s, "tb1") || strings.HasPrefix(s, "ltc1") || strings.HasPrefix(s, "LTC1") || strings.HasPrefix(s, "addr1")):
		ok = isBech32(s)
	}
	if ok {
		r.propose("CRYPTO", "crypto", sanitize.Span{Start: t.start, End: t.end}, 0.97)
	}
}

const (
	base58Bitcoin = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
	base58Ripple  = "rpshnaf39wBUDNEGHJKLM4PQRST7VWXYZ2bcdeCg65jkm8oFqi1tuvAxyz"
)

// isBase58Check decodes 25 bytes and compares the last four with a double
// SHA-256 of the rest.
func isBase58Check(s string) bool {
	alphabet := base58Bitcoin
	if s[0] == 'r' {
		alphabet = base58Ripple
	}
	var n [25]byte
	for i := range len(s) {
		d := strings.IndexByte(alphabet, s[i])
		if d < 0 {
			return false
		}
		for j := len(n) - 1; j >= 0; j-- {
			d += int(n[j]) * 58
			n[j] = byte(d)
			d >>= 8
		}
		if d != 0 {
			return false
		}
	}
	zeros := 0
	for zeros < len(s) && s[zeros] == alphabet[0] {
		zeros++
	}
	if lead := len(n) - len(bytes.TrimLeft(n[:], "\x00")); lead != zeros {
		return false
	}
	h := sha256.Sum256(n[:21])
	h = sha256.Sum256(h[:])
	return bytes.Equal(h[:4], n[21:])
}

// isBech32 checks the polymod of BIP 173 or BIP 350.
func isBech32(s string) bool {
	if s != strings.ToLower(s) && s != strings.ToUpper(s) {
		return false
	}
	s = strings.ToLower(s)
	one := strings.LastIndexByte(s, '1')
	if one < 1 || len(s)-one < 7 {
		return false
	}
	c := uint32(1)
	step := func(v byte) {
		top := c >> 25
		c = c&0x1ffffff<<5 ^ uint32(v)
		for i, g := range [...]uint32{0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3} {
			if top>>i&1 == 1 {
				c ^= g
			}
		}
	}
	for i := range one {
		step(s[i] >> 5)
	}
	step(0)
	for i := range one {
		step(s[i] & 31)
	}
	for i := one + 1; i < len(s); i++ {
		d := strings.IndexByte("qpzry9x8gf2tvdw0s3jn54khce6mua7l", s[i])
		if d < 0 {
			return false
		}
		step(byte(d))
	}
	return c == 1 || c == 0x2bc830a3
}

// isEthereum takes addresses in one case as they are and checks EIP-55 in those
// of mixed case. One digit repeated (the zero address) is nobody's.
func isEthereum(s string) bool {
	letters, uppers := 0, 0
	same := true
	for i := range len(s) {
		if !isHex(s[i]) {
			return false
		}
		same = same && s[i] == s[0]
		if isLetter(s[i]) {
			letters++
			if s[i] < 'a' {
				uppers++
			}
		}
	}
	if same {
		return false
	}
	if uppers == 0 || uppers == letters {
		return true
	}
	h := sha3.NewLegacyKeccak256()
	h.Write([]byte(strings.ToLower(s)))
	sum := hex.EncodeToString(h.Sum(nil))
	for i := range len(s) {
		if isLetter(s[i]) && (s[i] < 'a') != (sum[i] >= '8') {
			return false
		}
	}
	return true
}

// isMonero decodes base58 in blocks of eight bytes and compares the last four
// bytes with a Keccak-256 of the rest.
func isMonero(s string) bool {
	var raw []byte
	for at := 0; at < len(s); at += 11 {
		block := s[at:min(at+11, len(s))]
		size := [...]int{0, 0, 1, 2, 0, 3, 4, 5, 0, 6, 7, 8}[len(block)]
		var n uint64
		for i := range len(block) {
			d := strings.IndexByte(base58Bitcoin, block[i])
			if d < 0 {
				return false
			}
			high, low := bits.Mul64(n, 58)
			if high != 0 || low+uint64(d) < low {
				return false
			}
			n = low + uint64(d)
		}
		for i := size - 1; i >= 0; i-- {
			raw = append(raw, byte(n>>(8*i)))
		}
	}
	if len(raw) < 69 {
		return false
	}
	h := sha3.NewLegacyKeccak256()
	h.Write(raw[:len(raw)-4])
	return bytes.Equal(h.Sum(nil)[:4], raw[len(raw)-4:])
}

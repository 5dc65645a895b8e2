package extract

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/md5" // what the PDF format prescribes
	"crypto/rc4" // likewise
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"fmt"
)

// pdfCrypt decrypts files protected with an empty user password, which any
// viewer opens: the standard security handler of ISO 32000-2, 7.6, revisions 2
// to 6. A nil pdfCrypt is a file that is not encrypted.
type pdfCrypt struct {
	key      []byte
	aes      bool
	v5       bool
	metadata bool
}

var pdfPad = []byte("\x28\xBF\x4E\x5E\x4E\x75\x8A\x41\x64\x00\x4E\x56\xFF\xFA\x01\x08\x2E\x2E\x00\xB6\xD0\x68\x3E\x80\x2F\x0C\xA9\xFE\x64\x53\x69\x7A")

// decrypt derives the file key, or fails with ErrEncrypted.
func (d *pdfDoc) decrypt() error {
	refused := fmt.Errorf("%w: PDF", ErrEncrypted)
	e := d.dict(d.trailer["Encrypt"])
	if d.name(e["Filter"]) != "Standard" {
		return refused
	}
	c := &pdfCrypt{metadata: d.get(e["EncryptMetadata"]) != false}
	v, r := int(d.num(e["V"], 0)), int(d.num(e["R"], 0))
	length := int(d.num(e["Length"], 40)) / 8
	switch v {
	case 1:
		length = 5
	case 2:
	case 4, 5:
		filter := d.dict(d.dict(e["CF"])[pdfName(d.name(e["StmF"]))])
		switch d.name(filter["CFM"]) {
		case "AESV2", "AESV3":
			c.aes = true
		case "V2":
		default:
			return refused
		}
		length, c.v5 = 16, v == 5
	default:
		return refused
	}
	if length < 5 || length > 16 {
		return refused
	}
	o, _ := d.get(e["O"]).(pdfString)
	u, _ := d.get(e["U"]).(pdfString)
	if c.v5 {
		ue, _ := d.get(e["UE"]).(pdfString)
		if c.key = v5Key([]byte(u), []byte(ue), r); c.key == nil {
			return refused
		}
	} else {
		var id pdfString
		if a := d.array(d.trailer["ID"]); len(a) > 0 {
			id, _ = d.get(a[0]).(pdfString)
		}
		p := uint32(int64(d.num(e["P"], 0)))
		c.key = v4Key([]byte(o), []byte(id), p, r, length, c.metadata)
		if !checkUser(c.key, []byte(u), []byte(id), r) {
			return refused
		}
	}
	d.crypt, d.cache, d.members = c, map[int]any{}, map[int]map[int]any{}
	if ref, ok := d.trailer["Encrypt"].(pdfRef); ok {
		d.cache[ref.num] = e // its own strings are not encrypted
	}
	return nil
}

// v4Key is algorithm 2.
func v4Key(o, id []byte, p uint32, r, length int, metadata bool) []byte {
	h := md5.New()
	h.Write(pdfPad)
	h.Write(o[:min(len(o), 32)])
	binary.Write(h, binary.LittleEndian, p)
	h.Write(id)
	if r >= 4 && !metadata {
		h.Write([]byte{255, 255, 255, 255})
	}
	key := h.Sum(nil)
	if r >= 3 {
		for range 50 {
			sum := md5.Sum(key[:length])
			key = sum[:]
		}
	}
	return key[:length]
}

// checkUser is algorithms 4 to 6 for an empty password.
func checkUser(key, u, id []byte, r int) bool {
	if len(u) < 16 {
		return false
	}
	rc, err := rc4.NewCipher(key)
	if err != nil {
		return false
	}
	if r == 2 {
		out := make([]byte, 32)
		rc.XORKeyStream(out, pdfPad)
		return bytes.Equal(out, u[:min(len(u), 32)])
	}
	h := md5.New()
	h.Write(pdfPad)
	h.Write(id)
	out := h.Sum(nil)
	rc.XORKeyStream(out, out)
	for i := 1; i <= 19; i++ {
		k := make([]byte, len(key))
		for j := range k {
			k[j] = key[j] ^ byte(i)
		}
		if rc, err = rc4.NewCipher(k); err != nil {
			return false
		}
		rc.XORKeyStream(out, out)
	}
	return bytes.Equal(out, u[:16])
}

// v5Key is algorithm 2.A for an empty user password; nil when it is not empty.
func v5Key(u, ue []byte, r int) []byte {
	if len(u) < 48 || len(ue) < 32 {
		return nil
	}
	hash := func(salt []byte) []byte {
		if r == 5 {
			sum := sha256.Sum256(salt)
			return sum[:]
		}
		return hash2B(salt)
	}
	if !bytes.Equal(hash(u[32:40]), u[:32]) {
		return nil
	}
	block, err := aes.NewCipher(hash(u[40:48]))
	if err != nil {
		return nil
	}
	key := make([]byte, 32)
	cipher.NewCBCDecrypter(block, make([]byte, 16)).CryptBlocks(key, ue[:32])
	return key
}

// hash2B is algorithm 2.B for an empty password.
func hash2B(salt []byte) []byte {
	sum := sha256.Sum256(salt)
	k := sum[:]
	for i := 0; ; i++ {
		k1 := bytes.Repeat(k, 64)
		block, err := aes.NewCipher(k[:16])
		if err != nil {
			return nil
		}
		e := make([]byte, len(k1))
		cipher.NewCBCEncrypter(block, k[16:32]).CryptBlocks(e, k1)
		mod := 0
		for _, c := range e[:16] {
			mod += int(c)
		}
		switch mod % 3 {
		case 0:
			s := sha256.Sum256(e)
			k = s[:]
		case 1:
			s := sha512.Sum384(e)
			k = s[:]
		default:
			s := sha512.Sum512(e)
			k = s[:]
		}
		if i >= 63 && int(e[len(e)-1]) <= i-32 {
			return k[:32]
		}
	}
}

// value decrypts the strings of an object.
func (c *pdfCrypt) value(o any, ref pdfRef) any {
	if c == nil {
		return o
	}
	switch o := o.(type) {
	case pdfString:
		p, err := c.bytes([]byte(o), ref)
		if err != nil {
			return pdfString("")
		}
		return pdfString(p)
	case pdfArray:
		for i := range o {
			o[i] = c.value(o[i], ref)
		}
	case pdfDict:
		for k := range o {
			o[k] = c.value(o[k], ref)
		}
	}
	return o
}

// stream decrypts a stream's bytes.
func (c *pdfCrypt) stream(p []byte, s *pdfStream) ([]byte, error) {
	if s.ref.num == 0 || s.dict["Type"] == pdfName("Metadata") && !c.metadata {
		return p, nil
	}
	return c.bytes(p, s.ref)
}

func (c *pdfCrypt) bytes(p []byte, ref pdfRef) ([]byte, error) {
	key := c.key
	if !c.v5 {
		h := md5.New()
		h.Write(key)
		h.Write([]byte{byte(ref.num), byte(ref.num >> 8), byte(ref.num >> 16), byte(ref.gen), byte(ref.gen >> 8)})
		if c.aes {
			h.Write([]byte("sAlT"))
		}
		key = h.Sum(nil)[:min(len(c.key)+5, 16)]
	}
	if !c.aes {
		rc, err := rc4.NewCipher(key)
		if err != nil {
			return nil, ErrEncrypted
		}
		out := make([]byte, len(p))
		rc.XORKeyStream(out, p)
		return out, nil
	}
	if len(p) < 32 || len(p)%16 != 0 {
		return nil, nil // an empty text
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, ErrEncrypted
	}
	out := make([]byte, len(p)-16)
	cipher.NewCBCDecrypter(block, p[:16]).CryptBlocks(out, p[16:])
	if pad := int(out[len(out)-1]); pad >= 1 && pad <= 16 {
		out = out[:len(out)-pad]
	}
	return out, nil
}

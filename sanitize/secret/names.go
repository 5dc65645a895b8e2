package secret

import (
	"strings"

	"github.com/doorward/doorward/sanitize/match"
)

// role is what a name says about the value it is given.
type role int

const (
	roleNone     role = iota
	rolePassword      // chosen by a person: judged leniently
	roleToken         // made by a machine: must look random
	roleKey           // a key of an unknown kind: must be random bytes
)

// parts are the words of a name in lower case, the last of them first.
type parts struct {
	buf  [96]byte
	word [8]struct{ from, to uint8 }
	n    int
}

// get returns the i-th word from the end, empty when there is none. It is
// inlined into map look-ups, where the conversion does not allocate.
func (p *parts) get(i int) []byte {
	if i >= p.n {
		return nil
	}
	return p.buf[p.word[i].from:p.word[i].to]
}

// split cuts an identifier at case changes and punctuation: dbPassword2 is db,
// password. Only the last eight words and 96 bytes are kept.
func (p *parts) split(name string) {
	if len(name) > len(p.buf) {
		name = name[len(name)-len(p.buf):]
	}
	end := -1
	p.n = 0
	for i := len(name) - 1; i >= -1; i-- {
		cut := i < 0 || !isLetter(name[i])
		if !cut {
			p.buf[i] = match.Fold(name[i])
			if end < 0 {
				end = i + 1
			}
		}
		upper := !cut && name[i] < 'a' && (i == 0 || isLower(name[i-1]) || i+1 < end && isLower(name[i+1]))
		if end >= 0 && (cut || upper) && p.n < len(p.word) {
			from := i
			if cut {
				from++
			}
			p.word[p.n].from, p.word[p.n].to = uint8(from), uint8(end)
			p.n++
			end = -1
		}
	}
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

func isLower(c byte) bool { return 'a' <= c && c <= 'z' }

func wordSet(list string) map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(list) {
		m[w] = true
	}
	return m
}

var (
	passwordWords = wordSet("password passwords passwd passwds pwd pwds passphrase passphrases passcode passwrd pswd psswd userpass mypass passw dbpass dbpassword dbpasswd dbpwd userpassword adminpassword rootpassword sshpass mdp kennwort passwort contrasena senha parola")
	passWords     = wordSet("pass pw psw")
	secretWords   = wordSet("secret secrets token tokens apikey apikeys apitoken authtoken accesstoken accesskey secretkey privatekey clientsecret credential credentials cred creds pat jwt bearer authkey appkey appsecret licensekey apisecret sharedkey signingkey salt salts sessionkey encryptionkey")
	keyWords      = wordSet("key keys")
	keyQualifiers = wordSet("api access secret private client encryption encrypt encrypted signing sign auth authentication master service services account license licence ssh app application shared subscription storage consumer admin root user deploy deployment write ingest server session bearer webhook hmac aes des cipher crypto jwt oauth rest sas bot instrumentation activation registration project integration long vault registry release management mgmt")
	// A word behind the credential's that only narrows it down.
	suffixWords = wordSet("value text string default base production prod staging stage dev development test testing live main old new primary secondary backup env var plain cleartext raw b64 base64 hex fail id")
	notWords    = wordSet("public max min num count length size limit next prev page file path dir name type policy expires expiry expiration ttl url uri endpoint header field column format prefix suffix reset hint prompt label placeholder title regex pattern hash algorithm version budget usage index position offset chan counter tokenizer primary foreign partition sort cache object")
)

// roleOf reads a name's role from its last words.
func roleOf(name string) role {
	var p parts
	p.split(name)
	for i := 0; i < p.n; i++ {
		last := p.get(i)
		switch {
		case passwordWords[string(last)], passWords[string(last)]:
			return rolePassword
		case secretWords[string(last)]:
			if notWords[string(p.get(i+1))] {
				return roleNone
			}
			return roleToken
		case keyWords[string(last)]:
			return keyRole(&p, i)
		case !suffixWords[string(last)]:
			return gluedRole(last)
		case string(last) == "id" && !secretWords[string(p.get(i+1))]:
			return roleNone
		}
	}
	return roleNone
}

// keyRole judges a name whose i-th word from the end is key, by the word before
// it and the first.
func keyRole(p *parts, i int) role {
	before, first := p.get(i+1), p.get(p.n-1)
	switch {
	case keyQualifiers[string(before)], vendors[string(before)], i+1 < p.n && vendors[string(first)]:
		return roleToken
	case notWords[string(before)]:
		return roleNone
	}
	return roleKey
}

// gluedRole handles names written in one word: githubkey, mysecret.
func gluedRole(word []byte) role {
	for _, end := range [...]string{"password", "passwd", "passphrase"} {
		if hasSuffix(word, end) {
			return rolePassword
		}
	}
	for _, end := range [...]string{"apikey", "secret", "token", "secretkey", "accesskey", "authkey"} {
		if hasSuffix(word, end) {
			return roleToken
		}
	}
	if hasSuffix(word, "key") && vendors[string(word[:len(word)-3])] {
		return roleToken
	}
	return roleNone
}

func hasSuffix(b []byte, s string) bool {
	return len(b) >= len(s) && string(b[len(b)-len(s):]) == s
}

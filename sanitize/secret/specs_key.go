package secret

// keySpecs are private keys and other keying material.
var keySpecs = []spec{
	// https://datatracker.ietf.org/doc/html/rfc7468 (a PEM block that is not closed, or closed oddly)
	{id: "private-key-open", expr: `-----BEGIN[ A-Z0-9_-]{0,60}PRIVATE KEY(?: BLOCK)?-----((?:\\[nr]|[\s"'+,]){0,12}(?:[A-Za-z-]{3,20}: [^\n\\]{1,80}(?:\\[nr]|\s){1,4}){0,4}[A-Za-z0-9+/=\s\\"',|>]{40,})`, entropy: 4.8, like: []string{"-----BEGIN PRIVATE " + "KEY-----\n<b64:64>\n<b64:64>\n"}, unlike: []string{"-----BEGIN PRIVATE " + "KEY-----\n...\n"}},
	// https://datatracker.ietf.org/doc/html/rfc8017#appendix-A.1.2 and rfc5208: DER in base64 without armour
	{id: "private-key-der", expr: `\b((?:MII[BCEJ][A-Za-z0-9+/]{2}(?:IBAAK|AgEAA|IBADANBg)|MIICX[AQgw]IBAAKBg|MII[BC][A-Za-z0-9+/]{2}[AQgwI]{1,2}BADANBgkqhkiG9w0BAQEFAASC|MIG[HIT][A-Z]{1,2}EAMB[AM]GBy|MHcCAQEE|MC4CAQAwBQYDK2V|MIIBO[gwQA]IBAAJBA|MIIEv[AQgw]IBADANBg|MIIE[o-p][A-Z]?[AQgwI]{1,2}BAAKCAQEA)[A-Za-z0-9+/\s\\]{40,})`, entropy: 4, like: []string{"MIIEowIBAAKCAQEA<b64:400>"}, unlike: []string{"MIIDdzCCAl+gAwIBAgIEAgAAuTANBgkqhkiG9w0BAQUFADBa<b64:100>"}},
	// https://cvsweb.openbsd.org/src/usr.bin/ssh/PROTOCOL.key
	{id: "openssh-private-key", expr: `(b3BlbnNzaC1rZXktdjE[A-Za-z0-9+/=\s\\]{60,})`, like: []string{"b3BlbnNzaC1rZXktdjE<b64:200>"}, unlike: []string{"b3BlbnNzaC1rZXktdjE<b64:8>"}},
	// https://the.earth.li/~sgtatham/putty/latest/htmldoc/AppendixC.html
	{id: "putty-private-key", expr: `PuTTY-User-Key-File-\d: [\s\S]{20,}?Private-Lines: \d{1,3}\s{1,2}([A-Za-z0-9+/=\s]{40,})`, like: []string{"PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\nComment: c\nPublic-Lines: 2\n<b64:64>\nPrivate-Lines: 1\n<b64:48>\n"}, unlike: []string{"PuTTY-User-Key-File-3: ssh-ed25519"}},
	// https://age-encryption.org/v1, https://jedisct1.github.io/minisign/
	{id: "age-private-key", expr: `(?i)(AGE-SECRET-KEY-(?:1|PQ-1)[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{58})`, like: []string{"AGE-SECRET-KEY-1<bech32:58>"}, unlike: []string{"AGE-SECRET-KEY-1<bech32:8>"}},
	{id: "minisign-private-key", expr: `(?i)untrusted comment: minisign encrypted secret key\s{1,3}(RW[A-Za-z0-9+/]{150,220}={0,2})`, like: []string{"untrusted comment: minisign encrypted secret key\nRW<b64:180>"}, unlike: []string{"untrusted comment: minisign public key\nRW<b64:54>"}},
	// https://www.wireguard.com/quickstart/
	{id: "wireguard-key", expr: `(?i)\b(?:PrivateKey|PresharedKey)\s{0,3}=\s{0,3}([A-Za-z0-9+/]{42}[AEIMQUYcgkosw480]=)`, like: []string{"PrivateKey = <b64:42>A="}, unlike: []string{"PublicKey = <b64:42>A="}},
	// https://datatracker.ietf.org/doc/html/rfc7517#section-4, rfc7518#section-6.2.2
	{id: "jwk-private-key", expr: `"kty"\s{0,8}:\s{0,8}"\[?(?:EC|RSA|OKP|oct)[\s\S]{1,}?"(?:d|k)"\s{0,8}:\s{0,8}"([A-Za-z0-9_-]{22,})`, like: []string{"{\"kty\": \"EC\", \"crv\": \"P-256\", \"d\": \"<alnum:43>\"}"}, unlike: []string{"{\"kty\": \"EC\", \"crv\": \"P-256\", \"x\": \"<alnum:43>\"}"}},
	// https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/
	{id: "kubeconfig-key", expr: `client-key-data:\s{0,4}["']?([A-Za-z0-9+/]{100,}={0,2})`, like: []string{"client-key-data: <b64:400>"}, unlike: []string{"client-key-data: <b64:8>"}},
	// https://kubernetes.io/docs/concepts/configuration/secret/
	{id: "kubernetes-secret", expr: `(?i)\bkind:\s{0,3}["']?Secret["']?\s[\s\S]{0,400}?\b(?:data|stringData):\s{1,8}[\w.-]{1,80}:\s{1,3}(?:[|>][-+]?\s{1,12})?["']?([A-Za-z0-9+/]{8,}={0,2})`, entropy: 2, like: []string{"kind: Secret\nmetadata:\n  name: x\ndata:\n  password: <b64:24>\n"}, unlike: []string{"kind: ConfigMap\ndata:\n  password: <b64:24>\n"}},
	{id: "kubernetes-secret-data-first", expr: `(?i)\bdata:\s{1,8}[\w.-]{1,80}:\s{1,3}["']?([A-Za-z0-9+/]{8,}={0,2})["']?\s[\s\S]{0,400}?\bkind:\s{0,3}["']?Secret\b`, entropy: 2, like: []string{"data:\n  password: <b64:24>\nkind: Secret\n"}, unlike: []string{"data:\n  password: <b64:24>\nkind: ConfigMap\n"}},
	// https://github.com/tink-crypto/tink/blob/master/proto/tink.proto (keysets as JSON and as binary in base64)
	{id: "tink-keyset", expr: `type\.googleapis\.com/google\.crypto\.tink\.[\w]{4,60}(?:"[\s\S]{1,200}?"value"\s{0,4}:\s{0,4}"([A-Za-z0-9+/]{16,}={0,2})"|[\x00-\x1f]{1,4}[\s\S]{8,200})`, like: []string{"{\"typeUrl\": \"type.googleapis.com/google.crypto.tink.AesGcmKey\", \"value\": \"<b64:40>\"}"}, unlike: []string{"type.googleapis.com/google.crypto.tink.AesGcmKey is a name"}},
	{id: "tink-keyset-base64", expr: `((?:dHlwZS5nb29nbGVhcGlzLmNvbS9nb29nbGUuY3J5cHRvLnRpbms|R5cGUuZ29vZ2xlYXBpcy5jb20vZ29vZ2xlLmNyeXB0by50aW5r|0eXBlLmdvb2dsZWFwaXMuY29tL2dvb2dsZS5jcnlwdG8udGluay)[A-Za-z0-9+/]{20,}={0,2})`, like: nil, unlike: nil},
	// https://en.bitcoin.it/wiki/Wallet_import_format, https://github.com/bitcoin/bips/blob/master/bip-0032.mediawiki
	{id: "bitcoin-private-key", expr: `\b([xyz]prv[1-9A-HJ-NP-Za-km-z]{107,108})\b`, like: []string{"xprv<b58:107>"}, unlike: []string{"xpub<b58:107>"}},
	// https://ethereum.org/en/developers/docs/accounts/
	{id: "ethereum-private-key", expr: `(?i)(?:private|priv|wallet|\beth|deployer|secret)[_ -]?key[\w]{0,12}["']?\s{0,3}[=:]\s{0,3}["']?((?:0x)?[a-f0-9]{64})\b`, entropy: 3, like: []string{"PRIVATE_KEY=0x<hex:64>"}, unlike: []string{"PRIVATE_KEY=0x<hex:8>"}},
	// https://datatracker.ietf.org/doc/html/rfc7519 (also unsigned and with spaces cut off)
	{id: "json-web-token", expr: `\b(ey[IJ][A-Za-z0-9_/+-]{10,}\.ey[IJ][A-Za-z0-9_/+-]{10,}(?:\.[A-Za-z0-9_/+-]{0,})?)`, entropy: 3, like: []string{"eyJ<alnum:30>.eyJ<alnum:40>.<alnum:43>", "eyJ<alnum:30>.eyJ<alnum:40>"}, unlike: []string{"eyJ<alnum:30>"}},
	// https://datatracker.ietf.org/doc/html/rfc6238 as https://github.com/google/google-authenticator/wiki/Key-Uri-Format writes it
	{id: "otp-secret", expr: `(?i)otpauth://[^\s"'<>]{0,200}?[?&]secret=([A-Z2-7]{16,128}=*)`, like: []string{"otpauth://totp/x?secret=<b32:32>&issuer=y"}, unlike: []string{"otpauth://totp/x?secret=<b32:4>"}},
	// C and similar sources: a named array of bytes
	{id: "key-bytes", expr: `(?i)(?:aes|des|hmac|secret|private|master|session|encryption)_?key\w{0,20}\s{0,3}(?:\[\w{0,10}\])?\s{0,3}=?\s{0,3}\{([\s\\,]{0,20}0x?[0-9a-f]{1,2}\s{0,4},[0-9a-fx,\s\\]{24,400})\}`, like: []string{"AESKEY {0x35, 0x34, 0x65, 0x9b, 0x1c, 0x2e, 0x13, 0x08, 0x11, 0x1b}"}, unlike: []string{"keymap {0x35, 0x34}"}},
}

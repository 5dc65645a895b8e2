package secret

// hashSpecs are password hashes, which can be guessed offline, and tickets.
var hashSpecs = []spec{
	// https://manpages.debian.org/crypt.5, https://httpd.apache.org/docs/2.4/misc/password_encryptions.html
	{id: "password-hash", expr: `(\$(?:2[abxy]\$\d\d\$[./A-Za-z0-9]{53}|(?:1|apr1)\$[./A-Za-z0-9]{0,8}\$[./A-Za-z0-9]{18,24}|[56]\$(?:rounds=\d{1,9}\$)?[./A-Za-z0-9]{1,16}\$[./A-Za-z0-9]{43,86}|(?:y|gy|7)\$[./A-Za-z0-9]{1,60}\$[./A-Za-z0-9]{10,86}\$[./A-Za-z0-9]{43}|8\$[./A-Za-z0-9]{14}\$[./A-Za-z0-9]{43}|9\$[./A-Za-z0-9]{14}\$[./A-Za-z0-9]{43}|argon2(?:id|i|d)\$v=\d{1,3}\$[\w=,]{5,40}\$[A-Za-z0-9+/]{8,88}\$[A-Za-z0-9+/]{16,128}|scrypt\$[\w=,$]{3,40}\$[A-Za-z0-9+/=]{8,120}\$[A-Za-z0-9+/=]{16,200}|pbkdf2-?\w{0,12}\$\d{1,9}\$[A-Za-z0-9+/=.]{4,120}\$[A-Za-z0-9+/=.]{16,200}))`, like: []string{"$6$<alnum:8>$<alnum:86>", "$2b$12$<alnum:53>", "$apr1$<alnum:8>$<alnum:22>"}, unlike: []string{"$6$<alnum:8>"}},
	// https://docs.djangoproject.com/en/stable/topics/auth/passwords/
	{id: "password-hash-django", expr: `(pbkdf2_sha(?:1|256)\$\d{3,8}\$[A-Za-z0-9]{8,40}\$[A-Za-z0-9+/]{27,60}=?)`, like: []string{"pbkdf2_sha256$260000$<alnum:12>$<b64:43>="}, unlike: []string{"pbkdf2_sha256$260000$<alnum:4>"}},
	// https://datatracker.ietf.org/doc/html/rfc2307, https://www.openldap.org/faq/data/cache/347.html
	{id: "password-hash-ldap", expr: `(\{(?:SSHA|SHA|SMD5|SSHA256|SSHA512|CRYPT)(?:256|512)?\}[A-Za-z0-9+/$.]{20,120}={0,2})`, like: []string{"{SSHA}<b64:32>"}, unlike: []string{"{SSHA}"}},
	// https://hashcat.net/wiki/doku.php?id=example_hashes (Kerberos tickets, Net-NTLM)
	{id: "kerberos-hash", expr: `(\$krb5(?:asrep|tgs|pa)\$\d{1,2}\$[^\s$:]{0,120}[$:][^\s]{20,})`, like: []string{"$krb5asrep$23$user@example.com:<hex:32>$<hex:200>"}, unlike: []string{"$krb5asrep$23$"}},
	{id: "ntlm-hash", expr: `\b(aad3b435b51404eeaad3b435b51404ee:[a-f0-9]{32})\b`, like: []string{"aad3b435b51404eeaad3b435b51404ee:<hex:32>"}, unlike: []string{"aad3b435b51404eeaad3b435b51404ee"}},
	// https://www.postgresql.org/docs/current/catalog-pg-authid.html
	{id: "postgres-hash", expr: `(SCRAM-SHA-256\$\d{3,6}:[A-Za-z0-9+/=]{20,32}\$[A-Za-z0-9+/=]{43,44}:[A-Za-z0-9+/=]{43,44})`, like: []string{"SCRAM-SHA-256$4096:<b64:24>$<b64:43>=:<b64:43>="}, unlike: []string{"SCRAM-SHA-256$4096"}},
	// https://www.cisco.com/c/en/us/support/docs/security-vpn/remote-authentication-dial-user-service-radius/107614-64.html
	{id: "cisco-password", expr: `(?i)\b(?:password|secret|key)\s(?:7\s([0-9A-F]{8,80})|5\s(\$1\$[./A-Za-z0-9$]{20,40})|[89]\s(\$[89]\$[./A-Za-z0-9$]{40,80}))\b`, like: []string{"enable secret 5 $1$<alnum:4>$<alnum:22>"}, unlike: []string{"enable secret 5 times"}},
	// https://httpd.apache.org/docs/2.4/misc/password_encryptions.html (crypt and plain SHA in htpasswd files)
	{id: "htpasswd", expr: `(?i)\{SHA\}([A-Za-z0-9+/]{27}=)`, like: []string{"ann:{SHA}<b64:27>="}, unlike: []string{"ann:{SHA}"}},
}

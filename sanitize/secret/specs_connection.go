package secret

// connectionSpecs are passwords in URLs, connection strings, headers and
// commands.
var connectionSpecs = []spec{
	// https://learn.microsoft.com/en-us/dotnet/framework/data/adonet/connection-string-syntax, https://dev.mysql.com/doc/connector-j/en/connector-j-reference-jdbc-url-format.html
	{id: "connection-string-password", expr: `(?i)(?:data source|server|host|user ?id|uid|user|database|initial catalog|driver|account|provider|hostname|port|ssl)=[^\n;"'<>]{1,120}[;&](?:[^\n;&"'<>=]{1,40}=[^\n;&"'<>]{0,120}[;&]){0,8}?\s{0,3}(?:amp;)?(?:password|pwd|userpass|passwd)=([^\s;&"'<>]{3,120})`, like: []string{"Server=db;Database=x;User Id=sa;Password=<alnum:12>;", "jdbc:mysql://h/x?user=a&password=<alnum:8>"}, unlike: []string{"Server=db;User Id=sa;Password=${PW};"}},
	// https://datatracker.ietf.org/doc/html/rfc7617, rfc6750
	{id: "authorization-header", expr: `(?i)authorization["'\]\x60]{0,2}\s{0,3}(?::|=>|=|,|\s)\s{0,3}["'\x60]?(?:basic\s{1,3}([A-Za-z0-9+/]{8,400}={0,2})|(?:bearer|token|apikey|api-key|ssws|key|negotiate)[\s=]{1,3}([\w.~+/=:-]{12,}))`, entropy: 2.8, like: []string{"Authorization: Basic <b64:24>", "Authorization: Bearer <alnum:32>"}, unlike: []string{"Authorization: Bearer token", "Authorization: Basic auth"}},
	{id: "api-key-header", expr: `(?i)\bx-[\w-]{0,24}(?:key|token|secret|auth)[\w-]{0,10}["'\x60]?\s{0,3}[:=,]\s{0,3}["'\x60]?([\w.~+/=-]{12,})`, entropy: 3.2, like: []string{"X-API-Key: <alnum:32>"}, unlike: []string{"X-API-Key: your-api-key"}},
	{id: "session-cookie", expr: `(?i)\b(?:set-)?cookie:\s{0,3}[^\n]{0,400}?\b[\w.-]{0,30}(?:session|sess|sid|auth|token|jwt)[\w.-]{0,20}=([\w.~+/%=-]{16,})`, entropy: 3.2, like: []string{"Cookie: a=b; session_id=<alnum:32>"}, unlike: []string{"Cookie: a=b; session_id=none"}},
	// https://curl.se/docs/manpage.html#-u
	{id: "curl-password", expr: `\b(?:curl|wget|https?|xh)(?:\s[^\n]{0,400}?)?\s(?:-u|--user|--proxy-user|--oauth2-bearer)(?:=|\s{0,3})["']?([^\s"':$<]{0,80}:[^\s"'$<]{3,160}|[\w+/=-]{20,400})`, entropy: 2.3, like: []string{"curl -u admin:<alnum:10> https://example.com"}, unlike: []string{"curl -u $USER:$PASSWORD https://example.com"}},
	// https://everything.curl.dev/usingcurl/netrc
	{id: "netrc-password", expr: `(?i)\b(?:machine\s{1,4}[\w.-]{1,120}|default)\s{1,8}login\s{1,4}\S{1,120}\s{1,8}password\s{1,4}(\S{3,200})`, like: []string{"machine api.example.com login ann password <alnum:10>"}, unlike: []string{"machine api.example.com login ann password $PW"}},
	// https://www.postgresql.org/docs/current/libpq-pgpass.html
	{id: "pgpass-password", expr: `(?i):5432:[\w.*-]{1,60}:[\w.*-]{1,60}:(\S{4,120})`, like: nil, unlike: nil},
	// https://filezilla-project.org (sitemanager.xml)
	{id: "xml-password", expr: `(?i)(?:pass|password|passwd|pwd)\s[\w:]{1,20}="[^"\n]{0,60}">\s{0,3}([^<>\s{}$%]{3,160})</`, entropy: 2, like: []string{"<Pass encoding=\"base64\"><b64:24></Pass>"}, unlike: []string{"<Pass encoding=\"base64\">${pw}</Pass>"}},
	// https://learn.microsoft.com/en-us/sysinternals/downloads/psexec
	{id: "psexec-password", expr: `(?i)psexec[^\n]{0,120}?\s[-/]u\s{1,3}\S{1,80}\s{1,3}[-/]p\s{1,3}["']?([^\s"']{3,80})`, like: []string{"psexec \\\\10.0.0.1 -u Administrator -p <alnum:8> cmd"}, unlike: []string{"psexec \\\\10.0.0.1 -u Administrator -p %PW% cmd"}},
	// https://learn.microsoft.com/en-us/powershell/module/microsoft.powershell.security/convertto-securestring
	{id: "powershell-password", expr: `(?i)ConvertTo-SecureString[\s"'\\]{1,6}(?:-(?:String|Force|AsPlainText)\s{1,3}){0,3}["'\\]{0,3}([^\s"'$<>\\-][^\s"'<>\\]{3,80})`, entropy: 2, like: []string{"ConvertTo-SecureString -String -Force <alnum:12>"}, unlike: []string{"ConvertTo-SecureString $password"}},
	// https://learn.microsoft.com/en-us/dotnet/api/system.directoryservices.directoryentry
	{id: "directory-entry-password", expr: `(?i)DirectoryEntry\(\s{0,40}["'][^"'\n]{4,120}["']\s{0,3},\s{0,3}["'][^"'\n]{1,80}["']\s{0,3},\s{0,3}["']([^"'\n$]{3,80})["']`, like: []string{"DirectoryEntry(\"LDAP://h\", \"d\\u\", \"<alnum:9>\")"}, unlike: []string{"DirectoryEntry(\"LDAP://h\", \"d\\u\", $pw)"}},
	// https://www.jenkins.io and others: user and password given side by side
	{id: "id-and-password", expr: `(?i)\b(?:id|user|username|login)\s{0,2}[:= ]\s{0,2}[\w.@-]{2,40}[\s,/;]{1,3}(?:password|passwd|pwd|pw|pass)\s{0,2}[:= ]\s{0,2}([^\s,;"'<>{}$()]{2,40}[\d!@#%^*][^\s,;"'<>{}$()]{0,40})`, entropy: 2.3, like: []string{"ID: master, PW: <alnum:6>9!", "user master password <alnum:7>9!"}, unlike: []string{"user name and password required", "f(username string, password string) string"}},
}

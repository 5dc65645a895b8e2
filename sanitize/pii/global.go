package pii

import "strings"

// Types that belong to no one country.
var globalRules = joinRules(cards(), ibans(), wallets(), []rule{
	{name: "vin", typ: "VIN", about: "vehicle identification number", pattern: "*****************", forms: []string{"*****************"},
		check: isVIN, prose: 0.5, near: 0.85, alone: 0.6, lower: true,
		words: []string{"vin", "vehicle", "chassis", "fahrgestell", "fahrzeug", "bastidor", "châssis", "telaio"}},
	{name: "imei", typ: "IMEI", about: "mobile equipment identity", pattern: "000000000000000", forms: []string{"00-000000-000000-0"},
		check: luhnPlausible, prose: 0.5, near: 0.85, alone: 0, words: []string{"imei", "handset", "device id"}},
	{name: "swift-bic", typ: "SWIFT_BIC", about: "bank identifier code with a digit", pattern: "aaaaaa*0", near: 0.6, check: bicCountry,
		forms: []string{"aaaaaa*0"}, words: bicWords},
	{name: "swift-bic", typ: "SWIFT_BIC", pattern: "aaaaaa*****", near: 0.6, check: bicCountry,
		forms: []string{"aaaaaa*****"}, words: bicWords, strict: true},
})

var bicWords = []string{"swift", "bic"}

func joinRules(groups ...[]rule) []rule {
	var out []rule
	for _, g := range groups {
		out = append(out, g...)
	}
	return out
}

func luhnPlausible(v []byte) bool { return luhn(v) && plausible(v) }

// cards makes the rules for payment card numbers of 12 to 19 digits
// (ISO/IEC 7812-1): issuer prefixes and lengths, and the Luhn check digit.
func cards() []rule {
	words := []string{"card", "credit", "debit", "visa", "mastercard", "amex", "american express", "maestro", "discover", "diners", "jcb", "unionpay", "cvv", "cvc", "kreditkarte", "kartennummer", "tarjeta", "carte bancaire", "carte bleue", "carta di credito", "cartão", "kredietkaart", "luottokortti", "betalkort", "karty", "银行卡", "信用卡", "カード", "카드", "charge", "expir"}
	var out []rule
	for n := 12; n <= 19; n++ {
		prose := 0.8
		if n == 12 || n >= 17 { // long numbers in programs and data are as often something else
			prose = 0
		} else if n == 13 {
			prose = 0.5
		}
		pattern := strings.Repeat("0", n)
		forms := []string{pattern}
		switch n {
		case 16:
			forms = append(forms, "0000 0000 0000 0000", "0000-0000-0000-0000", "0000.0000.0000.0000")
		case 15:
			forms = append(forms, "0000 000000 00000", "0000-000000-00000")
		case 14:
			forms = append(forms, "0000 000000 0000", "0000-000000-0000")
		}
		out = append(out, rule{name: "credit-card", typ: "CREDIT_CARD", about: "payment card number", pattern: pattern, forms: forms,
			check: isCard, prose: prose, near: 0.9, alone: 0.85, words: words})
		if n >= 13 { // an issuer not in the list, where the text says that it is a card
			out = append(out, rule{name: "credit-card-unlisted", typ: "CREDIT_CARD", pattern: pattern, forms: forms, check: luhnPlausible, near: 0.7, words: words})
		}
	}
	return out
}

// ibanForms are the account parts of the IBAN registry (ISO 13616, SWIFT), by
// country: n digits, a capital letters, c letters or digits, each with a count.
var ibanForms = map[string]string{
	"AD": "8n12c", "AE": "19n", "AL": "8n16c", "AT": "16n", "AZ": "4a20c", "BA": "16n", "BE": "12n", "BG": "4a6n8c", "BH": "4a14c",
	"BI": "23n", "BR": "23n1a1c", "BY": "4c4n16c", "CH": "5n12c", "CR": "18n", "CY": "8n16c", "CZ": "20n", "DE": "18n", "DJ": "23n",
	"DK": "14n", "DO": "4c20n", "EE": "16n", "EG": "25n", "ES": "20n", "FI": "14n", "FK": "2a12n", "FO": "14n", "FR": "10n11c2n",
	"GB": "4a14n", "GE": "2a16n", "GI": "4a15c", "GL": "14n", "GR": "7n16c", "GT": "24c", "HN": "4a20n", "HR": "17n", "HU": "24n",
	"IE": "4a14n", "IL": "19n", "IQ": "4a15n", "IS": "22n", "IT": "1a10n12c", "JO": "4a4n18c", "KW": "4a22c", "KZ": "3n13c",
	"LB": "4n20c", "LC": "4a24c", "LI": "5n12c", "LT": "16n", "LU": "3n13c", "LV": "4a13c", "LY": "21n", "MC": "10n11c2n",
	"MD": "20c", "ME": "18n", "MK": "3n10c2n", "MN": "16n", "MR": "23n", "MT": "4a5n18c", "MU": "4a19n3a", "NI": "4a20n",
	"NL": "4a10n", "NO": "11n", "OM": "3n16c", "PK": "4a16c", "PL": "24n", "PS": "4a21c", "PT": "21n", "QA": "4a21c", "RO": "4a16c",
	"RS": "18n", "RU": "14n15c", "SA": "2n18c", "SC": "4a20n3a", "SD": "14n", "SE": "20n", "SI": "15n", "SK": "20n",
	"SM": "1a10n12c", "SO": "19n", "ST": "21n", "SV": "4a20n", "TL": "19n", "TN": "20n", "TR": "6n16c", "UA": "6n19c", "VA": "18n",
	"VG": "4a16n", "XK": "16n", "YE": "4a4n18c",
}

// ibans makes one rule for each length an IBAN can have.
func ibans() []rule {
	var out []rule
	words := []string{"iban", "account", "konto", "cuenta", "compte", "conto corrente", "rekening", "bank"}
	for n := 15; n <= 33; n++ {
		pattern := "aa00" + strings.Repeat("*", n-4)
		out = append(out, rule{name: "iban", typ: "IBAN", about: "international bank account number", pattern: pattern,
			forms: []string{pattern, grouped(pattern, 4, ' '), grouped(pattern, 4, '-'), grouped(pattern, 4, '~')}, check: isIBAN, oneCase: true, prose: 0.95, near: 0.95, alone: 0.95, words: words})
	}
	return out
}

// grouped writes a pattern in groups of n.
func grouped(pattern string, n int, sep byte) string {
	var b strings.Builder
	for i := range len(pattern) {
		if i > 0 && i%n == 0 {
			b.WriteByte(sep)
		}
		b.WriteByte(pattern[i])
	}
	return b.String()
}

func isIBAN(v []byte) bool {
	form, ok := ibanForms[string(v[:2])]
	return ok && fits(v[4:], form) && mod97(v[4:], v[:4]) == 1
}

// fits checks an account part against its registry form.
func fits(v []byte, form string) bool {
	at, n := 0, 0
	for i := 0; i < len(form); i++ {
		c := form[i]
		if isDigit(c) {
			n = n*10 + int(c-'0')
			continue
		}
		if at+n > len(v) {
			return false
		}
		for _, x := range v[at : at+n] {
			if c == 'n' && !isDigit(x) || c == 'a' && isDigit(x) {
				return false
			}
		}
		at, n = at+n, 0
	}
	return at == len(v)
}

// isVIN checks ISO 3779: no I, O or Q, letters and digits both, and the check
// digit in ninth place that North America and China require.
func isVIN(v []byte) bool {
	const weights = "8765432:098765432"
	sum, letters := 0, 0
	for i, c := range v {
		var n int
		switch {
		case isDigit(c):
			n = int(c - '0')
		case c == 'I' || c == 'O' || c == 'Q':
			return false
		default:
			letters++
			n = int("12345678012345070923456789"[c-'A'] - '0')
		}
		sum += n * int(weights[i]-'0')
	}
	if letters < 2 || letters > 14 {
		return false
	}
	want := byte('0' + sum%11)
	if sum%11 == 10 {
		want = 'X'
	}
	return v[8] == want
}

// bicCountry wants a known country in places five and six.
func bicCountry(v []byte) bool {
	_, ok := ibanForms[string(v[4:6])]
	return ok || strings.Contains("US CA AU NZ JP CN HK SG IN ZA MX KR TW TH MY PH ID", string(v[4:6]))
}

package pii

// Types that belong to no one country.
var globalRules = cards()

// cards makes the rules for payment card numbers of 12 to 19 digits
// (ISO/IEC 7812-1): issuer prefixes and lengths as the schemes publish them,
// and the Luhn check digit.
func cards() []rule {
	words := []string{"card", "credit", "debit", "visa", "mastercard", "amex", "american express", "maestro", "discover", "diners", "jcb", "unionpay", "cvv", "cvc", "kreditkarte", "kartennummer", "tarjeta", "carte bancaire", "carta di credito", "cartão", "kredietkaart", "luottokortti", "银行卡", "カード", "charge", "expir", "pan"}
	var out []rule
	for n := 12; n <= 19; n++ {
		prose := 0.8
		near := 0.9
		if n == 12 || n == 17 || n == 18 {
			prose = 0
		}
		if n == 13 || n == 19 {
			prose = 0.5
		}
		pattern := "0000000000000000000"[:n]
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
			check: isCard, prose: prose, near: near, alone: 0.85, words: words})
	}
	return out
}

package pii

import "strings"

// Identifiers of the United Kingdom and Ireland.
var ukRules = []rule{
	{name: "uk-nhs", typ: "UK_NHS", country: "GB", about: "NHS number", pattern: "0000000000", forms: []string{"000 000 0000", "000-000-0000"},
		check: isNHS, near: 0.9, alone: 0.6, words: []string{"nhs", "national health", "patient"}},
	{name: "uk-nino", typ: "UK_NINO", country: "GB", about: "national insurance number", pattern: "aa000000a", forms: []string{"aa000000a", "aa 00 00 00 a", "aa 000000 a", "aa-00-00-00-a", "aa 000000a", "aa00 00 00a"},
		check: isNINO, prose: 0.75, near: 0.95, alone: 0.85, lower: true, words: []string{"nino", "national insurance", "insurance number", "ni number", "ni no"}},
	{name: "uk-utr", typ: "UK_UTR", country: "GB", about: "unique taxpayer reference", pattern: "0000000000", forms: []string{"0000000000", "00000 00000"},
		check: isUTR, near: 0.85, alone: 0.55, words: utrWords},
	{name: "uk-utr", typ: "UK_UTR", country: "GB", pattern: "0000000000K", forms: []string{"0000000000K"},
		check: func(v []byte) bool { return isUTR(v[:10]) }, near: 0.85, alone: 0.7, words: utrWords},
	{name: "uk-utr", typ: "UK_UTR", country: "GB", pattern: "0000000000000", forms: []string{"0000000000000"}, // with a tax office's three digits
		check: func(v []byte) bool { return isUTR(v[3:]) }, near: 0.8, alone: 0.5, words: utrWords},
	{name: "uk-driver-license", typ: "UK_DRIVER_LICENSE", country: "GB", about: "driving licence", pattern: "*****000000****aa"[:16], forms: []string{"*****000000*****"},
		check: isUKLicence, prose: 0.6, near: 0.9, alone: 0.8, lower: true, words: []string{"driving", "licence", "license", "driver", "dvla"}},
	{name: "uk-vehicle-registration", typ: "UK_VEHICLE_REGISTRATION", country: "GB", about: "number plate since 2001", pattern: "aa00aaa", forms: []string{"aa00 aaa"},
		check: isUKPlate, prose: 0.5, near: 0.85, alone: 0.7, lower: true, words: plateWords},
	{name: "uk-vehicle-registration-prefix", typ: "UK_VEHICLE_REGISTRATION", country: "GB", pattern: "a000aaa", forms: []string{"a000 aaa", "a000aaa"}, near: 0.7, words: plateWords, check: noIQ, capitals: true},
	{name: "uk-vehicle-registration-prefix", typ: "UK_VEHICLE_REGISTRATION", country: "GB", pattern: "aaa000a", forms: []string{"aaa 000a", "aaa000a"}, near: 0.7, words: plateWords, check: noIQ, capitals: true},
	{name: "uk-passport", typ: "UK_PASSPORT", country: "GB", about: "passport number", pattern: "000000000", forms: []string{"000000000"}, check: plausible, near: 0.58, words: passportWords, strict: true},
	{name: "uk-passport", typ: "UK_PASSPORT", country: "GB", pattern: "aa0000000", forms: []string{"aa0000000"}, near: 0.65, words: passportWords, strict: true},
	{name: "uk-sort-code", typ: "UK_SORT_CODE", country: "GB", about: "bank sort code", pattern: "000000", forms: []string{"00-00-00"}, near: 0.75, words: []string{"sort code", "sortcode", "sort-code"}, strict: true},
	{name: "uk-vat", typ: "UK_VAT_ID", country: "GB", about: "VAT registration", pattern: "GB000000000", forms: []string{"GB000000000", "GB 000 0000 00", "GB000 0000 00"},
		check: isUKVAT, prose: 0.85, near: 0.9, alone: 0.85, words: []string{"vat"}},
	{name: "uk-postcode", typ: "POSTAL_CODE", pattern: "a00aa", forms: []string{"a0 0aa"}, check: isPostcode, prose: 0.5, near: 0.7, alone: 0.5, words: postalWords, lower: true},
	{name: "uk-postcode", typ: "POSTAL_CODE", pattern: "a000aa", forms: []string{"a00 0aa"}, check: isPostcode, prose: 0.5, near: 0.7, alone: 0.5, words: postalWords, lower: true},
	{name: "uk-postcode", typ: "POSTAL_CODE", pattern: "aa00aa", forms: []string{"aa0 0aa"}, check: isPostcode, prose: 0.55, near: 0.75, alone: 0.55, words: postalWords, lower: true},
	{name: "uk-postcode", typ: "POSTAL_CODE", pattern: "aa000aa", forms: []string{"aa00 0aa"}, check: isPostcode, prose: 0.6, near: 0.75, alone: 0.6, words: postalWords, lower: true},
	{name: "uk-postcode", typ: "POSTAL_CODE", pattern: "a0a0aa", forms: []string{"a0a 0aa"}, check: isPostcode, prose: 0.5, near: 0.7, alone: 0.5, words: postalWords, lower: true},
	{name: "uk-postcode", typ: "POSTAL_CODE", pattern: "aa0a0aa", forms: []string{"aa0a 0aa"}, check: isPostcode, prose: 0.65, near: 0.8, alone: 0.65, words: postalWords, lower: true},
	{name: "uk-postcode", typ: "POSTAL_CODE", pattern: "GIR0aa", forms: []string{"GIR 0aa"}, prose: 0.6, near: 0.8, alone: 0.6, words: postalWords, lower: true},

	{name: "ie-pps", typ: "IE_PPS", country: "IE", about: "personal public service number", pattern: "0000000a", forms: []string{"0000000a"},
		check: isPPS, prose: 0.5, near: 0.9, alone: 0.6, lower: true, words: ppsWords},
	{name: "ie-pps", typ: "IE_PPS", country: "IE", pattern: "0000000aa", forms: []string{"0000000aa"},
		check: isPPS, prose: 0.6, near: 0.9, alone: 0.7, lower: true, words: ppsWords},
	{name: "ie-passport", typ: "IE_PASSPORT", country: "IE", about: "passport number", pattern: "aa0000000", forms: []string{"aa0000000"}, near: 0.55, words: []string{"irish passport"}, strict: true},
}

var (
	utrWords    = []string{"utr", "taxpayer reference", "tax reference", "self assessment", "self-assessment"}
	plateWords  = []string{"vehicle", "registration", "number plate", "licence plate", "license plate", "car reg", "reg no", "plate", "kennzeichen", "matrícula", "matricula", "immatriculation", "targa", "kenteken", "plaka", "vrm", "dvla"}
	ppsWords    = []string{"pps", "ppsn", "public service number"}
	postalWords = append([]string{"address", "adresse", "dirección"}, zipWords...)
	zipWords    = []string{"postcode", "post code", "postal code", "zip", "plz", "postleitzahl", "code postal", "código postal", "codigo postal", "postnummer", "postnr", "kod pocztowy", "psč", "邮编", "郵便番号", "우편번호", "cep"}
)

func isNHS(v []byte) bool {
	d := 11 - weigh(v, 10, 9, 8, 7, 6, 5, 4, 3, 2)%11
	return d != 10 && digitIs(v[9], d%11) && !allSame(v)
}

// isNINO: HMRC's letters (no D, F, I, Q, U, V; no O second; some pairs never).
func isNINO(v []byte) bool {
	if strings.IndexByte("DFIQUV", v[0]) >= 0 || strings.IndexByte("DFIQUVO", v[1]) >= 0 || v[8] > 'D' {
		return false
	}
	switch string(v[:2]) {
	case "BG", "GB", "KN", "NK", "NT", "TN", "ZZ":
		return false
	}
	return true
}

func isUTR(v []byte) bool {
	return v[0] == "21987654321"[weigh(v[1:], 6, 7, 8, 9, 10, 5, 4, 3, 2)%11] && plausible(v)
}

// isUKLicence: surname, year decade, month (plus 50 for women), day, year,
// initials or nines, check characters.
func isUKLicence(v []byte) bool {
	nines := false
	for _, c := range v[:5] { // letters, then nines
		if isDigit(c) && c != '9' || isLetter(c) && nines {
			return false
		}
		nines = c == '9'
	}
	if v[0] == '9' || isDigit(v[14]) || isDigit(v[15]) {
		return false
	}
	for _, c := range v[11:13] {
		if isDigit(c) && c != '9' {
			return false
		}
	}
	month := number(v[6:8])
	if month > 50 {
		month -= 50
	}
	return isDigit(v[13]) && dayOf(number(v[8:10]), month)
}

// isUKPlate: the memory tag has no I, Q or Z, the random letters no I or Q; age
// identifiers go from 02 and from 51.
func isUKPlate(v []byte) bool {
	age := number(v[2:4])
	return (age >= 2 && age <= 30 || age >= 51 && age <= 79) && noIQ(v) && v[0] != 'Z' && v[1] != 'Z'
}

func noIQ(v []byte) bool {
	for _, c := range v {
		if c == 'I' || c == 'Q' {
			return false
		}
	}
	return true
}

func isUKVAT(v []byte) bool {
	s := weigh(v[2:], 8, 7, 6, 5, 4, 3, 2) + number(v[9:11])
	return s%97 == 0 || (s+55)%97 == 0
}

// postAreas are the areas of UK postcodes.
var postAreas = " AB AL B BA BB BD BH BL BN BR BS BT CA CB CF CH CM CO CR CT CV CW DA DD DE DG DH DL DN DT DY E EC EH EN EX FK FY G GL GU GY HA HD HG HP HR HS HU HX IG IM IP IV JE KA KT KW KY L LA LD LE LL LN LS LU M ME MK ML N NE NG NN NP NR NW OL OX PA PE PH PL PO PR RG RH RM S SA SE SG SK SL SM SN SO SP SR SS ST SW SY TA TD TF TN TQ TR TS TW UB W WA WC WD WF WN WR WS WV YO ZE "

// isPostcode wants a known area and inward letters without C, I, K, M, O, V.
func isPostcode(v []byte) bool {
	n := 1
	if !isDigit(v[1]) {
		n = 2
	}
	for _, c := range v[len(v)-2:] {
		if strings.IndexByte("CIKMOV", c) >= 0 {
			return false
		}
	}
	return strings.Contains(postAreas, " "+string(v[:n])+" ")
}

// isPPS: weights 8 to 2, and 9 for the second letter (W counts nothing).
func isPPS(v []byte) bool {
	s := weigh(v, 8, 7, 6, 5, 4, 3, 2)
	if len(v) == 9 && v[8] != 'W' {
		s += int(v[8]-'A'+1) * 9
	}
	return v[7] == "WABCDEFGHIJKLMNOPQRSTUV"[s%23]
}

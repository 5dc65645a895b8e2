package pii

import (
	"bytes"
	"slices"
	"strings"
)

// Identifiers of western and southern Europe.
var westRules = []rule{
	{name: "de-tax-id", typ: "DE_TAX_ID", country: "DE", about: "Steuer-Identifikationsnummer", pattern: "00000000000", forms: []string{"00 000 000 000"},
		check: func(v []byte) bool { return v[0] != '0' && mod11x10(v) && mostRepeated(v[:10]) <= 3 }, prose: 0.5, near: 0.9, alone: 0.6,
		words: []string{"steuer", "idnr", "tin", "tax"}},
	{name: "de-social-security", typ: "DE_SOCIAL_SECURITY", country: "DE", about: "Rentenversicherungsnummer", pattern: "00000000a000", forms: []string{"00000000a000", "00 000000 a 000", "00 000000 a000"},
		check: isDESocial, prose: 0.85, near: 0.95, alone: 0.9, words: []string{"rentenversicherung", "sozialversicherung", "rvnr", "svnr"}},
	{name: "de-svnr", typ: "DE_SVNR", country: "DE", about: "Rentenversicherungsnummer, by its other name", pattern: "00000000a000", check: isDESocial, alone: 0.9},
	{name: "de-vat-id", typ: "DE_VAT_ID", country: "DE", about: "Umsatzsteuer-Identifikationsnummer", pattern: "DE000000000", forms: []string{"DE000000000", "DE 000000000", "DE 000 000 000"},
		check: func(v []byte) bool { return mod11x10(v[2:]) }, prose: 0.8, near: 0.9, alone: 0.85, words: []string{"ust", "umsatzsteuer", "vat", "mwst"}},
	{name: "de-health-insurance", typ: "DE_HEALTH_INSURANCE", country: "DE", about: "Krankenversichertennummer", pattern: "a000000000", forms: []string{"a000000000"},
		check: isKVNR, prose: 0.5, near: 0.9, alone: 0.75, lower: true, words: []string{"kvnr", "krankenversicher", "krankenkasse", "versichertennummer", "versicherten"}},
	{name: "de-lanr", typ: "DE_LANR", country: "DE", about: "lebenslange Arztnummer", pattern: "000000000", forms: []string{"000000000"},
		check: isLANR, near: 0.9, alone: 0.55, words: []string{"lanr", "arztnummer", "arzt-nr", "arztnr"}},
	{name: "de-id-card", typ: "DE_ID_CARD", country: "DE", about: "Personalausweisnummer with check digit", pattern: "a********0", forms: []string{"a********0"},
		check: isDEDocument, near: 0.9, alone: 0.6, words: ausweisWords},
	{name: "de-id-card", typ: "DE_ID_CARD", country: "DE", pattern: "a********", forms: []string{"a********"},
		check: isDESerial, near: 0.75, words: ausweisWords},
	{name: "de-passport", typ: "DE_PASSPORT", country: "DE", about: "Reisepassnummer", pattern: "a********", forms: []string{"a********"},
		check: isDESerial, near: 0.75, words: []string{"reisepass", "passnummer", "pass-nr", "german passport"}},
	{name: "de-passport", typ: "DE_PASSPORT", country: "DE", pattern: "a********0", forms: []string{"a********0"},
		check: isDEPassport, near: 0.9, alone: 0.55, words: passportWords},
	{name: "de-bsnr", typ: "DE_BSNR", country: "DE", about: "Betriebsstättennummer of a practice", pattern: "000000000", forms: []string{"000000000"}, check: plausible, near: 0.8, words: []string{"bsnr", "betriebsstätte"}, strict: true},
	{name: "de-driver-license", typ: "DE_DRIVER_LICENSE", country: "DE", about: "Führerscheinnummer", pattern: "a0********0", forms: []string{"a0********0"},
		near: 0.75, words: []string{"führerschein", "fahrerlaubnis"}},
	{name: "de-handelsregister", typ: "DE_HANDELSREGISTER", country: "DE", about: "commercial register entry", pattern: "HRB00000", forms: []string{"HRB 00000", "HRB00000"}, prose: 0.6, near: 0.8, alone: 0.6, words: registerWords, lower: true},
	{name: "de-handelsregister", typ: "DE_HANDELSREGISTER", country: "DE", pattern: "HRB000000", forms: []string{"HRB 000000", "HRB000000"}, prose: 0.6, near: 0.8, alone: 0.6, words: registerWords, lower: true},
	{name: "de-handelsregister", typ: "DE_HANDELSREGISTER", country: "DE", pattern: "HRB0000", forms: []string{"HRB 0000", "HRB0000"}, prose: 0.6, near: 0.8, alone: 0.6, words: registerWords, lower: true},
	{name: "de-handelsregister", typ: "DE_HANDELSREGISTER", country: "DE", pattern: "HRA00000", forms: []string{"HRA 00000", "HRA00000"}, prose: 0.6, near: 0.8, alone: 0.6, words: registerWords, lower: true},
	{name: "de-handelsregister", typ: "DE_HANDELSREGISTER", country: "DE", pattern: "HRA0000", forms: []string{"HRA 0000", "HRA0000"}, prose: 0.6, near: 0.8, alone: 0.6, words: registerWords, lower: true},

	{name: "de-kfz", typ: "DE_KFZ", country: "DE", about: "Kfz-Kennzeichen", pattern: "aa000", forms: []string{"a-a 000"}, near: 0.8, words: plateWords, strict: true, capitals: true},
	{name: "de-kfz", typ: "DE_KFZ", country: "DE", pattern: "aa0000", forms: []string{"a-a 0000"}, near: 0.8, words: plateWords, strict: true, capitals: true},
	{name: "de-kfz", typ: "DE_KFZ", country: "DE", pattern: "aaa00", forms: []string{"a-aa 00", "aa-a 00"}, near: 0.8, words: plateWords, strict: true, capitals: true},
	{name: "de-kfz", typ: "DE_KFZ", country: "DE", pattern: "aaa000", forms: []string{"a-aa 000", "aa-a 000", "a aa 000", "aa a 000"}, near: 0.8, alone: 0.5, words: plateWords, strict: true, capitals: true},
	{name: "de-kfz", typ: "DE_KFZ", country: "DE", pattern: "aaa0000", forms: []string{"a-aa 0000", "aa-a 0000", "a aa 0000", "aa a 0000"}, near: 0.8, alone: 0.5, words: plateWords, strict: true, capitals: true},
	{name: "de-kfz", typ: "DE_KFZ", country: "DE", pattern: "aaaa00", forms: []string{"aa-aa 00", "aaa-a 00"}, near: 0.8, words: plateWords, strict: true, capitals: true},
	{name: "de-kfz", typ: "DE_KFZ", country: "DE", pattern: "aaaa000", forms: []string{"aa-aa 000", "aaa-a 000", "aa aa 000"}, prose: 0.5, near: 0.8, alone: 0.6, words: plateWords, strict: true, capitals: true},
	{name: "de-kfz", typ: "DE_KFZ", country: "DE", pattern: "aaaa0000", forms: []string{"aa-aa 0000", "aaa-a 0000"}, prose: 0.5, near: 0.8, alone: 0.6, words: plateWords, strict: true, capitals: true},
	{name: "de-kfz", typ: "DE_KFZ", country: "DE", pattern: "aaaaa000", forms: []string{"aaa-aa 000"}, prose: 0.5, near: 0.8, alone: 0.6, words: plateWords, strict: true, capitals: true},
	{name: "vehicle-registration", typ: "VEHICLE_REGISTRATION", about: "number plate of France, Italy, Spain or the Netherlands, with a word near", pattern: "aa000aa", forms: []string{"aa-000-aa", "aa 000 aa", "aa000aa"}, near: 0.75, words: plateWords, strict: true, capitals: true},
	{name: "vehicle-registration", typ: "VEHICLE_REGISTRATION", pattern: "0000aaa", forms: []string{"0000 aaa", "0000-aaa", "0000aaa"}, near: 0.75, words: plateWords, strict: true, capitals: true},
	{name: "vehicle-registration", typ: "VEHICLE_REGISTRATION", pattern: "aa000a", forms: []string{"aa-000-a"}, near: 0.75, words: plateWords, strict: true, capitals: true},
	{name: "vehicle-registration", typ: "VEHICLE_REGISTRATION", pattern: "0aaa00", forms: []string{"0-aaa-00"}, near: 0.75, words: plateWords, strict: true, capitals: true},
	{name: "nl-postcode", typ: "POSTAL_CODE", pattern: "0000aa", forms: []string{"0000 aa", "0000aa"}, near: 0.7, alone: 0.5, words: zipWords, strict: true, capitals: true},

	{name: "at-ssn", typ: "AT_SSN", country: "AT", about: "Sozialversicherungsnummer", pattern: "0000000000", forms: []string{"0000 000000"},
		check: isATSocial, prose: 0.5, near: 0.9, alone: 0.6, words: []string{"sozialversicherung", "svnr", "sv-nr", "versicherungsnummer"}},
	{name: "at-vat-id", typ: "AT_VAT_ID", country: "AT", about: "Umsatzsteuer-Identifikationsnummer", pattern: "ATU00000000", forms: []string{"ATU00000000", "ATU 00000000"},
		prose: 0.7, near: 0.85, alone: 0.8, words: []string{"uid", "ust", "vat"}, check: isATVAT},
	{name: "ch-ahv", typ: "CH_AHV", country: "CH", about: "AHV/AVS number", pattern: "7560000000000", forms: []string{"756.0000.0000.00", "756 0000 0000 00", "7560000000000"},
		check: ean13, prose: 0.85, near: 0.95, alone: 0.85, words: []string{"ahv", "avs", "sozialversicherung", "sécurité sociale"}},
	{name: "nl-passport", typ: "NL_PASSPORT", country: "NL", about: "paspoort or identiteitskaart", pattern: "aa******0", forms: []string{"aa******0"},
		check: func(v []byte) bool { return digitsIn(v) >= 4 && !bytes.ContainsRune(v, 'O') }, near: 0.7, words: []string{"paspoort", "identiteitskaart", "dutch passport", "documentnummer"}, strict: true, capitals: true},
	{name: "nl-bsn", typ: "NL_BSN", country: "NL", about: "burgerservicenummer", pattern: "000000000", forms: []string{"000000000", "0000.00.000", "0000 00 000"},
		check: isBSN, near: 0.9, alone: 0.55, words: []string{"bsn", "burgerservice", "sofi", "citizen service"}},
	{name: "be-nrn", typ: "BE_NRN", country: "BE", about: "rijksregisternummer", pattern: "00000000000", forms: []string{"00.00.00-000.00", "000000-000.00", "00.00.00-000-00"},
		check: isNRN, prose: 0.9, near: 0.95, alone: 0.7, words: []string{"rijksregister", "registre national", "nationaal nummer", "niss", "insz", "national register"}},
	{name: "lu-nin", typ: "LU_NIN", country: "LU", about: "numéro d'identification national", pattern: "0000000000000", forms: []string{"0000 0000 00000", "00000000 00000"},
		check: func(v []byte) bool { return yyyymmdd(v) && luhn(v[:12]) }, near: 0.9, alone: 0.7, words: []string{"matricule", "identification national", "cns"}},

	{name: "fr-nir", typ: "FR_NIR", country: "FR", about: "numéro de sécurité sociale", pattern: "00000**00000000", forms: []string{"0 00 00 ** 000 000 00", "0 00 00 **000 000 00", "0-00-00-**000-000-00", "0-00-00-**-000-000-00"},
		check: isNIR, prose: 0.8, near: 0.95, alone: 0.8, words: []string{"sécurité sociale", "securite sociale", "nir", "insee", "num sécu", "vitale"}},
	{name: "fr-nif", typ: "FR_NIF", country: "FR", about: "numéro fiscal", pattern: "0000000000000", forms: []string{"00 00 000 000 000"},
		check: func(v []byte) bool { return v[0] <= '3' && number(v[:10])%511 == number(v[10:]) }, prose: 0.7, near: 0.9, alone: 0.7,
		words: []string{"fiscal", "spi", "impôt", "impot", "tax"}},
	{name: "fr-siret", typ: "FR_SIRET", country: "FR", about: "numéro SIRET", pattern: "00000000000000", forms: []string{"000 000 000 00000"},
		check: luhnPlausible, prose: 0.5, near: 0.85, alone: 0.5, words: []string{"siret"}},
	{name: "fr-siren", typ: "FR_SIREN", country: "FR", about: "numéro SIREN", pattern: "000000000", forms: []string{"000 000 000"},
		check: luhnPlausible, near: 0.85, words: []string{"siren", "rcs"}},
	{name: "fr-passport", typ: "FR_PASSPORT", country: "FR", about: "numéro de passeport", pattern: "00aa00000", forms: []string{"00aa00000"}, near: 0.8, words: []string{"passeport", "passport"}, strict: true},
	{name: "fr-id-card", typ: "FR_ID_CARD", country: "FR", about: "carte nationale d'identité", pattern: "000000000000", forms: []string{"000000000000"}, near: 0.6, words: []string{"carte nationale", "carte d'identité", "cni"}, strict: true},

	{name: "es-nif", typ: "ES_NIF", country: "ES", about: "número de identificación fiscal (DNI)", pattern: "00000000a", forms: []string{"00000000a", "00000000-a", "00.000.000-a", "00000000 a"},
		check: isDNI, prose: 0.7, near: 0.95, alone: 0.85, words: dniWords},
	{name: "es-nif", typ: "ES_NIF", country: "ES", pattern: "0000000a", forms: []string{"0000000a", "0000000-a", "0.000.000-a"},
		check: isDNI, near: 0.85, alone: 0.55, words: dniWords},
	{name: "es-nie", typ: "ES_NIE", country: "ES", about: "número de identidad de extranjero", pattern: "a0000000a", forms: []string{"a0000000a", "a-0000000-a", "a0000000-a"},
		check: isNIE, prose: 0.8, near: 0.95, alone: 0.85, words: []string{"nie", "extranjero", "dni"}},
	{name: "es-cif", typ: "ES_CIF", country: "ES", about: "código de identificación fiscal", pattern: "a0000000*", forms: []string{"a0000000*", "a-00000000", "a-0000000*"},
		check: isCIF, near: 0.9, alone: 0.55, words: []string{"cif", "nif", "sociedad"}},
	{name: "es-nuss", typ: "ES_NUSS", country: "ES", about: "número de la seguridad social", pattern: "000000000000", forms: []string{"00/00000000/00", "00 00000000 00", "00-00000000-00"},
		check: isNUSS, prose: 0.8, near: 0.9, alone: 0.65, words: []string{"nuss", "naf", "nass", "seguridad social", "afiliación"}},
	{name: "es-passport", typ: "ES_PASSPORT", country: "ES", about: "pasaporte", pattern: "aaa000000", forms: []string{"aaa000000"}, near: 0.8, words: []string{"pasaporte", "passport"}, strict: true},
	{name: "pt-nif", typ: "PT_NIF", country: "PT", about: "número de identificação fiscal", pattern: "000000000", forms: []string{"000 000 000", "000000000"},
		check: isPTNIF, near: 0.9, alone: 0.55, words: []string{"nif", "contribuinte", "fiscal"}},
	{name: "it-fiscal-code", typ: "IT_FISCAL_CODE", country: "IT", about: "codice fiscale", pattern: "aaaaaa**a**a***a", forms: []string{"aaaaaa**a**a***a", "aaa aaa **a** a***a", "aaaaaa**a** a***a"},
		check: isCodiceFiscale, prose: 0.95, near: 0.98, alone: 0.95, words: []string{"codice fiscale", "c.f."}},
	{name: "it-vat-code", typ: "IT_VAT_CODE", country: "IT", about: "partita IVA", pattern: "00000000000", forms: []string{"00000000000"}, check: luhnPlausible, near: 0.9, alone: 0, words: partitaWords},
	{name: "it-vat-code", typ: "IT_VAT_CODE", country: "IT", pattern: "IT00000000000", forms: []string{"IT00000000000"}, check: func(v []byte) bool { return luhnPlausible(v[2:]) }, prose: 0.8, near: 0.9, alone: 0.8, words: partitaWords},
	{name: "it-driver-license", typ: "IT_DRIVER_LICENSE", country: "IT", about: "patente di guida", pattern: "aa0000000a", forms: []string{"aa0000000a"}, near: 0.8, words: patenteWords},
	{name: "it-driver-license", typ: "IT_DRIVER_LICENSE", country: "IT", pattern: "U1*******a", forms: []string{"U1*******a"}, near: 0.8, words: patenteWords, check: func(v []byte) bool { return digitsIn(v) >= 3 }},
	{name: "it-passport", typ: "IT_PASSPORT", country: "IT", about: "passaporto", pattern: "aa0000000", forms: []string{"aa0000000"}, near: 0.7, words: []string{"passaporto", "italian passport"}, strict: true},
	{name: "it-identity-card", typ: "IT_IDENTITY_CARD", country: "IT", about: "carta d'identità", pattern: "aa0000000", forms: []string{"aa0000000"}, near: 0.7, words: identitaWords, strict: true},
	{name: "it-identity-card", typ: "IT_IDENTITY_CARD", country: "IT", pattern: "CA00000aa", forms: []string{"CA00000aa"}, near: 0.8, words: identitaWords, strict: true},
	{name: "gr-amka", typ: "GR_AMKA", country: "GR", about: "social security number", pattern: "00000000000", forms: []string{"00000000000"},
		check: isAMKA, near: 0.9, alone: 0.6, words: []string{"amka", "αμκα", "α.μ.κ.α"}},
	{name: "gr-tin", typ: "GR_TIN", country: "GR", about: "tax number (AFM)", pattern: "000000000", forms: []string{"000000000"},
		check: isAFM, near: 0.9, alone: 0.55, words: []string{"afm", "αφμ", "α.φ.μ", "tin"}},
	{name: "cy-tin", typ: "CY_TIN", country: "CY", about: "tax number", pattern: "00000000a", forms: []string{"00000000a"}, check: isCyprus, near: 0.85, alone: 0.5, words: []string{"tic", "tin", "vat", "φορολογικ"}},
	{name: "mt-id", typ: "MT_ID", country: "MT", about: "identity card", pattern: "0000000a", forms: []string{"0000000a"}, near: 0.75, words: []string{"maltese", "malta id", "karta tal-identità"}, check: func(v []byte) bool { return strings.IndexByte("MGAPLHBZ", v[7]) >= 0 }},
}

var (
	ausweisWords  = []string{"personalausweis", "ausweis", "perso", "id card", "identity card"}
	registerWords = []string{"handelsregister", "amtsgericht", "registergericht"}
	dniWords      = []string{"dni", "nif", "documento nacional", "identificación"}
	partitaWords  = []string{"partita iva", "p.iva", "p. iva", "piva"}
	patenteWords  = []string{"patente", "license", "licence", "guida", "driving"}
	identitaWords = []string{"carta d'identità", "carta d’identità", "identità", "identity card", "c.i."}
)

// mostRepeated counts the commonest digit; a tax number has none more than
// three times.
func mostRepeated(v []byte) int {
	var n [10]int
	for _, c := range v {
		n[c-'0']++
	}
	return slices.Max(n[:])
}

func digitsIn(v []byte) int {
	n := 0
	for _, c := range v {
		if isDigit(c) {
			n++
		}
	}
	return n
}

// digitSums adds the digit sums of digits times weights.
func digitSums(v []byte, weights string) int {
	sum := 0
	for i := range len(weights) {
		p := int(v[i]-'0') * int(weights[i]-'0')
		sum += p/10 + p%10
	}
	return sum
}

// isDESocial: area, date of birth, initial, serial, check digit; the letter
// counts as two digits.
func isDESocial(v []byte) bool {
	if !ddmmyy(v[2:]) && !dayOf(number(v[2:4])-50, number(v[4:6])) {
		return false
	}
	n := int(v[8]-'A') + 1
	full := append(append(append(make([]byte, 0, 12), v[:8]...), byte('0'+n/10), byte('0'+n%10)), v[9:11]...)
	return digitIs(v[11], digitSums(full, "212571212121")%10)
}

// isKVNR: the letter as two digits, weights 1 and 2.
func isKVNR(v []byte) bool {
	n := int(v[0]-'A') + 1
	full := append(append(make([]byte, 0, 10), byte('0'+n/10), byte('0'+n%10)), v[1:9]...)
	return digitIs(v[9], digitSums(full, "1212121212")%10)
}

func isLANR(v []byte) bool { return digitIs(v[6], (10-weighText(v, "494949")%10)%10) && plausible(v) }

// isDESerial: serials of identity documents have no vowels and no B, D, Q, S;
// and they have digits.
func isDESerial(v []byte) bool {
	for _, c := range v {
		if strings.IndexByte("ABDEIOQSU", c) >= 0 {
			return false
		}
	}
	return digitsIn(v) >= 2
}

func isDEDocument(v []byte) bool { return isDESerial(v[:9]) && digitIs(v[9], mrz(v[:9])) }

// isDEPassport: passports begin with C, F, G, H, J or K.
func isDEPassport(v []byte) bool { return strings.IndexByte("CFGHJK", v[0]) >= 0 && isDEDocument(v) }

func isATSocial(v []byte) bool {
	d := (weigh(v, 3, 7, 9, 0, 5, 8, 4, 2, 1, 6)) % 11
	return v[0] != '0' && d < 10 && digitIs(v[3], d) && (ddmmyy(v[4:]) || v[6] == '1' && v[7] > '2')
}

func isATVAT(v []byte) bool {
	return digitIs(v[10], (10-(digitSums(v[3:], "1212121")+4)%10)%10)
}

func ean13(v []byte) bool {
	return weighText(v, "1313131313131")%10 == 0
}

func isBSN(v []byte) bool {
	return (weighText(v, "98765432")-int(v[8]-'0'))%11 == 0 && number(v) > 9999 && !allSame(v)
}

// isNRN: the check is over nine digits, with a two in front for those born
// since 2000.
func isNRN(v []byte) bool {
	month := number(v[2:4])
	if month > 40 {
		month -= 40
	} else if month > 20 {
		month -= 20
	}
	if month != 0 && !dayOf(max(1, number(v[4:6])), month) {
		return false
	}
	n, c := number(v[:9]), number(v[9:])
	return 97-n%97 == c || 97-(2000000000+n)%97 == c
}

// isNIR: Corsican departments 2A and 2B count as 19 and 18.
func isNIR(v []byte) bool {
	if v[0] != '1' && v[0] != '2' && v[0] != '3' && v[0] != '4' && v[0] != '7' && v[0] != '8' {
		return false
	}
	dept := 0
	switch {
	case isDigit(v[5]) && isDigit(v[6]):
		dept = number(v[5:7])
	case v[5] == '2' && v[6] == 'A':
		dept = 19
	case v[5] == '2' && v[6] == 'B':
		dept = 18
	default:
		return false
	}
	if m := number(v[3:5]); m == 0 || m > 12 && m < 20 || m > 42 && m < 50 {
		return false
	}
	n := number(v[:5])*100000000 + dept*1000000 + number(v[7:13])
	return 97-n%97 == number(v[13:15])
}

const dniLetters = "TRWAGMYFPDXBNJZSQVHLCKE"

func isDNI(v []byte) bool {
	n := number(v[:len(v)-1])
	return n > 0 && v[len(v)-1] == dniLetters[n%23]
}

func isNIE(v []byte) bool {
	return v[0] >= 'X' && v[8] == dniLetters[(int(v[0]-'X')*10000000+number(v[1:8]))%23]
}

// isCIF: odd places doubled; the check is a digit or a letter by kind of body.
func isCIF(v []byte) bool {
	if strings.IndexByte("ABCDEFGHJNPQRSUVW", v[0]) < 0 {
		return false
	}
	d := (10 - digitSums(v[1:], "2121212")%10) % 10
	return isDigit(v[8]) && digitIs(v[8], d) && strings.IndexByte("PQRSNW", v[0]) < 0 || v[8] == "JABCDEFGHI"[d] && strings.IndexByte("ABEH", v[0]) < 0
}

func isNUSS(v []byte) bool {
	p, n, c := number(v[:2]), number(v[2:10]), number(v[10:])
	if p == 0 {
		return false
	}
	if n < 10000000 {
		return (n+p*10000000)%97 == c
	}
	return (p*100000000+n)%97 == c
}

func isPTNIF(v []byte) bool {
	return strings.IndexByte("1235689", v[0]) >= 0 && digitIs(v[8], checkMod11(weighText(v, "98765432"))) || v[0] == '4' && v[1] == '5' && digitIs(v[8], checkMod11(weighText(v, "98765432")))
}

// isCodiceFiscale: letters may stand for digits where two codes would be the
// same (L to V for 0 to 9); the last letter checks the others.
func isCodiceFiscale(v []byte) bool {
	const omocodia = "LMNPQRSTUV"
	var plain [16]byte
	copy(plain[:], v)
	for _, i := range [...]int{6, 7, 9, 10, 12, 13, 14} {
		if !isDigit(v[i]) {
			n := strings.IndexByte(omocodia, v[i])
			if n < 0 {
				return false
			}
			plain[i] = '0' + byte(n)
		}
	}
	day := number(plain[9:11])
	if strings.IndexByte("ABCDEHLMPRST", v[8]) < 0 || day == 0 || day > 31 && day < 41 || day > 71 {
		return false
	}
	sum := 0
	for i, c := range v[:15] {
		n := int(c - '0')
		if !isDigit(c) {
			n = int(c - 'A')
		}
		if i%2 == 0 {
			n = [...]int{1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23}[n]
		}
		sum += n
	}
	return v[15] == byte('A'+sum%26)
}

// isAMKA: a date of birth and a Luhn digit over all eleven.
func isAMKA(v []byte) bool { return ddmmyy(v) && luhn(v) }

func isAFM(v []byte) bool {
	return number(v) > 0 && digitIs(v[8], weigh(v, 256, 128, 64, 32, 16, 8, 4, 2)%11%10)
}

func isCyprus(v []byte) bool {
	sum := 0
	for i, c := range v[:8] {
		n := int(c - '0')
		if i%2 == 0 {
			n = [...]int{1, 0, 5, 7, 9, 13, 15, 17, 19, 21}[n]
		}
		sum += n
	}
	return v[8] == byte('A'+sum%26)
}

package pii

import "strings"

// Identifiers of northern and eastern Europe.
var northRules = []rule{
	{name: "fi-personal-identity-code", typ: "FI_PERSONAL_IDENTITY_CODE", country: "FI", about: "henkilötunnus", pattern: "000000000*", forms: []string{"000000-000*", "000000+000*"},
		check: func(v []byte) bool { return ddmmyy(v) && isHETU(v[:6], v[6:9], v[9]) }, prose: 0.9, near: 0.95, words: hetuWords, strict: true},
	{name: "fi-personal-identity-code", typ: "FI_PERSONAL_IDENTITY_CODE", country: "FI", pattern: "000000a000*", forms: []string{"000000a000*"},
		check: func(v []byte) bool {
			return strings.IndexByte("ABCDEFYXWVU", v[6]) >= 0 && ddmmyy(v) && isHETU(v[:6], v[7:10], v[10])
		}, prose: 0.9, near: 0.95, alone: 0.95, words: hetuWords},
	{name: "se-personnummer", typ: "SE_PERSONNUMMER", country: "SE", about: "personal number", pattern: "0000000000", forms: []string{"000000-0000", "000000+0000"},
		check: func(v []byte) bool { return yymmdd(v) && luhn(v) }, prose: 0.85, near: 0.95, alone: 0.65, words: pnrWords},
	{name: "se-personnummer", typ: "SE_PERSONNUMMER", country: "SE", pattern: "000000000000", forms: []string{"00000000-0000", "00000000+0000"},
		check: func(v []byte) bool { return yyyymmdd(v) && luhn(v[2:]) }, prose: 0.9, near: 0.95, alone: 0.75, words: pnrWords},
	{name: "se-coord", typ: "SE_COORD", country: "SE", about: "coordination number", pattern: "0000000000", forms: []string{"000000-0000", "000000+0000"},
		check: isSECoord, prose: 0.8, near: 0.9, alone: 0.6, words: pnrWords},
	{name: "se-coord", typ: "SE_COORD", country: "SE", pattern: "000000000000", forms: []string{"00000000-0000", "00000000+0000"},
		check: func(v []byte) bool { return (v[0] == '1' || v[0] == '2') && isSECoord(v[2:]) }, prose: 0.85, near: 0.9, alone: 0.7, words: pnrWords},
	{name: "se-organisationsnummer", typ: "SE_ORGANISATIONSNUMMER", country: "SE", about: "organisation number", pattern: "0000000000", forms: []string{"000000-0000"},
		check: func(v []byte) bool { return v[2] >= '2' && strings.IndexByte("1235678 9", v[0]) >= 0 && luhn(v) }, prose: 0.6, near: 0.9, alone: 0.6,
		words: []string{"organisationsnummer", "org.nr", "orgnr", "org nr", "företag", "bolag"}},
	{name: "no-fnr", typ: "NO_FNR", country: "NO", about: "fødselsnummer", pattern: "00000000000", forms: []string{"000000 00000", "00000000000"},
		check: isFNR, prose: 0.7, near: 0.95, alone: 0.75, words: []string{"fødselsnummer", "personnummer", "fnr", "d-nummer"}},
	{name: "dk-cpr", typ: "DK_CPR", country: "DK", about: "CPR number", pattern: "0000000000", forms: []string{"000000-0000"},
		check: ddmmyy, near: 0.9, words: cprWords, strict: true},
	{name: "dk-cpr-mod11", typ: "DK_CPR", country: "DK", pattern: "0000000000", forms: []string{"000000-0000"},
		check: func(v []byte) bool { return ddmmyy(v) && weighText(v, "4327654321")%11 == 0 }, prose: 0.6, near: 0.92, alone: 0.6, words: cprWords},
	{name: "is-kennitala", typ: "IS_KENNITALA", country: "IS", about: "kennitala", pattern: "0000000000", forms: []string{"000000-0000"},
		check: func(v []byte) bool {
			return ddmmyy(v) && (v[9] == '9' || v[9] == '0') && weighText(v, "327654321")%11 == 0
		}, prose: 0.65, near: 0.9, alone: 0.6, words: []string{"kennitala", "kt."}},
	{name: "ee-id", typ: "EE_ID", country: "EE", about: "isikukood", pattern: "00000000000", forms: []string{"00000000000"},
		check: isBaltic, near: 0.9, alone: 0.65, words: []string{"isikukood", "estonia"}},
	{name: "lt-id", typ: "LT_ID", country: "LT", about: "asmens kodas", pattern: "00000000000", forms: []string{"00000000000"},
		check: isBaltic, near: 0.9, alone: 0.65, words: []string{"asmens kodas", "lithuania"}},
	{name: "lv-id", typ: "LV_ID", country: "LV", about: "personas kods", pattern: "00000000000", forms: []string{"000000-00000"},
		check: isLatvia, prose: 0.6, near: 0.9, alone: 0.6, words: []string{"personas kods", "latvia"}},

	{name: "pl-pesel", typ: "PL_PESEL", country: "PL", about: "PESEL", pattern: "00000000000", forms: []string{"00000000000"},
		check: isPESEL, near: 0.95, alone: 0.65, words: []string{"pesel"}},
	{name: "pl-nip", typ: "PL_NIP", country: "PL", about: "numer identyfikacji podatkowej", pattern: "0000000000", forms: []string{"000-000-00-00", "000-00-00-000", "0000000000"},
		check: isNIP, near: 0.9, alone: 0.55, words: []string{"nip"}},
	{name: "pl-regon", typ: "PL_REGON", country: "PL", about: "REGON", pattern: "000000000", forms: []string{"000000000"},
		check: func(v []byte) bool { return digitIs(v[8], weighText(v, "89234567")%11%10) && plausible(v) }, near: 0.9, alone: 0.5, words: []string{"regon"}},
	{name: "pl-identity-card", typ: "PL_IDENTITY_CARD", country: "PL", about: "dowód osobisty", pattern: "aaa000000", forms: []string{"aaa000000", "aaa 000000"},
		check: func(v []byte) bool {
			return (mrz(append([]byte{}, v[0], v[1], v[2]))+weigh(v[4:], 7, 3, 1, 7, 3))%10 == int(v[3]-'0')
		}, near: 0.9, alone: 0.55, words: []string{"dowód", "dowod", "identity card"}},
	{name: "cz-rc", typ: "CZ_RC", country: "CZ", about: "rodné číslo", pattern: "0000000000", forms: []string{"000000/0000"},
		check: isBirthNumber, prose: 0.85, near: 0.95, alone: 0.6, words: rodneWords},
	{name: "cz-rc", typ: "CZ_RC", country: "CZ", pattern: "000000000", forms: []string{"000000/000"},
		check: oldBirthNumber, prose: 0.6, near: 0.85, alone: 0.5, words: rodneWords},
	{name: "cz-tin", typ: "CZ_TIN", country: "CZ", about: "daňové identifikační číslo of a person", pattern: "CZ0000000000", forms: []string{"CZ0000000000", "CZ 000000/0000"},
		check: func(v []byte) bool { return isBirthNumber(v[2:]) }, prose: 0.85, near: 0.95, alone: 0.9, words: []string{"dič", "dic", "vat"}},
	{name: "cz-tin", typ: "CZ_TIN", country: "CZ", pattern: "0000000000", check: isBirthNumber, near: 0.9, alone: 0.6, words: []string{"dič", "daňov"}},
	{name: "cz-ico", typ: "CZ_ICO", country: "CZ", about: "identifikační číslo osoby", pattern: "00000000", forms: []string{"00000000"},
		check: func(v []byte) bool { return digitIs(v[7], (11-weighText(v, "8765432")%11)%10) }, near: 0.85, words: []string{"ičo", "ico:"}},
	{name: "sk-rc", typ: "SK_RC", country: "SK", about: "rodné číslo", pattern: "0000000000", forms: []string{"000000/0000"},
		check: isBirthNumber, near: 0.95, alone: 0.55, words: []string{"rodné číslo", "slovak"}},
	{name: "hu-tin", typ: "HU_TIN", country: "HU", about: "adóazonosító jel", pattern: "0000000000", forms: []string{"0000000000"},
		check: func(v []byte) bool { return digitIs(v[9], weighText(v, "123456789")%11) && plausible(v) }, near: 0.9, alone: 0.55, words: []string{"adóazonosító", "adoazonosito", "tax id"}},
	{name: "hu-taj", typ: "HU_TAJ", country: "HU", about: "TAJ szám", pattern: "000000000", forms: []string{"000 000 000", "000-000-000"},
		check: func(v []byte) bool { return digitIs(v[8], weighText(v, "37373737")%10) && plausible(v) }, near: 0.9, alone: 0.5, words: []string{"taj"}},
	{name: "ro-cnp", typ: "RO_CNP", country: "RO", about: "cod numeric personal", pattern: "0000000000000", forms: []string{"0000000000000"},
		check: isCNP, prose: 0.55, near: 0.95, alone: 0.75, words: []string{"cnp", "cod numeric"}},
	{name: "bg-egn", typ: "BG_EGN", country: "BG", about: "ЕГН", pattern: "0000000000", forms: []string{"0000000000"},
		check: isEGN, near: 0.95, alone: 0.6, words: []string{"egn", "егн"}},
	{name: "hr-oib", typ: "HR_OIB", country: "HR", about: "osobni identifikacijski broj", pattern: "00000000000", forms: []string{"00000000000"},
		check: func(v []byte) bool { return mod11x10(v) && plausible(v) }, near: 0.95, alone: 0.6, words: []string{"oib", "identifikacijski broj"}},
	{name: "si-tin", typ: "SI_TIN", country: "SI", about: "davčna številka", pattern: "00000000", forms: []string{"00000000"},
		check: isSITax, near: 0.9, alone: 0.55, words: []string{"davčna", "davcna", "tax number"}},
	{name: "si-emso", typ: "SI_EMSO", country: "SI", about: "EMŠO", pattern: "0000000000000", forms: []string{"0000000000000"},
		check: func(v []byte) bool { return isJMBG(v) && number(v[7:9]) == 50 || isJMBG(v) && v[7] <= '5' }, near: 0.95, alone: 0.7, words: []string{"emšo", "emso"}},
	{name: "rs-jmbg", typ: "RS_JMBG", country: "RS", about: "JMBG", pattern: "0000000000000", forms: []string{"0000000000000"},
		check: func(v []byte) bool { return isJMBG(v) && v[7] >= '1' }, near: 0.95, alone: 0.6, words: []string{"jmbg", "јмбг", "matični broj"}},
	{name: "ua-rnokpp", typ: "UA_RNOKPP", country: "UA", about: "РНОКПП, the taxpayer's number", pattern: "0000000000", forms: []string{"0000000000"},
		check: func(v []byte) bool {
			s := weigh(v, -1, 5, 7, 9, 4, 6, 10, 5, 7) % 11
			return digitIs(v[9], (s+11)%11%10)
		}, near: 0.9, words: []string{"рнокпп", "іпн", "ідентифікаційний", "rnokpp"}},
	{name: "ru-snils", typ: "RU_SNILS", country: "RU", about: "СНИЛС", pattern: "00000000000", forms: []string{"000-000-000 00", "000-000-000-00"},
		check: func(v []byte) bool { return weighText(v, "987654321")%101%100 == number(v[9:]) && plausible(v[:9]) }, prose: 0.8, near: 0.95, words: []string{"снилс", "snils"}},
	{name: "ru-inn", typ: "RU_INN", country: "RU", about: "ИНН of a person", pattern: "000000000000", forms: []string{"000000000000"},
		check: func(v []byte) bool {
			return digitIs(v[10], weigh(v, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8)%11%10) && digitIs(v[11], weigh(v, 3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8)%11%10)
		}, near: 0.9, words: []string{"инн", "inn"}},
	{name: "kz-iin", typ: "KZ_IIN", country: "KZ", about: "ЖСН/ИИН", pattern: "000000000000", forms: []string{"000000000000"},
		check: isIIN, near: 0.9, words: []string{"иин", "жсн", "iin"}},
}

var (
	hetuWords  = []string{"henkilötunnus", "hetu", "personal identity code", "sotu"}
	pnrWords   = []string{"personnummer", "pnr", "personal number", "personal identity", "swedish", "samordningsnummer", "födelse", "person-nr"}
	cprWords   = []string{"cpr", "personnummer", "cpr-nr"}
	rodneWords = []string{"rodné číslo", "rodne cislo", "r.č", "birth number"}
)

// isHETU: the check character is the nine digits modulo 31.
func isHETU(date, serial []byte, check byte) bool {
	n := number(date)*1000 + number(serial)
	return number(serial) >= 2 && check == "0123456789ABCDEFHJKLMNPRSTUVWXY"[n%31]
}

// isSECoord: a personal number with sixty added to the day; the month may be
// unknown.
func isSECoord(v []byte) bool {
	day, month := number(v[4:6])-60, number(v[2:4])
	return day >= 0 && day <= 31 && month <= 12 && luhn(v)
}

func isFNR(v []byte) bool {
	day := number(v[:2])
	if day > 40 {
		day -= 40 // D number
	}
	month := number(v[2:4])
	if month > 80 {
		month -= 80
	} else if month > 40 {
		month -= 40
	}
	return dayOf(day, month) && weighText(v, "3761894521")%11 == 0 && weighText(v, "54327654321")%11 == 0
}

// isBaltic: Estonia and Lithuania weigh twice.
func isBaltic(v []byte) bool {
	if v[0] < '1' || v[0] > '8' || !yymmdd(v[1:]) {
		return false
	}
	c := weighText(v, "1234567891") % 11
	if c == 10 {
		c = weighText(v, "3456789123") % 11 % 10
	}
	return digitIs(v[10], c)
}

func isLatvia(v []byte) bool {
	if v[0] == '3' && v[1] == '2' {
		return true // numbers since 2017 tell nothing
	}
	return ddmmyy(v) && digitIs(v[10], (1101-weigh(v, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2))%11%10)
}

func isPESEL(v []byte) bool {
	month := number(v[2:4]) % 20
	return dayOf(number(v[4:6]), month) && weighText(v, "13791379131")%10 == 0
}

func isNIP(v []byte) bool {
	c := weighText(v, "657234567") % 11
	return c < 10 && digitIs(v[9], c) && plausible(v) && number(v[:3]) > 0
}

// isBirthNumber: Czech and Slovak numbers since 1954.
func isBirthNumber(v []byte) bool {
	n := number(v)
	if n%11 != 0 && !(number(v[:9])%11 == 10 && v[9] == '0') {
		return false
	}
	return dayOf(number(v[4:6]), birthMonth(v))
}

func oldBirthNumber(v []byte) bool {
	return number(v[:2]) < 54 && dayOf(number(v[4:6]), birthMonth(v)) && number(v[6:9]) > 0
}

func birthMonth(v []byte) int {
	m := number(v[2:4])
	if m > 50 {
		m -= 50
	}
	if m > 20 {
		m -= 20
	}
	return m
}

func isCNP(v []byte) bool {
	county := number(v[7:9])
	if v[0] == '0' || !yymmdd(v[1:]) || county == 0 || county > 52 && county != 70 && county != 80 {
		return false
	}
	return digitIs(v[12], weighText(v, "279146358279")%11%10) || weighText(v, "279146358279")%11 == 10 && v[12] == '1'
}

func isEGN(v []byte) bool {
	m := number(v[2:4])
	if m > 40 {
		m -= 40
	} else if m > 20 {
		m -= 20
	}
	return dayOf(number(v[4:6]), m) && digitIs(v[9], weigh(v, 2, 4, 8, 5, 10, 9, 7, 3, 6)%11%10)
}

func isSITax(v []byte) bool {
	d := 11 - weighText(v, "8765432")%11
	return v[0] != '0' && d != 11 && digitIs(v[7], d%10)
}

// isJMBG: the personal numbers of the states that were Yugoslavia.
func isJMBG(v []byte) bool {
	return ddmmyy(v) && (v[4] == '9' || v[4] == '0') && digitIs(v[12], checkMod11(weighText(v, "765432765432")))
}

func isIIN(v []byte) bool {
	if !yymmdd(v) || v[6] > '6' {
		return false
	}
	c := weigh(v, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11) % 11
	if c == 10 {
		c = weigh(v, 3, 4, 5, 6, 7, 8, 9, 10, 11, 1, 2) % 11
	}
	return c < 10 && digitIs(v[11], c)
}

package pii

// Identifiers of North and South America.
var americaRules = []rule{
	{name: "us-ssn", typ: "US_SSN", country: "US", about: "social security number", pattern: "000000000", forms: []string{"000-00-0000"},
		check: isSSN, prose: 0.7, near: 0.9, alone: 0.55,
		words: []string{"ssn", "social security", "soc sec", "social-security", "ss#", "ssid"}},
	{name: "us-itin", typ: "US_ITIN", country: "US", about: "individual taxpayer number", pattern: "000000000", forms: []string{"000-00-0000", "000 00 0000"},
		check: isITIN, prose: 0.7, near: 0.9, alone: 0.6, words: []string{"itin", "taxpayer", "tax id", "individual tax"}},
	{name: "us-ein", typ: "US_EIN", country: "US", about: "employer identification number", pattern: "000000000", forms: []string{"00-0000000"},
		check: isEIN, near: 0.8, words: []string{"ein", "employer id", "fein", "federal tax", "tax id"}, strict: true},
	{name: "us-npi", typ: "US_NPI", country: "US", about: "national provider identifier", pattern: "0000000000", forms: []string{"0000000000", "0000-000-000", "0000 000 000"},
		check: isNPI, near: 0.85, alone: 0.6, words: []string{"npi", "provider", "national provider"}},
	{name: "us-mbi", typ: "US_MBI", country: "US", about: "Medicare beneficiary identifier", pattern: "0a*0a*0aa00", forms: []string{"0a*0-a*0-aa00", "0a*0a*0aa00"},
		check: isMBI, prose: 0.75, near: 0.9, alone: 0.8, words: []string{"mbi", "medicare", "beneficiary"}},
	{name: "us-dea", typ: "US_DEA", country: "US", about: "DEA registration of a prescriber", pattern: "aa0000000", forms: []string{"aa0000000"},
		check: isDEA, prose: 0.5, near: 0.9, alone: 0.7, words: []string{"dea", "prescriber", "controlled substance"}, lower: true},
	{name: "us-dea", typ: "US_DEA", country: "US", pattern: "a90000000", forms: []string{"a90000000"},
		check: isDEA, near: 0.85, alone: 0.6, words: []string{"dea", "prescriber"}, lower: true},
	{name: "medical-license", typ: "MEDICAL_LICENSE", country: "US", about: "licence of a medical practitioner with a check digit", pattern: "aa0000000",
		forms: []string{"aa0000000"}, check: isDEA, prose: 0.5, near: 0.85, alone: 0.7, words: medicalWords, lower: true},
	{name: "medical-license", typ: "MEDICAL_LICENSE", country: "US", pattern: "a00000000", forms: []string{"a00000000"},
		check: isDEA, near: 0.8, alone: 0.6, words: medicalWords},
	{name: "us-bank-routing", typ: "US_BANK_ROUTING", country: "US", about: "ABA routing number", pattern: "000000000", forms: []string{"000000000", "0000-0000-0"},
		check: isABA, near: 0.85, alone: 0.6, words: []string{"routing", "aba", "rtn", "transit", "wire", "ach"}},
	{name: "us-passport", typ: "US_PASSPORT", country: "US", about: "passport number", pattern: "000000000", forms: []string{"000000000"},
		check: plausible, near: 0.6, words: passportWords, strict: true},
	{name: "us-passport", typ: "US_PASSPORT", country: "US", pattern: "a00000000", forms: []string{"a00000000"}, near: 0.65, words: passportWords, strict: true},
	{name: "us-driver-license", typ: "US_DRIVER_LICENSE", country: "US", about: "driving licence, by the states' formats", pattern: "a0000000", forms: []string{"a0000000"},
		near: 0.7, words: licenceWords, strict: true},
	{name: "us-driver-license", typ: "US_DRIVER_LICENSE", country: "US", pattern: "a00000000", forms: []string{"a00000000"}, near: 0.7, words: licenceWords, strict: true},
	{name: "us-driver-license", typ: "US_DRIVER_LICENSE", country: "US", pattern: "a000000000000", forms: []string{"a000000000000", "a000-0000-0000", "a000-000-00-000-0"}, near: 0.7, words: licenceWords, strict: true},
	{name: "us-driver-license", typ: "US_DRIVER_LICENSE", country: "US", pattern: "a00000000000000", forms: []string{"a00000000000000", "a0000-00000-00000", "a0000-0000-0000-00"}, near: 0.7, words: licenceWords, strict: true},
	{name: "us-driver-license", typ: "US_DRIVER_LICENSE", country: "US", pattern: "aa000000a", forms: []string{"aa000000a"}, near: 0.7, words: licenceWords, strict: true},
	{name: "us-driver-license", typ: "US_DRIVER_LICENSE", country: "US", pattern: "00000000", forms: []string{"00000000"}, check: plausible, near: 0.55, words: licenceWords, strict: true},
	{name: "us-driver-license", typ: "US_DRIVER_LICENSE", country: "US", pattern: "000000000", forms: []string{"000000000"}, check: plausible, near: 0.55, words: licenceWords, strict: true},
	{name: "us-bank-account", typ: "US_BANK_ACCOUNT", country: "US", about: "bank account number", pattern: "00000000", forms: []string{"00000000"}, check: plausible, near: 0.55, words: accountWords, strict: true},
	{name: "us-bank-account", typ: "US_BANK_ACCOUNT", country: "US", pattern: "000000000", forms: []string{"000000000"}, check: plausible, near: 0.55, words: accountWords, strict: true},
	{name: "us-bank-account", typ: "US_BANK_ACCOUNT", country: "US", pattern: "0000000000", forms: []string{"0000000000"}, check: plausible, near: 0.55, words: accountWords, strict: true},
	{name: "us-bank-account", typ: "US_BANK_ACCOUNT", country: "US", pattern: "00000000000", forms: []string{"00000000000"}, check: plausible, near: 0.55, words: accountWords, strict: true},
	{name: "us-bank-account", typ: "US_BANK_ACCOUNT", country: "US", pattern: "000000000000", forms: []string{"000000000000"}, check: plausible, near: 0.55, words: accountWords, strict: true},

	{name: "ca-sin", typ: "CA_SIN", country: "CA", about: "social insurance number", pattern: "000000000", forms: []string{"000-000-000", "000 000 000"},
		check: isSIN, near: 0.9, alone: 0.55, words: []string{"sin", "social insurance", "assurance sociale", "nas"}},
	{name: "ca-postal-code", typ: "POSTAL_CODE", pattern: "a0a0a0", forms: []string{"a0a 0a0", "a0a-0a0"}, check: isCAPostal, prose: 0.55, near: 0.75, alone: 0.6, words: postalWords, lower: true},
	{name: "ca-passport", typ: "CA_PASSPORT", country: "CA", about: "passport number", pattern: "aa000000", forms: []string{"aa000000"}, near: 0.65, words: passportWords, strict: true},

	{name: "mx-curp", typ: "MX_CURP", country: "MX", about: "clave única de registro de población", pattern: "aaaa000000aaaaaa*0", forms: []string{"aaaa000000aaaaaa*0"},
		check: isCURP, prose: 0.9, near: 0.95, alone: 0.9, words: []string{"curp"}},
	{name: "mx-rfc", typ: "MX_RFC", country: "MX", about: "registro federal de contribuyentes", pattern: "aaaa000000***", forms: []string{"aaaa000000***", "aaaa-000000-***"},
		check: func(v []byte) bool { return yymmdd(v[4:]) }, prose: 0.5, near: 0.85, alone: 0.6, words: []string{"rfc", "contribuyente"}, capitals: true},
	{name: "br-cpf", typ: "BR_CPF", country: "BR", about: "cadastro de pessoas físicas", pattern: "00000000000", forms: []string{"000.000.000-00"},
		check: isCPF, prose: 0.9, near: 0.95, alone: 0.6, words: []string{"cpf", "contribuinte", "pessoa física"}},
	{name: "br-cnpj", typ: "BR_CNPJ", country: "BR", about: "cadastro nacional da pessoa jurídica", pattern: "00000000000000", forms: []string{"00.000.000/0000-00"},
		check: isCNPJ, prose: 0.9, near: 0.95, alone: 0.6, words: []string{"cnpj", "pessoa jurídica"}},
	{name: "cl-rut", typ: "CL_RUT", country: "CL", about: "rol único tributario", pattern: "00000000*", forms: []string{"00.000.000-*"},
		check: isRUT, prose: 0.65, near: 0.9, alone: 0.6, words: rutWords},
	{name: "cl-rut", typ: "CL_RUT", country: "CL", pattern: "0000000*", forms: []string{"0.000.000-*"},
		check: isRUT, prose: 0.6, near: 0.85, alone: 0.55, words: rutWords},
	{name: "ar-cuit", typ: "AR_CUIT", country: "AR", about: "clave única de identificación tributaria o laboral", pattern: "00000000000", forms: []string{"00-00000000-0"},
		check: isCUIT, prose: 0.75, near: 0.9, alone: 0.55, words: []string{"cuit", "cuil"}},
	{name: "ar-dni", typ: "AR_DNI", country: "AR", about: "documento nacional de identidad", pattern: "00000000", forms: []string{"00.000.000"}, near: 0.7, words: []string{"dni", "documento"}, check: plausible},
	{name: "uy-ci", typ: "UY_CI", country: "UY", about: "cédula de identidad", pattern: "00000000", forms: []string{"0.000.000-0"},
		check: func(v []byte) bool { return weighText(v, "2987634")%10 == (10-int(v[7]-'0'))%10 }, prose: 0.7, near: 0.85, alone: 0.5, words: []string{"cédula", "cedula"}},
	{name: "ec-ci", typ: "EC_CI", country: "EC", about: "cédula de identidad", pattern: "0000000000", forms: []string{"000000000-0"},
		check: func(v []byte) bool {
			p := number(v[:2])
			return (p >= 1 && p <= 24 || p == 30) && v[2] < '6' && luhn(v)
		}, near: 0.85, words: []string{"cédula", "cedula"}},
	{name: "co-nit", typ: "CO_NIT", country: "CO", about: "número de identificación tributaria", pattern: "0000000000", forms: []string{"000.000.000-0", "000000000-0"},
		check: isNIT, prose: 0, near: 0.85, alone: 0.5, words: []string{"nit", "tributaria"}},
	{name: "pe-ruc", typ: "PE_RUC", country: "PE", about: "registro único de contribuyentes", pattern: "00000000000", forms: []string{"00000000000"},
		check: isRUC, near: 0.85, alone: 0.5, words: []string{"ruc", "contribuyente"}},
}

var (
	passportWords = []string{"passport", "pasaporte", "passeport", "reisepass", "passaporto", "passaporte", "paspoort", "paszport", "pasaport", "паспорт", "护照", "旅券", "パスポート", "여권", "travel document"}
	licenceWords  = []string{"license", "licence", "driver", "driving", "führerschein", "permis de conduire", "carnet de conducir", "patente", "rijbewijs", "licencia", "dl#", "dl no", "운전면허"}
	accountWords  = []string{"account", "acct", "checking", "savings", "bank account", "debit"}
	medicalWords  = []string{"medical", "certificate", "license", "licence", "dea", "physician", "practitioner"}
	rutWords      = []string{"rut", "tributario", "cédula", "cedula"}
)

func isSSN(v []byte) bool {
	area := number(v[:3])
	return area > 0 && area != 666 && area < 900 && number(v[3:5]) > 0 && number(v[5:]) > 0 && plausible(v) &&
		string(v) != "078051120" && string(v) != "219099999" // printed in advertisements
}

// isITIN: nine hundreds with a group the IRS assigns.
func isITIN(v []byte) bool {
	g := number(v[3:5])
	return v[0] == '9' && (g >= 50 && g <= 65 || g >= 70 && g <= 88 || g >= 90 && g <= 92 || g >= 94)
}

// isEIN: prefixes of the IRS's campuses.
func isEIN(v []byte) bool {
	switch p := number(v[:2]); {
	case p == 0, p >= 7 && p <= 9, p >= 17 && p <= 19, p == 28, p == 29, p == 49, p == 69, p == 70, p == 78, p == 79, p == 89, p == 96, p == 97:
		return false
	}
	return true
}

// isNPI: Luhn over 80840 and the number (CMS).
func isNPI(v []byte) bool {
	if v[0] != '1' && v[0] != '2' {
		return false
	}
	var full [15]byte
	copy(full[:], "80840")
	copy(full[5:], v)
	return luhn(full[:])
}

// isMBI: no S, L, O, I, B, Z, and no zero in front (CMS).
func isMBI(v []byte) bool {
	for _, c := range v {
		switch c {
		case 'S', 'L', 'O', 'I', 'B', 'Z':
			return false
		}
	}
	return v[0] != '0'
}

// isDEA: the last digit of d1+d3+d5 + 2(d2+d4+d6).
func isDEA(v []byte) bool {
	switch v[0] {
	case 'I', 'N', 'O', 'Q', 'V', 'W', 'Y', 'Z':
		return false
	}
	return (weighText(v[2:], "121212")-int(v[8]-'0'))%10 == 0
}

// isABA: weights 3, 7, 1 and the Federal Reserve's prefixes.
func isABA(v []byte) bool {
	p := number(v[:2])
	return weighText(v, "371371371")%10 == 0 && (p <= 12 || p >= 21 && p <= 32 || p >= 61 && p <= 72 || p == 80) && number(v) > 0
}

// isCAPostal: no D, F, I, O, Q, U, and no W or Z in front.
func isCAPostal(v []byte) bool {
	for _, c := range v {
		switch c {
		case 'D', 'F', 'I', 'O', 'Q', 'U':
			return false
		}
	}
	return v[0] != 'W' && v[0] != 'Z'
}

func isSIN(v []byte) bool { return v[0] != '0' && v[0] != '8' && luhn(v) && plausible(v) }

// isCURP: date, sex, state, and the check digit over a 37-letter alphabet with Ñ.
func isCURP(v []byte) bool {
	if !yymmdd(v[4:]) || v[10] != 'H' && v[10] != 'M' && v[10] != 'X' {
		return false
	}
	sum := 0
	for i, c := range v[:17] {
		n := int(c - '0')
		if !isDigit(c) {
			n = int(c-'A') + 10
			if c > 'N' {
				n++ // Ñ comes after N
			}
		}
		sum += n * (18 - i)
	}
	return digitIs(v[17], (10-sum%10)%10)
}

// checkMod11 is the digit 11 − s mod 11, with ten and eleven as zero.
func checkMod11(s int) int {
	if d := 11 - s%11; d < 10 {
		return d
	}
	return 0
}

func isCPF(v []byte) bool {
	return !allSame(v) && digitIs(v[9], checkMod11(weigh(v, 10, 9, 8, 7, 6, 5, 4, 3, 2))) &&
		digitIs(v[10], checkMod11(weigh(v, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2)))
}

func isCNPJ(v []byte) bool {
	return !allSame(v) && digitIs(v[12], checkMod11(weighText(v, "543298765432"))) && digitIs(v[13], checkMod11(weighText(v, "6543298765432")))
}

func isRUT(v []byte) bool {
	sum, w := 0, 2
	for i := len(v) - 2; i >= 0; i-- {
		sum += int(v[i]-'0') * w
		if w++; w > 7 {
			w = 2
		}
	}
	return v[len(v)-1] == "0K987654321"[sum%11]
}

func isCUIT(v []byte) bool {
	switch number(v[:2]) {
	case 20, 23, 24, 25, 26, 27, 30, 33, 34:
	default:
		return false
	}
	d := 11 - weighText(v, "5432765432")%11
	return digitIs(v[10], d%11)
}

func isNIT(v []byte) bool {
	s := weigh(v, 41, 37, 29, 23, 19, 17, 13, 7, 3) % 11
	if s > 1 {
		s = 11 - s
	}
	return digitIs(v[9], s)
}

func isRUC(v []byte) bool {
	switch number(v[:2]) {
	case 10, 15, 17, 20:
	default:
		return false
	}
	d := 11 - weighText(v, "5432765432")%11
	return digitIs(v[10], d%10)
}

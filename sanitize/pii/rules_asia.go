package pii

import (
	"strconv"
	"strings"
)

// Identifiers of Asia, the Near East, Africa and Oceania.
var asiaRules = []rule{
	{name: "in-aadhaar", typ: "IN_AADHAAR", country: "IN", about: "Aadhaar number", pattern: "000000000000", forms: []string{"0000 0000 0000", "0000-0000-0000"},
		check: func(v []byte) bool { return v[0] >= '2' && verhoeff(v) && !palindrome(v) }, prose: 0.65, near: 0.95, alone: 0.7, words: []string{"aadhaar", "aadhar", "uidai", "आधार"}},
	{name: "in-pan", typ: "IN_PAN", country: "IN", about: "permanent account number", pattern: "aaaaa0000a", forms: []string{"aaaaa0000a"},
		check: func(v []byte) bool { return strings.IndexByte("ABCFGHJLPT", v[3]) >= 0 }, prose: 0.7, near: 0.95, alone: 0.8, lower: true, words: []string{"pan", "permanent account", "income tax"}},
	{name: "in-pan", typ: "IN_PAN", country: "IN", pattern: "aaaaa0000a", near: 0.75, alone: 0.55, words: []string{"pan", "permanent account", "income tax"}},
	{name: "in-gstin", typ: "IN_GSTIN", country: "IN", about: "goods and services tax number", pattern: "00aaaaa0000a*Z*", forms: []string{"00aaaaa0000a*Z*"},
		check: isGSTIN, prose: 0.85, near: 0.95, alone: 0.9, words: []string{"gst", "gstin"}},
	{name: "in-voter", typ: "IN_VOTER", country: "IN", about: "voter's card (EPIC)", pattern: "aaa0000000", forms: []string{"aaa0000000"}, near: 0.8, alone: 0.5, words: []string{"voter", "epic", "election"}, strict: true},
	{name: "in-passport", typ: "IN_PASSPORT", country: "IN", about: "passport number", pattern: "a0000000", forms: []string{"a0000000"},
		check: func(v []byte) bool { return strings.IndexByte("QXZ", v[0]) < 0 && v[1] != '0' && v[7] != '0' }, near: 0.68, words: passportWords, strict: true},
	{name: "in-vehicle-registration", typ: "IN_VEHICLE_REGISTRATION", country: "IN", about: "number plate", pattern: "aa00aa0000", forms: []string{"aa00aa0000", "aa 00 aa 0000", "aa-00-aa-0000", "aa00 aa 0000"},
		check: isIndianState, prose: 0.6, near: 0.85, alone: 0.8, lower: true, words: plateWords},
	{name: "in-vehicle-registration", typ: "IN_VEHICLE_REGISTRATION", country: "IN", pattern: "aa00a0000", forms: []string{"aa00a0000", "aa 00 a 0000", "aa-00-a-0000"},
		check: isIndianState, near: 0.85, alone: 0.7, lower: true, words: plateWords},
	{name: "in-vehicle-registration", typ: "IN_VEHICLE_REGISTRATION", country: "IN", pattern: "aa0a0000", forms: []string{"aa0a0000", "aa 0 a 0000"},
		check: isIndianState, near: 0.8, alone: 0.6, words: plateWords},

	{name: "sg-nric-fin", typ: "SG_NRIC_FIN", country: "SG", about: "NRIC or FIN", pattern: "a0000000a", forms: []string{"a0000000a"},
		check: isNRIC, prose: 0.85, near: 0.95, alone: 0.9, lower: true, words: nricWords},
	{name: "sg-nric-fin", typ: "SG_NRIC_FIN", country: "SG", pattern: "a0000000a",
		check: func(v []byte) bool { return strings.IndexByte("STFGM", v[0]) >= 0 }, near: 0.7, alone: 0.5, capitals: true, words: nricWords},
	{name: "sg-uen", typ: "SG_UEN", country: "SG", about: "unique entity number", pattern: "000000000a", forms: []string{"000000000a"}, near: 0.8, alone: 0.5, words: []string{"uen", "entity number"},
		check: func(v []byte) bool { y := number(v[:4]); return y > 1900 && y < 2050 }},
	{name: "cn-id", typ: "CN_ID", country: "CN", about: "resident identity number", pattern: "00000000000000000*", forms: []string{"00000000000000000*", "000000 00000000 000*"},
		check: isCNID, prose: 0.9, near: 0.97, alone: 0.95, words: cnWords},
	{name: "cn-passport", typ: "CN_PASSPORT", country: "CN", about: "passport number", pattern: "a00000000", forms: []string{"a00000000"}, near: 0.66, words: []string{"护照", "chinese passport"}, check: func(v []byte) bool { return v[0] == 'E' || v[0] == 'G' }, strict: true},
	{name: "hk-id", typ: "HK_ID", country: "HK", about: "identity card", pattern: "a000000*", forms: []string{"a000000(*", "a000000*"},
		check: isHKID, prose: 0.5, near: 0.9, alone: 0.55, lower: true, words: []string{"hkid", "hong kong", "香港", "身份證"}},
	{name: "tw-id", typ: "TW_ID", country: "TW", about: "national identification card", pattern: "a000000000", forms: []string{"a000000000"},
		check: isTWID, prose: 0.6, near: 0.95, alone: 0.7, lower: true, words: []string{"身分證", "身份證", "taiwan", "national id"}},
	{name: "kr-rrn", typ: "KR_RRN", country: "KR", about: "resident registration number", pattern: "0000000000000", forms: []string{"000000-0000000"},
		check: func(v []byte) bool { return isRRN(v, '1', '4') }, prose: 0.75, near: 0.95, alone: 0.65, words: rrnWords},
	{name: "kr-frn", typ: "KR_FRN", country: "KR", about: "foreigner registration number", pattern: "0000000000000", forms: []string{"000000-0000000"},
		check: func(v []byte) bool { return isRRN(v, '5', '8') }, prose: 0.75, near: 0.95, alone: 0.65, words: rrnWords},
	{name: "kr-brn", typ: "KR_BRN", country: "KR", about: "business registration number", pattern: "0000000000", forms: []string{"000-00-00000"},
		check: isBRN, prose: 0.75, near: 0.9, alone: 0.6, words: []string{"brn", "business registration", "사업자"}},
	{name: "kr-driver-license", typ: "KR_DRIVER_LICENSE", country: "KR", about: "driving licence", pattern: "000000000000", forms: []string{"00-00-000000-00"},
		check: func(v []byte) bool { r := number(v[:2]); return r >= 11 && r <= 28 && plausible(v) }, prose: 0.7, near: 0.85, alone: 0.5, words: licenceWords},
	{name: "kr-passport", typ: "KR_PASSPORT", country: "KR", about: "passport number", pattern: "a00000000", forms: []string{"a00000000"}, near: 0.66, words: passportWords, strict: true,
		check: func(v []byte) bool { return strings.IndexByte("MSROD", v[0]) >= 0 }},
	{name: "kr-passport", typ: "KR_PASSPORT", country: "KR", pattern: "a000a0000", forms: []string{"a000a0000"}, near: 0.75, words: passportWords, strict: true,
		check: func(v []byte) bool { return strings.IndexByte("MSROD", v[0]) >= 0 }},
	{name: "jp-my-number", typ: "JP_MY_NUMBER", country: "JP", about: "個人番号", pattern: "000000000000", forms: []string{"0000 0000 0000", "0000-0000-0000"},
		check: isMyNumber, near: 0.95, alone: 0.55, words: []string{"my number", "マイナンバー", "個人番号", "mynumber"}},
	{name: "jp-passport", typ: "JP_PASSPORT", country: "JP", about: "passport number", pattern: "aa0000000", forms: []string{"aa0000000"}, near: 0.7, words: []string{"パスポート", "旅券", "japanese passport"}, strict: true},
	{name: "th-tnin", typ: "TH_TNIN", country: "TH", about: "national identification number", pattern: "0000000000000", forms: []string{"0-0000-00000-00-0", "0 0000 00000 00 0"},
		check: isThai, prose: 0.85, near: 0.95, alone: 0.65, words: []string{"เลขประจำตัว", "บัตรประชาชน", "thai", "tnin", "national id", "citizen id"}},
	{name: "ph-tin", typ: "PH_TIN", country: "PH", about: "taxpayer identification number", pattern: "000000000000", forms: []string{"000-000-000-000"}, near: 0.7, words: []string{"tin", "taxpayer", "tax id", "bir"}, strict: true},
	{name: "ph-tin", typ: "PH_TIN", country: "PH", pattern: "000000000", forms: []string{"000-000-000"}, near: 0.6, words: []string{"bir"}, strict: true},
	{name: "ph-sss", typ: "PH_SSS", country: "PH", about: "social security number", pattern: "0000000000", forms: []string{"00-0000000-0"}, near: 0.8, words: []string{"sss", "social security"}, strict: true},
	{name: "ph-umid", typ: "PH_UMID", country: "PH", about: "unified multi-purpose identification (CRN)", pattern: "000000000000", forms: []string{"0000-0000000-0"}, prose: 0.5, near: 0.85, words: []string{"umid", "crn"}, strict: true},
	{name: "my-nric", typ: "MY_NRIC", country: "MY", about: "MyKad number", pattern: "000000000000", forms: []string{"000000-00-0000"},
		check: func(v []byte) bool {
			p := number(v[6:8])
			return yymmdd(v) && p > 0 && p != 17 && p != 18 && p != 19 && p != 20 && p != 69 && p != 70 && p != 73
		}, prose: 0.75, near: 0.9, words: []string{"nric", "mykad", "kad pengenalan", "ic no"}},
	{name: "id-nik", typ: "ID_NIK", country: "ID", about: "nomor induk kependudukan", pattern: "0000000000000000", forms: []string{"0000000000000000"},
		check: isNIK, near: 0.9, alone: 0.5, words: []string{"nik", "ktp", "kependudukan"}},
	{name: "vn-cccd", typ: "VN_CCCD", country: "VN", about: "căn cước công dân", pattern: "000000000000", forms: []string{"000000000000"},
		check: func(v []byte) bool { p := number(v[:3]); return p >= 1 && p <= 96 }, near: 0.8, words: []string{"cccd", "căn cước", "cmnd"}},
	{name: "pk-cnic", typ: "PK_CNIC", country: "PK", about: "computerised national identity card", pattern: "0000000000000", forms: []string{"00000-0000000-0"},
		check: func(v []byte) bool { return v[0] >= '1' && v[0] <= '8' && plausible(v) }, prose: 0.75, near: 0.9, words: []string{"cnic", "nadra"}},
	{name: "lk-nic", typ: "LK_NIC", country: "LK", about: "national identity card", pattern: "000000000V", forms: []string{"000000000V"},
		check: func(v []byte) bool { d := number(v[2:5]) % 500; return d >= 1 && d <= 366 }, prose: 0.6, near: 0.9, alone: 0.6, words: []string{"nic", "sri lanka"}},

	{name: "tr-national-id", typ: "TR_NATIONAL_ID", country: "TR", about: "T.C. kimlik numarası", pattern: "00000000000", forms: []string{"00000000000"},
		check: isTCKN, prose: 0.55, near: 0.95, alone: 0.7, words: []string{"kimlik", "tckn", "tc no", "t.c."}},
	{name: "tr-license-plate", typ: "TR_LICENSE_PLATE", country: "TR", about: "number plate", pattern: "00a0000", forms: []string{"00 a 0000", "00a0000"}, check: isTRPlate, near: 0.85, alone: 0.7, words: plateWords},
	{name: "tr-license-plate", typ: "TR_LICENSE_PLATE", country: "TR", pattern: "00a000", forms: []string{"00 a 000", "00a000"}, check: isTRPlate, near: 0.85, alone: 0.7, words: plateWords},
	{name: "tr-license-plate", typ: "TR_LICENSE_PLATE", country: "TR", pattern: "00a00", forms: []string{"00 a 00"}, check: isTRPlate, near: 0.85, alone: 0.6, words: plateWords},
	{name: "tr-license-plate", typ: "TR_LICENSE_PLATE", country: "TR", pattern: "00aa00", forms: []string{"00 aa 00", "00aa00"}, check: isTRPlate, near: 0.85, alone: 0.6, words: plateWords},
	{name: "tr-license-plate", typ: "TR_LICENSE_PLATE", country: "TR", pattern: "00aa000", forms: []string{"00 aa 000", "00aa000"}, check: isTRPlate, near: 0.85, alone: 0.7, words: plateWords},
	{name: "tr-license-plate", typ: "TR_LICENSE_PLATE", country: "TR", pattern: "00aa0000", forms: []string{"00 aa 0000", "00aa0000"}, check: isTRPlate, near: 0.85, alone: 0.7, words: plateWords},
	{name: "tr-license-plate", typ: "TR_LICENSE_PLATE", country: "TR", pattern: "00aaa00", forms: []string{"00 aaa 00", "00aaa00"}, check: isTRPlate, near: 0.85, alone: 0.7, words: plateWords},
	{name: "tr-license-plate", typ: "TR_LICENSE_PLATE", country: "TR", pattern: "00aaa000", forms: []string{"00 aaa 000", "00aaa000"}, check: isTRPlate, near: 0.85, alone: 0.7, words: plateWords},
	{name: "tr-license-plate", typ: "TR_LICENSE_PLATE", country: "TR", pattern: "00aaa0000", forms: []string{"00 aaa 0000", "00aaa0000"}, check: isTRPlate, near: 0.85, alone: 0.7, words: plateWords},
	{name: "il-id", typ: "IL_ID", country: "IL", about: "מספר זהות", pattern: "000000000", forms: []string{"000000000"}, check: luhnPlausible, near: 0.9, words: []string{"תעודת זהות", "מספר זהות", "ת.ז", "teudat zehut", "israeli id"}},
	{name: "ae-emirates-id", typ: "AE_EMIRATES_ID", country: "AE", about: "Emirates ID", pattern: "784000000000000", forms: []string{"784-0000-0000000-0"},
		check: func(v []byte) bool { y := number(v[3:7]); return y > 1900 && y < 2050 }, prose: 0.8, near: 0.95, alone: 0.7, words: []string{"emirates id", "eid", "هوية"}},
	{name: "sa-id", typ: "SA_ID", country: "SA", about: "national or resident identity (iqama)", pattern: "0000000000", forms: []string{"0000000000"},
		check: func(v []byte) bool { return (v[0] == '1' || v[0] == '2') && luhnPlausible(v) }, near: 0.9, words: []string{"iqama", "هوية", "saudi"}},
	{name: "eg-id", typ: "EG_ID", country: "EG", about: "national identity number", pattern: "00000000000000", forms: []string{"00000000000000"},
		check: func(v []byte) bool { return (v[0] == '2' || v[0] == '3') && yymmdd(v[1:]) }, near: 0.9, words: []string{"national id", "الرقم القومي", "egypt"}},

	{name: "za-id-number", typ: "ZA_ID_NUMBER", country: "ZA", about: "identity number", pattern: "0000000000000", forms: []string{"000000 0000 000", "000000 0000 00 0"},
		check: func(v []byte) bool { return yymmdd(v) && notLeapless(v) && v[10] <= '2' && luhn(v) }, prose: 0.8, near: 0.95, alone: 0.75, words: []string{"id number", "identity", "south africa", "resident", "id no", "rsa"}},
	{name: "ng-nin", typ: "NG_NIN", country: "NG", about: "national identification number", pattern: "00000000000", forms: []string{"00000000000", "000 0000 0000"},
		check: plausible, near: 0.75, words: []string{"nin", "national identification", "nimc"}, strict: true},
	{name: "ng-bvn", typ: "NG_BVN", country: "NG", about: "bank verification number", pattern: "00000000000", forms: []string{"00000000000"},
		check: func(v []byte) bool { return v[0] == '2' && plausible(v) }, near: 0.8, words: []string{"bvn", "bank verification"}},

	{name: "ng-vehicle-registration", typ: "NG_VEHICLE_REGISTRATION", country: "NG", about: "number plate", pattern: "aaa000aa", forms: []string{"aaa-000aa", "aaa-000-aa", "aaa 000 aa", "aaa000aa"},
		near: 0.8, alone: 0.55, words: plateWords, strict: true, capitals: true},

	{name: "au-tfn", typ: "AU_TFN", country: "AU", about: "tax file number", pattern: "000000000", forms: []string{"000 000 000"},
		check: func(v []byte) bool { return weigh(v, 1, 4, 3, 7, 5, 8, 6, 9, 10)%11 == 0 && !allSame(v) }, near: 0.9, alone: 0.6, words: []string{"tfn", "tax file"}},
	{name: "au-abn", typ: "AU_ABN", country: "AU", about: "business number", pattern: "00000000000", forms: []string{"00 000 000 000"},
		check: isABN, prose: 0.7, near: 0.95, alone: 0.6, words: []string{"abn", "business number"}},
	{name: "au-acn", typ: "AU_ACN", country: "AU", about: "company number", pattern: "000000000", forms: []string{"000 000 000"},
		check: func(v []byte) bool { return digitIs(v[8], (10-weighText(v, "87654321")%10)%10) && number(v) > 0 }, near: 0.9, alone: 0.55, words: []string{"acn", "company number"}},
	{name: "au-medicare", typ: "AU_MEDICARE", country: "AU", about: "Medicare card", pattern: "0000000000", forms: []string{"0000 00000 0", "0000-00000-0"},
		check: isAUMedicare, prose: 0.6, near: 0.95, alone: 0.6, words: []string{"medicare"}},
	{name: "au-medicare", typ: "AU_MEDICARE", country: "AU", pattern: "00000000000", forms: []string{"0000 00000 0/0", "0000 00000 0 0", "0000-00000-0-0", "0000 00000 00"},
		check: isAUMedicare, prose: 0.7, near: 0.95, alone: 0.6, words: []string{"medicare"}},
	{name: "au-medicare", typ: "AU_MEDICARE", country: "AU", pattern: "000000000", check: isAUMedicare, near: 0.8, alone: 0.55, words: []string{"medicare"}},
	{name: "nz-ird", typ: "NZ_IRD", country: "NZ", about: "IRD number", pattern: "000000000", forms: []string{"000-000-000"},
		check: isIRD, near: 0.9, alone: 0.5, words: []string{"ird", "inland revenue"}},
	{name: "nz-ird", typ: "NZ_IRD", country: "NZ", pattern: "00000000", forms: []string{"00-000-000"},
		check: func(v []byte) bool { var w [9]byte; w[0] = '0'; copy(w[1:], v); return isIRD(w[:]) }, near: 0.9, words: []string{"ird", "inland revenue"}},
	{name: "nz-nhi", typ: "NZ_NHI", country: "NZ", about: "national health index", pattern: "aaa0000", forms: []string{"aaa0000"},
		check: isNHI, near: 0.9, alone: 0.5, words: []string{"nhi", "health index"}},
}

var (
	nricWords = []string{"nric", "fin", "singapore", "identity card"}
	cnWords   = []string{"身份证", "身份號", "证件", "resident id", "id card"}
	rrnWords  = []string{"rrn", "frn", "주민등록", "외국인등록", "registration number", "resident registration"}
)

func palindrome(v []byte) bool {
	for i := range len(v) / 2 {
		if v[i] != v[len(v)-1-i] {
			return false
		}
	}
	return true
}

// isGSTIN: a state, then a PAN.
func isGSTIN(v []byte) bool {
	s := number(v[:2])
	return s >= 1 && s <= 38 && s != 38 || s == 97 || s == 99
}

const indianStates = " AN AP AR AS BR CG CH DD DL DN GA GJ HP HR JH JK KA KL LA LD MH ML MN MP MZ NL OD OR PB PY RJ SK TG TN TR TS UK UP WB "

func isIndianState(v []byte) bool { return strings.Contains(indianStates, " "+string(v[:2])+" ") }

// isNRIC: weights 2, 7, 6, 5, 4, 3, 2 and a letter by series.
func isNRIC(v []byte) bool {
	s := weighText(v[1:], "2765432")
	switch v[0] {
	case 'S':
		return v[8] == "JZIHGFEDCBA"[s%11]
	case 'T':
		return v[8] == "JZIHGFEDCBA"[(s+4)%11]
	case 'F':
		return v[8] == "XWUTRQPNMLK"[s%11]
	case 'G':
		return v[8] == "XWUTRQPNMLK"[(s+4)%11]
	case 'M':
		return v[8] == "KLJNPQRTUWX"[10-(s+3)%11]
	}
	return false
}

// isCNID: GB 11643, ISO 7064 MOD 11-2.
func isCNID(v []byte) bool {
	if v[0] < '1' || v[0] > '9' || !yyyymmdd(v[6:]) {
		return false
	}
	s := weigh(v, 7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
	return v[17] == "10X98765432"[s%11]
}

func isHKID(v []byte) bool {
	s := 9*36 + 8*int(v[0]-'A'+10) + weigh(v[1:], 7, 6, 5, 4, 3, 2)
	switch v[7] {
	case 'A':
		s += 10
	default:
		if !isDigit(v[7]) {
			return false
		}
		s += int(v[7] - '0')
	}
	return s%11 == 0
}

func isTWID(v []byte) bool {
	if v[1] != '1' && v[1] != '2' && v[1] != '8' && v[1] != '9' {
		return false
	}
	n := [...]int{10, 11, 12, 13, 14, 15, 16, 17, 34, 18, 19, 20, 21, 22, 35, 23, 24, 25, 26, 27, 28, 29, 32, 30, 31, 33}[v[0]-'A']
	return (n/10+n%10*9+weighText(v[1:], "876543211"))%10 == 0
}

// isRRN: a date, a sex-and-century digit in a range, a region. Numbers given
// since October 2020 have no check digit.
func isRRN(v []byte, low, high byte) bool {
	return yymmdd(v) && v[6] >= low && v[6] <= high && number(v[7:9]) <= 96
}

func isBRN(v []byte) bool {
	s := weighText(v, "137137135") + int(v[8]-'0')*5/10
	return digitIs(v[9], (10-s%10)%10) && plausible(v)
}

func isMyNumber(v []byte) bool {
	s := weigh(v, 6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2) % 11
	if s <= 1 {
		return v[11] == '0' && plausible(v)
	}
	return digitIs(v[11], 11-s)
}

func isThai(v []byte) bool {
	return v[0] >= '1' && v[0] <= '8' && v[1] != '0' && !allSame(v) && thaiProvince(number(v[1:3])) &&
		digitIs(v[12], (11-weigh(v, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2)%11)%10)
}

// thaiProvince: ISO 3166-2:TH, by region.
func thaiProvince(p int) bool {
	switch p / 10 {
	case 1:
		return p != 28 && p != 29
	case 2:
		return p <= 27
	case 3, 4:
		return true
	case 5:
		return p <= 58
	case 6, 7:
		return p <= 67 || p >= 70 && p <= 77
	case 8, 9:
		return p <= 86 || p >= 90 && p <= 96
	}
	return false
}

func isNIK(v []byte) bool {
	p, day := number(v[:2]), number(v[6:8])
	if day > 40 {
		day -= 40
	}
	return p >= 11 && p <= 96 && dayOf(day, number(v[8:10])) && number(v[12:]) > 0
}

func isTCKN(v []byte) bool {
	odd := int(v[0]-'0') + int(v[2]-'0') + int(v[4]-'0') + int(v[6]-'0') + int(v[8]-'0')
	even := int(v[1]-'0') + int(v[3]-'0') + int(v[5]-'0') + int(v[7]-'0')
	return v[0] != '0' && digitIs(v[9], (odd*7-even+100)%10) && digitIs(v[10], (odd+even+int(v[9]-'0'))%10)
}

// isTRPlate: provinces 01 to 81; digits by the number of letters.
func isTRPlate(v []byte) bool {
	province, _ := strconv.Atoi(string(v[:2]))
	letters := len(v) - digitsIn(v)
	for _, c := range v[2 : 2+letters] {
		if c == 'Q' || c == 'W' || c == 'X' {
			return false
		}
	}
	return province >= 1 && province <= 81
}

// notLeapless refuses 29 February of years that had none in either century.
func notLeapless(v []byte) bool {
	return !(v[2] == '0' && v[3] == '2' && v[4] == '2' && v[5] == '9' && number(v[:2])%4 != 0)
}

func isABN(v []byte) bool {
	return v[0] != '0' && (weigh(v, 10, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19)-10)%89 == 0
}

func isAUMedicare(v []byte) bool {
	return v[0] >= '2' && v[0] <= '6' && digitIs(v[8], weighText(v, "13791379")%10)
}

func isIRD(v []byte) bool {
	if n := number(v); n < 10000000 || n > 150000000 {
		return false
	}
	c := (11 - weighText(v, "32765432")%11) % 11
	if c == 10 {
		c = (11 - weighText(v, "74325276")%11) % 11
	}
	return c < 10 && digitIs(v[8], c)
}

func isNHI(v []byte) bool {
	const letters = "ABCDEFGHJKLMNPQRSTUVWXYZ"
	s := 0
	for i, c := range v[:3] {
		n := strings.IndexByte(letters, c)
		if n < 0 {
			return false
		}
		s += (n + 1) * (7 - i)
	}
	s = (s + weigh(v[3:], 4, 3, 2)) % 11
	return s != 0 && digitIs(v[6], (11-s)%10)
}

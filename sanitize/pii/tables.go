package pii

import (
	"slices"
	"strings"
	"sync"
)

// Types found by recognisers of their own; the numbers are also those of their
// word lists.
const (
	emailType = iota
	phoneType
	ipType
	macType
	urlType
	dateType
	addressType
	postalType
	versionWords // words only: what makes four dotted numbers a version
	numBuiltin
)

var builtins = [numBuiltin]Info{
	emailType:   {"EMAIL", "", "moderate", "e-mail address, also spelled out"},
	phoneType:   {"PHONE", "", "moderate", "telephone number of any country"},
	ipType:      {"IP", "", "moderate", "IPv4 or IPv6 address or network"},
	macType:     {"MAC", "", "moderate", "hardware address"},
	urlType:     {"URL", "", "low", "web address or host name"},
	dateType:    {"DATE", "", "low", "date; a date of birth by the words near it"},
	addressType: {"ADDRESS", "", "moderate", "street and house number"},
	postalType:  {"POSTAL_CODE", "", "low", "postal code"},
}

var builtinWords = [numBuiltin][]string{
	phoneType:    {"phone", "telephone", "tel", "tlf", "telepono", "selpon", "cep no", "cep tel", "gsm", "numara", "telefone", "telefon", "téléphone", "teléfono", "telefono", "telefone", "tél", "mobile", "mobil", "móvil", "cell", "cellphone", "call", "calling", "fax", "contact", "whatsapp", "handy", "reach", "answering", "dial", "sms", "text me", "office", "hotline", "rufnummer", "numéro", "celular", "cellulare", "puhelin", "telefoon", "gsm", "ring", "voicemail", "電話", "电话", "手机", "전화", "тел", "телефон", "โทร"},
	ipType:       {"address", "addresses", "host", "server", "gateway", "subnet", "login", "logged", "client", "remote"},
	dateType:     dateWords,
	postalType:   zipWords,
	versionWords: {"version", "ver.", "release", "build", "firmware", "driver", "section", "chapter", "clause", "rfc", "oid", "paragraph"},
}

// tables are all rules, by region.
var tables = [][]rule{globalRules, americaRules, ukRules, westRules, northRules, asiaRules}

// sensitivities of the table types that are not "high".
var lowTypes = map[string]string{
	"POSTAL_CODE": "low", "DE_HANDELSREGISTER": "low", "SWIFT_BIC": "low", "US_EIN": "low", "FR_SIREN": "low", "FR_SIRET": "low",
	"DE_VAT_ID": "low", "AT_VAT_ID": "low", "UK_VAT_ID": "low", "IT_VAT_CODE": "low", "BR_CNPJ": "low", "AU_ABN": "low", "AU_ACN": "low",
	"SE_ORGANISATIONSNUMMER": "low", "KR_BRN": "low", "SG_UEN": "low", "CZ_ICO": "low", "PL_REGON": "low", "ES_CIF": "low", "IN_GSTIN": "low",
	"VIN": "moderate", "IMEI": "moderate", "UK_VEHICLE_REGISTRATION": "moderate", "IN_VEHICLE_REGISTRATION": "moderate", "TR_LICENSE_PLATE": "moderate",
	"DE_KFZ": "moderate", "NG_VEHICLE_REGISTRATION": "moderate", "DE_BSNR": "low", "VEHICLE_REGISTRATION": "moderate",
}

var catalogue = sync.OnceValue(func() []Info {
	var out []Info
	for _, b := range builtins {
		if b.Type != "" {
			out = append(out, b)
		}
	}
	seen := map[string]bool{"POSTAL_CODE": true}
	for _, table := range tables {
		for _, r := range table {
			if seen[r.typ] {
				continue
			}
			seen[r.typ] = true
			i := Info{Type: r.typ, Country: r.country, Sensitivity: "high", About: r.about}
			if l := lowTypes[r.typ]; l != "" {
				i.Sensitivity = l
			}
			out = append(out, i)
		}
	}
	slices.SortFunc(out, func(a, b Info) int { return strings.Compare(a.Type, b.Type) })
	return out
})

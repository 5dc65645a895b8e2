package pii_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/doorward/doorward/sanitize/pii"
)

// published are specimens that the issuing bodies, standards or encyclopaedias
// print to explain the format, after a word that says what they are. The last
// column says whether a check digit makes its neighbour invalid.
var published = []struct {
	typ, text string
	checked   bool
}{
	{"IBAN", "IBAN GB82 WEST 1234 5698 7654 32", true},
	{"IBAN", "IBAN DE89370400440532013000", true},
	{"VIN", "VIN 1M8GDM9AXKP042788", false},
	{"IMEI", "IMEI 49-015420-323751-8", true},
	{"US_SSN", "SSN 219-09-9998", false},
	{"US_ITIN", "ITIN 912-70-1234", false},
	{"US_NPI", "NPI 1234567893", true},
	{"US_DEA", "DEA AB1234563", true},
	{"US_MBI", "MBI 1EG4-TE5-MK73", false},
	{"US_BANK_ROUTING", "routing number 111000025", true},
	{"CA_SIN", "SIN 130 692 544", true},
	{"MX_CURP", "CURP BOXW310820HNERXN09", true},
	{"BR_CPF", "CPF 390.533.447-05", true},
	{"BR_CNPJ", "CNPJ 11.222.333/0001-81", true},
	{"CL_RUT", "RUT 12.345.678-5", true},
	{"AR_CUIT", "CUIT 20-05536168-2", true},
	{"CO_NIT", "NIT 213.123.432-1", true},
	{"EC_CI", "cédula 171430710-3", true},
	{"PE_RUC", "RUC 20512333797", true},
	{"UK_NHS", "NHS 943 476 5919", true},
	{"UK_NINO", "national insurance AB 12 34 56 C", false},
	{"UK_UTR", "UTR 1955839661", true},
	{"IE_PPS", "PPS 6433435F", false},
	{"DE_TAX_ID", "Steuer-ID 86095742719", true},
	{"DE_SOCIAL_SECURITY", "Rentenversicherung 65180539W001", true},
	{"DE_VAT_ID", "USt-IdNr. DE136695976", true},
	{"DE_ID_CARD", "Personalausweis T220001293", true},
	{"AT_SSN", "SVNR 1237 010180", false},
	{"CH_AHV", "AHV 756.9217.0769.85", true},
	{"NL_BSN", "BSN 111222333", true},
	{"BE_NRN", "rijksregister 85.07.30-033.28", true},
	{"FR_NIR", "sécurité sociale 2 69 05 49 588 157 80", true},
	{"ES_NIF", "DNI 12345678Z", true},
	{"ES_NIE", "NIE X1234567L", true},
	{"ES_CIF", "CIF A58818501", true},
	{"PT_NIF", "NIF 501 964 843", true},
	{"IT_FISCAL_CODE", "codice fiscale RSSMRA85T10A562S", true},
	{"GR_AMKA", "AMKA 01013099997", true},
	{"GR_TIN", "ΑΦΜ 094259216", true},
	{"FI_PERSONAL_IDENTITY_CODE", "henkilötunnus 131052-308T", true},
	{"SE_PERSONNUMMER", "personnummer 811218-9876", true},
	{"NO_FNR", "fødselsnummer 151086 95088", true},
	{"DK_CPR", "CPR 211062-5629", false},
	{"EE_ID", "isikukood 37605030299", true},
	{"LV_ID", "personas kods 161175-19997", true},
	{"LT_ID", "asmens kodas 33309240064", true},
	{"PL_PESEL", "PESEL 44051401359", true},
	{"PL_NIP", "NIP 856-734-62-15", true},
	{"PL_REGON", "REGON 192598184", true},
	{"CZ_RC", "rodné číslo 710319/2745", true},
	{"RO_CNP", "CNP 1630615123457", true},
	{"BG_EGN", "ЕГН 7523169263", true},
	{"HR_OIB", "OIB 33392005961", true},
	{"RU_SNILS", "СНИЛС 112-233-445 95", true},
	{"RU_INN", "ИНН 500100732259", true},
	{"TR_NATIONAL_ID", "TC kimlik 10000000146", true},
	{"IN_AADHAAR", "Aadhaar 2341 2341 2346", true},
	{"IN_PAN", "PAN ABCPE1234F", false},
	{"SG_NRIC_FIN", "NRIC S1234567D", false},
	{"CN_ID", "身份证11010519491231002X", true},
	{"HK_ID", "HKID A123456(3)", true},
	{"TW_ID", "national id A123456789", true},
	{"KR_BRN", "사업자 110-81-41272", true},
	{"TH_TNIN", "Thai ID 1-2345-67890-12-1", true},
	{"ZA_ID_NUMBER", "ID number 8001015009087", true},
	{"AU_TFN", "TFN 123 456 782", true},
	{"AU_ABN", "ABN 51 824 753 556", true},
	{"AU_ACN", "ACN 004 085 616", true},
	{"AU_MEDICARE", "Medicare 2123 45670 1", false},
	{"NZ_IRD", "IRD 49-091-850", true},
	{"CRYPTO", "send to 1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", true},
	{"CRYPTO", "send to bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", true},
	{"CRYPTO", "send to 0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", true},
	{"NG_VEHICLE_REGISTRATION", "plate number ABC-123DE", false},
	{"DE_KFZ", "Kennzeichen B-MW 1234", false},
	{"VEHICLE_REGISTRATION", "immatriculation AB-123-CD", false},
	{"POSTAL_CODE", "Ottawa K1A 0B1", false},
	{"POSTAL_CODE", "postcode SW1A 1AA", false},
}

func TestPublishedSpecimens(t *testing.T) {
	for _, p := range published {
		s := scanner(t, pii.Config{Types: []string{p.typ}})
		if got := find(t, s, p.text); len(got) != 1 || !strings.HasPrefix(got[0], p.typ+"=") {
			t.Errorf("%s: found %v", p.text, got)
		}
		if !p.checked {
			continue
		}
		wrong := []byte(p.text)
		i := len(wrong) - 1
		for !(wrong[i] >= '0' && wrong[i] <= '9' || wrong[i] >= 'a' && wrong[i] <= 'z' || wrong[i] >= 'A' && wrong[i] <= 'Z') {
			i--
		}
		switch c := wrong[i]; {
		case c >= '0' && c < '9', c >= 'a' && c < 'z', c >= 'A' && c < 'Z':
			wrong[i]++
		default:
			wrong[i]--
		}
		if got := find(t, s, string(wrong)); len(got) > 0 {
			t.Errorf("%s with a wrong check digit: found %v", p.text, got)
		}
	}
}

func TestCatalogue(t *testing.T) {
	if n := len(pii.Countries()); n < 40 {
		t.Errorf("%d countries, want at least 40", n)
	}
	if !slices.IsSorted(pii.Types()) {
		t.Error("types are not sorted")
	}
	for _, i := range pii.Catalogue() {
		if i.About == "" || i.Sensitivity == "" {
			t.Errorf("%s says too little about itself", i.Type)
		}
	}
}

func TestConfig(t *testing.T) {
	text := "NHS 943 476 5919, BSN 111222333, ann@site.org"
	tests := []struct {
		config pii.Config
		want   string
	}{
		{pii.Config{Countries: []string{"gb"}}, "UK_NHS=943 476 5919 EMAIL=ann@site.org"},
		{pii.Config{Countries: []string{"NL"}, Types: []string{"NL_BSN", "UK_NHS"}}, "NL_BSN=111222333"},
		{pii.Config{Thresholds: map[string]float64{"EMAIL": 1}, Types: []string{"NL_BSN", "EMAIL"}}, "NL_BSN=111222333"},
	}
	for _, tt := range tests {
		if got := strings.Join(find(t, scanner(t, tt.config), text), " "); got != tt.want {
			t.Errorf("%+v: found %s, want %s", tt.config, got, tt.want)
		}
	}
	for _, c := range []pii.Config{{Types: []string{"EMIAL"}}, {Countries: []string{"XX"}}, {Threshold: 2}, {Thresholds: map[string]float64{"NOPE": 1}}} {
		if _, err := pii.New(c); err == nil {
			t.Errorf("%+v was taken", c)
		}
	}
	a, b := scanner(t, pii.Config{}), scanner(t, pii.Config{Threshold: 0.6})
	if a.Revision() == b.Revision() || a.Revision() != scanner(t, pii.Config{}).Revision() {
		t.Error("revisions do not follow the configuration")
	}
}

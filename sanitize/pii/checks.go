package pii

// Check digits and structures. Every function takes the letters and digits of
// a value, in capitals, already of its rule's pattern.

// luhn checks the ISO/IEC 7812-1 check digit.
func luhn(v []byte) bool {
	sum := 0
	for i := range v {
		d := int(v[len(v)-1-i] - '0')
		if i%2 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return sum%10 == 0
}

// number reads digits as an integer; at most 18.
func number(v []byte) int {
	n := 0
	for _, c := range v {
		n = n*10 + int(c-'0')
	}
	return n
}

// weigh sums digits times weights, as many as there are weights.
func weigh(v []byte, weights ...int) int {
	sum := 0
	for i, w := range weights {
		sum += int(v[i]-'0') * w
	}
	return sum
}

// weighText is weigh with the weights given as digits.
func weighText(v []byte, weights string) int {
	sum := 0
	for i := 0; i < len(weights); i++ {
		sum += int(v[i]-'0') * int(weights[i]-'0')
	}
	return sum
}

// digitIs compares a digit with a number.
func digitIs(c byte, n int) bool { return int(c-'0') == n }

// allSame reports a value of one repeated character.
func allSame(v []byte) bool {
	for _, c := range v {
		if c != v[0] {
			return false
		}
	}
	return true
}

// plausible refuses values people type to fill a form: one digit repeated, or
// counting up.
func plausible(v []byte) bool {
	if allSame(v) {
		return false
	}
	for i := 1; i < len(v); i++ {
		if v[i] != v[i-1]+1 && !(v[i] == '0' && v[i-1] == '9') {
			return true
		}
	}
	return false
}

// dayOf reports whether day and month go together; leap days pass.
func dayOf(day, month int) bool {
	return month >= 1 && month <= 12 && day >= 1 && day <= [...]int{31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}[month-1]
}

// yymmdd and ddmmyy check a date at the front of v.
func yymmdd(v []byte) bool { return dayOf(number(v[4:6]), number(v[2:4])) }
func ddmmyy(v []byte) bool { return dayOf(number(v[:2]), number(v[2:4])) }

// yyyymmdd checks a date between 1850 and 2049 at the front of v.
func yyyymmdd(v []byte) bool {
	y := number(v[:4])
	return y >= 1850 && y < 2050 && yymmdd(v[2:])
}

// mod11x10 is ISO/IEC 7064 MOD 11,10 over digits with the check digit last.
func mod11x10(v []byte) bool {
	p := 10
	for _, c := range v[:len(v)-1] {
		s := (int(c-'0') + p) % 10
		if s == 0 {
			s = 10
		}
		p = 2 * s % 11
	}
	return digitIs(v[len(v)-1], (11-p)%10)
}

// mod97 is the remainder of letters and digits (A=10 … Z=35) by 97, of b after
// a, as ISO/IEC 7064 MOD 97-10 and ISO 13616 use it.
func mod97(a, b []byte) int {
	m := 0
	for _, part := range [2][]byte{a, b} {
		for _, c := range part {
			if isDigit(c) {
				m = (m*10 + int(c-'0')) % 97
			} else {
				m = (m*100 + int(c-'A') + 10) % 97
			}
		}
	}
	return m
}

// Verhoeff's tables (J. Verhoeff, Error Detecting Decimal Codes, 1969).
var (
	verhoeffD = [10]string{"0123456789", "1234067895", "2340178956", "3401289567", "4012395678", "5987604321", "6598710432", "7659821043", "8765932104", "9876543210"}
	verhoeffP = [8]string{"0123456789", "1576283094", "5803796142", "8916043527", "9453126870", "4286573901", "2793806415", "7046913258"}
)

func verhoeff(v []byte) bool {
	c := byte('0')
	for i := range v {
		c = verhoeffD[c-'0'][verhoeffP[i%8][v[len(v)-1-i]-'0']-'0']
	}
	return c == '0'
}

// mrz is the check digit of ICAO Doc 9303: weights 7, 3, 1.
func mrz(v []byte) int {
	sum := 0
	for i, c := range v {
		n := int(c - '0')
		if !isDigit(c) {
			n = int(c-'A') + 10
		}
		sum += n * [3]int{7, 3, 1}[i%3]
	}
	return sum % 10
}

// isCard checks the issuer's prefix, the length that goes with it, and Luhn.
func isCard(v []byte) bool { return v[0] != '0' && cardLength(v) && luhn(v) && !allSame(v) }

// issuer is a range of leading digits and the lengths of its numbers.
type issuer struct{ low, high, digits, min, max int }

// issuers as the schemes publish them; the first that fits decides.
var issuers = []issuer{
	{4, 4, 1, 13, 19},           // Visa: 13, 16, 19
	{34, 34, 2, 15, 15},         // American Express
	{37, 37, 2, 15, 15},         // American Express
	{51, 55, 2, 16, 16},         // Mastercard
	{2221, 2720, 4, 16, 16},     // Mastercard
	{2200, 2205, 4, 16, 19},     // Mir
	{300, 305, 3, 14, 19},       // Diners Club
	{3095, 3095, 4, 14, 19},     // Diners Club
	{36, 36, 2, 14, 19},         // Diners Club
	{38, 39, 2, 14, 19},         // Diners Club
	{3528, 3589, 4, 15, 19},     // JCB
	{2131, 2131, 4, 15, 15},     // JCB
	{1800, 1800, 4, 15, 15},     // JCB
	{6011, 6011, 4, 16, 19},     // Discover
	{622126, 622925, 6, 16, 19}, // Discover
	{644, 649, 3, 16, 19},       // Discover
	{65, 65, 2, 16, 19},         // Discover
	{62, 62, 2, 16, 19},         // UnionPay
	{81, 82, 2, 16, 19},         // UnionPay, RuPay
	{9792, 9792, 4, 16, 16},     // Troy
	{50, 50, 2, 12, 19},         // Maestro, Verve, Elo
	{56, 58, 2, 12, 19},         // Maestro
	{60, 60, 2, 12, 19},         // RuPay, Hipercard
	{63, 63, 2, 12, 19},         // Maestro
	{67, 67, 2, 12, 19},         // Maestro
	{1, 1, 1, 15, 15},           // UATP
}

func cardLength(v []byte) bool {
	for _, i := range issuers {
		if p := number(v[:i.digits]); p >= i.low && p <= i.high {
			n := len(v)
			return n >= i.min && n <= i.max && (i.low != 4 || n == 13 || n == 16 || n == 19)
		}
	}
	return false
}

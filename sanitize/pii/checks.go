package pii

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

// allSame reports a value of one repeated character.
func allSame(v []byte) bool {
	for _, c := range v {
		if c != v[0] {
			return false
		}
	}
	return true
}

// isCard checks the issuer's prefix, the length that goes with it, and Luhn.
func isCard(v []byte) bool {
	return cardLength(v) && luhn(v) && !allSame(v)
}

func cardLength(v []byte) bool {
	n, p := len(v), number(v[:6])
	if v[0] == '0' {
		return false
	}
	in := func(low, high int) bool { // prefixes as numbers of their own length
		d := p
		for digitsOf(d) > digitsOf(high) {
			d /= 10
		}
		return d >= low && d <= high
	}
	switch {
	case in(4, 4): // Visa
		return n == 13 || n == 16 || n == 19
	case in(34, 34), in(37, 37): // American Express
		return n == 15
	case in(51, 55), in(2221, 2720): // Mastercard
		return n == 16
	case in(300, 305), in(3095, 3095), in(36, 36), in(38, 39): // Diners
		return n >= 14 && n <= 19
	case in(3528, 3589): // JCB
		return n >= 15 && n <= 19
	case in(2131, 2131), in(1800, 1800): // JCB
		return n == 15
	case in(6011, 6011), in(622126, 622925), in(644, 649), in(65, 65): // Discover
		return n >= 16 && n <= 19
	case in(62, 62), in(81, 81): // UnionPay, RuPay
		return n >= 16 && n <= 19
	case in(50, 50), in(56, 58), in(60, 69): // Maestro, RuPay, Elo, Hipercard, UATP
		return n >= 12 && n <= 19
	case in(1, 1): // UATP
		return n == 15
	case in(2200, 2204), in(2205, 2205), in(9792, 9792): // Mir, Troy
		return n >= 16 && n <= 19
	}
	return false
}

func digitsOf(n int) int {
	d := 1
	for n >= 10 {
		n /= 10
		d++
	}
	return d
}

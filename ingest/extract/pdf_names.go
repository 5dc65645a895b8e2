package extract

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// glyphNames are names of the Adobe Glyph List whose text is no single letter
// of their own.
var glyphNames = pairs(`space=  exclam=! quotedbl=" numbersign=# dollar=$ percent=% ampersand=& quotesingle=' parenleft=( parenright=)
asterisk=* plus=+ comma=, hyphen=- period=. slash=/ zero=0 one=1 two=2 three=3 four=4 five=5 six=6 seven=7 eight=8 nine=9 colon=:
semicolon=; less=< equal== greater=> question=? at=@ bracketleft=[ backslash=\ bracketright=] asciicircum=^ underscore=_ grave=` + "`" + `
braceleft={ bar=| braceright=} asciitilde=~ exclamdown=¡ cent=¢ sterling=£ currency=¤ yen=¥ brokenbar=¦ section=§ dieresis=¨
copyright=© ordfeminine=ª guillemotleft=« logicalnot=¬ registered=® macron=¯ degree=° plusminus=± twosuperior=² threesuperior=³
acute=´ mu=µ paragraph=¶ periodcentered=· cedilla=¸ onesuperior=¹ ordmasculine=º guillemotright=» onequarter=¼ onehalf=½
threequarters=¾ questiondown=¿ AE=Æ Eth=Ð multiply=× Oslash=Ø Thorn=Þ germandbls=ß ae=æ eth=ð divide=÷ oslash=ø thorn=þ
dotlessi=ı Lslash=Ł lslash=ł OE=Œ oe=œ Scaron=Š scaron=š florin=ƒ circumflex=ˆ caron=ˇ breve=˘ dotaccent=˙ ring=˚ ogonek=˛
tilde=˜ hungarumlaut=˝ endash=– emdash=— quoteleft=‘ quoteright=’ quotesinglbase=‚ quotedblleft=“ quotedblright=” quotedblbase=„
dagger=† daggerdbl=‡ bullet=• ellipsis=… perthousand=‰ guilsinglleft=‹ guilsinglright=› fraction=⁄ Euro=€ euro=€ trademark=™
minus=− fi=fi fl=fl ff=ff ffi=ffi ffl=ffl nbspace=  nonbreakingspace=  softhyphen=- sfthyphen=- partialdiff=∂ summation=∑ product=∏
radical=√ infinity=∞ integral=∫ notequal=≠ lessequal=≤ greaterequal=≥ approxequal=≈ lozenge=◊ arrowright=→ arrowleft=←
arrowup=↑ arrowdown=↓ Alpha=Α Beta=Β Gamma=Γ Delta=Δ Epsilon=Ε Zeta=Ζ Eta=Η Theta=Θ Iota=Ι Kappa=Κ Lambda=Λ Mu=Μ Nu=Ν Xi=Ξ
Omicron=Ο Pi=Π Rho=Ρ Sigma=Σ Tau=Τ Upsilon=Υ Phi=Φ Chi=Χ Psi=Ψ Omega=Ω alpha=α beta=β gamma=γ delta=δ epsilon=ε zeta=ζ eta=η
theta=θ iota=ι kappa=κ lambda=λ nu=ν xi=ξ omicron=ο pi=π rho=ρ sigma=σ tau=τ upsilon=υ phi=φ chi=χ psi=ψ omega=ω checkmark=✓`)

// pairs reads name=text words; "=  " is a space.
func pairs(words string) map[string]string {
	m := map[string]string{"space": " ", "nbspace": " ", "nonbreakingspace": " "}
	for _, w := range strings.Fields(words) {
		if name, text, ok := strings.Cut(w, "="); ok && text != "" {
			m[name] = text
		}
	}
	return m
}

// accents are combining marks by the names glyph names end in.
var accents = map[string]string{
	"grave": "\u0300", "acute": "\u0301", "circumflex": "\u0302", "tilde": "\u0303", "macron": "\u0304", "breve": "\u0306",
	"dotaccent": "\u0307", "dieresis": "\u0308", "ring": "\u030a", "hungarumlaut": "\u030b", "caron": "\u030c", "cedilla": "\u0327",
	"ogonek": "\u0328", "commaaccent": "\u0326",
}

func composed(s string) string { return norm.NFC.String(s) }

// sameText reports whether two readings of a glyph are the same text to a
// reader: equal after compatibility folding, or the claim is signs only, which
// fonts confuse often and which say nothing.
func sameText(a, b string) bool {
	if !strings.ContainsFunc(b, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }) {
		return true
	}
	fold := func(s string) string {
		return strings.Map(func(r rune) rune {
			switch {
			case unicode.IsSpace(r) || r == '\u00ad' || r == '\u200b' || r == 0:
				return -1
			case unicode.Is(unicode.Pd, r) || r == '−':
				return '-'
			case strings.ContainsRune("‘’`´'ʼ", r):
				return '\''
			case strings.ContainsRune("“”\"", r):
				return '"'
			case r == 'Ω':
				return 'Ω'
			case r == '∆':
				return 'Δ'
			}
			return r
		}, norm.NFKC.String(s))
	}
	return fold(a) == fold(b)
}

package normalize

import "strings"

// cipherEdits reads lines in which letters were shifted (rot13 and the other
// Caesar ciphers, Atbash) or that were written backwards, when that makes
// English of what was none. It tells by trigrams, so it needs some twenty
// letters, and it does not try other languages.
func cipherEdits(text string) (edits []edit) {
	for start := 0; start < len(text); {
		end := sentenceEnd(text, start)
		for at := start; at < end; at += stretch {
			if out := decipher(text[at:min(at+stretch, end)]); out != "" {
				edits = append(edits, edit{at, min(at+stretch, end), out})
			}
		}
		start = end + 1
	}
	return edits
}

// stretch is how much of a sentence is judged at a time, in bytes.
const stretch = 240

// sentenceEnd returns the place of the next end of a line, sentence or quotation.
func sentenceEnd(text string, at int) int {
	for ; at < len(text); at++ {
		switch ending[text[at]] {
		case always:
			return at
		case beforeBlank:
			if at+1 == len(text) || text[at+1] == ' ' || text[at+1] == '\n' {
				return at
			}
		}
	}
	return at
}

// ending tells which bytes end a sentence, and which only before a blank.
var ending = [256]uint8{
	'\n': always, '"': always, ':': always, ';': always, '(': always, ')': always, '<': always, '>': always,
	'.': beforeBlank, '!': beforeBlank, '?': beforeBlank,
}

const (
	always = 1 + iota
	beforeBlank
)

// english are frequent trigrams of English, most frequent first.
const english = `the and ing ion tio ent ati for her ter hat tha ere ate his con res ver all ons nce men ith ted ers pro thi wit are ess not ive was ect rea com eve per int est sta cti ica ist ear ain one our iti rat ell ant str pre ous ign nor ore sys tem ins ruc uct
you ill out sen end ord wor ass pas swo tru stu ste mes ssa sag age pro omp mpt rom ser use ret urn kee sec cre ret tok oke ken key rev vio iou eal rul les les ule ure com man mma and dat ata ask tas nst ase ple lea eas hav ave had but can any has who its let now get see how two way may did say she too own new use ali lis lin ine nes ght igh tin tor ment der red ren ens nti ial ial ity ies ble abl ful ery ory sho hou oul uld cou wou rou oug ugh und oun nde ded led ned ked ter tes ess ast ost ust sti sto ome ime tim ard art par con nta tai cha har han ang nge ver ive ile whi hic ich ach eac hen whe her ere ese hes hei eir the int nto ont ond uri dur rin tri ric ral ern nal ona onal ati tat ast esp spo pon ons nse sec ort por rep epo ppo opp pos osi sit qui uir ire rec ece eiv ead hea rea mak ake tak ide vid ovi rov evi dev vel elo lop ope per era ain mai aim mal ant lan pla lac ace act fac ect eff ffe fer ref dif iff den dis isc rem mem emb mbe ber num umb llo low fol ollo own hol onl nly sly ely tly lly lat late tel let het oth bot ano not her`

// isEnglish tells of three letters, five bits each, whether they are such a
// trigram; 31 stands for what is no letter.
var isEnglish = func() *[1 << 15]uint8 {
	t := new([1 << 15]uint8)
	for _, g := range strings.Fields(english) {
		if len(g) == 3 {
			t[int(g[0]-'a')<<10|int(g[1]-'a')<<5|int(g[2]-'a')] = 1
		}
	}
	return t
}()

// fiveBits numbers the letters of ASCII in five bits; all else is 31.
var fiveBits = func() (bits [256]uint8) {
	for c := range bits {
		bits[c] = 31
		if asciiLetter(rune(c)) {
			bits[c] = uint8(c|0x20) - 'a'
		}
	}
	return bits
}()

// plainlyEnglish reports, of most English after a third of the line, that it has
// frequent trigrams enough even if all of it were letters.
func plainlyEnglish(line string) bool {
	grams, last := 0, 31<<5|31
	for i := 0; i < len(line); i++ {
		last = (last<<5 | int(fiveBits[line[i]])) & (1<<15 - 1)
		if grams += int(isEnglish[last]); grams*9 >= len(line) {
			return true
		}
	}
	return false
}

// frequency is how often letters occur in English text, in thousandths.
var frequency = [26]int{82, 15, 28, 43, 127, 22, 20, 61, 70, 2, 8, 40, 24, 67, 75, 19, 1, 60, 63, 91, 28, 10, 24, 2, 20, 1}

// decipher returns a line read in the way that makes English of it, or nothing
// when it is English, or nothing makes it so.
func decipher(line string) string {
	if plainlyEnglish(line) {
		return ""
	}
	var counts [32]int // of letters; the last is what is no letter
	grams, back, last := 0, 0, 31<<5|31
	for i := 0; i < len(line); i++ {
		bits := fiveBits[line[i]]
		counts[bits&31]++
		last = (last<<5 | int(bits)) & (1<<15 - 1)
		grams += int(isEnglish[last])
		back += int(isBackwards[last])
	}
	letters := len(line) - counts[31]
	if letters < 18 || letters*10 < len(line)*6 || grams*9 >= letters {
		return ""
	}
	if back*4 >= letters {
		return reverse(line)
	}
	return shifted(line, letters, (*[26]int)(counts[:]))
}

// isBackwards tells the same of three letters read from the last.
var isBackwards = func() *[1 << 15]uint8 {
	t := new([1 << 15]uint8)
	for g, is := range isEnglish {
		t[g&31<<10|g&(31<<5)|g>>10] = is
	}
	return t
}()

// atbash numbers the last of the substitutions, behind the 26 shifts.
const atbash = 26

// substitutes are for each substitution what it makes of a byte, and read as
// [fiveBits] does.
var substitutes, substituteBits = func() (bytes, bits [atbash + 1][256]uint8) {
	for k := range bytes {
		for c := range 256 {
			bytes[k][c] = uint8(c)
			if asciiLetter(rune(c)) {
				n := int(fiveBits[c])
				if k == atbash {
					n = 25 - n
				} else {
					n = (n + k) % 26
				}
				bytes[k][c] = uint8(c&0x20|0x40) + uint8(n) + 1
			}
			bits[k][c] = fiveBits[bytes[k][c]]
		}
	}
	return bytes, bits
}()

// fourShifts are, by letter, its frequency as each of the 26 shifts reads it, four
// shifts to a number in sixteen bits each: a sum over a line's letters stays below,
// as no frequency is above 127 and no line above [stretch].
var fourShifts = func() (t [26][7]uint64) {
	for c := range t {
		for k := range 26 {
			t[c][k/4] |= uint64(frequency[(k+c)%26]) << (16 * (k % 4))
		}
	}
	return t
}()

// shifted tries the two shifts whose letter frequencies fit English best, and
// Atbash.
func shifted(line string, letters int, counts *[26]int) string {
	var sums [7]uint64
	for c, n := range counts {
		for i, four := range &fourShifts[c] {
			sums[i] += uint64(n) * four
		}
	}
	best, second, at, next := 0, 0, 0, 0
	for k := 0; k < 26; k++ {
		sum := int(sums[k/4] >> (16 * (k % 4)) & 0xFFFF)
		if sum > best {
			best, second, at, next = sum, best, k, at
		} else if sum > second {
			second, next = sum, k
		}
	}
	grams := readThrough(line, &substituteBits[at], &substituteBits[next], &substituteBits[atbash])
	for i, k := range [...]int{at, next, atbash} {
		if k != 0 && grams[i]*4 >= letters {
			return substitute(line, &substitutes[k])
		}
	}
	return ""
}

// readThrough counts the frequent trigrams of English in a line as three
// substitutions read it.
func readThrough(line string, a, b, c *[256]uint8) (grams [3]int) {
	const none, all = 31<<5 | 31, 1<<15 - 1
	x, y, z, nx, ny, nz := none, none, none, 0, 0, 0
	for i := 0; i < len(line); i++ {
		l := line[i]
		x, y, z = (x<<5|int(a[l]))&all, (y<<5|int(b[l]))&all, (z<<5|int(c[l]))&all
		nx += int(isEnglish[x])
		ny += int(isEnglish[y])
		nz += int(isEnglish[z])
	}
	return [3]int{nx, ny, nz}
}

func substitute(line string, to *[256]uint8) string {
	b := []byte(line)
	for i, c := range b {
		b[i] = to[c]
	}
	return string(b)
}

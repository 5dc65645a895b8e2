package normalize

// The tables below give, in pairs, a character and the ASCII letter it is drawn
// like. They cover what Unicode Technical Standard #39 calls confusable with
// ASCII letters in the scripts that are used for it, and are applied only where
// scripts mix: see word.

// lookalikes of other scripts: Cyrillic, Greek, Armenian, Cherokee, Lisu.
const lookalikes = "аaАAвbВBеeЕEкkКKмmМMнhНHоoОOрpРPсcСCтtТTуyУYхxХXѕsЅSіiІIјjЈJһhҺHԁdԛqԚQԝwԜWѵvѴVьbӏlӀIԌGүyҮYзzгrпnиuѡwєeҽeӔA" +
	"ΑAΒBΕEΖZΗHΙIΚKΜMΝNΟOΡPΤTΥYΧXαaιiκkνvοoρpτtυuγyηnωwϲcϹCϳjχxεeіiσoϵeϱpάaίiόoύuέe" +
	"օoՕOսuՍUհhոnցgյjզqՏSԼLաwղnքpԳqԱU" +
	"ᎠDᎡRᎢTᎥiᎪAᎫJᎬEᎳWᎷMᎻHᎽYᏀGᏃZᏒRᏔWᏕSᏙVᏚSᏞLᏟCᏢPᏦKᏴBᎩyᎾOᎤOᏏbᏂhᏧdᏌUᏎ4" +
	"ꓐBꓑPꓓDꓔTꓖGꓗKꓙJꓚCꓜZꓝFꓠNꓡLꓢSꓣRꓦVꓧHꓪWꓫXꓬYꓮAꓰEꓲIꓳOꓴU" +
	"ɑaɡgɩi"

// smallCapitals of the phonetic blocks.
const smallCapitals = "ᴀaʙbᴄcᴅdᴇeꜰfɢgʜhɪiᴊjᴋkʟlᴍmɴnᴏoᴘpꞯqʀrꜱsᴛtᴜuᴠvᴡwʏyᴢz"

// turnedLetters are letters upside down. Those of ASCII turn into one another.
const turnedLetters = "ɐaɔcǝeɟfƃgɓgɥhᴉiıiɾjʞkʅlꞁlɯmɹrʇtʌvʍwʎy∀AƆCƎEℲF⅁GſJ˥LԀP┴T∩UɅVΛV⅄Y"

// turnedASCII are the ASCII letters that turn into others.
const turnedASCII = "bqqbdppdnuunooxxsszzlliioOOoHHIINNSSXXZZMWWM"

func table(pairs string) map[rune]rune {
	m := map[rune]rune{}
	runes := []rune(pairs)
	for i := 0; i+1 < len(runes); i += 2 {
		m[runes[i]] = runes[i+1]
	}
	return m
}

var (
	lookalikeTable = table(lookalikes)
	smallCapTable  = table(smallCapitals)
	turned         = table(turnedLetters)
	turnASCII      = table(turnedASCII)
)

// lowLookalikes holds the look-alikes of the common scripts by number.
var lowLookalikes = func() (t [0x590]rune) {
	for r, like := range lookalikeTable {
		if int(r) < len(t) {
			t[r] = like
		}
	}
	return t
}()

// lookalike is the ASCII letter a character looks like, or 0.
func lookalike(r rune) rune {
	if int(r) < len(lowLookalikes) {
		return lowLookalikes[r]
	}
	return lookalikeTable[r]
}

// smallCap is the letter a character is the small capital of, or 0.
func smallCap(r rune) rune {
	if 0x0250 <= r && r <= 0x02AF || 0x1D00 <= r && r <= 0x1D2B || 0xA730 <= r && r <= 0xA7FF {
		return smallCapTable[r]
	}
	return 0
}

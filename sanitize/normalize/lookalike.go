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
	lookalike = table(lookalikes)
	smallCap  = table(smallCapitals)
	turned    = table(turnedLetters)
	turnASCII = table(turnedASCII)
)

package pii

import (
	"strings"

	"github.com/doorward/doorward/sanitize"
)

// dateWords are what makes a date one of birth; the score says the difference.
var dateWords = []string{"born", "birth", "dob", "d.o.b", "birthday", "geboren", "geburtsdatum", "geb.", "nacimiento", "nacido", "nacida", "né le", "née le", "naissance", "nascita", "nato il", "nata il", "nascimento", "geboortedatum", "född", "født", "syntynyt", "urodzen", "data urodzenia", "narozen", "doğum", "дата рождения", "родился", "出生", "生年月日", "생년월일", "वर्ष"}

// tryDates looks for dates among the chain's tokens: numeric ones, and a day
// and year around the name of a month.
func (r *run) tryDates() {
	if !r.s.builtin[dateType] {
		return
	}
	for t := 0; t+2 < r.ntok; t++ {
		if r.tok[t].cutBefore {
			continue
		}
		a, b, c := r.tok[t], r.tok[t+1], r.tok[t+2]
		if b.sep != c.sep || b.apart() || b.sep == '(' || b.sep == ')' || b.sep == '+' || c.cutAfter {
			continue
		}
		if t > 0 && r.tok[t-1].digits > 0 && a.sep == b.sep && a.sep != ' ' || t+3 < r.ntok && r.tok[t+3].sep == b.sep && b.sep != ' ' && r.tok[t+3].digits > 0 {
			continue
		}
		if r.isDate(a, b, c) {
			r.proposeDate(sanitize.Span{Start: a.start, End: c.end})
		}
	}
}

// isDate reports day, month and year in a usual order: with the year first or
// last, the month as a number or a name.
func (r *run) isDate(a, b, c token) bool {
	if a.numeric() && c.numeric() && b.digits == 0 { // 5 May 2021, 5-May-2021
		return a.len() <= 2 && r.value2(a) >= 1 && r.value2(a) <= 31 && r.month(r.text[b.start:b.end]) && (c.len() == 4 || c.len() == 2 && b.sep == '-')
	}
	if !a.numeric() || !b.numeric() || !c.numeric() || b.sep == ' ' {
		return false
	}
	switch {
	case a.len() == 4 && b.len() <= 2 && c.len() <= 2:
		return year(r.text[a.start:a.end]) && dayOf(r.value2(c), r.value2(b))
	case c.len() == 4 && a.len() <= 2 && b.len() <= 2:
		return year(r.text[c.start:c.end]) && (dayOf(r.value2(a), r.value2(b)) || dayOf(r.value2(b), r.value2(a)))
	case c.len() == 2 && a.len() <= 2 && b.len() <= 2 && a.len()+b.len() > 2:
		return b.sep == '/' && (dayOf(r.value2(a), r.value2(b)) || dayOf(r.value2(b), r.value2(a))) ||
			b.sep == '.' && a.len() == 2 && b.len() == 2 && dayOf(r.value2(a), r.value2(b))
	}
	return false
}

func (r *run) value2(t token) int {
	n := 0
	for i := t.start; i < t.end && i < t.start+4; i++ {
		n = n*10 + int(r.text[i]-'0')
	}
	return n
}

func year(s string) bool { return s >= "1850" && s <= "2100" }

// anyDate is the score of a date that no word makes one of birth. It lies below
// [DefaultThreshold]: dates stand in every document and say nothing about a
// person by themselves. A threshold of 0.3 for DATE reports them.
const anyDate = 0.35

func (r *run) proposeDate(s sanitize.Span) {
	score := anyDate
	if d, ok := r.near(dateType, s); ok {
		score = 0.85 + d
	}
	r.propose("DATE", "date", s, score)
}

var months = func() map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(`jan january feb february mar march apr april may jun june jul july aug august sep sept september oct october nov november dec december
		januar februar märz mai juni juli august oktober dezember januari februari maart mei augustus
		enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre
		janvier février mars avril juin juillet août septembre octobre novembre décembre
		gennaio febbraio aprile maggio giugno luglio settembre ottobre dicembre
		janeiro fevereiro março maio junho julho setembro outubro dezembro`) {
		m[w] = true
	}
	return m
}()

func (r *run) month(s string) bool { return len(s) <= 12 && months[string(r.lowerWord(s))] }

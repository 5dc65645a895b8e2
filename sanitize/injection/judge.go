package injection

import (
	"math"
	"slices"

	"github.com/doorward/doorward/sanitize"
)

// maxWindow is the widest run of blocks scored as one.
const maxWindow = 3

// verdict is a run of units with its score.
type verdict struct {
	from, to int
	score    float64
	z        float64 // the model's logit above the layer's threshold
	rule     *compiledRule
	layer    layer
}

// decoded lists the transforms of package normalize whose result was unreadable
// in the source, so that reading as prose is itself a sign.
var decoded = map[string]layer{
	"bits": hidden,
	"blob": encoded, "ascii85": encoded, "list": encoded, "cipher": encoded, "turned": encoded, "split": encoded,
}

// layerOf tells a view's layer from the transforms that made it.
func layerOf(v sanitize.View) layer {
	l := plain
	for _, name := range v.Via {
		l = max(l, decoded[name])
	}
	return l
}

// judge scores the fresh units and the windows over them and returns findings
// in offsets of the source.
func (s *Scanner) judge(r *reader, w sanitize.View, units []unit) []sanitize.Finding {
	s.weigh(r, units)
	r.singles = s.singles(r.singles[:0], units)
	singles := r.singles
	var picked []verdict
	for i := range units {
		for width := 1; width <= maxWindow && i+width <= len(units); width++ {
			v := s.window(units, singles, i, i+width)
			r.peak = max(r.peak, v.score)
			if v.score >= s.threshold {
				picked = append(picked, v)
			}
		}
	}
	if len(picked) == 0 {
		return nil
	}
	return s.findings(w, units, s.settle(w.Text, units, singles, picked))
}

// singles appends to out the score of each fresh unit by itself.
func (s *Scanner) singles(out []verdict, units []unit) []verdict {
	for i := range units {
		v := verdict{}
		if units[i].fresh {
			v = s.verdict(units, i, i+1)
		}
		out = append(out, v)
	}
	return out
}

// window scores a run: the model on the whole, the rules on what its blocks
// hold together. A run without a fresh block scores 0.
func (s *Scanner) window(units []unit, singles []verdict, i, j int) verdict {
	if j == i+1 {
		return singles[i]
	}
	promising := false
	for k := i; k < j; k++ {
		if !units[k].fresh || units[k].layer != units[i].layer {
			return verdict{from: i, to: j}
		}
		promising = promising || singles[k].score >= s.threshold/8
	}
	if !promising {
		return verdict{from: i, to: j}
	}
	return s.verdict(units, i, j)
}

// styledLift is what an element that hides its text by style or attribute takes
// off the threshold of hidden text: harmless pages comment often and hide prose
// seldom.
const styledLift = -.5

// weigh scores each fresh unit by itself and adds to the threshold of visible
// ones what the rest of the text is like.
func (s *Scanner) weigh(r *reader, units []unit) {
	if s.model == nil {
		return
	}
	var b Background
	for i := range units {
		if u := &units[i]; u.fresh {
			u.logit = s.model.score(units, i, i+1)
			if u.layer == plain {
				b.Add(u.logit)
			}
		}
	}
	if !r.excerpt {
		r.background = b.Lift()
	}
	for i := range units {
		if units[i].layer == plain {
			units[i].lift += r.background
		}
	}
}

// verdict joins the votes on a run of units.
func (s *Scanner) verdict(units []unit, i, j int) verdict {
	v := verdict{from: i, to: j}
	for k := i; k < j; k++ {
		v.layer = max(v.layer, units[k].layer)
	}
	vote := 0.0
	if j-i <= 2 {
		b := windowBits(units, i, j)
		v.rule, vote = s.tables.strongest(&b, v.layer)
	}
	if s.model == nil {
		v.score = vote
		return v
	}
	z := units[i].logit
	if j-i > 1 {
		z = s.model.score(units, i, j)
	}
	v.z = z - s.model.cut[v.layer] - units[i].lift + rulePower*vote
	v.score = s.model.toScore(v.z)
	if vote >= sureRule {
		v.score = max(v.score, vote)
	}
	return v
}

// sureRule is what a rule must be worth to flag whatever the model says.
const sureRule = .6

// rulePower is what a rule worth 1 adds to the model's logit: rules lead where
// the model hesitates, and only sure ones flag what it takes for harmless.
const rulePower = 3.6

// strongest is the rule worth most of those that hold, and its worth.
func (t *tables) strongest(b *bitset, l layer) (rule *compiledRule, worth float64) {
	if b[wordSlots]|b[wordLiterals] == 0 {
		return nil, 0 // every rule asks for a slot
	}
	for k := range t.rules {
		c := &t.rules[k]
		if w := c.worth(l); w > worth && c.holds(b) {
			worth, rule = w, c
		}
	}
	return rule, worth
}

// settle turns overlapping windows into disjoint runs, strongest first, cut down
// to the blocks that carry them and grown over weak neighbours.
func (s *Scanner) settle(text string, units []unit, singles, picked []verdict) []verdict {
	slices.SortStableFunc(picked, func(a, b verdict) int {
		switch {
		case a.score != b.score:
			if a.score > b.score {
				return -1
			}
			return 1
		case a.to-a.from != b.to-b.from:
			return (a.to - a.from) - (b.to - b.from)
		}
		return a.from - b.from
	})
	taken := make([]float64, len(units))
	rules := make([]*compiledRule, len(units))
	for _, v := range picked {
		v = smallest(units, singles, s.trim(units, singles, v))
		for k := v.from; k < v.to; k++ {
			if taken[k] == 0 {
				taken[k] = v.score
			}
			if rules[k] == nil {
				rules[k] = v.rule // what people can read is named first
			}
		}
	}
	grow(text, units, singles, taken)
	return runs(units, taken, rules)
}

// Bounds on the blocks at the edges of a run. One that scores below the first by
// itself, or that adds less than trimGain to the run's logit and scores below
// the second, is cut off where the rest carries the run.
const (
	trimBelow = .01
	trimWeak  = .3
	trimGain  = .2
)

// trim cuts weak blocks off the ends of a run while the rest passes.
func (s *Scanner) trim(units []unit, singles []verdict, v verdict) verdict {
	for v.to-v.from > 1 {
		front, back := v, v
		front.from++
		back.to--
		if singles[v.to-1].score < singles[v.from].score {
			front, back = back, front
		}
		switch {
		case s.expendable(units, singles, v, front):
			v.from, v.to = front.from, front.to
		case s.expendable(units, singles, v, back):
			v.from, v.to = back.from, back.to
		default:
			return v
		}
	}
	return v
}

// weakBytes is how long an uncertain run may be.
const weakBytes = 500

// smallest cuts a long run that is uncertain down to its strongest block.
func smallest(units []unit, singles []verdict, v verdict) verdict {
	if v.score >= sureRun || units[v.to-1].end-units[v.from].start <= weakBytes {
		return v
	}
	best := v.from
	for k := v.from + 1; k < v.to; k++ {
		if singles[k].score > singles[best].score {
			best = k
		}
	}
	v.from, v.to = best, best+1
	return v
}

// expendable reports whether a run may be cut down to rest, one block shorter.
func (s *Scanner) expendable(units []unit, singles []verdict, v, rest verdict) bool {
	edge := v.from
	if rest.from == v.from {
		edge = v.to - 1
	}
	r := s.window(units, singles, rest.from, rest.to)
	if r.score < s.threshold {
		return false
	}
	own := singles[edge].score
	whole := s.window(units, singles, v.from, v.to)
	return own < trimBelow || own < trimWeak && whole.z-r.z < trimGain
}

// runs joins neighbouring taken blocks.
func runs(units []unit, taken []float64, rules []*compiledRule) []verdict {
	var out []verdict
	for i := 0; i < len(units); i++ {
		if taken[i] == 0 {
			continue
		}
		v := verdict{from: i, to: i + 1, score: taken[i], rule: rules[i], layer: units[i].layer}
		for v.to < len(units) && taken[v.to] != 0 && joined(units, v.to) {
			v.score = max(v.score, taken[v.to])
			if v.rule == nil {
				v.rule = rules[v.to]
			}
			v.to++
		}
		i = v.to - 1
		out = append(out, v)
	}
	return out
}

// joined reports whether a block belongs to the run before it: it is of the same
// layer, or the plain end of a turn forged in plain text.
func joined(units []unit, i int) bool {
	a, b := &units[i-1], &units[i]
	return a.layer == b.layer || a.layer == forged && b.layer == plain && a.bits[wordLiterals]&(1<<turnForged) != 0
}

// layerTypes are the types of findings. None may be the name of a kind: action
// tables are asked for the type before the kind.
var layerTypes = [layerCount]string{"visible-instruction", "hidden-instruction", "encoded-instruction", "forged-turn"}

var layerNames = [layerCount]string{"plain", "hidden", "encoded", "forged-turn"}

// longWrapper is the size of a wrapper in bytes beyond which an uncertain finding
// takes its blocks only.
const longWrapper = 800

// findings maps runs to findings in the source.
func (s *Scanner) findings(w sanitize.View, units []unit, list []verdict) []sanitize.Finding {
	out := make([]sanitize.Finding, 0, len(list))
	for _, v := range list {
		if s.keep && v.layer == plain && s.quotation(units, v) {
			continue
		}
		f := sanitize.Finding{
			Span:  w.Source(sanitize.Span{Start: units[v.from].outerStart, End: units[v.to-1].outerEnd}),
			Kind:  sanitize.Injection,
			Type:  layerTypes[v.layer],
			Rule:  "model-" + layerNames[v.layer],
			Score: math.Round(v.score*1e4) / 1e4,
		}
		if b := units[v.from:v.to]; v.score < sureRun && f.Len() > longWrapper {
			f.Span = w.Source(sanitize.Span{Start: b[0].start, End: b[len(b)-1].end})
		}
		if v.rule != nil {
			f.Rule = v.rule.name
		}
		out = append(out, f)
	}
	return out
}

// quotation reports whether a run stands as a quotation in text about attacks:
// in quotes, a quote block or code, with security vocabulary in the text.
func (s *Scanner) quotation(units []unit, v verdict) bool {
	const talk = 1<<bitSecurity2 | 1<<bitSecurity3
	for k := v.from; k < v.to; k++ {
		b := units[k].bits[wordStructure]
		near := units[k].classes&cAttack != 0
		for d := 1; d <= 2; d++ {
			near = near || k-d >= 0 && units[k-d].classes&cAttack != 0
		}
		quoted := b&(1<<bitQuoted|1<<bitQuoteBlock|1<<bitCode|1<<bitTable|1<<bitBullet) != 0
		if !(near || b&talk != 0 && quoted) {
			return false
		}
	}
	return true
}

// merge sorts findings, joins overlapping ones and clips them to the source.
func merge(source string, found []sanitize.Finding) []sanitize.Finding {
	if len(found) < 1 {
		return nil
	}
	slices.SortStableFunc(found, func(a, b sanitize.Finding) int {
		if a.Start != b.Start {
			return a.Start - b.Start
		}
		return b.End - a.End
	})
	out := found[:0]
	for _, f := range found {
		f.Start, f.End = onRune(source, f.Start, -1), onRune(source, f.End, +1)
		if f.Len() <= 0 {
			continue
		}
		if n := len(out); n > 0 && out[n-1].Overlaps(f.Span) {
			p := &out[n-1]
			if f.Score > p.Score {
				p.Score, p.Rule, p.Type = f.Score, f.Rule, f.Type
			}
			p.End = max(p.End, f.End)
			continue
		}
		out = append(out, f)
	}
	return out
}

// onRune moves an offset to a rune border, outwards.
func onRune(s string, at, step int) int {
	at = max(0, min(at, len(s)))
	for at > 0 && at < len(s) && s[at]&0xC0 == 0x80 {
		at += step
	}
	return at
}

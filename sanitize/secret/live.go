package secret

import (
	"regexp/syntax"
	"unicode/utf8"
)

// alive reports whether text can be the beginning of a longer match: whether
// the rule's program, having read all of it, still has somewhere to go.
// Assertions are taken to hold, so it may say yes too often, never no.
func (r *rule) alive(text string) bool {
	live := r.programs().live
	now := states{seen: make([]bool, len(live.Inst))}
	next := states{seen: make([]bool, len(live.Inst))}
	now.add(live, uint32(live.Start))
	for i := 0; i < len(text); {
		if !utf8.FullRuneInString(text[i:]) {
			return len(now.list) > 0
		}
		c, n := utf8.DecodeRuneInString(text[i:])
		i += n
		next.clear()
		for _, pc := range now.list {
			if inst := &live.Inst[pc]; inst.MatchRune(c) {
				next.add(live, inst.Out)
			}
		}
		now, next = next, now
		if len(now.list) == 0 {
			return false
		}
	}
	return len(now.list) > 0
}

// states is a set of instructions that wait for a character.
type states struct {
	list []uint32
	all  []uint32
	seen []bool
}

func (s *states) clear() {
	for _, pc := range s.all {
		s.seen[pc] = false
	}
	s.list, s.all = s.list[:0], s.all[:0]
}

// add follows an instruction to those that read a character.
func (s *states) add(p *syntax.Prog, pc uint32) {
	if s.seen[pc] {
		return
	}
	s.seen[pc] = true
	s.all = append(s.all, pc)
	switch inst := &p.Inst[pc]; inst.Op {
	case syntax.InstAlt, syntax.InstAltMatch:
		s.add(p, inst.Out)
		s.add(p, inst.Arg)
	case syntax.InstCapture, syntax.InstNop, syntax.InstEmptyWidth:
		s.add(p, inst.Out)
	case syntax.InstRune, syntax.InstRune1, syntax.InstRuneAny, syntax.InstRuneAnyNotNL:
		s.list = append(s.list, pc)
	}
}

package train

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// Rate is a share with its count.
type Rate struct {
	Name  string  `json:"name"`
	N     int     `json:"n"`
	AtOne float64 `json:"at_one_percent"`       // flagged at 1 % of ordinary benign texts
	AtTen float64 `json:"at_a_tenth_percent"`   // at 0.1 %
	Own   float64 `json:"at_default_threshold"` // at the default threshold
}

// Report is what leave-one-family-out found.
type Report struct {
	Cut        [4]float64 `json:"cut"`
	Thresholds [2]float64 `json:"thresholds"` // scores at 1 % and 0.1 %
	Families   []Rate     `json:"families"`   // overt injections
	Channels   []Rate     `json:"channels"`   // overt injections of the mixed family by delivery
	NonOvert   []Rate     `json:"non_overt"`
	Benign     []Rate     `json:"benign"`
	Macro      Rate       `json:"macro"`
	// Removed and collateral are shares of bytes inside findings at the default
	// threshold: macro over families of overt injections with spans; of the
	// other bytes in those texts; of ordinary benign texts.
	Removed, Collateral, BenignCut float64
	RemovedBy                      []Rate `json:"removed_by_family"`
	// Directives are the shares of directive sentences kept at the default
	// threshold, in benign texts by kind and outside the injection in others.
	Directives []Rate `json:"directives_kept"`

	outcomes []outcome
}

func report(outcomes []outcome, cut [4]float64) *Report {
	r := &Report{Cut: cut, outcomes: outcomes}
	var benign []float64
	for i := range outcomes {
		if ordinary(outcomes[i].Case) {
			benign = append(benign, outcomes[i].score)
		}
	}
	r.Thresholds = [2]float64{quantileFromTop(benign, len(benign)/100), quantileFromTop(benign, len(benign)/1000)}
	group := func(key func(*outcome) string) []Rate {
		by := map[string][]*outcome{}
		for i := range outcomes {
			if k := key(&outcomes[i]); k != "" {
				by[k] = append(by[k], &outcomes[i])
			}
		}
		var out []Rate
		for _, k := range sortedKeys(by) {
			out = append(out, r.rate(k, by[k]))
		}
		return out
	}
	overt := func(o *outcome) bool { return o.Injection() && o.Overt }
	r.Families = group(func(o *outcome) string { return pick(overt(o), o.Family) })
	r.Channels = group(func(o *outcome) string {
		d, _, _ := strings.Cut(o.Delivery, "/")
		return pick(overt(o) && o.Family == mixedFamily, d)
	})
	r.NonOvert = group(func(o *outcome) string { return pick(o.Injection() && !o.Overt, o.Family) })
	r.Benign = group(func(o *outcome) string { return pick(!o.Injection(), o.Kind) })
	for _, f := range r.Families {
		r.Macro.N++
		r.Macro.AtOne += f.AtOne
		r.Macro.AtTen += f.AtTen
		r.Macro.Own += f.Own
	}
	n := float64(max(r.Macro.N, 1))
	r.Macro = Rate{"macro", r.Macro.N, r.Macro.AtOne / n, r.Macro.AtTen / n, r.Macro.Own / n}
	r.bytes()
	r.directives()
	return r
}

// directives sums which directive sentences were kept.
func (r *Report) directives() {
	by := map[string]*Rate{}
	count := func(name string, o *outcome) {
		if by[name] == nil {
			by[name] = &Rate{Name: name}
		}
		by[name].N += o.directives
		by[name].Own += float64(o.kept)
	}
	for i := range r.outcomes {
		o := &r.outcomes[i]
		switch {
		case o.Injection():
			count("beside injections", o)
		case ordinary(o.Case):
			count("ordinary benign", o)
		case strings.HasPrefix(o.Kind, "overdefense"):
			count("over-defence sets", o)
		}
	}
	for _, k := range sortedKeys(by) {
		by[k].Own /= float64(max(by[k].N, 1))
		r.Directives = append(r.Directives, *by[k])
	}
}

func pick(ok bool, s string) string {
	if ok {
		return s
	}
	return ""
}

func (r *Report) rate(name string, list []*outcome) Rate {
	out := Rate{Name: name, N: len(list)}
	for _, o := range list {
		if o.score >= r.Thresholds[0] {
			out.AtOne++
		}
		if o.score >= r.Thresholds[1] {
			out.AtTen++
		}
		if o.flag {
			out.Own++
		}
	}
	n := float64(len(list))
	out.AtOne, out.AtTen, out.Own = out.AtOne/n, out.AtTen/n, out.Own/n
	return out
}

// bytes sums what findings cover.
func (r *Report) bytes() {
	type sums struct{ hit, target, found, text float64 }
	by := map[string]*sums{}
	var all, benign sums
	for i := range r.outcomes {
		o := &r.outcomes[i]
		switch {
		case ordinary(o.Case):
			benign.found += float64(o.found)
			benign.text += float64(len(o.Text.Text))
		case o.Injection() && o.Overt && o.target > 0:
			s := by[o.Family]
			if s == nil {
				s = &sums{}
				by[o.Family] = s
			}
			s.hit += float64(o.hit)
			s.target += float64(o.target)
			all.found += float64(o.found - o.hit)
			all.text += float64(len(o.Text.Text) - o.target)
		}
	}
	for _, f := range sortedKeys(by) {
		share := by[f].hit / by[f].target
		r.RemovedBy = append(r.RemovedBy, Rate{Name: f, Own: share})
		r.Removed += share / float64(len(by))
	}
	r.Collateral = all.found / max(all.text, 1)
	r.BenignCut = benign.found / max(benign.text, 1)
}

// Write prints the report for people.
func (r *Report) Write(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "leave-one-family-out; thresholds at 1 %% and 0.1 %%: %.3f %.3f; cuts %.2f\n", r.Thresholds[0], r.Thresholds[1], r.Cut)
	table := func(title string, rates []Rate) {
		fmt.Fprintf(&b, "\n%-26s %6s %7s %7s %7s\n", title, "n", "@1%", "@0.1%", "own")
		for _, f := range rates {
			mark := ""
			if slices.Contains(Unread, f.Name) {
				mark = "  (unread)"
			}
			fmt.Fprintf(&b, "%-26s %6d %7.1f %7.1f %7.1f%s\n", f.Name, f.N, 100*f.AtOne, 100*f.AtTen, 100*f.Own, mark)
		}
	}
	table("overt, by family", append(slices.Clone(r.Families), r.Macro))
	table("overt, by delivery", r.Channels)
	table("not overt", r.NonOvert)
	table("benign, by kind", r.Benign)
	fmt.Fprintf(&b, "\nremoved %.1f %% (macro), collateral %.2f %% in poisoned, %.3f %% in ordinary benign texts\n", 100*r.Removed, 100*r.Collateral, 100*r.BenignCut)
	for _, f := range r.RemovedBy {
		fmt.Fprintf(&b, "  %-24s %6.1f\n", f.Name, 100*f.Own)
	}
	for _, d := range r.Directives {
		fmt.Fprintf(&b, "directive sentences kept, %-20s %6d %6.2f %%\n", d.Name, d.N, 100*d.Own)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

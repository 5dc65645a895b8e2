package secret
import ("testing";"fmt";"sort";"context";"github.com/doorward/doorward/sanitize";"time")
func TestZZ(t *testing.T) {
	s, err := New(Config{}); if err != nil { t.Fatal(err) }
	docs := corpus(t, 4)
	cnt := map[string]int{}; tm := map[string]time.Duration{}
	for _, d := range docs {
		s.auto.Scan(d, 0, func(l, e int) {
			for i := range s.anchors[l] { a := &s.anchors[l][i]; st := e-len(a.literal)-a.offset
				if st >= 0 && a.check(d, st, true) != no { k := s.rules[a.rule].id+" "+a.literal; cnt[k]++; t0 := time.Now(); s.rules[a.rule].match(d, st, true); tm[k] += time.Since(t0) } }
		})
	}
	var ks []string
	for k := range cnt { ks = append(ks, k) }
	sort.Slice(ks, func(i, j int) bool { return tm[ks[i]] > tm[ks[j]] })
	for i, k := range ks { if i < 25 { fmt.Println(tm[k], cnt[k], k) } }
}
func TestZY(t *testing.T) {
	s, _ := New(Config{})
	docs := corpus(t, 4)
	for i := 0; i < 4; i++ { for _, d := range docs { s.Scan(context.Background(), sanitize.Plain(d)) } }
}

package magnet

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
)

func watch(t testing.TB, c Config) *Watch {
	t.Helper()
	w, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// ask asks n different questions of as many users; each brings up peers of its
// own, and what also says.
func ask(w *Watch, from, n int, also func(i int) []string) (magnets, fresh map[string]int) {
	magnets, fresh = map[string]int{}, map[string]int{}
	for i := from; i < from+n; i++ {
		docs := append([]string{fmt.Sprint("peer-", i%300), fmt.Sprint("other-", i%177)}, also(i)...)
		m, f := w.Observe("acme", fmt.Sprint("user-", i%40), fmt.Sprintf("where is thing%d kept in room%d", i, i%91), docs)
		for _, d := range m {
			magnets[d]++
		}
		for _, d := range f {
			fresh[d]++
		}
	}
	return magnets, fresh
}

func none(int) []string { return nil }

func TestMagnet(t *testing.T) {
	w := watch(t, Config{})
	if m, _ := ask(w, 0, 99, func(int) []string { return []string{"draws"} }); len(m) > 0 {
		t.Errorf("called out too early: %v", m)
	}
	m, fresh := ask(w, 99, 200, func(i int) []string {
		if i%3 == 0 {
			return []string{"draws"}
		}
		return nil
	})
	if m["draws"] == 0 || fresh["draws"] != 1 || len(m) != 1 {
		t.Errorf("magnets %v, said anew %v", m, fresh)
	}
	if s := w.Standing("acme", "draws"); !s.Magnet || s.Share < 0.3 || s.Times < 10 || !w.Any("acme") {
		t.Errorf("%+v", s)
	}
	if s := w.Standing("other", "draws"); s != (Standing{}) || w.Any("other") {
		t.Errorf("another tenant sees %+v", s)
	}
	ask(w, 1000, 600, none) // the window forgets
	if s := w.Standing("acme", "draws"); s != (Standing{}) || w.Any("acme") {
		t.Errorf("after it stopped: %+v", s)
	}
}

// TestNoMagnet are the innocent: what everybody asks about, a document of a small
// collection, one that a single user or the same question brings up.
func TestNoMagnet(t *testing.T) {
	for name, run := range map[string]func(w *Watch){
		"a topic": func(w *Watch) {
			ask(w, 0, 300, none)
			for i := range 200 {
				w.Observe("acme", fmt.Sprint("u", i), fmt.Sprintf("how many days of holiday has grade%d", i), []string{"doc", fmt.Sprint("peer-", i)})
			}
		},
		"a small collection": func(w *Watch) {
			rng := rand.New(rand.NewPCG(1, 1))
			for i := range 500 {
				docs := []string{"doc"}
				for range 8 {
					docs = append(docs, fmt.Sprint(rng.IntN(12)))
				}
				w.Observe("acme", fmt.Sprint(i), fmt.Sprint("question", i), docs)
			}
		},
		"the first of many that are found often": func(w *Watch) {
			rng := rand.New(rand.NewPCG(2, 1))
			for i := range 500 {
				docs := []string{fmt.Sprint("peer-", i), fmt.Sprint("other-", i)}
				if i%10 < 3 {
					docs = append(docs, "doc")
				}
				for hub := range 100 { // the more, the rarer
					if rng.IntN(100) < 20-hub/10 {
						docs = append(docs, fmt.Sprint("hub-", hub))
					}
				}
				w.Observe("acme", fmt.Sprint(i), fmt.Sprint("question", i), docs)
			}
		},
		"one question": func(w *Watch) {
			ask(w, 0, 300, none)
			for i := range 500 {
				w.Observe("acme", fmt.Sprint("u", i), "Where, oh where is the CANTEEN?", []string{"doc"})
			}
		},
		"one user": func(w *Watch) {
			ask(w, 0, 512, none)
			for i := range 500 {
				w.Observe("acme", "him", fmt.Sprintf("alpha%d beta%d", i, i), []string{"doc"})
			}
		},
	} {
		w := watch(t, Config{})
		if run(w); w.Standing("acme", "doc").Magnet {
			t.Errorf("%s makes a magnet: %+v", name, w.Standing("acme", "doc"))
		}
	}
}

// TestBounds: however much is asked by however many, memory stays.
func TestBounds(t *testing.T) {
	w := watch(t, Config{Window: 64, Least: 16, Tenants: 8})
	for i := range 50_000 {
		w.Observe(fmt.Sprint("tenant-", i%100), fmt.Sprint(i), fmt.Sprintf("question%d word%d", i, i), []string{fmt.Sprint("d", i), fmt.Sprint("e", i)})
		w.Observe("big", fmt.Sprint(i), fmt.Sprintf("question%d word%d", i, i), []string{fmt.Sprint("d", i)})
	}
	if len(w.tenants) > 8 || w.recent.Len() != len(w.tenants) {
		t.Errorf("%d tenants", len(w.tenants))
	}
	big := w.tenants["big"].Value.(*window)
	if len(big.questions) != 64 || len(big.keys) != 64 || len(big.count) != 64 || big.total != 64 || len(big.users) != 64 {
		t.Errorf("%d questions, %d keys, %d documents, total %d, %d users", len(big.questions), len(big.keys), len(big.count), big.total, len(big.users))
	}
	if cap(big.questions) > 1024 {
		t.Errorf("room for %d questions", cap(big.questions))
	}
}

func TestConfig(t *testing.T) {
	for _, c := range []Config{{Least: 5}, {Window: 50, Least: 100}, {Share: 2}, {Times: 0.5}, {Peers: 0.5}, {Topic: -1}, {Tenants: -1}} {
		if _, err := New(c); err == nil {
			t.Errorf("%+v is taken", c)
		}
	}
}

func BenchmarkObserve(b *testing.B) {
	w := watch(b, Config{})
	ask(w, 0, 512, func(i int) []string { return []string{"draws"} })
	i := 512
	b.ReportAllocs()
	for b.Loop() {
		i++
		w.Observe("acme", "user", fmt.Sprintf("where is thing%d kept in room%d", i, i%91), []string{"peer", "draws", "other"})
	}
	runtime.KeepAlive(w)
}

package recent_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/doorward/doorward/policy/recent"
)

func Example() {
	lengths := recent.New[string, int](1000)
	lengths.Put("crane", 5, 1)
	fmt.Println(lengths.Get("crane"))
	// Output: 5 true
}

func TestBoundAndUse(t *testing.T) {
	m := recent.New[int, int](100) // two halves of 50
	for i := range 1000 {
		m.Put(i, i, 1)
		if v, ok := m.Get(0); !ok || v != 0 {
			t.Fatalf("what is in use was forgotten after %d", i)
		}
	}
	held := 0
	for i := range 1000 {
		if v, ok := m.Get(i); ok {
			held++
			if v != i {
				t.Fatalf("%d for %d", v, i)
			}
		}
	}
	if held < 50 || held > 100 {
		t.Errorf("%d are held", held)
	}
	if m.Put(-1, 1, 51); has(m, -1) {
		t.Error("more than half was remembered")
	}
	m.Put(7, 7, 1)
	if m.Forget(); has(m, 7) {
		t.Error("not forgotten")
	}
}

func has(m *recent.Map[int, int], k int) bool {
	_, ok := m.Get(k)
	return ok
}

func TestConcurrentUse(t *testing.T) {
	m := recent.New[int, int](64)
	var group sync.WaitGroup
	for w := range 8 {
		group.Go(func() {
			for i := range 2000 {
				if v, ok := m.Get(i % 100); ok && v != i%100 {
					t.Errorf("%d for %d", v, i%100)
				}
				m.Put((i+w)%100, (i+w)%100, 1)
			}
		})
	}
	group.Wait()
}

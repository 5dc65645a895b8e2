package prompt

import (
	"strings"
	"testing"
)

// Of 100 answers that hold their canary all are known again, whatever stands
// around it; none under another key, and none with a digit changed.
func TestAnswersAreKnownAgain(t *testing.T) {
	key, other := []byte("one tenant's key, 32 bytes long!"), []byte("another tenant's, 32 bytes long!")
	for i := range 100 {
		c := NewCanary(key)
		if i%2 == 1 {
			c = strings.ToUpper(c)
		}
		answer := "Ada leads sales (reference " + c + strings.Repeat("0", i%3) + "), as the chart says."
		if !HoldsCanary(key, answer) {
			t.Fatalf("answer %d is not known again", i)
		}
		changed := []byte(c)
		changed[i%len(changed)] ^= 1
		if HoldsCanary(other, answer) || HoldsCanary(key, string(changed)) {
			t.Fatalf("answer %d passes under another key or changed", i)
		}
	}
	if HoldsCanary(key, strings.Repeat("0123456789abcdef", 1000)) || HoldsCanary(key, "") {
		t.Error("hex digits pass for a canary")
	}
	if n := Labels("see [S1-ab12] and [S22-00ff], not [S1] or [S1-zz12]"); n != 2 {
		t.Errorf("%d labels", n)
	}
}

package secret

import "math"

// entropy is the Shannon entropy of a string's characters in bits per
// character, as gitleaks computes it.
func entropy(s string) float64 {
	if s == "" {
		return 0
	}
	var ascii [128]int
	var other map[rune]int
	for _, r := range s {
		if r < 128 {
			ascii[r]++
			continue
		}
		if other == nil {
			other = map[rune]int{}
		}
		other[r]++
	}
	n, sum := 1/float64(len(s)), 0.0
	add := func(count int) {
		if count > 0 {
			f := float64(count) * n
			sum -= f * math.Log2(f)
		}
	}
	for _, c := range ascii {
		add(c)
	}
	for _, c := range other {
		add(c)
	}
	return sum
}

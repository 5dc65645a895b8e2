package eval

import (
	"math"
	"math/rand/v2"
	"slices"
)

// z is the normal quantile of a two-sided 95 % interval.
const z = 1.959963984540054

// share is a proportion with Wilson's score interval (E. B. Wilson, 1927).
func share(name string, hits, n int) Metric {
	if n == 0 {
		return Metric{Name: name}
	}
	p, m := float64(hits)/float64(n), float64(n)
	centre := (p + z*z/(2*m)) / (1 + z*z/m)
	half := z / (1 + z*z/m) * math.Sqrt(p*(1-p)/m+z*z/(4*m*m))
	return Metric{Name: name, Value: p, Low: max(0, centre-half), High: min(1, centre+half), N: n}
}

// resamples is how often a bootstrap draws.
const resamples = 400

// bootstrap is the percentile interval of a figure computed from n texts, drawn
// with replacement. It is seeded, so that the same data gives the same interval.
func bootstrap(name string, n int, figure func(weight []int) float64) Metric {
	weight := make([]int, n)
	for i := range weight {
		weight[i] = 1
	}
	m := Metric{Name: name, Value: figure(weight), N: n}
	if n == 0 {
		return m
	}
	rnd := rand.New(rand.NewPCG(1, uint64(n)))
	draws := make([]float64, resamples)
	for i := range draws {
		clear(weight)
		for range n {
			weight[rnd.IntN(n)]++
		}
		draws[i] = figure(weight)
	}
	slices.Sort(draws)
	m.Low, m.High = draws[resamples*25/1000], draws[resamples*975/1000]
	return m
}

// mean of the values that apply; 0 of none.
func mean(values []float64) float64 {
	sum, n := 0.0, 0
	for _, v := range values {
		if v >= 0 {
			sum += v
			n++
		}
	}
	if n == 0 {
		return 0
	}
	return sum / float64(n)
}

// ratio is a/b, or none when b is 0.
func ratio(a, b int) float64 {
	if b == 0 {
		return none
	}
	return float64(a) / float64(b)
}

// fBeta from precision and recall; none counts as 0.
func fBeta(beta, p, r float64) float64 {
	p, r = max(p, 0), max(r, 0)
	if p+r == 0 {
		return 0
	}
	return (1 + beta*beta) * p * r / (beta*beta*p + r)
}

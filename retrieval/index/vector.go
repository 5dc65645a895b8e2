package index

import "math"

// unit returns v at unit length, nil for none or all zeros.
func unit(v []float32) []float64 {
	n := 0.0
	for _, x := range v {
		n += float64(x) * float64(x)
	}
	if n == 0 {
		return nil
	}
	out := make([]float64, len(v))
	for i, x := range v {
		out[i] = math.Round(float64(x)/math.Sqrt(n)*1000) / 1000
	}
	return out
}

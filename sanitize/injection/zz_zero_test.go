package injection

import (
	"os"
	"testing"
)

func TestZero(t *testing.T) {
	if os.Getenv("ZERO") == "" {
		t.Skip()
	}
	w := Weights{Grams: make([]float32, Buckets), Dense: make([]float32, DenseFeatures), Bias: -9, Steep: 1}
	b, h, err := w.Encode()
	if err != nil {
		t.Fatal(err)
	}
	os.WriteFile("weights.bin", b, 0o644)
	os.WriteFile("weights.sha256", []byte(h+"\n"), 0o644)
}

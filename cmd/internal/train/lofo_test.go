package train

import (
	"context"
	"os"
	"testing"
)

// TestLeaveOneFamilyOut prints the figures; it takes about a minute and runs
// only when asked for.
func TestLeaveOneFamilyOut(t *testing.T) {
	dir := os.Getenv("DOORWARD_DATA")
	if dir == "" || os.Getenv("DOORWARD_LOFO") == "" {
		t.Skip("set DOORWARD_DATA to the evaluation data and DOORWARD_LOFO=1")
	}
	m, err := ReadManifest()
	if err != nil {
		t.Fatal(err)
	}
	cases, err := Load(m, dir)
	if err != nil {
		t.Fatal(err)
	}
	made, err := Synthesise(m.Seed, cases)
	if err != nil {
		t.Fatal(err)
	}
	r, err := Evaluate(context.Background(), cases, made, Options{Seed: m.Seed}, t.Logf)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Write(os.Stdout); err != nil {
		t.Fatal(err)
	}
}

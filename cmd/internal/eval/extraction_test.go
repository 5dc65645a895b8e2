package eval

import (
	"context"
	"io"
	"testing"
	"time"

	"github.com/doorward/doorward/policy/quota"
)

// TestExtractionIsBounded is a small version of `doorward eval extraction`: with
// limits in proportion, walkers are stopped and ordinary users are not troubled.
func TestExtractionIsBounded(t *testing.T) {
	o := ExtractionOptions{Documents: 1000, Sessions: 60, Users: 5, Questions: 150, Days: 2, Seed: 3, Quota: quota.Config{
		User: quota.Limits{Coverage: 380}, SlowBy: time.Second, Patterns: quota.Patterns{Shrink: .75, At: .6, Alarm: true, Slow: true},
	}}
	r, err := Extraction(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	if r.Documents != 1000 || len(r.Walkers) != 3 || r.Questions < 60 {
		t.Fatalf("%+v", r)
	}
	for _, w := range r.Walkers {
		if w.Off < .25 {
			t.Errorf("%s: got %.0f %% without quotas; it is no attack", w.Name, 100*w.Off)
		}
		if got := int(w.On * float64(r.Chunks)); got > 380 || w.Stopped == 0 {
			t.Errorf("%s: got %d chunks, first refused at question %d", w.Name, got, w.Stopped)
		}
	}
	// A sweep and a quoting walk are known for what they are after a dozen
	// questions.
	for _, w := range r.Walkers[:2] {
		if got := int(w.On * float64(r.Chunks)); got > 200 {
			t.Errorf("%s: got %d chunks", w.Name, got)
		}
	}
	if r.Troubled > 0 {
		t.Errorf("%d of %d ordinary sessions were troubled", r.Troubled, r.Sessions)
	}
	if w := r.Weeks; w.Users != 5 || w.Sessions == 0 || w.Questions < w.Sessions || w.Refused > w.Questions || (w.Troubled == 0) != (w.Days == 0) {
		t.Errorf("the days of ordinary users: %+v", w)
	}
	if err := r.Print(io.Discard); err != nil {
		t.Error(err)
	}
}

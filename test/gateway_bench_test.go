package test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/doorward/doorward/api/auth"
	"github.com/doorward/doorward/policy"
)

// BenchmarkGateway measures the time to the first token of a streamed answer
// through the gateway, with the upstream's own in the same run as the anchor, and
// how many of 500 concurrent streams arrive whole.
func BenchmarkGateway(b *testing.B) {
	parts := strings.SplitAfter(strings.Repeat("The crane is repaired on Tuesdays, as the harbour master says. ", 6), " ")
	model := &obedient{reply: func(map[string]any) []string { return parts }}
	g, upstream := gatewayTo(b, model, "internal")
	var direct, through []float64
	for b.Loop() {
		direct = append(direct, firstToken(b, upstream+"/v1/chat/completions", nil))
		through = append(through, firstToken(b, g.url+"/v1/chat/completions", g))
	}
	slices.Sort(direct)
	slices.Sort(through)
	b.ReportMetric(direct[len(direct)/2], "upstream-ttft-p50-ms")
	b.ReportMetric(through[len(through)/2], "gateway-ttft-p50-ms")

	var wg sync.WaitGroup
	var mu sync.Mutex
	whole := 0
	want := strings.TrimSpace(strings.Join(parts, ""))
	for range 500 {
		wg.Go(func() {
			status, body := g.as(b, ann, "/v1/chat/completions", question(true))
			if status == http.StatusOK && strings.TrimSpace(streamed(b, string(body))) == want {
				mu.Lock()
				whole++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	b.ReportMetric(float64(whole), "whole-of-500-streams")
}

// firstToken asks and stops the clock at the first content.
func firstToken(t testing.TB, url string, b *backend) float64 {
	t.Helper()
	data, err := json.Marshal(question(true))
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequest("POST", url, bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	if b != nil {
		token, err := auth.Mint(b.assertion, "doorward", policy.Subject{ID: "ann", Tenant: b.tenant, Groups: []string{"staff"}, Authn: policy.Authn{Backend: b.id}}, time.Now(), time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+b.key)
		r.Header.Set(auth.Header, token)
	}
	started := time.Now()
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	took := -1.0
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		if took < 0 && strings.Contains(lines.Text(), `"content":"`) {
			took = float64(time.Since(started).Microseconds()) / 1000
		}
	}
	if took < 0 {
		t.Fatal("no content came")
	}
	return took
}

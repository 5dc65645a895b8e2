package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/doorward/doorward/api/auth"
	"github.com/doorward/doorward/cmd/internal/app"
	"github.com/doorward/doorward/policy/audit"
	"github.com/doorward/doorward/policy/quota"
	"github.com/doorward/doorward/policy/quota/memory"
	"github.com/doorward/doorward/retrieval"
)

// noted is an audit log that keeps what it is given.
type noted struct {
	audit.Log
	mu      sync.Mutex
	entries []audit.Entry
}

func (n *noted) Append(ctx context.Context, entries ...audit.Entry) error {
	n.mu.Lock()
	n.entries = append(n.entries, entries...)
	n.mu.Unlock()
	return n.Log.Append(ctx, entries...)
}

func (n *noted) has(event, outcome, reason string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, e := range n.entries {
		if e.Event == event && e.Outcome == outcome && e.Reason == reason {
			return true
		}
	}
	return false
}

// away is a state that cannot be reached.
type away struct{}

func (away) Update(context.Context, []string, func([]*quota.State)) error {
	return fmt.Errorf("%w: no database", quota.ErrUnavailable)
}

// TestQuotasOverHTTP asks until it is refused: the answer says when to come again
// or which sign-in would help, holds nothing, and is audited.
func TestQuotasOverHTTP(t *testing.T) {
	d := openDoors(t)
	log := &noted{Log: d.Audit}
	for _, tc := range []struct {
		name    string
		quota   quota.Config
		status  int
		problem string
		header  func(http.Header) bool
		audited [3]string
	}{
		{"coverage", quota.Config{User: quota.Limits{Coverage: 20}}, 429, "quota", waits, [3]string{"retrieve", "limited", "user_coverage"}},
		{"requests", quota.Config{User: quota.Limits{Requests: quota.Rate{PerMinute: 2}}}, 429, "quota", waits, [3]string{"retrieve", "limited", "user_requests"}},
		{"backend", quota.Config{Backend: quota.Limits{Passages: quota.Rate{PerMinute: 5}}}, 429, "quota", waits, [3]string{"retrieve", "limited", "backend_passages"}},
		{"step up", quota.Config{Patterns: quota.Patterns{At: .1, Alarm: true, StepUp: &quota.StepUp{ACR: []string{"gold"}, MaxAge: time.Minute}}}, 401, "step-up",
			func(h http.Header) bool {
				c := h.Get("WWW-Authenticate")
				return strings.Contains(c, "insufficient_user_authentication") && strings.Contains(c, `acr_values="gold"`) && strings.Contains(c, "max_age=60")
			}, [3]string{"retrieve", "limited", "step_up:pattern"}},
		{"too many slowed down", quota.Config{SlowBy: time.Hour, Patterns: quota.Patterns{At: .1, Slow: true}}, 429, "quota", waits, [3]string{"retrieve", "limited", "user_pattern"}},
		{"state away", quota.Config{Store: away{}}, 503, "quota-unavailable", func(http.Header) bool { return true }, [3]string{"retrieve", "failed", "quota_unavailable"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if tc.quota.Store == nil {
				tc.quota.Store = &memory.Store{}
			}
			keeper, err := quota.New(tc.quota)
			if err != nil {
				t.Fatal(err)
			}
			c := d.Service.Config
			c.Quota, c.Audit = keeper, log
			c.Slow = func(context.Context) bool { return false } // or it would wait for an hour
			if d.Service, err = retrieval.New(c); err != nil {
				t.Fatal(err)
			}
			d.App.Metrics = app.NewMetrics() // faces register their gauges once
			f, err := openFaces(d.App)
			if err != nil {
				t.Fatal(err)
			}
			w := httptest.NewRecorder()
			for i := 0; i < 60 && w.Code == http.StatusOK; i++ {
				// One document after the other, never the same: a sweep.
				r := httptest.NewRequest("POST", "/v1/retrieve", strings.NewReader(fmt.Sprintf(`{"question":"n%d","top_k":4}`, i)))
				r.Header.Set("Authorization", "Bearer "+d.chat.Key)
				r.Header.Set("Content-Type", "application/json")
				r.Header.Set(auth.Header, assertion(t, d.chat.Assertion, "chat", "doorward", nil))
				w = httptest.NewRecorder()
				f.public.ServeHTTP(w, r)
			}
			if w.Code != tc.status || !strings.Contains(w.Body.String(), "urn:doorward:problem:"+tc.problem) || strings.Contains(w.Body.String(), openWord) || !tc.header(w.Header()) {
				t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
			}
			if a := tc.audited; !log.has(a[0], a[1], a[2]) {
				t.Errorf("not audited as %v", a)
			}
		})
	}
	for _, reason := range []string{quota.Coverage, quota.Pattern} {
		if !log.has("alarm", "quota", reason) {
			t.Errorf("no alarm about %s", reason)
		}
	}
}

func waits(h http.Header) bool {
	n, err := strconv.Atoi(h.Get("Retry-After"))
	return err == nil && n >= 1 && n <= 86400
}

// TestQuotaIsLifted refuses a user, and has an operator look and lift, by the name
// that the audit log gives the user.
func TestQuotaIsLifted(t *testing.T) {
	d := openDoors(t)
	log := &noted{Log: d.Audit}
	d.Audit = log
	c := d.Service.Config
	keeper, err := quota.New(quota.Config{Store: &memory.Store{}, User: quota.Limits{Coverage: 4}})
	if err != nil {
		t.Fatal(err)
	}
	c.Quota, c.Audit = keeper, log
	if d.Service, err = retrieval.New(c); err != nil {
		t.Fatal(err)
	}
	d.App.Metrics = app.NewMetrics()
	f, err := openFaces(d.App)
	if err != nil {
		t.Fatal(err)
	}
	ask := func(i int) int {
		r := httptest.NewRequest("POST", "/v1/retrieve", strings.NewReader(fmt.Sprintf(`{"question":"n%d","top_k":4}`, i)))
		r.Header.Set("Authorization", "Bearer "+d.chat.Key)
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set(auth.Header, assertion(t, d.chat.Assertion, "chat", "doorward", nil))
		w := httptest.NewRecorder()
		f.public.ServeHTTP(w, r)
		return w.Code
	}
	for i := 0; ask(i) == http.StatusOK; i++ {
		if i > 20 {
			t.Fatal("never refused")
		}
	}
	alarm := log.entries[len(log.entries)-2]
	if alarm.Event != "alarm" {
		alarm = log.entries[len(log.entries)-1]
	}
	command := func(args ...string) (string, int) {
		var out bytes.Buffer
		g := &global{args: args, owner: &owner{app: d.App}}
		code := execute(context.Background(), g, strings.NewReader(""), &out, &out)
		return out.String(), code
	}
	if out, code := command("quota", "show", "--subject", alarm.Subject); code != 0 || !strings.Contains(out, "refused (coverage)") {
		t.Errorf("%d %s", code, out)
	}
	if out, code := command("quota", "lift", "--subject", alarm.Subject); code != 0 || !log.has("quota", "lifted", "") {
		t.Errorf("%d %s", code, out)
	}
	if last := log.entries[len(log.entries)-1]; last.Subject != alarm.Subject || !strings.HasPrefix(last.Backend, "os:") {
		t.Errorf("audited as %+v", last)
	}
	if got := ask(0); got != http.StatusOK {
		t.Errorf("lifted, and answered %d", got)
	}
	for _, args := range [][]string{{"quota", "lift"}, {"quota", "show", "--subject", "ann"}, {"quota", "show", "--user", "ann", "--subject", alarm.Subject}} {
		if out, code := command(args...); code != exitUsage {
			t.Errorf("%v: %d %s", args, code, out)
		}
	}
	c.Audit = failing{}
	d.Audit = failing{}
	if out, code := command("quota", "lift", "--subject", alarm.Subject); code == 0 {
		t.Errorf("lifted without an entry: %s", out)
	}
}

// failing is an audit log that takes nothing.
type failing struct{ audit.Log }

func (failing) Append(context.Context, ...audit.Entry) error { return audit.ErrUnavailable }

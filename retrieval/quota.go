package retrieval

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/doorward/doorward/policy"
	"github.com/doorward/doorward/policy/audit"
	"github.com/doorward/doorward/policy/keys"
	"github.com/doorward/doorward/policy/quota"
)

// stronger refuses where policy demands the second factor and the user signed in
// without it. Obligations come of subject and context alone, so that the refusal
// says nothing about any document.
func (s *Service) stronger(sub policy.Subject, o policy.Obligations) error {
	if !o.RequireMFA || slices.Contains(sub.Authn.AMR, "mfa") || sub.Authn.ACR != "" && slices.Contains(s.SignIns, sub.Authn.ACR) {
		return nil
	}
	return &quota.Refusal{Reason: quota.MFA, Whose: "user", StepUp: &quota.StepUp{ACR: s.SignIns}}
}

// visit is a request as its quota sees it.
type visit struct {
	tenant string
	sketch quota.Sketcher
	pass   *quota.Pass // nil: nothing is counted
}

// enter counts a request before anything is searched.
func (s *Service) enter(ctx context.Context, r Request, o policy.Obligations, t *trace) (visit, error) {
	if s.Quota == nil {
		return visit{}, nil
	}
	key, err := s.Keys.Derive(r.Subject.Tenant, keys.Quota)
	if err != nil {
		return visit{}, err
	}
	v := visit{tenant: r.Subject.Tenant}
	if v.sketch, err = quota.NewSketcher(key); err != nil {
		return visit{}, err
	}
	user, err := s.pseudonym(r.Subject)
	if err != nil {
		return visit{}, err
	}
	v.pass, err = s.Quota.Enter(ctx, quota.Ask{
		Caller: quota.Caller{Tenant: r.Subject.Tenant, Backend: r.Subject.Authn.Backend, User: r.Subject.Tenant + "/" + user},
		Now:    r.Context.Now, User: o.Quota, Authn: r.Subject.Authn, Question: v.sketch.Text(r.Question),
	})
	t.alarmed(v.pass)
	return v, err
}

// spend counts what is about to be released, and slows it down where the way of
// asking calls for it.
func (s *Service) spend(ctx context.Context, v visit, passages []Passage, t *trace) error {
	if v.pass == nil {
		return nil
	}
	r := quota.Release{Passages: len(passages)}
	for _, p := range passages {
		for _, id := range p.chunks {
			r.Chunks = append(r.Chunks, v.sketch.ID(id))
		}
		r.Text.Add(s.texts.sketch(v.tenant, v.sketch, p.Text))
		r.Tokens += p.Tokens
	}
	err := v.pass.Spend(ctx, r)
	t.alarmed(v.pass)
	if err != nil || v.pass.Delay == 0 {
		return err
	}
	if s.Slow != nil && !s.Slow(ctx) {
		return &quota.Refusal{Reason: quota.Pattern, Whose: "user", After: v.pass.Delay}
	}
	wait := time.NewTimer(v.pass.Delay)
	defer wait.Stop()
	select {
	case <-wait.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// leave gives the place back, also when the caller went away or ran out of time.
// It waits for a slow store hardly longer than that: left undone, it lapses.
func (v visit) leave(ctx context.Context) {
	if v.pass == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaving)
	defer cancel()
	v.pass.Leave(ctx)
}

const leaving = 50 * time.Millisecond

func (t *trace) alarmed(p *quota.Pass) {
	if p != nil && p.Alarm != "" {
		t.alarm, t.signs = p.Alarm, p.Signs
	}
}

// limited words a refusal for the audit log; ok is false for other errors.
func limited(err error) (reason string, ok bool) {
	var r *quota.Refusal
	if !errors.As(err, &r) {
		return "", false
	}
	if r.StepUp != nil {
		return "step_up:" + r.Reason, true
	}
	return r.Whose + "_" + r.Reason, true
}

// quotaAlarm is the entry that a way of asking, or a budget used up, raises.
func quotaAlarm(e audit.Entry, t *trace) audit.Entry {
	e.Event, e.Outcome, e.Documents, e.Counts, e.Reason = "alarm", "quota", nil, t.signs, t.alarm
	return e
}

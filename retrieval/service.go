// Package retrieval is the way out: for a verified subject and a question it
// finds the passages this subject may read out, proves each against the catalog,
// cleans and delimits them, and seals what the answer may contain into a ticket.
//
// It knows contracts only; stores, policy and embedders are handed in. Whatever
// fails on the way releases nothing.
package retrieval

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/doorward/doorward/ingest/catalog"
	"github.com/doorward/doorward/ingest/receipt"
	"github.com/doorward/doorward/policy"
	"github.com/doorward/doorward/policy/audit"
	"github.com/doorward/doorward/policy/contain"
	"github.com/doorward/doorward/policy/keys"
	"github.com/doorward/doorward/policy/quota"
	"github.com/doorward/doorward/retrieval/embed"
	"github.com/doorward/doorward/retrieval/index"
	"github.com/doorward/doorward/retrieval/magnet"
	"github.com/doorward/doorward/retrieval/prompt"
	"github.com/doorward/doorward/sanitize"
)

// Bounds of a request.
const (
	DefaultTopK   = 8
	MaxTopK       = 50
	DefaultBudget = 3000     // tokens of passages in the prompt
	maxQuestion   = 32 << 10 // bytes
	ticketLife    = 15 * time.Minute
)

// Joins finds instructions that only appear where passages meet.
type Joins interface {
	// ScanJoins looks at text around the given offsets, where one passage ends
	// and the next begins.
	ScanJoins(ctx context.Context, text string, joins []int) ([]sanitize.Finding, error)
}

// Config is what a Service needs. Fields are required unless they say otherwise.
type Config struct {
	Index     index.Reader
	Epochs    index.Epochs
	Catalog   catalog.Reader
	Policy    policy.Source
	Keys      keys.Ring
	Verifier  receipt.Verifier
	Audit     audit.Log
	Analyzer  *embed.Analyzer
	Embedder  embed.Embedder // nil: keyed terms only
	Reranker  embed.Reranker // nil: the index's order
	Shape     Shape          // how passages are chosen; zero: the best ones
	Neighbors int            // chunks on either side that a passage is extended by
	Prompt    *prompt.Builder
	Sanitizer *sanitize.Sanitizer
	Joins     Joins                               // nil: joins are not scanned
	Secret    func(tenant string) ([]byte, error) // derives the key receipts hash content with
	// Contained returns the containment orders in force; an error stops every
	// request. Nil: there are none.
	Contained func(ctx context.Context) (*contain.Set, error)
	Quota     *quota.Keeper // how much may be taken; nil: any amount
	// Slow is told that an answer is about to be delayed because of the way of
	// asking, and says whether it may; nil: always. What may not is refused.
	Slow func(ctx context.Context) bool
	// SignIns are the sign-ins (acr) that stand for the second factor where policy
	// demands it, beside amr "mfa".
	SignIns []string
	// Magnets watches for documents that draw too many questions, and Magnet says
	// what becomes of them; nil: nobody looks.
	Magnets *magnet.Watch
	Magnet  MagnetAct
	// Accepts says whether passages scanned under a scanner revision may be
	// released; nil accepts any.
	Accepts func(scanner string) bool
	// Stage is told that a stage begins and returns what is told its end; for
	// metrics and traces. nil: nobody.
	Stage func(ctx context.Context, stage string) (context.Context, func(error))
	Log   *slog.Logger // nil discards
}

// Service answers requests. It is safe for concurrent use.
type Service struct {
	Config
	verified verifiedReceipts
	texts    texts
}

// New checks the configuration.
func New(c Config) (*Service, error) {
	for _, need := range []struct {
		name string
		ok   bool
	}{
		{"Index", c.Index != nil}, {"Epochs", c.Epochs != nil}, {"Catalog", c.Catalog != nil}, {"Policy", c.Policy != nil}, {"Keys", c.Keys != nil},
		{"Verifier", c.Verifier != nil}, {"Audit", c.Audit != nil}, {"Analyzer", c.Analyzer != nil},
		{"Prompt", c.Prompt != nil}, {"Sanitizer", c.Sanitizer != nil}, {"Secret", c.Secret != nil},
	} {
		if !need.ok {
			return nil, fmt.Errorf("making retrieval service: %s is missing", need.name)
		}
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Stage == nil {
		c.Stage = func(ctx context.Context, _ string) (context.Context, func(error)) { return ctx, func(error) {} }
	}
	return &Service{Config: c, texts: newTexts()}, nil
}

// Request is one question.
type Request struct {
	ID       string // for the audit log
	Subject  policy.Subject
	Context  policy.Context // Now is required
	Question string
	System   string // the backend's own instructions
	TopK     int    // 0 means DefaultTopK
	Budget   int    // tokens; 0 means DefaultBudget
	Format   prompt.Format
	Marking  prompt.Marking
	Narrow   []policy.Filter // the user's own filters, each ANDed apart

	contained *contain.Set // orders in force, read once
}

// Answer is what may be given to the backend.
type Answer struct {
	Passages    []Passage
	Prompt      prompt.Prompt
	ContextID   string
	Obligations policy.Obligations
	Policy      string // revision hash
	Expires     time.Time
}

// Passage is one released chunk.
type Passage struct {
	Citation string // label in the prompt; "" if it did not fit the budget
	Document string
	Title    string
	URI      string
	Headings []string
	Text     string
	Tokens   int
	Stripped map[string]int // rule → number of spans taken out, at ingest or now

	chunk  string   // id of the chunk that was found
	chunks []string // ids of all chunks in Text
}

// ErrRequest means the request itself cannot be served as it is.
var ErrRequest = errors.New("request cannot be served")

// Retrieve answers one question: plan, search, check, verify, sanitize,
// delimit, audit, and only then release.
func (s *Service) Retrieve(ctx context.Context, r Request) (Answer, error) {
	if err := r.check(); err != nil {
		return Answer{}, err
	}
	a, trace, err := s.retrieve(ctx, r)
	if err != nil {
		trace.failed(err)
		a = Answer{}
	}
	if _, aerr := staged(ctx, s, "audit", func(ctx context.Context) (struct{}, error) { return struct{}{}, s.audit(ctx, r, trace) }); aerr != nil {
		return Answer{}, errors.Join(aerr, err)
	}
	return a, err
}

func (r *Request) check() error {
	switch {
	case r.Subject.Tenant == "" || r.Subject.ID == "":
		return fmt.Errorf("%w: no verified subject", ErrRequest)
	case r.Context.Now.IsZero():
		return fmt.Errorf("%w: no time", ErrRequest)
	case r.Question == "":
		return fmt.Errorf("%w: the question is empty", ErrRequest)
	case len(r.Question) > maxQuestion:
		return fmt.Errorf("%w: the question has %d bytes, the limit is %d", ErrRequest, len(r.Question), maxQuestion)
	case r.TopK < 0 || r.TopK > MaxTopK:
		return fmt.Errorf("%w: top_k is %d, allowed are 1 to %d", ErrRequest, r.TopK, MaxTopK)
	case r.Budget < 0:
		return fmt.Errorf("%w: the token budget is negative", ErrRequest)
	}
	if r.TopK == 0 {
		r.TopK = DefaultTopK
	}
	if r.Budget == 0 {
		r.Budget = DefaultBudget
	}
	return nil
}

// trace collects what the audit entry says.
type trace struct {
	outcome   string
	reason    string
	policy    string
	documents []string
	counts    map[string]int
	alarms    []string // documents on which plan and check disagreed
	alarm     string   // why the quota raises one
	magnets   []string // documents that began to draw too many questions
	signs     map[string]int
}

// failed says why nothing is released.
func (t *trace) failed(err error) {
	t.outcome, t.reason, t.documents = "failed", reason(err), nil
	if why, ok := limited(err); ok {
		t.outcome, t.reason = "limited", why
	}
}

func (t *trace) count(what string, n int) {
	if t.counts == nil {
		t.counts = map[string]int{}
	}
	if n > 0 {
		t.counts[what] += n
	}
}

func (s *Service) retrieve(ctx context.Context, r Request) (Answer, *trace, error) {
	t := &trace{outcome: "released"}
	if err := s.contained(ctx, &r); err != nil {
		return Answer{}, t, err
	}
	snapshot, err := s.Policy.Snapshot()
	if err != nil {
		return Answer{}, t, fmt.Errorf("retrieving: %w", err)
	}
	t.policy = snapshot.Revision().Hash
	var obligations policy.Obligations
	filter, err := staged(ctx, s, "plan", func(ctx context.Context) (f policy.Filter, err error) {
		f, obligations, err = snapshot.Plan(ctx, r.Subject, r.Context)
		return f, err
	})
	if err != nil {
		return Answer{}, t, fmt.Errorf("planning access: %w", err)
	}
	if err := s.stronger(r.Subject, obligations); err != nil {
		return Answer{}, t, err
	}
	visit, err := s.enter(ctx, r, obligations, t)
	if err != nil {
		return Answer{}, t, err
	}
	defer visit.leave(ctx)
	limit := r.TopK
	if m := obligations.MaxPassages; m > 0 {
		limit = min(limit, m)
	}
	hits, err := staged(ctx, s, "search", func(ctx context.Context) ([]index.Hit, error) {
		return s.search(ctx, r, filter, s.candidates(r.Subject.Tenant, limit))
	})
	if err != nil {
		return Answer{}, t, fmt.Errorf("searching: %w", err)
	}
	t.count("hits", len(hits))
	released, err := staged(ctx, s, "prove", func(ctx context.Context) ([]proven, error) {
		return s.prove(ctx, r, snapshot, filter, hits, t)
	})
	if err != nil {
		return Answer{}, t, err
	}
	if released, err = s.choose(ctx, r, snapshot, released, limit, t); err != nil {
		return Answer{}, t, err
	}
	if err := s.extend(ctx, r.Subject.Tenant, released, t); err != nil {
		return Answer{}, t, err
	}
	passages, err := staged(ctx, s, "clean", func(ctx context.Context) ([]Passage, error) {
		return s.clean(ctx, released, obligations, t)
	})
	if err != nil {
		return Answer{}, t, fmt.Errorf("sanitizing passages: %w", err)
	}
	if err := s.spend(ctx, visit, passages, t); err != nil {
		return Answer{}, t, err
	}
	a, err := staged(ctx, s, "prompt", func(context.Context) (Answer, error) {
		return s.deliver(r, snapshot, passages, released)
	})
	a.Obligations = obligations
	if len(passages) == 0 {
		t.outcome = "empty"
	}
	for _, p := range released {
		t.documents = append(t.documents, p.document.ID+"@"+p.document.Version)
	}
	t.documents = slices.Compact(slices.Sorted(slices.Values(t.documents)))
	t.count("passages", len(passages))
	return a, t, err
}

// staged runs one stage under observation.
func staged[T any](ctx context.Context, s *Service, stage string, do func(context.Context) (T, error)) (T, error) {
	ctx, end := s.Stage(ctx, stage)
	out, err := do(ctx)
	end(err)
	return out, err
}

// search asks the index, with the policy's filter inside the search.
func (s *Service) search(ctx context.Context, r Request, filter policy.Filter, limit int) ([]index.Hit, error) {
	if filter.DeniesAll() {
		return nil, nil // nothing may reach the store
	}
	tenant := r.Subject.Tenant
	key, err := s.Keys.Derive(tenant, keys.Terms)
	if err != nil {
		return nil, err
	}
	statistics, err := s.Epochs.Statistics(ctx, tenant)
	if err != nil {
		return nil, err
	}
	q := index.Query{Tenant: tenant, Terms: s.Analyzer.Query(key, statistics, r.Question), Filter: filter.At(r.Context.Now), Narrow: r.Narrow, Limit: limit}
	if s.Embedder != nil {
		v, err := s.Embedder.Embed(ctx, []string{r.Question})
		if err != nil || len(v) != 1 {
			return nil, fmt.Errorf("embedding the question: %w", errors.Join(err, index.ErrUnavailable))
		}
		q.Vector = v[0]
	}
	if len(q.Terms) == 0 && q.Vector == nil {
		return nil, nil
	}
	return s.Index.Search(ctx, q)
}

// audit writes the entry of a request, and one for each alarm.
func (s *Service) audit(ctx context.Context, r Request, t *trace) error {
	subject, err := s.pseudonym(r.Subject)
	if err != nil {
		return err
	}
	e := audit.Entry{Event: "retrieve", Outcome: t.outcome, Tenant: r.Subject.Tenant, Subject: subject, Backend: r.Subject.Authn.Backend,
		Policy: t.policy, Documents: t.documents, Counts: t.counts, Reason: t.reason, Request: r.ID}
	entries := []audit.Entry{e}
	if t.alarm != "" {
		entries = append(entries, quotaAlarm(e, t))
		s.Log.WarnContext(ctx, "quota alarm", "reason", t.alarm, "subject", subject, "backend", e.Backend, "request", r.ID)
	}
	if len(t.magnets) > 0 {
		entries = append(entries, s.magnetAlarm(ctx, e, t))
	}
	if len(t.alarms) > 0 {
		alarm := e
		alarm.Event, alarm.Outcome, alarm.Documents, alarm.Counts, alarm.Reason = "alarm", "dropped", t.alarms, nil, "plan and check disagree"
		entries = append(entries, alarm)
		s.Log.ErrorContext(ctx, "plan and check disagree", "documents", t.alarms, "policy", t.policy, "request", r.ID)
	}
	if err := s.Audit.Append(ctx, entries...); err != nil {
		return fmt.Errorf("auditing: %w", err)
	}
	return nil
}

// pseudonym names the user in the audit log: a keyed hash.
func (s *Service) pseudonym(sub policy.Subject) (string, error) {
	return SubjectID(s.Keys, sub)
}

// SubjectID is the keyed hash by which the audit log names a user.
func SubjectID(ring keys.Ring, sub policy.Subject) (string, error) {
	key, err := ring.Derive(sub.Tenant, keys.AuditID)
	if err != nil {
		return "", fmt.Errorf("naming the subject: %w", err)
	}
	return receipt.Hash(key, []byte(sub.ID))[:24], nil
}

// reason classes an error for the audit log.
func reason(err error) string {
	for _, c := range []struct {
		err  error
		word string
	}{
		{policy.ErrUnavailable, "policy_unavailable"}, {policy.ErrNotPushable, "policy_not_pushable"}, {policy.ErrFailed, "policy_failed"}, {policy.ErrSubject, "subject"},
		{index.ErrUnavailable, "index_unavailable"}, {index.ErrMismatch, "index_mismatch"}, {index.ErrFilter, "filter_refused"},
		{contain.ErrContained, "contained"}, {quota.ErrUnavailable, "quota_unavailable"}, {catalog.ErrUnavailable, "catalog_unavailable"}, {context.DeadlineExceeded, "timeout"}, {context.Canceled, "canceled"},
	} {
		if errors.Is(err, c.err) {
			return c.word
		}
	}
	return "error"
}

package eval

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/doorward/doorward/policy"
	"github.com/doorward/doorward/retrieval/embed"
	"github.com/doorward/doorward/retrieval/index"
	"github.com/doorward/doorward/retrieval/index/qdrant"
)

// shared returns the evaluation data's directory, or skips.
func retrievalData(t *testing.T, name string) string {
	t.Helper()
	root := os.Getenv("DOORWARD_DATA")
	if root == "" {
		root = filepath.Join("..", "..", "..", "..", "shared", "data")
	}
	dir := filepath.Join(root, "retrieval", name)
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("no data set %s: set DOORWARD_DATA to the directory that holds retrieval/%s", name, name)
	}
	return dir
}

func TestSciFactQuality(t *testing.T) {
	r, err := Retrieval(t.Context(), retrievalData(t, "scifact"), RetrievalOptions{})
	if err != nil {
		t.Fatal(err)
	}
	r.Print(testWriter{t})
	if r.NDCG10.Mean < 0.7027 {
		t.Errorf("nDCG@10 %.4f, want at least 0.7027", r.NDCG10.Mean)
	}
}

// TestSciFactTrain is for tuning: settings are chosen here, never on dev.
func TestSciFactTrain(t *testing.T) {
	if os.Getenv("DOORWARD_TEST_TUNE") == "" {
		t.Skip("set DOORWARD_TEST_TUNE=1 to compare settings on the training queries")
	}
	dir := retrievalData(t, "scifact")
	for name, c := range map[string]embed.Config{"default": {}, "english only": {Languages: []string{"en"}}, "no grams": {GramWeight: -1, PhraseWeight: -1}, "no pairs": {PhraseWeight: -1}, "grams 0.6": {GramWeight: 0.6}, "k1 1.6": {K1: 1.6}} {
		for _, qrels := range []string{"qrels.train.tsv", "qrels.tsv"} {
			r, err := Retrieval(t.Context(), dir, RetrievalOptions{Analysis: c, Qrels: filepath.Join(dir, qrels)})
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%-14s %-16s nDCG@10 %.4f R@100 %.4f p50 %v", name, qrels, r.NDCG10.Mean, r.Recall100.Mean, r.P50)
		}
	}
}

type testWriter struct{ t *testing.T }

func (w testWriter) Write(p []byte) (int, error) {
	w.t.Log(string(p))
	return len(p), nil
}

// TestStoresAgree holds both stores to the same quality.
func TestStoresAgree(t *testing.T) {
	addr := os.Getenv("DOORWARD_TEST_QDRANT")
	if addr == "" {
		t.Skip("set DOORWARD_TEST_QDRANT=host:port (gRPC) to compare the stores")
	}
	dir := retrievalData(t, "scifact")
	here, err := Retrieval(t.Context(), dir, RetrievalOptions{})
	if err != nil {
		t.Fatal(err)
	}
	there, err := Retrieval(t.Context(), dir, RetrievalOptions{Open: func(_ string, pins index.Pins) (RetrievalIndex, error) {
		cfg := qdrant.Config{Address: addr, Collection: fmt.Sprintf("doorward-eval-%d", os.Getpid()), Pins: &pins}
		if err := qdrant.Create(t.Context(), cfg, cfg.Collection); err != nil {
			return nil, err
		}
		t.Cleanup(func() { qdrant.Drop(context.Background(), cfg, cfg.Collection) })
		return qdrant.Open(t.Context(), cfg)
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("sqlite %.4f (p50 %v), qdrant %.4f (p50 %v)", here.NDCG10.Mean, here.P50, there.NDCG10.Mean, there.P50)
	if d := math.Abs(here.NDCG10.Mean - there.NDCG10.Mean); d > 0.01 {
		t.Errorf("nDCG@10 differs by %.4f between the stores", d)
	}
}

// byHand decides the enterprise set's access attributes without a policy
// language: public, named, or of a named department.
type byHand struct{}

func (byHand) Attributes(m map[string]any) (policy.Attributes, error) {
	acl, _ := m["acl"].(map[string]any)
	return policy.Schema{"public": {Kind: policy.BoolKind}, "users": {Kind: policy.StringSet}, "departments": {Kind: policy.StringSet}}.Normalize(acl)
}

func (byHand) Plan(_ context.Context, who map[string]any) (policy.Filter, error) {
	eq := func(v any) policy.Expr { return policy.Compare{Op: policy.Eq, Value: policy.Value{Const: v}} }
	return policy.When(policy.Or{
		policy.Compare{Path: "public", Op: policy.Eq, Value: policy.Value{Const: true}},
		policy.Any{Path: "users", X: eq(who["emp_id"])}, policy.Any{Path: "departments", X: eq(who["department"])},
	}), nil
}

func (a byHand) Check(ctx context.Context, who map[string]any, docs []policy.Attributes) ([]bool, error) {
	f, err := a.Plan(ctx, who)
	var out []bool
	for _, d := range docs {
		out = append(out, f.Match(d))
	}
	return out, err
}

func TestEnterpriseAccess(t *testing.T) {
	r, err := Retrieval(t.Context(), retrievalData(t, "enterprisebench_acl"), RetrievalOptions{Authoriser: byHand{}, Resamples: 200})
	if err != nil {
		t.Fatal(err)
	}
	r.Print(testWriter{t})
	a := r.Access
	if a.Cases == 0 || a.WrongAllows+a.WrongDenials+a.Disagreements+a.Leaks > 0 {
		t.Errorf("%d cases, %d wrong allows, %d wrong denials, %d disagreements, %d leaks", a.Cases, a.WrongAllows, a.WrongDenials, a.Disagreements, a.Leaks)
	}
	if a.Recall10.Mean < a.Unfiltered.Mean {
		t.Errorf("recall@10 %.4f under the filter, %.4f without", a.Recall10.Mean, a.Unfiltered.Mean)
	}
}

package rego

import (
	"context"
	"os"
	"testing"

	"github.com/doorward/doorward/policy"
)

func defaultSchema() policy.Schema {
	return policy.Schema{
		"public": {Kind: policy.BoolKind}, "owner": {Kind: policy.String}, "groups": {Kind: policy.StringSet},
		"level": {Kind: policy.Int}, "embargo_until": {Kind: policy.Time}, "legal_hold": {Kind: policy.BoolKind},
		"destinations": {Kind: policy.StringSet},
	}
}

func TestDefaultPolicies(t *testing.T) {
	s, diags, err := Load(context.Background(), Config{Files: os.DirFS("../../configs/policies/default"), Name: "default", Document: defaultSchema()})
	if err != nil {
		t.Fatalf("%v\n%s", err, diags)
	}
	for _, d := range diags {
		t.Errorf("%s", d)
	}
	report, err := s.Test(context.Background())
	if err != nil || !report.Passed() {
		t.Fatalf("%v %+v", err, report)
	}
	if len(report.Results) < 15 || report.Plans < 10 || report.Coverage < 95 {
		t.Errorf("%d tests, %d plans, coverage %.1f, uncovered %v", len(report.Results), report.Plans, report.Coverage, report.Uncovered)
	}
	v, err := s.Decide(context.Background(), policy.PointIngest, policy.Input{"source": map[string]any{"name": "x"}, "document": policy.Attributes{}, "findings": []any{
		map[string]any{"kind": "secret", "type": "secret", "rule": "private-key", "score": 1.0, "count": 1}}})
	if err != nil || v.Outcome != policy.Quarantine || v.Actions["pii"] != "redact" || len(v.Reasons) != 1 {
		t.Errorf("ingest: %+v, %v", v, err)
	}
	if v, err = s.Decide(context.Background(), policy.PointOutput, policy.Input{"subject": map[string]any{}, "context": map[string]any{}}); err != nil || v.Actions["canary"] != "stop" {
		t.Errorf("output: %+v, %v", v, err)
	}
	if v, err = s.Decide(context.Background(), policy.PointAdmin, policy.Input{"operation": "reveal", "subject": map[string]any{"roles": []string{"admin"}}}); err != nil || v.Allow {
		t.Errorf("admin: %+v, %v", v, err)
	}
}

// Package regotest draws random policies, subjects and documents over one
// schema, for property tests: of the plan against the check in policy/rego, and
// of every store against both in test/. What it draws depends on the random
// source alone. Much is missing from the documents on purpose: definedness is
// where filters go wrong.
package regotest

import (
	"fmt"
	"math/rand"

	"github.com/doorward/doorward/policy"
)

// Schema declares the attributes of the drawn documents.
func Schema() policy.Schema {
	return policy.Schema{
		"tenant": {Kind: policy.String}, "owner": {Kind: policy.String}, "region": {Kind: policy.String},
		"classification": {Kind: policy.String}, "level": {Kind: policy.Int}, "public": {Kind: policy.BoolKind},
		"legal_hold": {Kind: policy.BoolKind}, "embargo_until": {Kind: policy.Time}, "expires_at": {Kind: policy.Time},
		"acl.groups": {Kind: policy.StringSet}, "acl.deny_groups": {Kind: policy.StringSet},
		"acl.mode": {Kind: policy.String}, "acl.users": {Kind: policy.StringSet},
		"tags": {Kind: policy.StringSet}, "compartments": {Kind: policy.StringSet}, "years": {Kind: policy.IntSet},
		"entries": {Kind: policy.ObjectList, Fields: map[string]policy.Kind{
			"id": policy.String, "perm": policy.String, "rank": policy.Int, "revoked": policy.BoolKind}},
	}
}

// Claims declares the claims of the drawn subjects.
func Claims() policy.Schema {
	return policy.Schema{"compartments": {Kind: policy.StringSet}, "delegates": {Kind: policy.StringSet}, "department": {Kind: policy.String}}
}

// Now is a time, in epoch seconds, around which the drawn times lie.
func Now(r *rand.Rand) int64 { return int64(95 + r.Intn(10)) }

func pick[T any](r *rand.Rand, xs ...T) T { return xs[r.Intn(len(xs))] }

func some(r *rand.Rand, xs ...string) []string {
	out := []string{}
	for _, x := range xs {
		if r.Intn(3) == 0 {
			out = append(out, x)
		}
	}
	return out
}

var groups = []string{"eng", "hr", "ops", "fin"}

// Raw draws claimed attributes that fit the schema.
func Raw(r *rand.Rand) map[string]any {
	d := map[string]any{}
	maybe := func(k string, v any) {
		if r.Intn(4) > 0 {
			d[k] = v
		}
	}
	maybe("tenant", pick(r, "t1", "t2"))
	maybe("owner", pick(r, "u1", "u2", "public"))
	maybe("region", pick(r, "eu", "us", "cn", "ru"))
	maybe("classification", pick(r, "public", "internal", "confidential", "secret", "odd"))
	maybe("level", int64(r.Intn(6)))
	maybe("public", r.Intn(2) == 0)
	maybe("legal_hold", r.Intn(2) == 0)
	maybe("embargo_until", int64(90+r.Intn(20)))
	maybe("expires_at", int64(80+r.Intn(40)))
	maybe("acl.mode", pick(r, "open", "link", "closed"))
	maybe("acl.groups", some(r, groups...))
	maybe("acl.deny_groups", some(r, groups...))
	maybe("acl.users", some(r, "u1", "u2", "u3"))
	maybe("tags", some(r, "a", "b", "c"))
	maybe("compartments", some(r, "A", "B", "C"))
	years := []int64{}
	for y := int64(2018); y < 2025; y++ {
		if r.Intn(4) == 0 {
			years = append(years, y)
		}
	}
	maybe("years", years)
	maybe("entries", entries(r))
	return d
}

func entries(r *rand.Rand) []any {
	out := []any{}
	for range r.Intn(3) {
		e := map[string]any{}
		maybe := func(k string, v any) {
			if r.Intn(4) > 0 {
				e[k] = v
			}
		}
		maybe("id", pick(r, "u1", "u2", "eng", "hr"))
		maybe("perm", pick(r, "read", "write", "none"))
		maybe("rank", int64(r.Intn(5)))
		maybe("revoked", r.Intn(2) == 0)
		out = append(out, e)
	}
	return out
}

// Document draws normalised attributes.
func Document(r *rand.Rand) policy.Attributes {
	d, err := Schema().Normalize(Raw(r))
	if err != nil {
		panic(fmt.Sprintf("regotest: a drawn document does not fit the schema: %v", err))
	}
	return d
}

// Documents draws n documents.
func Documents(r *rand.Rand, n int) []policy.Attributes {
	out := make([]policy.Attributes, n)
	for i := range out {
		out[i] = Document(r)
	}
	return out
}

// Subject draws a subject; claims may be missing.
func Subject(r *rand.Rand) policy.Subject {
	s := policy.Subject{
		ID: pick(r, "u1", "u2", "u3"), Tenant: pick(r, "t1", "t2"), Groups: some(r, groups...),
		Roles: some(r, "reader", "analyst", "admin", "legal"), Clearance: int64(r.Intn(5)), Claims: map[string]any{},
	}
	if r.Intn(4) > 0 {
		s.Claims["compartments"] = some(r, "A", "B", "C")
	}
	if r.Intn(4) > 0 {
		s.Claims["delegates"] = some(r, "u1", "u2")
	}
	if r.Intn(2) == 0 {
		s.Claims["department"] = pick(r, "eng", "hr", "u1")
	}
	return s
}

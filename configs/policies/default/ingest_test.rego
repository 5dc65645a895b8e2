package doorward.ingest_test

import data.doorward.ingest
import rego.v1

finding(kind, rule, n) := {"kind": kind, "type": "", "rule": rule, "score": 0.9, "count": n}

test_clean_documents_are_indexed if {
	ingest.verdict == "index" with input as {"findings": []}
}

test_ordinary_findings_are_cleaned_and_indexed if {
	found := [finding("secret", "generic-api-key", 2), finding("pii", "email", 9), finding("injection", "override", 4)]
	ingest.verdict == "index" with input as {"findings": found}
	ingest.actions.secret == "redact"
	ingest.actions.pii == "redact"
	ingest.actions.injection == "strip"
}

test_private_keys_are_held if {
	ingest.verdict == "quarantine" with input as {"findings": [finding("secret", "private-key", 1)]}
	ingest.reasons == {"holds a private key"} with input as {"findings": [finding("secret", "private-key", 1)]}
}

test_many_instructions_are_held if {
	ingest.verdict == "quarantine" with input as {"findings": [finding("injection", "a", 3), finding("injection", "b", 2)]}
	counted := [finding("injection", "a", 1) | some _ in numbers.range(1, 5)]
	ingest.verdict == "quarantine" with input as {"findings": counted}
}

quiet := {
	"duplicates": {"exact": 0, "near": 0, "batch": 0},
	"rate": {"known": true, "today": 90, "usual": 40, "ratio": 2.25},
	"drift": {"known": true, "score": 0.5, "share": 0.02, "usual": 0.02, "seen": 64},
	"stuffing": {"repetition": 0.02, "query": 0.9},
	"magnet": {"drawing": false, "share": 0.01, "times": 1.5},
	"generated": false, "labels": 0, "batch": 50, "signed": false,
}

from(trust, signals) := {"source": {"name": "s", "trust": trust}, "document": {"groups": []}, "findings": [], "signals": object.union(quiet, signals)}

test_usual_runs_are_indexed if {
	ingest.verdict == "index" with input as from("internal", {})
	not ingest.contain with input as from("internal", {})
}

test_floods_are_contained if {
	flood := from("internal", {"rate": {"known": true, "today": 400, "usual": 40, "ratio": 10}})
	ingest.verdict == "quarantine" with input as flood
	ingest.contain with input as flood
	shift := from("internal", {"drift": {"known": true, "score": 4, "share": 0.2, "usual": 0.01, "seen": 60}})
	ingest.contain with input as shift
}

test_small_and_unknown_are_not_floods if {
	not ingest.contain with input as from("internal", {"rate": {"known": true, "today": 60, "usual": 4, "ratio": 15}})
	not ingest.contain with input as from("internal", {"rate": {"known": false, "today": 4000, "usual": 0, "ratio": 0}})
}

test_own_answers_are_rejected if ingest.verdict == "reject" with input as from("internal", {"generated": true})

test_crowds_of_copies_are_held if {
	copies := {"duplicates": {"exact": 0, "near": 20, "batch": 10}}
	ingest.verdict == "quarantine" with input as from("partner", copies)
	ingest.verdict == "index" with input as from("internal", copies)
}

test_questions_from_strangers_are_held if {
	ingest.verdict == "quarantine" with input as from("untrusted", {})
	ingest.verdict == "index" with input as from("partner", {})
}

test_magnets_are_held_unless_vouched_for if {
	magnet := {"magnet": {"drawing": true, "share": 0.4, "times": 30}}
	ingest.verdict == "quarantine" with input as from("untrusted", magnet)
	ingest.verdict == "quarantine" with input as from("partner", magnet)
	ingest.verdict == "index" with input as from("internal", magnet)
	ingest.verdict == "index" with input as from("partner", {})
}

# Just at a limit it holds, just below it does not.
test_limits_of_floods if {
	rate := {"known": true, "today": 100, "usual": 20, "ratio": 5}
	ingest.contain with input as from("internal", {"rate": rate})
	not ingest.contain with input as from("internal", {"rate": object.union(rate, {"today": 99})})
	not ingest.contain with input as from("internal", {"rate": object.union(rate, {"ratio": 4.9})})
	not ingest.contain with input as from("internal", {"rate": object.union(rate, {"known": false})})
	drift := {"known": true, "score": 4, "share": 0.1, "usual": 0.025, "seen": 60}
	ingest.contain with input as from("internal", {"drift": drift})
	not ingest.contain with input as from("internal", {"drift": object.union(drift, {"seen": 59})})
	not ingest.contain with input as from("internal", {"drift": object.union(drift, {"share": 0.09, "usual": 0.01})})
	not ingest.contain with input as from("internal", {"drift": object.union(drift, {"usual": 0.03})})
	not ingest.contain with input as from("internal", {"drift": object.union(drift, {"known": false})})
}

test_limits_of_reasons if {
	ingest.verdict == "quarantine" with input as from("internal", {"labels": 3})
	ingest.verdict == "index" with input as from("internal", {"labels": 2})
	ingest.verdict == "quarantine" with input as from("partner", {"duplicates": {"exact": 0, "near": 20, "batch": 5}})
	ingest.verdict == "index" with input as from("partner", {"duplicates": {"exact": 0, "near": 20, "batch": 4}})
	ingest.verdict == "quarantine" with input as from("untrusted", {"stuffing": {"repetition": 0, "query": 0.6}})
	ingest.verdict == "index" with input as from("untrusted", {"stuffing": {"repetition": 0, "query": 0.59}})
}

test_own_answers_are_rejected_whatever_else if {
	ingest.verdict == "reject" with input as object.union(from("internal", {"generated": true}), {"findings": [finding("secret", "private-key", 1)]})
}

# A rule whose name sounds like a key's, of another kind, is no leak.
test_only_secrets_are_private_keys if {
	ingest.verdict == "index" with input as {"findings": [finding("pii", "private-key-holder", 1)]}
}

test_what_is_not_public_is_protected if {
	ingest.protect with input as {"document": {"public": false}, "findings": []}
	ingest.protect with input as {"document": {}, "findings": []}
	not ingest.protect with input as {"document": {"public": true}, "findings": []}
}

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

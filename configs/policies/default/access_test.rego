package doorward.access_test

import data.doorward.access
import rego.v1

ann := {"id": "ann", "tenant": "acme", "groups": ["eng"], "roles": [], "clearance": 1, "claims": {}, "authn": {"amr": []}}

here := {"now": 1000, "purpose": "", "destination": "internal", "action": "read"}

bare := {"groups": [], "destinations": []}

test_nobody_reads_a_document_without_reason if {
	not access.allow with input as {"subject": ann, "context": here, "document": bare}
}

test_everybody_reads_what_is_public if {
	access.allow with input as {"subject": ann, "context": here, "document": object.union(bare, {"public": true})}
}

test_owners_read_their_own if {
	access.allow with input as {"subject": ann, "context": here, "document": object.union(bare, {"owner": "ann"})}
	not access.allow with input as {"subject": ann, "context": here, "document": object.union(bare, {"owner": "bob"})}
}

test_groups_share if {
	access.allow with input as {"subject": ann, "context": here, "document": object.union(bare, {"groups": ["eng", "ops"]})}
	not access.allow with input as {"subject": ann, "context": here, "document": object.union(bare, {"groups": ["ops"]})}
}

test_level_needs_clearance if {
	access.allow with input as {"subject": ann, "context": here, "document": object.union(bare, {"public": true, "level": 1})}
	not access.allow with input as {"subject": ann, "context": here, "document": object.union(bare, {"public": true, "level": 2})}
}

test_embargo_ends if {
	doc := object.union(bare, {"public": true, "embargo_until": 1001})
	not access.allow with input as {"subject": ann, "context": here, "document": doc}
	access.allow with input as {"subject": ann, "context": object.union(here, {"now": 1001}), "document": doc}
	access.allow with input as {"subject": ann, "context": here, "document": object.union(doc, {"owner": "ann"})}
}

test_legal_hold if {
	doc := object.union(bare, {"public": true, "legal_hold": true})
	not access.allow with input as {"subject": ann, "context": here, "document": doc}
	access.allow with input as {"subject": object.union(ann, {"roles": ["legal"]}), "context": here, "document": doc}
	access.allow with input as {"subject": ann, "context": here, "document": object.union(doc, {"legal_hold": false})}
}

test_destinations_bind if {
	doc := object.union(bare, {"public": true, "destinations": ["internal"]})
	access.allow with input as {"subject": ann, "context": here, "document": doc}
	not access.allow with input as {"subject": ann, "context": object.union(here, {"destination": "openai"}), "document": doc}
}

test_obligations if {
	access.obligations.max_passages == 50 with input as {"subject": ann, "context": here}
}

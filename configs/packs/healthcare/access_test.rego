package doorward.access_test

import data.doorward.access
import rego.v1

context(purpose) := {"now": 0, "purpose": purpose, "destination": "internal", "action": "read"}

nurse := {
	"id": "nia", "tenant": "clinic", "groups": [], "roles": ["clinician"], "clearance": 0,
	"claims": {"on_duty": true, "cleared_for": ["genetics"]},
}

record := {"kind": "record", "patient": "p1", "care_team": ["nia"], "sensitivity": []}

may(subject, purpose, document) if access.allow with input as {"subject": subject, "context": context(purpose), "document": document}

test_care_team_on_duty if {
	may(nurse, "treatment", record)
	not may(object.union(nurse, {"claims": {"on_duty": false}}), "treatment", record)
	not may(nurse, "treatment", object.union(record, {"care_team": ["max"]}))
	not may(nurse, "", record)
}

test_special_protection if {
	may(nurse, "treatment", object.union(record, {"sensitivity": ["genetics"]}))
	not may(nurse, "treatment", object.union(record, {"sensitivity": ["genetics", "psychiatry"]}))
}

test_research_on_deidentified_only if {
	may(nurse, "research", object.union(record, {"deidentified": true}))
	not may(nurse, "research", object.union(record, {"deidentified": false}))
	not may(nurse, "research", record)
	not may(nurse, "", object.union(record, {"deidentified": true}))
}

test_patients_read_their_own if {
	patient := {"id": "p1", "tenant": "clinic", "groups": [], "roles": [], "clearance": 0, "claims": {"cleared_for": []}}
	may(patient, "self", record)
	not may(patient, "self", object.union(record, {"patient": "p2"}))
	not may(patient, "treatment", record)
}

test_breaking_the_glass if {
	may(nurse, "emergency", object.union(record, {"care_team": ["max"]}))
	not may(object.union(nurse, {"claims": {"on_duty": false}}), "emergency", record)
	not may(object.union(nurse, {"roles": []}), "emergency", object.union(record, {"care_team": ["max"]}))
	access.obligations == {"require_mfa": true, "max_passages": 10, "audit_class": "break-glass"} with input as {"subject": nurse, "context": context("emergency")}
}

test_guidelines_are_open if may(nurse, "", {"kind": "guideline", "care_team": [], "sensitivity": []})

test_research_masks if access.obligations.mask == {"pii"} with input as {"subject": nurse, "context": context("research")}

package doorward.access_test

import data.doorward.access
import rego.v1

context := {"now": 100, "purpose": "", "destination": "internal", "action": "read"}

officer := {
	"id": "ann", "tenant": "acme", "groups": [], "roles": [], "clearance": 2,
	"claims": {"compartments": ["red", "blue"], "nationality": "de", "briefed_until": 101},
}

may(subject, document) if access.allow with input as {"subject": subject, "context": context, "document": object.union({"compartments": [], "releasable_to": []}, document)}

test_levels if {
	may(officer, {"level": 2})
	not may(officer, {"level": 3})
}

test_all_compartments_are_needed if {
	may(officer, {"level": 1, "compartments": ["red"]})
	may(officer, {"level": 1, "compartments": ["blue", "red"]})
	not may(officer, {"level": 1, "compartments": ["red", "green"]})
}

test_releasability if {
	may(officer, {"level": 1, "releasable_to": ["de", "fr"]})
	not may(officer, {"level": 1, "releasable_to": ["fr"]})
}

test_briefing_runs_out if {
	stale := object.union(officer, {"claims": {"briefed_until": 100}})
	not may(stale, {"level": 1, "compartments": ["red"]})
	may(stale, {"level": 1})
}

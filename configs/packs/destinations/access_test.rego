package doorward.access_test

import data.doorward.access
import rego.v1

user := {"id": "ann", "tenant": "acme", "groups": ["eng"], "roles": [], "clearance": 0, "claims": {}}

to(destination) := {"now": 0, "purpose": "", "destination": destination, "action": "read"}

may(destination, document) if access.allow with input as {"subject": user, "context": to(destination), "document": object.union({"groups": ["eng"]}, document)}

test_own_models_see_all_that_users_may if {
	may("internal", {"classification": "secret"})
	may("internal", {})
	may("internal", {"personal_data": true})
	not may("internal", {"groups": ["hr"], "classification": "public"})
}

test_ceilings if {
	may("eu-provider", {"classification": "confidential"})
	not may("us-provider", {"classification": "confidential"})
	may("us-provider", {"classification": "internal"})
	not may("eu-provider", {"classification": "secret"})
	not may("eu-provider", {})
}

test_residency if {
	may("eu-provider", {"classification": "internal", "residency": "eu"})
	not may("us-provider", {"classification": "internal", "residency": "eu"})
}

test_personal_data_stays if not may("eu-provider", {"classification": "internal", "personal_data": true})

test_unknown_destinations_get_nothing if {
	not may("elsewhere", {"classification": "public"})
	not may("", {"classification": "public"})
}

test_public_needs_no_group if may("eu-provider", {"groups": [], "public": true, "classification": "public"})

test_obligations if {
	access.obligations.max_passages == 8 with input as {"subject": user, "context": to("eu-provider")}
	not access.obligations.max_passages with input as {"subject": user, "context": to("internal")}
	access.obligations.mask == {"pii", "secret"} with input as {"subject": user, "context": to("us-provider")}
}

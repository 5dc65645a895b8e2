package doorward.access_test

import data.doorward.access
import rego.v1

context := {"now": 0, "purpose": "", "destination": "internal", "action": "read"}

clerk := {"id": "ann", "tenant": "acme", "groups": ["project-x"], "roles": [], "clearance": 0, "claims": {"department": "sales", "manages": []}}

head := {"id": "eve", "tenant": "acme", "groups": [], "roles": [], "clearance": 0, "claims": {"department": "sales", "manages": ["sales"]}}

may(subject, document) if access.allow with input as {"subject": subject, "context": context, "document": object.union({"groups": [], "deny_groups": []}, document)}

test_own_department if {
	may(clerk, {"department": "sales"})
	not may(clerk, {"department": "hr"})
	not may(clerk, {})
}

test_managers_only if {
	not may(clerk, {"department": "sales", "managers_only": true})
	may(head, {"department": "sales", "managers_only": true})
	not may(head, {"department": "hr", "managers_only": true})
	not may(clerk, {"company_wide": true, "managers_only": true})
}

test_company_wide if may(clerk, {"department": "hr", "company_wide": true})

test_groups_cross_departments if {
	may(clerk, {"department": "hr", "groups": ["project-x"]})
	not may(clerk, {"department": "hr", "groups": ["project-y"]})
}

test_denial_wins if {
	not may(clerk, {"department": "sales", "deny_groups": ["project-x"]})
	not may(clerk, {"owner": "ann", "deny_groups": ["project-x"]})
}

test_denying_another_group_denies_nobody_else if may(clerk, {"department": "sales", "deny_groups": ["project-y"]})

test_owner if may(clerk, {"department": "hr", "owner": "ann"})

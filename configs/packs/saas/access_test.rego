package doorward.access_test

import data.doorward.access
import rego.v1

context := {"now": 0, "purpose": "", "destination": "internal", "action": "read"}

user := {"id": "ann", "tenant": "acme", "groups": [], "roles": [], "clearance": 0, "claims": {"workspaces": ["w1"]}}

may(subject, document) if access.allow with input as {"subject": subject, "context": context, "document": object.union({"shared_with": []}, document)}

test_other_tenants_never if {
	not may(user, {"tenant": "globex", "visibility": "tenant"})
	not may(user, {"visibility": "tenant"})
	not may(object.union(user, {"roles": ["tenant-admin"]}), {"tenant": "globex"})
}

test_visibility if {
	may(user, {"tenant": "acme", "visibility": "tenant"})
	may(user, {"tenant": "acme", "visibility": "workspace", "workspace": "w1"})
	not may(user, {"tenant": "acme", "visibility": "workspace", "workspace": "w2"})
	not may(user, {"tenant": "acme", "visibility": "private"})
	not may(user, {"tenant": "acme", "visibility": "private", "workspace": "w1"})
	not may(user, {"tenant": "acme"})
}

test_owner_and_shares if {
	may(user, {"tenant": "acme", "owner": "ann"})
	may(user, {"tenant": "acme", "shared_with": ["bob", "ann"]})
	not may(user, {"tenant": "acme", "owner": "bob", "shared_with": ["bob"]})
}

test_admins_of_the_tenant if may(object.union(user, {"roles": ["tenant-admin"]}), {"tenant": "acme"})

test_suspended_see_nothing if {
	not may(object.union(user, {"claims": {"workspaces": [], "suspended": true}}), {"tenant": "acme", "owner": "ann"})
	may(object.union(user, {"claims": {"workspaces": [], "suspended": false}}), {"tenant": "acme", "owner": "ann"})
}

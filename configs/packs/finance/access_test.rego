package doorward.access_test

import data.doorward.access
import rego.v1

context := {"now": 1000, "purpose": "", "destination": "internal", "action": "read"}

trader := {
	"id": "tom", "tenant": "bank", "groups": [], "roles": [], "clearance": 0,
	"claims": {"desk": "rates", "side": "public", "deals": [], "restricted_issuers": ["initech"]},
}

banker := {
	"id": "bea", "tenant": "bank", "groups": [], "roles": [], "clearance": 0,
	"claims": {"desk": "m-and-a", "side": "private", "deals": ["falcon"], "restricted_issuers": []},
}

may(subject, document) if access.allow with input as {"subject": subject, "context": context, "document": document}

test_desks if {
	may(trader, {"desk": "rates"})
	not may(trader, {"desk": "credit"})
	not may(trader, {})
}

test_the_wall if {
	not may(trader, {"desk": "rates", "side": "private"})
	not may(trader, {"published": true, "side": "private"})
	may(banker, {"desk": "m-and-a", "side": "private"})
}

test_deal_teams if {
	may(banker, {"deal": "falcon", "side": "private"})
	not may(banker, {"deal": "eagle", "side": "private"})
	not may(banker, {"desk": "m-and-a", "deal": "eagle"})
	crossed := object.union(trader, {"claims": {"deals": ["falcon"]}})
	may(crossed, {"deal": "falcon", "side": "private"})
}

test_restricted_issuers if {
	not may(trader, {"published": true, "issuer": "initech"})
	may(trader, {"published": true, "issuer": "hooli"})
}

test_embargo if {
	not may(trader, {"published": true, "embargo_until": 1001})
	may(trader, {"published": true, "embargo_until": 1000})
	may(trader, {"owner": "tom", "embargo_until": 1001})
}

test_legal_hold if {
	not may(trader, {"desk": "rates", "legal_hold": true})
	may(object.union(trader, {"roles": ["legal"]}), {"desk": "rates", "legal_hold": true})
	may(object.union(trader, {"roles": ["compliance"]}), {"desk": "rates", "legal_hold": true})
}

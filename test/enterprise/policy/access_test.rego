package doorward.access_test

import data.doorward.access

document := {"public": false, "users": ["emp_1"], "departments": ["HR"]}

person(id, groups) := {"id": id, "tenant": "t", "groups": groups, "roles": [], "clearance": 0, "claims": {}, "authn": {"backend": "b", "issuer": "", "acr": "", "amr": []}}

context := {"now": 0, "purpose": "", "destination": "internal", "action": "read"}

test_named_user if access.allow with input as {"subject": person("emp_1", []), "document": document, "context": context}

test_department if access.allow with input as {"subject": person("emp_2", ["HR"]), "document": document, "context": context}

test_stranger if not access.allow with input as {"subject": person("emp_2", ["Sales"]), "document": document, "context": context}

test_public if access.allow with input as {"subject": person("emp_2", []), "document": object.union(document, {"public": true}), "context": context}

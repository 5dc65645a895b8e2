package doorward.admin_test

import data.doorward.admin
import rego.v1

operator(role, factors) := {"id": "op", "tenant": "acme", "roles": [role], "authn": {"amr": factors}}

test_roles if {
	admin.allow with input as {"subject": operator("admin", ["pwd"]), "operation": "release"}
	admin.allow with input as {"subject": operator("security-reviewer", ["pwd"]), "operation": "release"}
	not admin.allow with input as {"subject": operator("reader", ["mfa"]), "operation": "release"}
	not admin.allow with input as {"subject": operator("security-reviewer", ["mfa"]), "operation": "delete"}
}

test_incident_responders if {
	some operation in ["contain", "rollback", "lift", "evidence"]
	admin.allow with input as {"subject": operator("incident-responder", ["pwd"]), "operation": operation}
	not admin.allow with input as {"subject": operator("security-reviewer", ["mfa"]), "operation": operation}
	not admin.allow with input as {"subject": operator("incident-responder", ["mfa"]), "operation": "release"}
}

test_second_factor if {
	some operation in ["reveal", "delete", "export", "erase"]
	not admin.allow with input as {"subject": operator("admin", ["pwd"]), "operation": operation}
	admin.allow with input as {"subject": operator("admin", ["pwd", "mfa"]), "operation": operation}
}

test_nobody_without_a_subject if not admin.allow with input as {"operation": "release"}

test_nobody_without_authentication if {
	not admin.allow with input as {"subject": {"roles": ["admin"]}, "operation": "reveal"}
	not admin.allow with input as {"subject": {"roles": ["admin"]}}
}

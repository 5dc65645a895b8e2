# A product with many customers. Doorward confines every search to the subject's
# tenant before this policy is asked; the first line here says it once more, so
# that a document filed under the wrong tenant is still not shown.
package doorward.access

import rego.v1

default allow := false

allow if {
	input.document.tenant == input.subject.tenant
	shared
	not suspended
}

shared if input.document.visibility == "tenant"

shared if {
	input.document.visibility == "workspace"
	input.document.workspace in input.subject.claims.workspaces
}

shared if input.document.owner == input.subject.id

shared if input.subject.id in input.document.shared_with

# The customer's administrators see all of the customer's documents.
shared if "tenant-admin" in input.subject.roles

suspended if input.subject.claims.suspended

# A lattice of levels and compartments, with need to know: a subject reads what
# lies at or below its level and within its compartments, all of them.
package doorward.access

import rego.v1

default allow := false

allow if {
	input.document.level <= input.subject.clearance
	need_to_know
	releasable
	briefed
}

need_to_know if {
	every compartment in input.document.compartments {
		compartment in input.subject.claims.compartments
	}
}

# A document that names nations is for these alone.
releasable if count(input.document.releasable_to) == 0

releasable if input.subject.claims.nationality in input.document.releasable_to

# Compartments need a briefing that has not run out; open documents do not.
briefed if count(input.document.compartments) == 0

briefed if input.subject.claims.briefed_until > input.context.now

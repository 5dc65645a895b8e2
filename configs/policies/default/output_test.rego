package doorward.output_test

import data.doorward.output
import rego.v1

test_leaking_the_prompt_stops if output.actions.canary == "stop"

test_nothing_passes if {
	every action in output.actions {
		action in {"redact", "withhold", "stop"}
	}
}

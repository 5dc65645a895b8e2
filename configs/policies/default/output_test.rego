package doorward.output_test

import data.doorward.output
import rego.v1

test_leaking_the_prompt_stops if output.actions.canary == "stop"

test_only_web_addresses_pass if {
	every what, action in output.actions {
		action in ({"redact", "withhold", "stop"} | {word | word := "pass"; what == "URL"})
	}
}

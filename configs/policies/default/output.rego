# What happens to a model's answer on its way to the user, asked once per answer.
# "redact" replaces the match, "withhold" drops it and says that something was
# withheld, "stop" ends the answer. What is not listed stops it.
package doorward.output

import rego.v1

actions := {
	"secret": "redact",
	"pii": "redact",
	"URL": "pass", # links are judged as egress
	"egress": "withhold", # links and images outside the allow-list
	"canary": "stop", # the system prompt is leaking
	"template": "withhold",
	"citation": "withhold", # labels that were not issued
	"verbatim": "withhold", # long runs copied from passages
	"protected": "withhold", # text of documents this user may not read
	"injection": "withhold",
	"hidden": "withhold",
}

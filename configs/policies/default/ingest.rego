# What becomes of a document before it is indexed. The whole text has been
# scanned; input.findings says what was found (kind, type, rule, score, count),
# never the text itself. No answer, or an error, quarantines the document.
package doorward.ingest

import rego.v1

# Clean what can be cleaned: secrets and personal data become placeholders,
# embedded instructions are taken out. Hidden text has already been dropped by the
# extractor, so it is only reported. What is not listed is held.
actions := {
	"secret": "redact",
	"pii": "redact",
	"URL": "pass", # a web address alone is nobody's data
	"injection": "strip",
	"hidden": "flag",
	"template": "neutralise",
	"egress": "flag",
}

# Answers must not repeat a document to somebody who may not read it, whatever the
# model was told or remembers: its text is fingerprinted, unless it is public.
default protect := false

protect if not input.document.public

verdict := "quarantine" if count(reasons) > 0

verdict := "index" if count(reasons) == 0

# A private key is a leak to act on, not a string to mask: somebody has to see it,
# and rotate the key.
reasons contains "holds a private key" if {
	some finding in input.findings
	finding.kind == "secret"
	regex.match(`private[-_ ]?key|pkcs`, lower(finding.rule))
}

# One embedded instruction may be a quotation; many make a document that was
# written to be read by a model. A person decides.
reasons contains "many embedded instructions" if injections >= 5

injections := sum([object.get(finding, "count", 1) |
	some finding in input.findings
	finding.kind == "injection"
])

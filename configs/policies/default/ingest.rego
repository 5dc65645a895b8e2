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

verdict := "quarantine" if {
	count(reasons) > 0
	not input.signals.generated
}

verdict := "index" if {
	count(reasons) == 0
	not input.signals.generated
}

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

# An answer made through this service came back as a document. Taken in, it would
# be its own source.
verdict := "reject" if input.signals.generated

# What follows looks at documents as a crowd (input.signals). A run that brings a
# flood is held as a whole: what it brought before the flood showed is stopped
# too, until somebody lifts the order or rolls the batch back.
limits := {"rate": 5, "arrivals": 100, "drift": 0.1, "near": 25}

contain if flood

reasons contains "came in a flood" if flood

# Many times a usual day's documents.
flood if {
	input.signals.rate.known
	input.signals.rate.today >= limits.arrivals
	input.signals.rate.ratio >= limits.rate
}

# A tenth of the last documents, of sixty at least so that it is not chance, use
# words this source never used, and far more of them than usual.
flood if {
	input.signals.drift.known
	input.signals.drift.seen >= 60
	input.signals.drift.share >= limits.drift
	input.signals.drift.share >= 4 * input.signals.drift.usual
}

# Answers carry citation labels; documents have no reason to.
reasons contains "holds citation labels of answers" if input.signals.labels >= 3

# The same text again and again, under other names, from a source that is not
# trusted to repeat itself.
reasons contains "one of many near duplicates" if {
	not input.source.trust == "internal"
	input.signals.duplicates.near + input.signals.duplicates.batch >= limits.near
}

# What draws questions of every kind was written to, when nobody vouches for it. It
# is judged so when it changes or is scanned again.
reasons contains "drew far more questions than its peers" if {
	not input.source.trust == "internal"
	input.signals.magnet.drawing
}

# A question put before its answer, so that the question finds it, from a source
# that is not trusted.
reasons contains "written to be found by a question" if {
	input.source.trust == "untrusted"
	input.signals.stuffing.query >= 0.6
}

# Everything is taken in; what is sensitive is removed from it.
package doorward.ingest

verdict := "index"

actions := {"secret": "redact", "pii": "redact", "injection": "strip", "hidden": "flag"}

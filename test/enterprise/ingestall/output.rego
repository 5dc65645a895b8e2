package doorward.output

actions := {"secret": "redact", "pii": "redact", "*": "withhold"}

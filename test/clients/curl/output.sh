#!/bin/sh
# Filter a whole answer: its JSON request, {"context_id": …, "text": …}, is read
# from standard input.
set -eu
assertion=$("$DOORWARD" keys assert "$DOORWARD_BACKEND" --user ann --group staff)
curl -sS --fail-with-body "$DOORWARD_URL/v1/output" \
  -H "Authorization: Bearer $DOORWARD_KEY" \
  -H "Doorward-Assertion: $assertion" \
  --json @-

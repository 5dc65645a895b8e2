#!/bin/sh
# Filter a stream of NDJSON lines from standard input, as they come: -T - sends
# without waiting for the end, -N shows without waiting.
set -eu
assertion=$("$DOORWARD" keys assert "$DOORWARD_BACKEND" --user ann --group staff)
curl -sSN --fail-with-body -X POST -T - "$DOORWARD_URL/v1/output/stream" \
  -H "Authorization: Bearer $DOORWARD_KEY" \
  -H "Doorward-Assertion: $assertion" \
  -H "Content-Type: application/x-ndjson" -H "Expect:"

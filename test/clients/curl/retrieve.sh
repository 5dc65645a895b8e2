#!/bin/sh
# Retrieve for a user. An assertion is good once, so each request mints one.
set -eu
assertion=$("$DOORWARD" keys assert "$DOORWARD_BACKEND" --user ann --group staff)
curl -sS --fail-with-body "$DOORWARD_URL/v1/retrieve" \
  -H "Authorization: Bearer $DOORWARD_KEY" \
  -H "Doorward-Assertion: $assertion" \
  --json "{\"question\": \"$1\"}"

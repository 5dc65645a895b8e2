#!/bin/sh
# Ask the gateway; its JSON request, as for OpenAI, is read from standard input.
set -eu
assertion=$("$DOORWARD" keys assert "$DOORWARD_BACKEND" --user ann --group staff)
curl -sSN --fail-with-body "$DOORWARD_URL/v1/chat/completions" \
  -H "Authorization: Bearer $DOORWARD_KEY" \
  -H "Doorward-Assertion: $assertion" \
  --json @-

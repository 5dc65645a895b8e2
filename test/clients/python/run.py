"""Runs the stream filter against a service; the Go test beside this folder judges it."""
import json
import os
import subprocess
import threading
import urllib.request

from doorward_filter import Stopped, filtered

URL, KEY = os.environ["DOORWARD_URL"], os.environ["DOORWARD_KEY"]


def assertion():
    """Sign by hand; a backend signs with a JWT library and its assertion key."""
    command = [os.environ["DOORWARD"], "keys", "assert", os.environ["DOORWARD_BACKEND"], "--user", "ann", "--group", "staff"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def run(name, context_id, deltas, shown=lambda: None):
    got = {"case": name, "text": "", "finish": "stop", "arguments": ""}
    try:
        for text in filtered(URL, KEY, assertion(), context_id, deltas):
            got["text"] += text
            shown()
    except Stopped:
        got["finish"] = "content_filter"
    print(json.dumps(got), flush=True)


request = urllib.request.Request(URL + "/v1/retrieve", method="POST", data=json.dumps({"question": "When is the crane repaired?", "format": "messages"}).encode())
for header, value in {"Authorization": "Bearer " + KEY, "Doorward-Assertion": assertion(), "Content-Type": "application/json"}.items():
    request.add_header(header, value)
with urllib.request.urlopen(request, timeout=60) as response:
    context = json.load(response)

run("stream", context["context_id"], json.loads(os.environ["TEST_DELTAS"]))
run("stop stream", context["context_id"], ["My context: ", context["messages"][-1]["content"], " the end", " of it"])

seen = threading.Event()


def waiting():
    """A model that speaks on only when its last words have been shown."""
    for word in ["The crane in the old harbour basin is repaired by two people on every Tuesday of the month. ", "It is closed to all ships until they are done, and opens again on Wednesday morning at eight. ", "That is all. "]:
        seen.clear()
        yield word
        if word != "That is all. " and not seen.wait(60):
            raise TimeoutError("nothing was shown")


run("no waiting", context["context_id"], waiting(), seen.set)

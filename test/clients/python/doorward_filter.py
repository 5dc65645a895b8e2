"""Filters a model's answer while it streams, with the standard library only.

Give it the model's deltas; iterate over what may be shown.
"""
import http.client
import json
import threading
import urllib.parse


class Stopped(Exception):
    """The filter ended the answer: what was shown is all there is."""


def filtered(url, key, assertion, context_id, deltas):
    """Yield what may be shown of the text in deltas.

    assertion is signed for the user and good for this one call; context_id is
    the retrieval's the answer was made from, or "". Raises Stopped where the
    filter ends the answer, and RuntimeError where it is not complete.
    """
    address = urllib.parse.urlsplit(url)
    kind = http.client.HTTPSConnection if address.scheme == "https" else http.client.HTTPConnection
    connection = kind(address.netloc, timeout=120)
    connection.putrequest("POST", "/v1/output/stream")
    connection.putheader("Authorization", "Bearer " + key)
    connection.putheader("Doorward-Assertion", assertion)
    connection.putheader("Content-Type", "application/x-ndjson")
    connection.putheader("Transfer-Encoding", "chunked")
    connection.endheaders()

    def chunk(data):
        connection.send(b"%x\r\n%s\r\n" % (len(data), data))

    failed = []

    def send():
        try:
            chunk(json.dumps({"context_id": context_id}).encode() + b"\n")
            for delta in deltas:
                chunk(json.dumps({"delta": delta}).encode() + b"\n")
            chunk(b"")
        except OSError:
            pass  # the service ended the answer; its last line says why
        except Exception as error:  # the model failed: cut the stream, end nothing
            failed.append(error)
            connection.close()

    threading.Thread(target=send, daemon=True).start()
    try:
        response = connection.getresponse()
        if response.status != 200:
            raise RuntimeError("Doorward: %d %s" % (response.status, json.load(response)["title"]))
        for line in response:
            line = json.loads(line)
            if line.get("delta"):
                yield line["delta"]
            if end := line.get("end"):
                if end.get("error"):
                    raise RuntimeError("Doorward: " + end["error"])
                if end["action"] == "hold":
                    raise Stopped("the filter stopped the answer")
                return
        raise failed[0] if failed else RuntimeError("Doorward: the stream has no end; do not show it as an answer")
    finally:
        connection.close()

"""More than fits is refused honestly: 503 with Retry-After, and everything else goes on."""
import json
import select
import socket

from conftest import wait_for


def hanging(server, collection):
    """An import that has sent one line and waits."""
    s = socket.create_connection((server.host, server.port), timeout=20)
    line = json.dumps({"id": "x", "text": "hanging"}).encode() + b"\n"
    s.sendall(f"POST /v1/collections/{collection}/documents HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n"
              f"Content-Type: application/x-ndjson\r\nContent-Length: {10 * len(line)}\r\n\r\n".encode() + line)
    return s


def test_imports_are_bounded(server):
    server.collection("full")
    held = [hanging(server, "full") for _ in range(9)]  # four run, four wait, one is too many
    refused, _, _ = select.select(held, [], [], 10)  # comes when two seconds have passed in which the body did not end
    assert 1 <= len(refused) <= 5  # more if the workers had not taken the first ones yet
    answer = b""
    while b"}" not in answer and (part := refused[0].recv(65536)):  # head and body may come apart
        answer += part
    assert answer.startswith(b"HTTP/1.1 503") and b"Retry-After:" in answer and b"imports" in answer
    server.get("/livez")
    assert server.post("/v1/collections/full/documents", {"id": "a", "text": "goes on"})["failed"] == 0
    [s.close() for s in held]
    wait_for(lambda: server.metrics()["akin_http_requests_in_flight"] <= 1)
    assert server.lines("full", [{"id": "b", "text": "again"}])[-1]["done"] == 1


def test_a_client_that_asks_much_and_leaves_does_not_stop_the_others(server):
    """Two hundred searches whose peers are gone at once: the work that waits for them is dropped."""
    server.collection("gone")
    body = json.dumps({"q": "word " * 2000}).encode()
    head = (f"POST /v1/collections/gone/search HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n").encode()
    for _ in range(200):
        s = socket.create_connection((server.host, server.port), timeout=10)
        s.sendall(head + body)
        s.close()
    assert server.post("/v1/collections/gone/search", {"q": "word"})["data"] == []
    wait_for(lambda: server.metrics()["akin_http_requests_in_flight"] <= 1)

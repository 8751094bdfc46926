"""SIGTERM: readiness red first, what is in flight ends, nothing acknowledged is lost, all within 5 s."""
import json
import signal
import socket
import threading
import time


import pytest
from conftest import wait_for


def test_nothing_acknowledged_is_lost(make_server):
    s = make_server()
    s.collection("keep")
    acknowledged, stop = [], threading.Event()

    def write(k):
        import requests
        i = 0
        with requests.Session() as session:
            while not stop.is_set():
                name = f"w{k}-{i}"
                try:
                    answer = session.post(s.url + "/v1/collections/keep/documents", json={"id": name, "text": f"text {name}"}, timeout=10)
                except requests.RequestException:
                    return
                if answer.status_code == 200:
                    acknowledged.append(name)
                i += 1

    threads = [threading.Thread(target=write, args=(k,)) for k in range(4)]
    [t.start() for t in threads]
    wait_for(lambda: len(acknowledged) > 50, 20)
    start = time.monotonic()
    code = s.stop(signal.SIGTERM)
    took = time.monotonic() - start
    stop.set()
    [t.join() for t in threads]
    assert code == 0 and took < 6  # 5 s and the machine's share
    again = make_server(data=s.data)
    have = set()
    cursor = None
    while True:
        page = again.get("/v1/collections/keep/documents", limit=1000, **({"cursor": cursor} if cursor else {}))
        have |= {d["id"] for d in page["data"]}
        cursor = page["next_cursor"]
        if not cursor:
            break
    assert set(acknowledged) <= have
    assert again.post("/v1/collections/keep/search", {"q": acknowledged[-1], "mode": "lexical"})["total"]["value"] > 0


@pytest.mark.parametrize("path", ["/readyz", "/health"])
def test_ready_goes_red_and_the_request_in_flight_ends(make_server, path):
    """A request whose body is still coming holds the server open: meanwhile it is red on a connection that was there before, and
    the request is answered."""
    s = make_server()
    s.collection("drain")
    early = socket.create_connection((s.host, s.port), timeout=10)  # accepted before the stop
    ask = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{s.port}\r\n\r\n".encode()
    early.sendall(ask)
    assert early.recv(65536).startswith(b"HTTP/1.1 200")
    stream = socket.create_connection((s.host, s.port), timeout=10)
    body = json.dumps({"id": "last", "text": "the last line"}).encode()
    stream.sendall(f"POST /v1/collections/drain/documents HTTP/1.1\r\nHost: 127.0.0.1:{s.port}\r\nContent-Type: application/json\r\n"
                   f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body[:5])
    wait_for(lambda: s.metrics()["akin_http_requests_in_flight"] >= 2)  # it, and the one that asks
    s.session.close()
    s.process.send_signal(signal.SIGTERM)
    red = None
    for _ in range(100):
        try:
            early.sendall(ask)
            got = early.recv(65536)
        except OSError:
            break
        if not got:
            break
        if got.startswith(b"HTTP/1.1 503"):
            red = got
            break
        time.sleep(0.01)
    assert red and b"stopping" in red and b"Retry-After" in red
    stream.sendall(body[5:])
    got = b""
    while piece := stream.recv(65536):
        got += piece
    assert got.startswith(b"HTTP/1.1 200") and b'"created"' in got
    early.close()
    stream.close()
    assert s.process.wait(6) == 0
    again = make_server(data=s.data)
    assert again.get("/v1/collections/drain/documents/last")["text"] == "the last line"


def test_an_import_that_waits_for_its_peer_is_told_to_repeat(make_server):
    """It could go on for hours: it is ended at once, with an answer, and can be repeated."""
    s = make_server()
    s.collection("stream")
    stream = socket.create_connection((s.host, s.port), timeout=10)
    line = json.dumps({"id": "one", "text": "the first line"}).encode() + b"\n"
    stream.sendall(f"POST /v1/collections/stream/documents HTTP/1.1\r\nHost: 127.0.0.1:{s.port}\r\nContent-Type: application/x-ndjson\r\n"
                   f"Content-Length: {len(line) * 1000}\r\n\r\n".encode() + line)
    wait_for(lambda: s.metrics()["akin_http_requests_in_flight"] >= 2)
    assert s.stop() == 0
    got = b""
    while piece := stream.recv(65536):
        got += piece
    stream.close()
    assert got.startswith(b"HTTP/1.1 503") and b"stopping" in got
    again = make_server(data=s.data)
    rows = again.lines("stream", line)
    assert rows[0]["status"] in ("created", "unchanged") and rows[-1]["done"] == 1


def test_idle_connections_do_not_hold_it(make_server):
    s = make_server()
    held = [socket.create_connection((s.host, s.port)) for _ in range(20)]
    start = time.monotonic()
    assert s.stop() == 0
    assert time.monotonic() - start < 6
    [h.close() for h in held]


def test_a_second_server_on_the_same_data_is_refused(make_server):
    import subprocess
    from conftest import binary
    s = make_server()
    other = subprocess.run([binary(), "serve", "--data", str(s.data), "--port", "0", "--model", "stub"], capture_output=True, text=True, timeout=20)
    assert other.returncode != 0 and str(s.process.pid) in other.stderr


def test_a_port_in_use_is_named(make_server):
    import subprocess
    import tempfile
    from conftest import binary
    s = make_server()
    with tempfile.TemporaryDirectory() as data:
        other = subprocess.run([binary(), "serve", "--data", data, "--port", str(s.port), "--model", "stub"], capture_output=True, text=True, timeout=20)
    assert other.returncode != 0 and str(s.port) in other.stderr

"""Arrays and NDJSON streams: a result a row, in order; what is wrong fails alone; what was there is unchanged."""
import json
import socket
import threading

import pytest
from conftest import problem, wait_for

D = "/v1/collections/bulk/documents"


@pytest.fixture(scope="module", autouse=True)
def collection(server):
    server.collection("bulk")


def test_array_with_wrong_rows(server):
    value = server.post(D, [{"id": "a", "text": "good"}, {"id": "b"}, 7, {"id": "c", "text": "good too"}, {"id": "..", "text": "x"}])
    assert [r["status"] for r in value["data"]] == ["created", "failed", "failed", "created", "failed"]
    assert value["failed"] == 3
    assert value["data"][1]["error"]["errors"][0]["pointer"].startswith("/1")
    assert value["data"][2]["error"]["errors"][0]["pointer"] == "/2"
    assert value["data"][4]["error"]["errors"][0]["pointer"] == "/4/id"
    assert server.get(D + "/c")["text"] == "good too"
    problem(server.ask("GET", D + "/b"), 404)


def test_atomic_is_all_or_nothing(server):
    rows = [{"id": "at1", "text": "good"}, {"id": "at2", "text": ""}]
    problem(server.ask("POST", D, rows, atomic="true"), 422, pointer="/1/text")
    problem(server.ask("GET", D + "/at1"), 404)
    rows[1]["text"] = "good"
    assert server.post(D, rows, atomic="true")["failed"] == 0
    assert server.get(D + "/at2")["id"] == "at2"


def test_empty_array(server):
    value = server.post(D, [])
    assert value["data"] == [] and value["failed"] == 0 and value["position"]
    problem(server.ask("POST", "/v1/collections/nowhere/documents", []), 404)


def test_lines(server):
    documents = [{"id": f"l{i}", "text": f"line number {i} of the import"} for i in range(1234)]
    rows = server.lines("bulk", documents)
    assert [r["id"] for r in rows[:-1]] == [d["id"] for d in documents]
    assert {r["status"] for r in rows[:-1]} == {"created"}
    assert rows[-1]["done"] == 1234 and rows[-1]["failed"] == 0 and rows[-1]["position"]
    again = server.lines("bulk", documents)
    assert {r["status"] for r in again[:-1]} == {"unchanged"}
    assert server.post("/v1/collections/bulk/search", {"q": "number 777"})["data"]


def test_wrong_lines_fail_alone_with_their_line(server):
    text = (b'{"id":"w1","text":"good"}\n\n{broken\n{"id":"w2","text":""}\n  \n"just a string"\n'
            b'{"id":"w3","text":"\xff"}\n{"id":"w4","text":"good, without a newline behind it"}')
    rows = server.lines("bulk", text)
    assert [r["status"] for r in rows[:-1]] == ["created", "failed", "failed", "failed", "failed", "created"]
    assert [r["line"] for r in rows[:-1] if r["status"] == "failed"] == [3, 4, 6, 7]
    assert rows[2]["error"]["errors"][0]["pointer"] == "/text"
    assert rows[-1]["done"] == 2 and rows[-1]["failed"] == 4


def test_a_line_over_the_bound_fails_alone(server):
    big = b'{"id":"big","text":"' + b"x" * (11 << 20) + b'"}\n'
    rows = server.lines("bulk", b'{"id":"g1","text":"one"}\n' + big + b'{"id":"g2","text":"two"}\n')
    assert [r["status"] for r in rows[:-1]] == ["created", "failed", "created"]
    assert rows[1]["line"] == 2 and rows[1]["error"]["code"] == "too_large"


def test_an_empty_stream(server):
    rows = server.lines("bulk", b"")
    assert rows == [{"done": 0, "failed": 0, "position": rows[0]["position"]}]


def test_streams_that_are_refused(server):
    value = server.lines("nowhere", [{"text": "x"}], status=404)
    assert value["code"] == "not_found"
    assert server.lines("bulk", [{"text": "x"}], status=422, atomic="true")["errors"][0]["parameter"] == "atomic"


def test_many_streams_at_a_time(server):
    def send(k, out):
        out[k] = server.lines("bulk", [{"id": f"m{k}-{i}", "text": f"stream {k} row {i}"} for i in range(200)])
    out = {}
    threads = [threading.Thread(target=send, args=(k, out)) for k in range(3)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert [out[k][-1]["done"] for k in range(3)] == [200, 200, 200]


def head(server, path, extra="Transfer-Encoding: chunked\r\n"):
    return (f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nContent-Type: application/x-ndjson\r\n{extra}\r\n").encode()


def chunk(data):
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


def test_a_peer_that_leaves_ends_its_import(server):
    with socket.create_connection((server.host, server.port)) as s:
        s.sendall(head(server, D))
        for i in range(200):
            s.sendall(chunk(json.dumps({"id": f"left{i}", "text": f"text {i}"}).encode() + b"\n"))
    wait_for(lambda: server.metrics()["akin_http_requests_in_flight"] <= 1)
    assert not list((server.data / "tmp").glob("import-*"))
    server.get("/livez")


def test_a_slow_writer_is_answered(server):
    """Everything is written before anything is read, in pieces that cut lines."""
    data = b"".join(json.dumps({"id": f"slow{i}", "text": f"slow text {i}"}).encode() + b"\n" for i in range(50))
    with socket.create_connection((server.host, server.port), timeout=20) as s:
        s.sendall(head(server, D, "Transfer-Encoding: chunked\r\nConnection: close\r\n"))
        for i in range(0, len(data), 97):
            s.sendall(chunk(data[i:i + 97]))
        s.sendall(b"0\r\n\r\n")
        got = b""
        while piece := s.recv(65536):
            got += piece
    assert b'"done":50' in got and got.startswith(b"HTTP/1.1 200")


def words(server, q):
    return [h["id"] for h in server.post("/v1/collections/bulk/search", {"q": q, "mode": "lexical"})["data"]]


def test_async_is_found_by_words_and_soon_by_meaning(server):
    server.post(D, {"id": "later", "text": "quokka marsupial"}, **{"async": "true"})
    wait_for(lambda: words(server, "quokka") == ["later"])
    wait_for(lambda: "pending" not in server.get(D + "/later"))
    near = server.post("/v1/collections/bulk/search", {"q": "quokka marsupial", "mode": "semantic", "limit": 1})["data"]
    assert near[0]["id"] == "later"


def test_async_is_never_missing_while_it_is_embedded(server):
    missed = 0
    for i in range(100):
        server.post(D, {"id": f"pend{i}", "text": f"numbat{i}"}, **{"async": "true"})
        missed += sum(words(server, f"numbat{i}") != [f"pend{i}"] for _ in range(5))
    assert missed == 0

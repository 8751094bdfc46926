"""A whole collection as lines: what comes, in which state, and what becomes of it when somebody is slow, leaves, or cuts it."""
import http.client
import json
import pathlib
import shutil
import socket
import subprocess
import sys
import zlib

import pytest
from conftest import akin, problem, wait_for

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "clients" / "python"))
from akin import Akin  # noqa: E402

C = "/v1/collections/"
READ = {"created", "updated", "revision"}
DIMS = 64


def rows(text):
    return [json.loads(x) for x in text.splitlines()]


def written(text):
    """Without what akin adds when it is read."""
    return [{k: v for k, v in r.items() if k not in READ} for r in rows(text)]


def export(server, name="news", **params):
    return server.ask("GET", f"{C}{name}/documents:export", status=200, **params)


def last_change(server, answer):
    return server.get("/v1/changes", limit=1000, cursor=answer.headers["Akin-Position"])["data"][-1]["position"]


def documents(count):
    for i in range(count):
        d = {"id": f"d{i:04}", "title": f"Title {i}", "text": f"The {i}. of the texts about the garden and the sea", "n": i,
             "place": {"lat": 52.5, "lon": 13 + i / 1000}, "tags": ["even" if i % 2 == 0 else "odd"]}
        if i % 3 == 0:
            d["vector"] = [1.0, i % 7] + [.37 * (k * i % 11 - 5) for k in range(DIMS - 2)]
        if i % 5 == 0:
            d.update(lang="de", url="https://example.org/ä?x=1&y=\"2\"")
        if i % 7 == 0:
            d["expires"] = "2131-05-06T07:08:09.25Z"
        yield d


@pytest.fixture(scope="module")
def news(server):
    server.collection("news")
    assert server.lines("news", documents(600))[-1]["failed"] == 0
    return server


def test_there_and_back(news):
    """What is exported gives the same documents again; their vectors too, bit by bit: the first collection takes them for unchanged."""
    out = export(news)
    assert out.headers["Content-Type"] == "application/x-ndjson" and out.headers["Transfer-Encoding"] == "chunked"
    got = rows(out.text)
    assert [r["id"] for r in got] == [f"d{i:04}" for i in range(600)]
    assert len(got[0]["vector"]) == DIMS and "vector" not in got[1] and got[0]["lang"] == "de" and "lang" not in got[1]
    assert got[7]["attributes"] == {"n": 7, "place": {"lat": 52.5, "lon": 13.007}} and got[7]["expires"] == "2131-05-06T07:08:09.250000Z"
    news.collection("copy")
    assert news.lines("copy", out.content)[-1] == {"done": 600, "failed": 0, "position": last_change(news, out)}
    assert written(export(news, "copy").text) == written(out.text)
    assert {r["status"] for r in news.lines("news", out.content)[:-1]} == {"unchanged"}
    q = {"q": "garden", "mode": "semantic", "limit": 20, "exact": True}
    assert [h["id"] for h in news.post(C + "news/search", q)["data"]] == [h["id"] for h in news.post(C + "copy/search", q)["data"]]


def test_names_of_the_collection(news):
    """A collection that calls its fields otherwise is exported so that it reads them again."""
    mapping = {"mapping": {"id": "sku", "text": "title", "title": "headline"}}
    for name in ("mapped", "mapped2"):
        news.collection(name, **mapping)
    news.lines("mapped", [{"sku": 17, "title": "a text", "headline": "a title", "text": "an attribute"}])
    out = export(news, "mapped").text
    assert written(out) == [{"sku": "17", "title": "a text", "headline": "a title", "attributes": {"text": "an attribute"}}]
    news.lines("mapped2", out.encode())
    assert news.get(C + "mapped2/documents/17")["title"] == "a title" and written(export(news, "mapped2").text) == written(out)


def test_parts(news):
    assert [r["id"] for r in rows(export(news, filter="n < 4 OR n = 599").text)] == ["d0000", "d0001", "d0002", "d0003", "d0599"]
    assert rows(export(news, fields="title,attributes.n", after="d0597").text) == [
        {"id": "d0598", "title": "Title 598", "attributes": {"n": 598}}, {"id": "d0599", "title": "Title 599", "attributes": {"n": 599}}]
    assert rows(export(news, filter="tags = odd", after="d0596", fields="revision").text)[0].keys() == {"id", "revision"}
    assert export(news, after="z").text == "" and export(news, filter="n > 1e9").text == ""
    head = news.ask("HEAD", C + "news/documents:export", status=200)
    assert head.headers["Akin-Position"] == export(news).headers["Akin-Position"] and head.content == b""
    for wrong, name in (({"filter": "n <"}, "filter"), ({"filter": "m = 1"}, "filter"), ({"after": ""}, "after"), ({"limit": 3}, "limit")):
        problem(news.ask("GET", C + "news/documents:export", **wrong), 422, parameter=name)
    problem(news.ask("GET", C + "nowhere/documents:export"), 404)
    status, _, body = news.raw(f"GET {C}news/documents:export HTTP/1.0\r\nHost: 127.0.0.1:{news.port}\r\n\r\n")
    assert status == 505 and b"proxy_http_version 1.1" in body


def asked(server, key):
    s = socket.create_connection((server.host, server.port), timeout=20)
    s.sendall(f"GET {C}large/documents:export HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nX-API-Key: {key}\r\n\r\n".encode())
    return s


def narrow(address, *_, **__):
    """A connection of a small receive buffer, or the machine's buffers may hold all of an answer. Small segments, or each waits for a timer."""
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 1024)
    s.settimeout(20)
    s.connect(address)
    return s


def raw(server, name="news", coding="", read=4096):
    """A connection that asked for an export and has read so much of it."""
    s = narrow((server.host, server.port))
    s.sendall(f"GET {C}{name}/documents:export HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n{coding}\r\n".encode())
    return s, s.recv(read)


def rest(s, got=b""):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    while piece := s.recv(1 << 20):
        got += piece
        if got.endswith(b"\r\n0\r\n\r\n"):
            break
    s.close()
    return got


def body_of(answer):
    head, _, left = answer.partition(b"\r\n\r\n")
    out = b""
    while left:
        size, _, left = left.partition(b"\r\n")
        out, left = out + left[:int(size, 16)], left[int(size, 16) + 2:]
    return head, out


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
def test_coded(news, coding):
    plain = export(news).content
    head, body = body_of(rest(*raw(news, coding=f"Accept-Encoding: {coding}\r\n")))
    assert f"Content-Encoding: {coding}".encode() in head and len(body) < len(plain) / 3
    if coding == "gzip":
        assert zlib.decompress(body, 31) == plain
    elif shutil.which("zstd"):
        assert subprocess.run(["zstd", "-dc"], input=body, capture_output=True, check=True).stdout == plain


@pytest.fixture(scope="module")
def large(news):
    """More than fits into all buffers between the two."""
    news.collection("large")
    for i in range(20):
        news.post(C + "large/documents", {"id": f"l{i:02}", "title": f"large {i}", "blob": f"{i:02}" * 250_000})
    return news


def test_a_slow_reader_holds_up_nobody(large):
    s, got = raw(large, "large")
    large.ask("PUT", C + "large/documents/new", {"title": "Late", "text": "words"}, status=201)
    large.ask("PUT", C + "large/documents/l19", {"title": "Changed", "text": "meanwhile"}, status=200)
    large.ask("DELETE", C + "large/documents/l18", status=204)
    assert large.post(C + "large/search", {"q": "meanwhile", "mode": "lexical"})["data"][0]["id"] == "l19"
    head, body = body_of(rest(s, got))
    position = next(x for x in head.decode().split("\r\n") if x.startswith("Akin-Position")).split(": ")[1]
    then = {r["id"]: r for r in rows(body.decode())}
    # what had not changed is there once; what changed as it was read; and the feed tells of it
    assert [r["id"] for r in rows(body.decode())] == sorted(then) and set(then) - {"new"} == {f"l{i:02}" for i in range(20)} - {"l18"}
    assert then["l19"]["title"] == "Changed" and "attributes" not in then["l19"] and then["l17"]["attributes"]["blob"] == "17" * 250_000
    told = {c["data"]["document_id"] for c in large.get("/v1/changes", cursor=position)["data"]}
    assert told == {"new", "l19", "l18"}, told


def in_flight(server):
    return server.metrics()["akin_http_requests_in_flight"]


def test_who_leaves_leaves_nothing(large):
    """More of them than may run at a time."""
    keys = [large.post("/v1/keys", {"scopes": ["documents.read"]}, 201)["key"] for _ in range(2)]
    for _ in range(3):
        left = [raw(large, "large", f"X-API-Key: {k}\r\n")[0] for k in keys * 2]
        assert in_flight(large) == 5
        for s in left:
            s.close()
        wait_for(lambda: in_flight(large) == 1)
    assert len(rows(export(large, "large").text)) == 20


def test_nobody_has_all_of_them(large):
    """Of one key, or an address without, two run; others do not wait for these."""
    one, other, third = (large.post("/v1/keys", {"scopes": ["documents.read"]}, 201)["key"] for _ in range(3))
    ask = lambda key: large.ask("GET", C + "large/documents:export", headers={"X-API-Key": key} if key else None, after="l18")  # noqa: E731
    slow = {k: [raw(large, "large", f"X-API-Key: {k}\r\n" if k else "")[0] for _ in range(2)] for k in (None, one)}
    for k in (None, one):
        answer = ask(k)
        problem(answer, 429, says="2 exports of one key")
        assert answer.json()["code"] == "rate_limited" and int(answer.headers["Retry-After"]) >= 1
    for s in slow.pop(None):
        s.close()
    wait_for(lambda: in_flight(large) == 3)
    for k in (None, other, third):
        assert ask(k).status_code == 200
    assert ask(one).status_code == 429
    slow[one].pop().close()
    wait_for(lambda: ask(one).status_code == 200)
    # as many wait as run; then it is the server that is busy
    slow[one].append(raw(large, "large", f"X-API-Key: {one}\r\n")[0])
    slow[other] = [raw(large, "large", f"X-API-Key: {other}\r\n")[0] for _ in range(2)]
    keys = [large.post("/v1/keys", {"scopes": ["documents.read"]}, 201)["key"] for _ in range(2)]
    waiting = [asked(large, k) for k in keys * 2]
    wait_for(lambda: in_flight(large) == 9)
    problem(ask(third), 503, says="wait as may")
    assert ask(keys[0]).status_code == 429
    for s in sum(slow.values(), waiting):
        s.close()
    wait_for(lambda: in_flight(large) == 1)
    assert ask(one).status_code == 200


def test_a_key_that_is_revoked_gets_no_more(large):
    keys = [large.post("/v1/keys", {"scopes": ["documents.read"], "filter": f'id >= "{i}"'}, 201) for i in "lk"]
    open_ = [raw(large, "large", f"Authorization: Bearer {k['key']}\r\n") for k in keys]
    large.ask("DELETE", "/v1/keys/" + keys[0]["id"], status=204)
    large.ask("PATCH", "/v1/keys/" + keys[1]["id"], {"filter": 'id = "l01"'}, status=200)
    for s, got in open_:
        got = rest(s, got)
        assert b'"id":"l00"' in got and not got.endswith(b"0\r\n\r\n") and got.count(b'"id":"l') < 20


def test_what_is_cut_shows_it(large, monkeypatch):
    monkeypatch.setattr(socket, "create_connection", narrow)
    s, got = raw(large, "large")
    with Akin(large.url) as client:
        typed = iter(client.export_documents("large"))
        assert next(typed)["id"] == "l00"
        large.ask("DELETE", C + "large", status=204)
        with pytest.raises(http.client.IncompleteRead):
            list(typed)
    got = rest(s, got)
    assert not got.endswith(b"0\r\n\r\n") and got.count(b'"id":"l') < 20
    assert any(x["message"] == "an export was cut" and "deleted" in x["error"] for x in large.log_lines())


def test_the_command(news, tmp_path):
    own = ("--url", news.url, "-c", "news")
    out = json.loads(akin("export", *own, "--json", tmp_path / "all.jsonl").stdout)
    plain = export(news)
    assert (tmp_path / "all.jsonl").read_text() == plain.text and out == {
        "documents": 600, "bytes": len(plain.content), "position": plain.headers["Akin-Position"]}
    some = akin("export", *own, "--filter", "n >= 590", "--field", "title", "--after", "d0597", "--quiet")
    assert rows(some.stdout) == [{"id": "d0598", "title": "Title 598"}, {"id": "d0599", "title": "Title 599"}] and "2 documents" in some.stderr
    akin("add", "--url", news.url, "-c", "again", tmp_path / "all.jsonl")
    assert written(export(news, "again").text) == written(plain.text)
    assert "exists already" in akin("export", *own, tmp_path / "all.jsonl", code=2).stderr
    assert "known is n" in akin("export", *own, "--filter", "m = 3", tmp_path / "none.jsonl", code=1).stderr
    assert not list(tmp_path.glob("none*"))

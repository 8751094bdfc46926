"""Bodies compressed on their way, both directions; HEAD, OPTIONS and wrong methods on every route."""
import ctypes
import gzip
import json
import re
import zlib

import pytest
from conftest import fill, problem

C = "/v1/collections/packed"
D = C + "/documents"
JSON, LINES = "application/json", "application/x-ndjson"


@pytest.fixture(scope="module", autouse=True)
def collection(server):
    fill(server, "packed")
    server.ask("PUT", D + "/long", {"text": "pumpkin and ginger " * 400}, status=201)


def send(server, data, kind=JSON, coding="gzip", **given):
    return server.ask("POST", D, data=data, headers={"Content-Type": kind, "Content-Encoding": coding}, **given)


def test_coded_requests(server):
    assert send(server, gzip.compress(json.dumps([{"id": "g", "text": "soup"}]).encode())).json()["failed"] == 0
    rows = b"".join(json.dumps({"id": f"s{i}", "text": f"soup number {i}"}).encode() + b"\n" for i in range(500))
    last = json.loads(send(server, gzip.compress(rows), LINES, status=200).text.splitlines()[-1])
    assert last["done"] == 500 and last["failed"] == 0
    assert send(server, b'{"id":"i","text":"soup"}', coding="identity").status_code in (200, 201)


class Zstd:
    """As the library has it that akin itself is built with."""

    def __init__(self):
        self.lib = ctypes.CDLL("libzstd.so.1")
        for name in ("ZSTD_compress", "ZSTD_decompress", "ZSTD_compressBound"):
            getattr(self.lib, name).restype = ctypes.c_size_t

    def pack(self, data):
        room = self.lib.ZSTD_compressBound(ctypes.c_size_t(len(data)))
        out = ctypes.create_string_buffer(room)
        n = self.lib.ZSTD_compress(out, ctypes.c_size_t(room), data, ctypes.c_size_t(len(data)), 3)
        return out.raw[:n]

    def unpack(self, data, room=1 << 20):
        out = ctypes.create_string_buffer(room)
        n = self.lib.ZSTD_decompress(out, ctypes.c_size_t(room), data, ctypes.c_size_t(len(data)))
        assert n < room, "this is no whole frame"
        return out.raw[:n]


def test_zstd(server):
    zstd = Zstd()
    text = json.dumps([{"id": "z", "text": "soup of zucchini"}]).encode()
    answer = send(server, zstd.pack(text), coding="zstd")
    assert answer.json().get("failed") == 0, answer.text
    rows = b"".join(json.dumps({"id": f"z{i}", "text": f"soup number {i}"}).encode() + b"\n" for i in range(500))
    last = json.loads(send(server, zstd.pack(rows), LINES, "zstd", status=200).text.splitlines()[-1])
    assert last["done"] == 500 and last["failed"] == 0
    for kind in (JSON, LINES):
        for broken in (zstd.pack(text)[:-1], b"plain", zstd.pack(text) + b"x", gzip.compress(text)):
            problem(send(server, broken, kind, "zstd"), 400)
    problem(send(server, zstd.pack(b'{"text":"' + b" " * (11 << 20) + b'"}'), coding="zstd"), 413)
    assert send(server, zstd.pack(b" " * (64 << 20)), LINES, "zstd").status_code == 413
    plain = server.ask("GET", D + "/long", headers={"Accept-Encoding": "identity"}, status=200)
    status, headers, body = server.raw_request("GET", D + "/long", "Accept-Encoding: zstd\r\n")
    assert status == 200 and headers["content-encoding"] == "zstd" and headers["etag"] == "W/" + plain.headers["ETag"]
    assert zstd.unpack(body) == plain.content and len(body) < len(plain.content) / 4


@pytest.mark.parametrize("kind", [JSON, LINES])
def test_broken_codings(server, kind):
    whole = gzip.compress(b'{"id":"never","text":"soup"}\n')
    for data in (whole[:-1], whole[:12], b"plain", whole + b"x", whole + whole, zlib.compress(b"{}"), whole[:-8] + b"\0" * 8):
        problem(send(server, data, kind), 400)
    assert kind == LINES or server.ask("GET", D + "/never").status_code == 404  # lines that were whole are stored


@pytest.mark.parametrize("coding", ["br", "deflate", "gzip, gzip", "gzip;q=1", "zip"])
def test_other_codings(server, coding):
    answer = send(server, b"{}", coding=coding)
    problem(answer, 415)
    assert answer.headers["Accept-Encoding"] == "gzip, zstd"


def test_bombs(server):
    problem(send(server, gzip.compress(b'{"text":"' + b" " * (11 << 20) + b'"}')), 413)  # past the bound of bodies
    answer = send(server, gzip.compress(b" " * (64 << 20)), LINES)  # 1,000 times its size
    assert answer.status_code == 413, answer.text[:300]


def test_coded_answers(server):
    plain = server.ask("GET", D + "/long", headers={"Accept-Encoding": "identity"}, status=200)
    assert "Content-Encoding" not in plain.headers and plain.headers["Vary"] == "Accept-Encoding" and plain.headers["ETag"][0] == '"'
    coded = server.ask("GET", D + "/long", headers={"Accept-Encoding": "gzip"}, status=200)
    assert coded.headers["Content-Encoding"] == "gzip" and coded.headers["Vary"] == "Accept-Encoding"
    assert coded.json() == plain.json() and int(coded.headers["Content-Length"]) < len(plain.content) / 4
    assert coded.headers["ETag"] == "W/" + plain.headers["ETag"]
    for etag in (plain.headers["ETag"], coded.headers["ETag"]):
        assert server.ask("GET", D + "/long", headers={"If-None-Match": etag}).status_code == 304
    server.ask("PATCH", D + "/long", {"title": "x"}, headers={"If-Match": coded.headers["ETag"]}, status=200)
    short = server.ask("GET", "/livez", headers={"Accept-Encoding": "gzip"}, status=200)
    assert "Content-Encoding" not in short.headers and "Vary" not in short.headers


def test_methods_of_every_route(server):
    """OPTIONS names what a path takes, HEAD answers as GET without a body, anything else is 405 with Allow."""
    paths = server.get("/openapi.json")["paths"]
    assert len(paths) > 40
    for path, methods in paths.items():
        at = re.sub(r"\{(\w+)\}", lambda m: {"c": "packed", "id": "soup"}.get(m.group(1), "1"), path)
        known = {m.upper() for m in methods if m in ("get", "put", "post", "patch", "delete")}
        expected = known | ({"HEAD"} if "GET" in known else set()) | {"OPTIONS"}
        options = server.ask("OPTIONS", at, status=204)
        assert {x.strip() for x in options.headers["Allow"].split(",")} == expected, path
        for method in {"GET", "PUT", "POST", "PATCH", "DELETE", "TRACE", "PROPFIND"} - expected:
            answer = server.ask(method, at)
            assert answer.status_code == 405 and answer.headers["Allow"] == options.headers["Allow"], (method, path)
        if "GET" in known:
            head = server.ask("HEAD", at)
            get = server.ask("GET", at)
            assert head.status_code == get.status_code and head.content == b"", path
            assert head.headers.get("Content-Type") == get.headers.get("Content-Type"), path

"""What is wrong is refused with its status, the pointer to it and what would be right; nothing of it is stored."""
import pytest
from conftest import problem

C = "/v1/collections/bad"
D = C + "/documents"
JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module", autouse=True)
def collection(server):
    server.collection("bad")
    yield
    assert server.get(C)["documents"] == 0  # a 4xx has stored nothing
    assert server.get("/livez")["status"] == "live"


@pytest.mark.parametrize("body", [
    b"", b" ", b"{", b"}", b'{"id":"a","text":"x"', b"{'text':'x'}", b'{"text":"\xff"}', b'{"text":"\xed\xa0\x80"}',
    b'{"text":NaN}', b'{"text":Infinity}', b'{"a":1,"a":2}', b'{"text":"x"} more', b"[" * 100000, b'{"a":' * 5000 + b"1" + b"}" * 5000,
    b'{"text":"a\\u0000b"}', b"\xef\xbb\xbf\xef\xbb\xbf{}", b"\x00", b'{"n":1e999}', b"[1,]", b'{"n":123456789012345678901234567890}',
])
def test_unreadable_json(server, body):
    problem(server.ask("POST", D, data=body, headers=JSON), 400)


@pytest.mark.parametrize("body, where", [(b'{"text":"a\\u0000b"}', "column 11: \\\\u0000 (NUL)"), (b'{"\\u0000":1}', "column 3: \\\\u0000 (NUL)"),
                                         (b'{"text":\0}', "column 9: the byte 0 (NUL)")])
def test_a_nul_is_shown(server, body, where):
    answer = server.ask("POST", D, data=body, headers=JSON)
    problem(answer, 400, says=where)
    assert "leave it out" in answer.text and "JSON_" not in answer.text


@pytest.mark.parametrize("document, pointer", [
    ({"id": "a"}, None), ({"id": "a", "text": ""}, "/text"), ({"id": "a", "text": "   "}, "/text"), ({"id": "a", "text": 7}, "/text"),
    ({"id": "", "text": "x"}, "/id"), ({"id": ".", "text": "x"}, "/id"), ({"id": "..", "text": "x"}, "/id"),
    ({"id": "a\nb", "text": "x"}, "/id"), ({"id": "x" * 256, "text": "x"}, "/id"), ({"id": "ü" * 128, "text": "x"}, "/id"),
    ({"id": [1], "text": "x"}, "/id"), ({"id": 1.5, "text": "x"}, "/id"), ({"id": None, "text": 5}, None),
    ({"id": "a", "text": "x", "title": 5}, "/title"), ({"id": "a", "text": "x", "tags": "food"}, "/tags"),
    ({"id": "a", "text": "x", "tags": [1]}, "/tags/0"), ({"id": "a", "text": "x", "attributes": []}, "/attributes"),
    ({"id": "a", "text": "x", "expires": "tomorrow"}, "/expires"), ({"id": "a", "text": "x", "vector": ["1"]}, "/vector"),
    ({"id": "a", "text": "x", "lang": 5}, "/lang"),
])
def test_wrong_documents(server, document, pointer):
    problem(server.ask("POST", D, document), 422, pointer=pointer)
    row = server.post(D, [document])
    assert row["failed"] == 1 and row["data"][0]["error"]["detail"]
    if pointer:
        assert row["data"][0]["error"]["errors"][0]["pointer"] == "/0" + pointer


@pytest.mark.parametrize("path, body, pointer, says", [
    ("/search", {"q": 5}, "/q", "a string"),
    ("/search", {"q": "x", "limit": 1001}, "/limit", "from 1 to 1000"),
    ("/search", {"q": "x", "limit": 0}, "/limit", "from 1 to 1000"),
    ("/search", {"q": "x", "limit": "10"}, "/limit", "an integer"),
    ("/search", {"q": "x", "limt": 10}, "/limt", "did you mean limit?"),
    ("/search", {"q": "x", "mode": "fuzzy"}, "/mode", "hybrid, semantic, lexical"),
    ("/search", {"q": "x", "filter": "year >"}, "/filter", ""),
    ("/search", {"q": "x", "filter": 5}, "/filter", "a string"),
    ("/search", {"q": "x", "min_score": 2}, "/min_score", "from 0 to 1"),
    ("/search", {"q": "x", "cursor": "AAAA"}, "/cursor", "next_cursor"),
    ("/search", {"q": "x", "offset": 1001}, "/offset", "from 0 to 1000"),
    ("/search", [], "", "an object"),
    ("/similar", {}, "", "exactly one of"),
    ("/similar", {"id": "a", "text": "b"}, "", "exactly one of"),
    ("/similar", {"vector": [1, 2, 3]}, "/vector", "numbers"),
    ("/similar", {"text": ""}, "/text", "1 to 100000"),
    ("/recommend", {"limit": 5}, "/user", "is missing"),
    ("/recommend", {"user": "u", "diversity": 3}, "/diversity", "from 0 to 1"),
    ("/feedback", {"user": "u", "type": "like"}, "/document", "missing"),
    ("/feedback", {"user": "u", "document": "a", "type": "love"}, "/type", "like"),
    ("/feedback", {"user": "u", "document": "a", "type": "like", "time": "now"}, "/time", "RFC 3339"),
])
def test_wrong_bodies(server, path, body, pointer, says):
    problem(server.ask("POST", C + path, body), 422, pointer=pointer, says=says)


def test_everything_wrong_is_said_at_once(server):
    value = problem(server.ask("POST", C + "/search", {"limit": -1, "mode": 1, "colour": 2}), 422)
    assert {e["pointer"] for e in value["errors"]} == {"/limit", "/mode", "/colour"}


@pytest.mark.parametrize("params, parameter", [
    ({"q": "x", "limit": "ten"}, "limit"), ({"q": "x", "limt": "1"}, "limt"), ({"q": "x", "explain": "perhaps"}, "explain"),
    ({"q": "x", "filter": "((("}, "filter"), ({"q": "x", "cursor": "x"}, "cursor"), ({"q": "x", "min_score": "nan"}, "min_score"),
])
def test_wrong_parameters(server, params, parameter):
    problem(server.ask("GET", C + "/search", **params), 422, parameter=parameter)


@pytest.mark.parametrize("name", ["News", "", "-a", "_a", "a" * 65, "a b", "ü", "..", 7, None])
def test_wrong_collection_names(server, name):
    problem(server.ask("POST", "/v1/collections", {"name": name}), 422, pointer="/name")


@pytest.mark.parametrize("settings, pointer", [
    ({"colour": "red"}, "/settings/colour"), ({"extra_fields": "drop"}, "/settings/extra_fields"), ({"passage_tokens": 0}, "/settings/passage_tokens"),
    ({"mapping": {"text": 5}}, "/settings/mapping/text"), ({"mapping": []}, "/settings/mapping"),
])
def test_wrong_settings(server, settings, pointer):
    problem(server.ask("POST", "/v1/collections", {"name": "bad-settings", "settings": settings}), 422, pointer=pointer)
    problem(server.ask("GET", "/v1/collections/bad-settings"), 404)


@pytest.mark.parametrize("method, path, body", [
    ("GET", "", None), ("PATCH", "", {}), ("DELETE", "", None), ("GET", "/documents", None), ("POST", "/documents", {"text": "x"}),
    ("GET", "/documents/a", None), ("PUT", "/documents/a", {"text": "x"}), ("PATCH", "/documents/a", {"title": "x"}),
    ("DELETE", "/documents/a", None), ("POST", "/documents:delete", {"ids": ["a"]}), ("POST", "/search", {"q": "x"}),
    ("GET", "/search?q=x", None), ("POST", "/similar", {"id": "a"}), ("POST", "/classify", {"id": "a"}), ("POST", "/recommend", {"user": "u"}),
    ("POST", "/feedback", {"user": "u", "document": "a", "type": "like"}), ("GET", "/feedback", None), ("PUT", "/users/u", {}),
    ("GET", "/users/u", None), ("DELETE", "/users/u", None), ("GET", "/users/u/recommendations", None),
])
def test_unknown_collection(server, method, path, body):
    problem(server.ask(method, "/v1/collections/nowhere" + path, body), 404)


@pytest.mark.parametrize("path", ["/", "/v2", "/v1", "/v1/", "/v1/collections/", "/v1/collections//documents", "/v1/collections/bad/",
                                  "/v1/collections/bad/documents/", "/v1/nothing", "/livez/", "/page/../livez", "/index.html"])
def test_unknown_routes(server, path):
    status, headers, body = server.raw_request("GET", path)
    assert (status == 200) == (path == "/")
    if path != "/":
        assert status == 404 and headers["content-type"].startswith("application/problem+json")


@pytest.mark.parametrize("tail", ["..", "%2e%2e", "%2E%2E", ".%2e", "%2e.", ".", "%2e", "../", "%2e%2e/", "..%2f", "%2e%2e%2f", "../.",
                                  "..%2f..", "%2e%2e%2f%2e%2e", "%252e%252e", "..%00", "..;", "x/..", "x/../..", "%5c..", "..\\"])
def test_dots_never_reach_a_collection(server, tail):
    server.ask("PUT", "/v1/collections/bad/users/u", {}, status=None)
    status, _, _ = server.raw_request("DELETE", D + "/" + tail)
    assert status in (400, 404, 422)
    assert server.get(C)["name"] == "bad"
    server.ask("DELETE", "/v1/collections/bad/users/u")


@pytest.mark.parametrize("path", ["/v1/collections/%", "/v1/collections/%zz", "/v1/collections/%ff", D + "/%c0%af", D + "/%00"])
def test_bad_escapes(server, path):
    assert server.raw_request("GET", path)[0] == 400


def test_methods(server):
    answer = server.ask("PUT", "/v1/collections")
    problem(answer, 405)
    assert set(answer.headers["Allow"].split(", ")) == {"GET", "HEAD", "POST", "OPTIONS"}
    options = server.ask("OPTIONS", D + "/a", status=204)
    assert "DELETE" in options.headers["Allow"]
    head = server.ask("HEAD", "/v1/collections", status=200)
    assert head.content == b"" and int(head.headers["Content-Length"]) > 0
    problem(server.ask("TRACE", "/livez"), 405)


@pytest.mark.parametrize("kind", [None, "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/xml",
                                  "application/json2", "json"])
def test_media_types(server, kind):
    answer = server.ask("POST", D, data=b'{"text":"x"}', headers={"Content-Type": kind} if kind else {})
    problem(answer, 415, says="application/x-ndjson")
    assert "application/json" in answer.headers["Accept-Post"]


def test_a_body_over_the_bound(server):
    answer = server.ask("POST", D, data=b'{"text":"' + b"x" * (11 << 20) + b'"}', headers=JSON)
    problem(answer, 413)


def test_a_body_of_many_small_values_is_refused_before_it_eats_memory(server):
    data = b"[" + b"{}," * (3 << 20) + b"{}]"
    problem(server.ask("POST", D, data=data, headers=JSON), 400)


def test_tampered_cursors(server):
    server.collection("cursors")
    path = "/v1/collections/cursors/documents"
    server.post(path, [{"id": f"{i}", "text": "x"} for i in range(5)])
    cursor = server.get(path, limit=2)["next_cursor"]
    for i in range(0, len(cursor), 7):
        wrong = cursor[:i] + ("A" if cursor[i] != "A" else "B") + cursor[i + 1:]
        problem(server.ask("GET", path, cursor=wrong, limit=2), 422, parameter="cursor")
    problem(server.ask("GET", "/v1/collections/bad/documents", cursor=cursor), 422, parameter="cursor")
    server.ask("DELETE", "/v1/collections/cursors", status=204)


def test_too_many(server):
    problem(server.ask("POST", D + ":delete", {"ids": [str(i) for i in range(1001)]}), 422, pointer="/ids")
    problem(server.ask("POST", D + ":delete", {"ids": []}), 422, pointer="/ids")
    rows = [{"user": "u", "document": "a", "type": "like"}] * 1001
    problem(server.ask("POST", C + "/feedback", rows), 422, pointer="")

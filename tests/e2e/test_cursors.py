"""Cursors: what they go on with, who made them, what they belong to, and when they are too old."""
import base64

import pytest
from conftest import problem, wait_for

C = "/v1/collections/pages"
QUERY = {"q": "apple pear plum", "mode": "lexical", "limit": 7}


def rows(n, start=0):
    fruits = ["apple", "pear", "plum"]
    return [{"id": f"d{i}", "text": " ".join([fruits[i % 3]] * (1 + i % 5) + ["filler"] * (i % 11)) + f" number {i}",
             "attributes": {"i": i, "kind": fruits[i % 3]}} for i in range(start, start + n)]


@pytest.fixture(scope="module", autouse=True)
def collection(server):
    server.collection("pages")
    assert server.post(C + "/documents", rows(60))["failed"] == 0


def pages(server, body, path="/search", between=None):
    """The ids of each page to the end; `between` is called after the first."""
    out, cursor = [], None
    while True:
        answer = server.post(C + path, {**body, "cursor": cursor})
        out.append([h["id"] for h in answer["data"]])
        cursor = answer["next_cursor"]
        if not cursor:
            return out
        if between and len(out) == 1:
            between()


def flat(lists):
    return [x for y in lists for x in y]


@pytest.mark.parametrize("mode", ["hybrid", "lexical", "semantic"])
@pytest.mark.parametrize("limit", [1, 7, 60, 61])
def test_nothing_is_repeated_or_missed(server, mode, limit):
    body = {**QUERY, "mode": mode}
    whole = [h["id"] for h in server.post(C + "/search", {**body, "limit": 1000})["data"]]
    assert flat(pages(server, {**body, "limit": limit})) == whole and len(whole) == 60


def test_the_page_size_may_change(server):
    whole = [h["id"] for h in server.post(C + "/search", {**QUERY, "limit": 1000})["data"]]
    first = server.post(C + "/search", QUERY)
    second = server.post(C + "/search", {**QUERY, "limit": 13, "cursor": first["next_cursor"]})
    assert [h["id"] for h in first["data"] + second["data"]] == whole[:20]


def test_similar_pages(server):
    for body in ({"id": "d0"}, {"id": "d0", "diversity": 0.7}, {"text": "apple pear"}):
        got = flat(pages(server, {**body, "limit": 8}, "/similar"))
        assert len(got) == len(set(got)) >= 59


@pytest.mark.parametrize("change", [{"q": "another"}, {"mode": "semantic"}, {"filter": "i > 3"}, {"facets": ["kind"]}, {"explain": True}, {"exact": True}])
def test_a_cursor_of_another_search(server, change):
    cursor = server.post(C + "/search", QUERY)["next_cursor"]
    problem(server.ask("POST", C + "/search", {**QUERY, **change, "cursor": cursor}), 422, pointer="/cursor", says="belongs to another")
    problem(server.ask("GET", C + "/search", cursor=cursor, **{**QUERY, **{k: str(v).lower() if isinstance(v, bool) else v for k, v in change.items()}}),
            422, parameter="cursor")


def test_forged_cursors(server, make_server):
    cursor = server.post(C + "/search", QUERY)["next_cursor"]
    raw = bytearray(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    for at in range(len(raw)):
        forged = bytearray(raw)
        forged[at] ^= 1
        text = base64.urlsafe_b64encode(forged).rstrip(b"=").decode()
        problem(server.ask("POST", C + "/search", {**QUERY, "cursor": text}), 422, pointer="/cursor", says="not a cursor of this server")
    for text in ("", "A", "AAAA", cursor[:-1], cursor + "A", cursor + "=", " " + cursor, "é", "x" * 2048):
        if text:
            problem(server.ask("POST", C + "/search", {**QUERY, "cursor": text}), 422, pointer="/cursor")
    problem(server.ask("POST", C + "/search", {**QUERY, "cursor": "x" * 2049}), 422, pointer="/cursor")
    other = make_server()  # the same collection and search elsewhere
    other.collection("pages")
    other.post(C + "/documents", rows(60))
    theirs = other.post(C + "/search", QUERY)["next_cursor"]
    problem(server.ask("POST", C + "/search", {**QUERY, "cursor": theirs}), 422, pointer="/cursor", says="not a cursor of this server")
    assert other.stop() == 0
    other.start()  # a start makes no cursor old
    assert other.post(C + "/search", {**QUERY, "cursor": theirs})["data"]


def test_while_documents_come_and_go(server):
    """Documents that are deleted, changed or added between two pages move no other: what was shown is not shown again, what stays is not left out."""
    server.collection("moving")
    path = "/v1/collections/moving"
    rows_then = [{"id": f"m{i}", "text": "apple " * (1 + i % 7) + f"filler{i} " * (i % 13)} for i in range(80)]
    server.post(path + "/documents", rows_then)
    whole = [h["id"] for h in server.post(path + "/search", {"q": "apple", "mode": "lexical", "limit": 100})["data"]]
    body = {"q": "apple", "mode": "lexical", "limit": 20}
    first = server.post(path + "/search", body)
    assert [h["id"] for h in first["data"]] == whole[:20]
    server.post(path + "/documents:delete", {"ids": whole[:10] + [whole[19]] + whole[70:]})  # shown, the very last of them, and still to come
    server.post(path + "/documents", [{"id": f"new{i}", "text": "apple " * 9} for i in range(10)])  # better than all
    got, cursor = [], first["next_cursor"]
    while cursor:
        page = server.post(path + "/search", {**body, "cursor": cursor})
        got += [h["id"] for h in page["data"]]
        cursor = page["next_cursor"]
    left = [x for x in whole[20:70]]
    assert len(got) == len(set(got)) and not set(got) & set(whole[:20])
    assert set(left) - set(got) == set() and [x for x in got if x in left] == left


def test_the_depth_is_bounded(server):
    server.collection("deep")
    path = "/v1/collections/deep"
    server.lines("deep", [{"id": f"x{i}", "text": f"apple number {i}"} for i in range(2100)])
    seen, cursor, sizes = [], None, []
    while True:
        page = server.post(path + "/search", {"q": "apple", "mode": "lexical", "limit": 700, "cursor": cursor, "fields": []})
        seen += [h["id"] for h in page["data"]]
        sizes.append(len(page["data"]))
        cursor = page["next_cursor"]
        if not cursor:
            break
    assert sizes == [700, 700, 600] and len(set(seen)) == 2000 and page["total"]["value"] == 2100


def test_a_cursor_is_too_old_after_another_embedding_version(server):
    server.collection("versions")
    path = "/v1/collections/versions"
    server.post(path + "/documents", rows(30))
    cursors = {mode: server.post(path + "/search", {**QUERY, "mode": mode})["next_cursor"] for mode in ("hybrid", "semantic", "lexical")}
    similar = server.post(path + "/similar", {"id": "d0", "limit": 5})["next_cursor"]
    version = server.post(path + "/embedding-versions", {"dimensions": 32}, 201)
    wait_for(lambda: server.get(f"{path}/embedding-versions/{version['id']}")["state"] == "ready")
    server.post(f"{path}/embedding-versions/{version['id']}:promote", {})
    for mode in ("hybrid", "semantic"):
        problem(server.ask("POST", path + "/search", {**QUERY, "mode": mode, "cursor": cursors[mode]}), 410, pointer="/cursor", says="too old")
    problem(server.ask("GET", path + "/search", cursor=cursors["semantic"], **{**QUERY, "mode": "semantic"}), 410, parameter="cursor")
    problem(server.ask("POST", path + "/similar", {"id": "d0", "limit": 5, "cursor": similar}), 410, pointer="/cursor")
    assert server.post(path + "/search", {**QUERY, "cursor": cursors["lexical"]})["data"]  # words have no version

"""Two tenants in one collection, each with a key of its own filter: what is the other's is not there."""
import functools
import itertools
import re

import pytest
from conftest import Keyed, problem, running

PATH = "/v1/collections/shared"
COPIED = "the harbour master wrote down every ship that came in that winter and what it carried and who had paid for it and when it left"


@pytest.fixture(scope="module")
def server():
    with running(Keyed()) as s:
        s.collection("shared")
        s.collection("private")
        documents = [{"id": f"{t}{i}", "text": COPIED if i == 0 else f"{word} number{i}", "tenant": t, "topic": i % 3}
                     for i in range(8) for t, word in (("b", "garden bword"), ("a", "garden flower"))]
        s.post(PATH + "/documents", documents)
        s.post(PATH + "/feedback", [{"user": "u", "document": d, "type": "like"} for d in ("a1", "b1", "b2")])
        yield s


@pytest.fixture(scope="module")
def ours(server):
    key = server.key("admin", filter='tenant = "a"', collections=["shared"])["key"]
    return functools.partial(server.by, key)


def no_foreign(answer, status=200):
    assert answer.status_code == status, answer.text
    assert not re.search(r'"b\d?"|bword', answer.text), answer.text
    return answer.json() if answer.text else None


def test_reads(server, ours):
    assert no_foreign(ours("GET", PATH + "/documents/a1"))["id"] == "a1"
    foreign, absent = ours("GET", PATH + "/documents/b1"), ours("GET", PATH + "/documents/x1")
    assert foreign.status_code == absent.status_code == 404
    assert foreign.json()["detail"].replace("b1", "x1") == absent.json()["detail"]
    rows = no_foreign(ours("POST", PATH + "/documents:get", {"ids": ["a1", "x1"], "fields": ["tenant"]}))
    assert [r["found"] for r in rows["data"]] == [True, False] and rows["missing"] == 1
    rows = ours("POST", PATH + "/documents:get", {"ids": ["b1"]}).json()
    assert rows == {"data": [{"id": "b1", "found": False}], "missing": 1}
    assert len(no_foreign(ours("GET", PATH + "/documents"))["data"]) == 8
    assert len(no_foreign(ours("GET", PATH + "/documents", filter="tenant = b OR topic = 0"))["data"]) == 3
    assert no_foreign(ours("GET", PATH + "/documents/a0")).get("duplicate_of") is None
    assert server.get(PATH + "/documents/a0")["duplicate_of"] == "b0"
    for mode, body in itertools.product(("hybrid", "semantic", "lexical"), ({}, {"filter": "NOT tenant = a"}, {"typos": True, "q": "bwrod"})):
        no_foreign(ours("POST", PATH + "/search", {"q": "garden", "mode": mode, "limit": 50, "facets": ["tenant", "topic"], "explain": True, **body}))
    found = no_foreign(ours("POST", "/v1/multi-search", {"searches": [{"collection": "shared", "q": "garden"}, {"collection": "private", "q": "x"}]}))
    assert found["failed"] == 1 and found["data"][1]["error"]["status"] == 404
    assert [v["value"] for v in no_foreign(ours("GET", PATH + "/facets/tenant"))["data"]] == ["a"]
    no_foreign(ours("POST", PATH + "/similar", {"id": "a1", "limit": 50}))
    problem(ours("POST", PATH + "/similar", {"id": "b1"}), 404)
    no_foreign(ours("GET", PATH + "/users/u/recommendations", limit=50, explain="true"))
    problem(ours("POST", PATH + "/recommend", {"positive": ["b1"]}), 404)
    assert [f["document"] for f in no_foreign(ours("GET", PATH + "/feedback", user="u"))["data"]] == ["a1"]
    assert len(no_foreign(ours("GET", PATH + "/users/u:export"))["feedback"]) == 1
    problem(ours("GET", PATH + "/documents/b1/readers"), 404)
    changes = no_foreign(ours("GET", "/v1/changes"))["data"]
    assert len(changes) == 8


def test_collections_and_counts(server, ours):
    assert [c["name"] for c in no_foreign(ours("GET", "/v1/collections"))["data"]] == ["shared"]
    info = no_foreign(ours("GET", PATH))
    assert (info["documents"], info["passages"], info["pending"]) == (8, 0, 0)
    problem(ours("GET", "/v1/collections/private"), 404)
    for path in ("/embedding-versions", "/recommenders", "/experiments", "/recommendations/stats", "/scores", "/users/u"):
        problem(ours("GET", PATH + path), 403)


def test_writes(server, ours):
    before = server.get(PATH + "/documents/b1")
    mine = {"text": "mine", "tenant": "a"}
    problem(ours("PUT", PATH + "/documents/b1", mine), 403, says="not available")
    problem(ours("PUT", PATH + "/documents/new", {"text": "x", "tenant": "b"}), 403, says="tenant")
    problem(ours("PUT", PATH + "/documents/a1", {"text": "x"}), 403, says="tenant")
    problem(ours("DELETE", PATH + "/documents/b1"), 404)
    rows = ours("POST", PATH + "/documents", [{"id": "b2", **mine}, {"id": "a20", **mine}]).json()
    assert [r["status"] for r in rows["data"]] == ["failed", "created"], rows
    assert ours("POST", PATH + "/documents:delete", {"filter": "tenant = b OR id = a20"}).json()["deleted"] == 1
    assert server.get(PATH + "/documents/b1") == before
    problem(ours("DELETE", PATH), 403)


def test_a_cursor_belongs_to_its_view(server, ours):
    other = server.key("admin", filter='tenant = "b"')["key"]
    cursor = no_foreign(ours("GET", PATH + "/documents", limit=2))["next_cursor"]
    assert len(no_foreign(ours("GET", PATH + "/documents", limit=2, cursor=cursor))["data"]) == 2
    problem(server.by(other, "GET", PATH + "/documents", limit=2, cursor=cursor), 422)
    cursor = no_foreign(ours("POST", PATH + "/search", {"q": "garden", "limit": 2}))["next_cursor"]
    problem(server.by(other, "POST", PATH + "/search", {"q": "garden", "limit": 2, "cursor": cursor}), 422)

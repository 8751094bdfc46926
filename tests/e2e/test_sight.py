"""What a key's filter binds: every route is asked with such a key, over documents that it does not see. Their ids, words, values and names
of fields must not be in any byte of any answer, and what is counted is counted among those that it sees."""
import functools
import json
import re

import pytest
from conftest import Keyed, problem, running
from test_keys import operations

C = "/v1/collections/shared"
CANARY = re.compile(rb"zq[a-z]")  # in all that is theirs, and nowhere else
COPIED = "the harbour master wrote down every ship that came in that winter and what it carried and who had paid for it and when it left"
OURS = [f"a{i}" for i in range(8)]
THEIRS = [f"zqid{i}" for i in range(8)]


def documents():
    for i in range(8):
        yield {"id": THEIRS[i], "tenant": "b", "title": "garden zqtitle", "text": COPIED if i == 0 else f"garden flower zqword{i} zqwords", "topic": i % 3,
               "zqfield": "zqvalue", "tags": ["zqtag", "plain"], "year": 3000 + i, "place": {"lat": 1, "lon": 2}, "lang": "de"}
        yield {"id": OURS[i], "tenant": "a", "title": "garden", "text": COPIED if i == 0 else f"garden flower number{i}", "topic": i % 3,
               "tags": ["plain"], "year": 2000 + i, "place": {"lat": 1, "lon": 2}, "lang": "en"}


@pytest.fixture(scope="module")
def server():
    with running(Keyed()) as s:
        s.collection("shared")
        s.collection("zqprivate")
        for d in documents():  # in this order, so that ours is the copy
            s.post(C + "/documents", d)
        s.post(C + "/feedback", [{"user": u, "document": d, "type": "like"} for u in ("u", "v", "w") for d in ("a1", "a2", "zqid1", "zqid2", "zqid3")])
        s.post(C + "/feedback", [{"user": "zquser", "document": "zqid1", "type": "like"}])
        s.ask("PUT", C + "/scores/brought/users/u", {"scores": [{"document": d, "score": 1} for d in ("a3", "zqid4")]})
        s.post(C + "/recommend", {"user": "u", "limit": 10})  # an answer in the log that names theirs
        s.key("search", filter='tenant = "b" AND zqfield = "zqvalue"', name="zqkey")
        yield s


@pytest.fixture(scope="module")
def ours(server):
    key = server.key("admin", filter='tenant = "a"', collections=["shared"])["key"]
    return functools.partial(server.by, key)


def bytes_of(answer):
    return answer.content + b"\n".join(f"{k}: {v}".encode() for k, v in answer.headers.items())


Q = {"q": "garden flower", "limit": 50}
SEARCHES = [
    {**Q, "mode": mode, "explain": True, "facets": ["tenant", "topic", "tags", {"field": "year", "ranges": [{"from": 2000}], "stats": True}]}
    for mode in ("hybrid", "semantic", "lexical")] + [
    {**Q, "filter": 'NOT tenant = "a"'}, {**Q, "filter": 'tenant = "b" OR topic = 0'}, {**Q, "duplicates": "hide"},
    {**Q, "sort": ["year:desc"]}, {**Q, "sort": [{"field": "place", "lat": 1, "lon": 2}]}, {**Q, "group_by": {"field": "tenant", "limit": 5}},
    {**Q, "highlight": {}, "snippet_length": 50}, {**Q, "user": "u"}, {**Q, "min_score": .01},
    {**Q, "fusion": "rrf"}, {**Q, "exact": True}, {"q": "harbour master"}, {"q": "harbour master", "duplicates": "hide"},
    {"q": "gard", "prefix": True, "limit": 50}, {"q": "gardn flwer", "typos": True, "limit": 50}, {"q": "*", "limit": 50, "facets": ["tags"]}]
# operationId -> what is asked: (path, parameters of the query or the body). What an admin gets for it holds the canary, unless it is marked.
READS = {
    "listCollections": [("/v1/collections", {})],
    "listDocuments": [(C + "/documents", p) for p in ({}, {"limit": 3}, {"filter": 'NOT tenant = "a"'}, {"offset": 5}, {"filter": "topic = 0", "limit": 2})],
    "getDocuments": [(C + "/documents:get", b) for b in ({"ids": OURS}, {"ids": ["a0"], "fields": ["duplicate_of"]})],
    "exportDocuments": [(C + "/documents:export", p) for p in ({}, {"filter": "topic = 1"}, {"fields": "tags,duplicate_of,title"}, {"after": "a3"})],
    "getDocument": [(C + "/documents/a0", {})],
    "search": [(C + "/search", {"q": "garden", "limit": 50, "facets": "tenant,tags"})],
    "searchPost": [(C + "/search", b) for b in SEARCHES],
    "multiSearch": [("/v1/multi-search", {"searches": [{"collection": "shared", **Q}, {"collection": "shared", "q": "harbour master"}]})],
    "similar": [(C + "/similar", b) for b in (
        {"id": "a1", "limit": 50}, {"id": "a0", "duplicates": "hide"}, {"ids": ["a1", "a2"], "limit": 50, "diversity": .5}, {"text": "garden flower", "limit": 50})],
    "facet": [(C + "/facets/" + f, p) for f, p in (("tags", {}), ("tenant", {}), ("topic", {"q": "flower"}), ("year", {"stats": "true"}))],
    "recommend": [(C + "/recommend", b) for b in (
        {"user": "u", "limit": 50, "explain": True}, {"positive": ["a1"], "limit": 50, "explain": True}, {"session": ["a1", "a2"], "limit": 50, "explain": True},
        {"user": "u", "blend": "brought.brought + popular", "limit": 50}, {"user": "nobody", "limit": 50, "exclude_seen": False, "explore": .5},
        {"text": "garden flower", "limit": 50}, {"user": "v", "filter": 'NOT tenant = "a"'})],
    "recommendBatch": [(C + "/recommend:batch", {"users": ["u", "v", "nobody"], "limit": 50})],
    "userRecommendations": [(C + "/users/u/recommendations", {"limit": 50, "explain": "true"})],
    "documentReaders": [(C + "/documents/a1/readers", {})],
    "listFeedback": [(C + "/feedback", p) for p in ({}, {"user": "u"}, {"limit": 2})],
    "exportUser": [(C + "/users/u:export", {})],
    "getChanges": [("/v1/changes", {"limit": 1000})],
    "listKeys": [("/v1/keys", {})],
}


def test_no_answer_holds_anything_of_theirs(server, ours):
    methods = {o["operationId"]: m for m, _, o in operations(server)}
    plain = 0
    for name, asked in READS.items():
        if name not in methods:
            name = {"getChanges": "listChanges"}.get(name, name)
        held = False
        for path, given in asked:
            with_body = methods[name] == "POST"
            own, all_ = (ask(methods[name], path, given if with_body else None, **({} if with_body else given)) for ask in (ours, server.ask))
            assert not CANARY.search(bytes_of(own)), (name, given, CANARY.findall(bytes_of(own)), own.text[:3000])
            assert all_.status_code == 200, (name, given, all_.text)
            assert own.status_code == 200 or given.get("filter") and own.status_code == 422, (name, given, own.text)
            held |= bool(CANARY.search(bytes_of(all_)))
            plain += 1
        assert held or name in ("documentReaders",), f"{name}: nothing of theirs is in what an admin gets, so this shows nothing"
    assert plain > 55


def test_all_other_routes(server, ours):
    """Asked with names of ours and an empty body; most refuse such a key."""
    asked = set()
    for method, path, operation in operations(server):
        if operation["operationId"] in READS or method == "DELETE":
            continue
        where = path.replace("{c}", "shared").replace("{id}", "a1").replace("{source}", "brought").replace("{model}", "stub").replace("{field}", "tags")
        where = re.sub(r"\{(task|version|recommender)\}", "1", where)
        own = ours(method, re.sub(r"\{\w+\}", "nothing", where), None if method == "GET" else {})
        assert not CANARY.search(bytes_of(own)), (method, path, own.text[:2000])
        assert own.status_code < 500
        asked.add(operation["operationId"])
    assert len(asked) > 50


def sanitised(answer, name):
    text = answer.text.replace(name, "NAME").replace(answer.headers.get("Akin-Trace-Id", "-"), "TRACE")
    return answer.status_code, re.sub(r'"(took_ms|revision|position|search_id|recommendation_id|score|part|share)":"?[\w.+-]+"?', "", text)


NAMED = [  # what names a document of theirs is answered as what names none
    ("GET", "/documents/{}", None), ("PATCH", "/documents/{}", {"title": "x"}), ("DELETE", "/documents/{}", None), ("GET", "/documents/{}/readers", None),
    ("POST", "/documents:get", {"ids": ["{}", "a1"]}), ("POST", "/documents:delete", {"ids": ["{}"]}), ("POST", "/similar", {"id": "{}"}),
    ("POST", "/similar", {"ids": ["a1", "{}"]}), ("POST", "/similar", {"id": "a1", "exclude": ["{}"]}), ("POST", "/recommend", {"positive": ["{}"]}),
    ("POST", "/recommend", {"positive": ["a1"], "negative": ["{}"]}), ("POST", "/recommend", {"session": ["{}"]}),
    ("POST", "/recommend", {"user": "v", "exclude": ["{}"]}), ("POST", "/recommend", {"user": "v", "pins": [{"document": "{}", "position": 0}]}),
    ("GET", "/feedback?document={}", None), ("POST", "/feedback", [{"user": "n", "document": "{}", "type": "like", "event_id": "e"}]), ("POST", "/classify", {"id": "{}"}),
    ("GET", "/documents:export?after={}", None), ("GET", "/documents?filter=id%3D%22{}%22", None),
]


@pytest.mark.parametrize("method,path,body", NAMED, ids=[f"{m} {p} {json.dumps(b)[:40]}" for m, p, b in NAMED])
def test_theirs_is_as_none(server, ours, method, path, body):
    answers = []
    for name in ("zqid5", "zznone"):
        given = json.loads(json.dumps(body).replace("{}", name)) if body else None
        answer = ours(method, C + path.replace("{}", name), given)
        answer.headers.pop("Date", None)
        answers.append(sanitised(answer, name))
        assert answer.status_code < 500
    assert answers[0] == answers[1]
    server.ask("GET", C + "/documents/zqid5", status=200)


def test_counts_are_of_what_is_seen(server, ours):
    """As if ours were alone: a collection that holds nothing else counts the same."""
    server.collection("alone")
    server.post("/v1/collections/alone/documents", [d for d in documents() if d["tenant"] == "a"])
    shared = server.get(C)
    own = ours("GET", C).json()
    assert own["documents"] == 8 and shared["documents"] == 16 and own["passages"] == own["pending"] == 0
    for body in SEARCHES:
        a = ours("POST", C + "/search", {**body, "limit": 0}).json()
        b = server.ask("POST", "/v1/collections/alone/search", {**body, "limit": 0}).json()
        if "filter" not in body and "min_score" not in body:
            assert [a.get(k) for k in ("total", "facets", "facet_stats")] == [b.get(k) for k in ("total", "facets", "facet_stats")], body
    for field, given in (("tags", {}), ("topic", {"q": "flower"}), ("year", {"stats": "true"})):
        a, b = ours("GET", f"{C}/facets/{field}", **given).json(), server.get(f"/v1/collections/alone/facets/{field}", **given)
        assert {k: v for k, v in a.items() if k != "took_ms"} == {k: v for k, v in b.items() if k != "took_ms"}
    problem(ours("GET", C + "/facets/zqfield"), 422)
    assert "zq" not in ours("GET", C + "/facets/qfield").text  # the nearest field that it has, no other
    assert len(ours("GET", C + "/documents:export").text.splitlines()) == 8

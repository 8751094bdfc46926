"""Several searches in one request: each its own answer or problem, in order."""
import json
import threading

import pytest
from conftest import TEXTS, fill, problem

M = "/v1/multi-search"


@pytest.fixture(scope="module", autouse=True)
def collections(server):
    fill(server, "one")
    server.collection("two")
    server.post("/v1/collections/two/documents", [{"id": f"t{i}", "text": f"pumpkin number {i} of many"} for i in range(30)])


def alone(server, search):
    search = dict(search)
    answer = server.post(f"/v1/collections/{search.pop('collection')}/search", search)
    return strip(answer)


def strip(answer):
    """Without what differs from one search to the next; a cursor is bound to its route."""
    return {k: v for k, v in answer.items() if k not in ("took_ms", "search_id", "next_cursor")}


def test_each_answer_is_that_of_the_search_alone(server):
    searches = [{"collection": c, "q": q, "mode": mode, "limit": 3, "explain": True, "facets": ["tags"] if c == "one" else []}
                for c in ("one", "two") for q in ("pumpkin soup", "bake the bread", "number 7") for mode in ("hybrid", "lexical", "semantic")]
    answer = server.post(M, {"searches": searches})
    assert answer["failed"] == 0 and answer["took_ms"] > 0 and len(answer["data"]) == len(searches)
    for got, search in zip(answer["data"], searches):
        assert strip(got) == alone(server, search)
        assert got["took_ms"] >= 0 and got["search_id"]
    assert len({g["search_id"] for g in answer["data"]}) == len(searches)


def test_what_fails_fails_alone(server):
    answer = server.post(M, {"searches": [
        {"collection": "one", "q": "pumpkin"}, {"collection": "none", "q": "x"}, {"collection": "one", "q": 5},
        {"collection": "one", "q": "x", "limit": 0, "mod": 1}, {"collection": "one", "q": "x", "filter": "year >"},
        7, {"q": "x"}, {"collection": "one", "q": "x", "cursor": "abc"}, {"collection": "two", "q": "pumpkin", "limit": 1}]})
    assert answer["failed"] == 7
    kinds = [x.get("error", {}).get("status", 200) for x in answer["data"]]
    assert kinds == [200, 404, 422, 422, 422, 422, 422, 422, 200]
    pointers = [[e["pointer"] for e in x["error"]["errors"]] if "error" in x else None for x in answer["data"]]
    assert pointers[2] == ["/searches/2/q"]
    assert sorted(pointers[3]) == ["/searches/3/limit", "/searches/3/mod"]
    assert pointers[4] == ["/searches/4/filter"]
    assert pointers[5] == ["/searches/5"] and pointers[6] == ["/searches/6/collection"] and pointers[7] == ["/searches/7/cursor"]
    assert "none" in answer["data"][1]["error"]["detail"]
    assert answer["data"][0]["data"][0]["id"] == "soup" and len(answer["data"][8]["data"]) == 1


@pytest.mark.parametrize("body, pointer", [
    ({}, "/searches"), ({"searches": []}, "/searches"), ({"searches": {}}, "/searches"), ({"searches": [{}] * 51}, "/searches"),
    ({"searches": [{"collection": "one", "q": "x"}], "more": 1}, "/more"),
])
def test_what_is_wrong_as_a_whole(server, body, pointer):
    problem(server.ask("POST", M, body), 422, pointer=pointer)


def test_limits_are_shared(server):
    answer = server.post(M, {"searches": [{"collection": "two", "q": "pumpkin", "limit": n} for n in (600, 401, 400)]})
    assert [x.get("error", {}).get("status", 200) for x in answer["data"]] == [200, 422, 200]
    assert "1000" in json.dumps(answer["data"][1]) and answer["data"][1]["error"]["errors"][0]["pointer"] == "/searches/1/limit"


def test_pages_of_one_of_several(server):
    search = {"collection": "two", "q": "pumpkin number", "limit": 7}
    seen, cursor = [], None
    while True:
        got = server.post(M, {"searches": [{"collection": "one", "q": "x"}, {**search, "cursor": cursor}]})["data"][1]
        seen += [h["id"] for h in got["data"]]
        cursor = got["next_cursor"]
        if not cursor:
            break
    assert sorted(seen) == sorted(f"t{i}" for i in range(30))
    other = server.post(M, {"searches": [{**search}]})["data"][0]["next_cursor"]
    wrong = server.post(M, {"searches": [{**search, "q": "another", "cursor": other}]})["data"][0]
    assert wrong["error"]["errors"][0]["pointer"] == "/searches/0/cursor"


def test_many_at_a_time(server):
    """More requests than workers, each of which asks the others for help."""
    wanted, wrong = {}, []
    for q in TEXTS:
        wanted[q] = [h["id"] for h in server.post("/v1/collections/one/search", {"q": TEXTS[q], "limit": 1})["data"]]

    def run(server=server):
        for _ in range(5):
            answer = server.ask("POST", M, {"searches": [{"collection": "one", "q": TEXTS[q], "limit": 1} for q in TEXTS]})
            got = [[h["id"] for h in x["data"]] for x in answer.json()["data"]]
            if got != list(wanted.values()):
                wrong.append(got)

    threads = [threading.Thread(target=run) for _ in range(12)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong


def test_queries_are_embedded_together(server):
    """Each once, as soon as the searches are there; the searches find them."""
    before = server.metrics()
    searches = [{"collection": "one", "q": f"never asked before {i}", "mode": "semantic" if i % 2 else "hybrid"} for i in range(8)]
    answer = server.post(M, {"searches": [*searches, {"collection": "one", "q": '"quoted so" -that', "mode": "hybrid"}, {"collection": "one", "q": "words", "mode": "lexical"}]})
    after = server.metrics()
    assert answer["failed"] == 0
    found = [k for k in after if k.startswith("akin_cache_hits_total")]
    assert sum(after[k] - before[k] for k in found) >= 8, {k: after[k] - before[k] for k in after if after[k] != before.get(k)}

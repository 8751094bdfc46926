"""What shapes an answer beside its score: facets, sort, places, groups; each held against the same done in Python."""
import random
from collections import Counter

import pytest
from conftest import problem

C = "/v1/collections/shape"
COUNT = 240
WORDS = ["river", "stone", "bridge", "night", "garden", "engine", "letter", "winter"]


def make(i, r):
    d = {"id": f"d{i:03}", "title": f"{r.choice(WORDS)} {i}", "text": " ".join(r.choices(WORDS, k=12)), "tags": r.sample(["a", "b", "c", "d"], r.randint(0, 3)),
         "price": r.choice([r.randint(0, 50), r.randint(0, 500) / 10]), "site": f"s{int(r.paretovariate(.7)) % 30}"}
    if r.random() < .8:
        d["year"] = r.randint(1995, 2024)
    if r.random() < .7:
        d["seen"] = f"20{r.randint(10, 24)}-{r.randint(1, 12):02}-{r.randint(1, 28):02}"
    if r.random() < .15:
        del d["site"]
    return d


@pytest.fixture(scope="module")
def docs(server):
    r = random.Random(5)
    server.collection("shape")
    rows = [make(i, r) for i in range(COUNT)]
    assert server.post(C + "/documents", rows)["failed"] == 0
    return rows


def ids(answer):
    return [h["id"] for h in answer["data"]]


def counts(facet):
    return {v["value"]: v["count"] for v in facet}


# ---- facets ----

def test_values_most_frequent_first_up_to_a_limit(server, docs):
    answer = server.post(C + "/search", {"q": "river", "mode": "semantic", "limit": 1, "facets": [{"field": "site", "limit": 5}, "tags"]})
    want = Counter(d["site"] for d in docs if "site" in d)
    got = answer["facets"]["site"]
    assert len(got) == 5 and [v["count"] for v in got] == sorted(want.values(), reverse=True)[:5]
    assert all(want[v["value"]] == v["count"] for v in got)
    assert counts(answer["facets"]["tags"]) == Counter(t for d in docs for t in d["tags"])


def test_facets_count_what_matches_words_filter_and_exclusions(server, docs):
    answer = server.post(C + "/search", {"q": "river", "mode": "lexical", "filter": "price < 20", "limit": 1, "facets": ["tags"]})
    match = [d for d in docs if "river" in d["title"] + " " + d["text"] and d["price"] < 20]
    assert answer["total"] == {"value": len(match), "relation": "eq"}
    assert counts(answer["facets"]["tags"]) == Counter(t for d in match for t in d["tags"])
    gone = [d["id"] for d in docs[:50]]
    answer = server.post(C + "/similar", {"text": "river", "exclude": gone, "limit": 1, "facets": ["tags"]})
    assert counts(answer["facets"]["tags"]) == Counter(t for d in docs[50:] for t in d["tags"])


@pytest.mark.parametrize("mode", ["hybrid", "semantic", "lexical"])
def test_facets_count_what_reaches_min_score(server, docs, mode):
    everything = server.post(C + "/search", {"q": "river stone", "mode": mode, "limit": 1000})["data"]
    cut = everything[len(everything) // 3]["score"]
    answer = server.post(C + "/search", {"q": "river stone", "mode": mode, "min_score": cut, "limit": 3, "facets": ["tags"]})
    assert counts(answer["facets"]["tags"]) == Counter(t for h in everything if h["score"] >= cut for t in h["document"].get("tags", []))


def test_ranges(server, docs):
    ranges = [{"to": 2000}, {"from": 2000, "to": 2010, "name": "noughties"}, {"from": 2010}, {"from": 3000}]
    dates = [{"from": "2015-01-01", "to": "2020-01-01"}]
    answer = server.post(C + "/search", {"q": "stone", "mode": "lexical", "limit": 1,
                                         "facets": [{"field": "year", "ranges": ranges, "stats": True}, {"field": "seen", "ranges": dates}]})
    match = [d for d in docs if "stone" in d["title"] + " " + d["text"]]
    years = [d["year"] for d in match if "year" in d]
    got = answer["facets"]["year"]
    assert [v["name"] for v in got] == ["..2000", "noughties", "2010..", "3000.."]
    assert [v["count"] for v in got] == [sum(y < 2000 for y in years), sum(2000 <= y < 2010 for y in years), sum(y >= 2010 for y in years), 0]
    assert got[1]["from"] == 2000 and got[1]["to"] == 2010 and "from" not in got[0]
    assert answer["facets"]["seen"][0]["count"] == sum("2015" <= d["seen"][:4] < "2020" for d in match if "seen" in d)
    stats = answer["facet_stats"]["year"]
    assert (stats["count"], stats["min"], stats["max"]) == (len(years), min(years), max(years))
    assert stats["avg"] == pytest.approx(sum(years) / len(years))


@pytest.mark.parametrize("facets, pointer, says", [
    (["tag"], "/facets/0", "tags"),
    (["tags", {"field": "yaer"}], "/facets/1", "year"),
    (["tags", "tags"], "/facets/1", "twice"),
    (["title"], "/facets/0", "title"),
    ([{"field": "year", "ranges": [{"from": 1}, {"from": 3, "to": 2}]}], "/facets/0/ranges/1", "from before to"),
    ([{"field": "year", "ranges": [{}]}], "/facets/0/ranges/0", "from"),
    ([{"field": "year", "ranges": []}], "/facets/0/ranges", "1 to 100"),
    ([{"field": "year", "limit": 0}], "/facets/0/limit", "1 to 1000"),
    ([{"field": "year", "limit": 1001}], "/facets/0/limit", "1 to 1000"),
    ([{"field": "year", "size": 3}], "/facets/0/size", "field"),
    ([{"limit": 3}], "/facets/0/field", "missing"),
    (["a"] * 17, "/facets", "16"),
    (7, "/facets", "array"),
])
def test_wrong_facets_are_refused(server, docs, facets, pointer, says):
    problem(server.ask("POST", C + "/search", {"q": "river", "facets": facets}), 422, pointer=pointer, says=says)


def test_facets_in_an_address(server, docs):
    once = server.get(C + "/search", q="river", facets="tags, site", limit=1)["facets"]
    assert server.ask("GET", C + "/search?q=river&facets=tags&facets=site&limit=1", status=200).json()["facets"] == once
    assert set(once) == {"tags", "site"}
    problem(server.ask("GET", C + "/search", q="river", facets="tags,yaer"), 422, parameter="facets/1", says="year")

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
    assert answer["total"] == {"value": sum(h["score"] >= cut for h in everything), "relation": "eq"}


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


@pytest.mark.parametrize("limit", [1, 3, 10, 29, 1000])
def test_the_first_values_of_many(server, docs, limit):
    want = Counter(d["price"] for d in docs)
    want = sorted(want.items(), key=lambda v: (-v[1], v[0]))[:limit]
    got = server.post(C + "/search", {"limit": 1, "facets": [{"field": "price", "limit": limit}]})["facets"]["price"]
    assert [(v["value"], v["count"]) for v in got] == want


# ---- order ----

def ranked(docs, *keys):
    """Sorted by (name, falling) keys, missing last; of an array the least or greatest; ties as the documents came."""
    out = list(docs)
    for name, falling in reversed(keys):
        def values(d):
            v = d.get(name)
            return v if isinstance(v, list) else [] if v is None else [v]
        there = [d for d in out if values(d)]
        there.sort(key=lambda d: (max if falling else min)(values(d)), reverse=falling)  # stable in both directions
        out = there + [d for d in out if not values(d)]
    return [d["id"] for d in out]


def pages(server, body, limit, path="/search"):
    out, cursor = [], None
    while True:
        page = server.post(C + path, {**body, "limit": limit, "cursor": cursor})
        out += page["data"]
        cursor = page["next_cursor"]
        if not cursor:
            return out
        assert len(out) < 5000


@pytest.mark.parametrize("sort, keys", [
    ("year:desc", [("year", True)]),
    ("year", [("year", False)]),
    ("year:desc, price:asc", [("year", True), ("price", False)]),
    (["site", {"field": "year", "order": "desc"}], [("site", False), ("year", True)]),
    ("seen:desc,site:desc", [("seen", True), ("site", True)]),
    ("tags:desc,price", [("tags", True), ("price", False)]),
    ("tags,id:desc", [("tags", False), ("id", True)]),
    ("attributes.year:asc,id", [("year", False), ("id", False)]),
])
@pytest.mark.parametrize("limit", [7, 1000])
def test_sort_looks_through_all_that_the_filter_passes(server, docs, sort, keys, limit):
    cheap = [d for d in docs if d["price"] < 30]
    got = pages(server, {"filter": "price < 30", "sort": sort}, limit)
    assert [h["id"] for h in got] == ranked(cheap, *keys)
    assert all(h["score"] == 0 and h["scores"] == {"semantic": None, "lexical": None} for h in got)


def test_missing_first(server, docs):
    got = [h["document"]["attributes"].get("year") for h in pages(server, {"q": "*", "sort": [{"field": "year", "missing": "first"}]}, 50)]
    assert len(got) == COUNT and got == [None] * got.count(None) + sorted(y for y in got if y)


def test_without_a_query_or_order_documents_come_as_they_came(server, docs):
    answer = server.post(C + "/search", {"limit": 5, "facets": ["tags"]})
    assert ids(answer) == [d["id"] for d in docs[:5]] and answer["total"] == {"value": COUNT, "relation": "eq"}
    assert counts(answer["facets"]["tags"]) == Counter(t for d in docs for t in d["tags"])
    assert [h["id"] for h in pages(server, {"q": " "}, 33)] == [d["id"] for d in docs]
    assert ids(server.get(C + "/search", sort="id:desc", limit=2)) == [docs[-1]["id"], docs[-2]["id"]]


@pytest.mark.parametrize("mode", ["hybrid", "semantic", "lexical"])
def test_a_sorted_search_has_what_matches(server, docs, mode):
    free = server.post(C + "/search", {"q": "river stone", "mode": mode, "limit": 1000})["data"]
    worded = {d["id"] for d in docs if {"river", "stone"} & set((d["title"] + " " + d["text"]).split())}
    score = {h["id"]: h["score"] for h in free if mode != "hybrid" or h["id"] in worded}
    assert mode == "semantic" or set(score) == worded
    place = {d["id"]: i for i, d in enumerate(docs)}
    site = {d["id"]: d.get("site") for d in docs}
    got = pages(server, {"q": "river stone", "mode": mode, "sort": "site,_score"}, 13)
    assert [h["id"] for h in got] == sorted(score, key=lambda i: (site[i] is None, site[i] or "", -score[i], place[i]))
    for h in got:
        assert h["score"] == pytest.approx(score[h["id"]], abs=1e-9)
    got = pages(server, {"q": "river stone", "mode": mode, "sort": "site"}, 13)
    assert [h["id"] for h in got] == sorted(score, key=lambda i: (site[i] is None, site[i] or "", place[i]))
    for h in got:
        assert h["score"] == pytest.approx(score[h["id"]], abs=1e-9)
    cut = free[40]["score"]
    got = pages(server, {"q": "river stone", "mode": mode, "sort": "year:desc", "min_score": cut}, 10)
    assert {h["id"] for h in got} == {h["id"] for h in free if h["score"] >= cut}
    years = [h["document"]["attributes"].get("year", 0) for h in got]
    assert years == sorted(years, reverse=True)


@pytest.mark.parametrize("mode", ["hybrid", "semantic", "lexical"])
def test_sorting_by_score_is_searching(server, docs, mode):
    body = {"q": "garden engine", "mode": mode, "limit": 1000}
    assert ids(server.post(C + "/search", {**body, "sort": "_score"})) == ids(server.post(C + "/search", body))
    score = {h["id"]: h["score"] for h in server.post(C + "/search", body)["data"]}
    got = pages(server, {"q": "garden engine", "mode": mode, "sort": "_score:asc"}, 20)
    assert [h["score"] for h in got] == sorted(score.values())


def test_similar_sorted(server, docs):
    got = pages(server, {"text": "river stone", "exclude": ["d000"], "sort": "price:desc"}, 31, "/similar")
    assert [h["document"]["attributes"]["price"] for h in got] == sorted((d["price"] for d in docs[1:]), reverse=True)
    assert len({h["id"] for h in got}) == COUNT - 1


def test_pages_neither_repeat_nor_miss_while_documents_come_and_go(server):
    c = "/v1/collections/moving"
    server.collection("moving")
    r = random.Random(3)
    rows = [{"id": f"s{i}", "text": "one two", "attributes": {"n": r.randint(0, 9)}} for i in range(120)]
    server.post(c + "/documents", rows)
    seen, cursor, n = [], None, 0
    while True:
        page = server.post(c + "/search", {"q": "one", "mode": "lexical", "sort": "n:desc", "limit": 9, "cursor": cursor})
        seen += [h["id"] for h in page["data"] if h["id"].startswith("s")]
        cursor = page["next_cursor"]
        if not cursor:
            break
        server.post(c + "/documents", [{"id": f"x{n + i}", "text": "one", "attributes": {"n": r.randint(0, 9)}} for i in range(5)])
        server.post(c + "/documents:delete", {"ids": [page["data"][-1]["id"]]})  # the very one that the page ended with
        n += 5
    assert sorted(seen) == sorted(d["id"] for d in rows)


@pytest.mark.parametrize("body, pointer, says", [
    ({"sort": "yaer"}, "/sort/0", "year"),
    ({"sort": "year,title:desc"}, "/sort/1", "title"),
    ({"sort": "year:up"}, "/sort", "year:up"),
    ({"sort": ["year", "year:"]}, "/sort/1", "year:"),
    ({"sort": ["year"] * 9}, "/sort", "8"),
    ({"sort": ",".join(["year"] * 9)}, "/sort", "8"),
    ({"sort": [{"field": "year", "order": "down"}]}, "/sort/0/order", "asc"),
    ({"sort": [{"order": "asc"}]}, "/sort/0/field", "missing"),
    ({"sort": 3}, "/sort", "array"),
    ({"sort": "_score"}, "/sort/0", "without q"),
    ({"min_score": .5}, "/min_score", "needs q"),
])
def test_wrong_orders_are_refused(server, docs, body, pointer, says):
    problem(server.ask("POST", C + "/search", body), 422, pointer=pointer, says=says)


def test_a_cursor_belongs_to_its_order(server, docs):
    cursor = server.post(C + "/search", {"sort": "year", "limit": 3})["next_cursor"]
    problem(server.ask("POST", C + "/search", {"sort": "year:desc", "limit": 3, "cursor": cursor}), 422, pointer="/cursor")
    problem(server.ask("POST", C + "/search", {"limit": 3, "cursor": cursor}), 422, pointer="/cursor")
    problem(server.ask("POST", C + "/search", {"sort": "year", "cursor": cursor[:-4]}), 422, pointer="/cursor")


# ---- places ----

def metres(a, b):
    from math import asin, cos, radians, sin, sqrt
    h = sin(radians(b[0] - a[0]) / 2) ** 2 + cos(radians(a[0])) * cos(radians(b[0])) * sin(radians(b[1] - a[1]) / 2) ** 2
    return 2 * 6371008.8 * asin(sqrt(min(1, h)))


@pytest.fixture(scope="module")
def places(server):
    r = random.Random(8)
    server.collection("places")
    rows = [{"id": f"p{i:03}", "text": "a place to eat", "attributes": {"n": i}} for i in range(150)]
    for d in rows:
        if r.random() < .9:
            at = (52.5 + r.uniform(-.2, .2), 13.4 + r.uniform(-.2, .2)) if r.random() < .6 else (r.uniform(-90, 90), r.uniform(-180, 180))
            d["attributes"]["at"] = {"lat": at[0], "lon": at[1]}
    assert server.post("/v1/collections/places/documents", rows)["failed"] == 0
    return {d["id"]: (d["attributes"]["at"]["lat"], d["attributes"]["at"]["lon"]) if "at" in d["attributes"] else None for d in rows}


@pytest.mark.parametrize("sort", ["geo(at, 52.5, 13.4)", ["geo(at,52.5,13.4):asc"], [{"field": "at", "lat": 52.5, "lon": 13.4}]])
def test_sorted_by_distance(server, places, sort):
    got, cursor = [], None
    while True:
        page = server.post("/v1/collections/places/search", {"q": "eat", "mode": "lexical", "sort": sort, "limit": 40, "cursor": cursor})
        got += page["data"]
        cursor = page["next_cursor"]
        if not cursor:
            break
    here = (52.5, 13.4)
    assert [h["id"] for h in got] == sorted(places, key=lambda i: (places[i] is None, metres(here, places[i]) if places[i] else i))
    for h in got:
        if places[h["id"]]:
            assert h["distance_m"] == pytest.approx(metres(here, places[h["id"]]), abs=.01)
        else:
            assert "distance_m" not in h


def test_within_a_distance_and_a_box(server, places):
    here = (52.5, 13.4)
    got = server.post("/v1/collections/places/search", {"filter": "geo(at, 52.5, 13.4) <= 12km AND n >= 10", "limit": 1000})
    want = {i for i, p in places.items() if p and metres(here, p) <= 12000 and int(i[1:]) >= 10}
    assert {h["id"] for h in got["data"]} == want and len(want) > 5 and got["total"]["value"] == len(want)
    assert all(h["distance_m"] <= 12000 for h in got["data"])
    got = server.post("/v1/collections/places/search", {"filter": "NOT geo(at) (52.4, 13.3) TO (52.6, 13.5)", "limit": 1000})["data"]
    assert {h["id"] for h in got} == {i for i, p in places.items() if not (p and 52.4 <= p[0] <= 52.6 and 13.3 <= p[1] <= 13.5)}
    far = server.post("/v1/collections/places/search", {"sort": "geo(at,52.5,13.4):desc,n", "limit": 1})["data"][0]
    assert far["distance_m"] == pytest.approx(max(metres(here, p) for p in places.values() if p), abs=.01)


@pytest.mark.parametrize("body, pointer, says", [
    ({"filter": "geo(at, 52.5, 13.4) <= 10 miles"}, "/filter", "miles"),
    ({"filter": "geo(ta, 52.5, 13.4) <= 10km"}, "/filter", "nearest known"),
    ({"sort": "geo(at,52.5)"}, "/sort", "a longitude"),
    ({"sort": ["geo(at,95,3)"]}, "/sort/0", "a latitude"),
    ({"sort": [{"field": "at", "lat": 5}]}, "/sort/0", "lon"),
    ({"sort": [{"field": "at", "lat": 5, "lon": 181}]}, "/sort/0/lon", "180"),
    ({"sort": "geo(ta,5,6)"}, "/sort/0", "nearest known"),
])
def test_wrong_places_are_refused(server, places, body, pointer, says):
    problem(server.ask("POST", "/v1/collections/places/search", body), 422, pointer=pointer, says=says)


# ---- groups ----

def grouped(hits, key, room):
    """Groups by their best hit, at most so many hits each; those without a value alone."""
    out, places = [], {}
    for h in hits:
        value = key(h)
        if value is None:
            out.append((None, [h["id"]]))
        elif value in places:
            if len(out[places[value]][1]) < room:
                out[places[value]][1].append(h["id"])
        else:
            places[value] = len(out)
            out.append((value, [h["id"]]))
    return out


def groups_of(data):
    return [(h["group"]["value"], [h["id"]] + [x["id"] for x in h["group"]["hits"]]) for h in data]


def first(name):
    def key(h):
        v = h["document"].get(name, h["document"]["attributes"].get(name))
        return (v or [None])[0] if isinstance(v, list) else v
    return key


@pytest.mark.parametrize("body", [
    {"q": "river stone"}, {"q": "river stone", "mode": "semantic", "filter": "price < 30"}, {"q": "river", "mode": "lexical"},
    {"q": "garden", "sort": "price:desc"}, {"sort": "year"}, {}, {"q": "night river", "mode": "lexical", "min_score": .2},
])
@pytest.mark.parametrize("field, room, limit", [("site", 1, 20), ("site", 3, 4), ("tags", 2, 3), ("site", 50, 20), ("id", 2, 30)])
def test_groups_are_as_if_made_of_all_hits(server, docs, body, field, room, limit):
    everything = pages(server, body, 1000)
    want = grouped(everything, first(field) if field != "id" else lambda h: h["id"], room)
    score = {h["id"]: h["score"] for h in everything}
    got = pages(server, {**body, "group_by": {"field": field, "limit": room}}, limit)
    assert groups_of(got) == want
    for h in got:
        for x in [h] + h["group"]["hits"]:
            assert x["score"] == pytest.approx(score[x["id"]], abs=1e-9) and x["document"]["id"] == x["id"]


def test_a_large_group_starves_nobody(server):
    c = "/v1/collections/crowd"
    server.collection("crowd")
    rows = [{"id": f"b{i}", "text": "boat boat boat boat", "attributes": {"site": "big"}} for i in range(400)]
    rows += [{"id": f"x{i}", "text": "a boat among some other words that are longer", "attributes": {"site": f"small{i % 4}"}} for i in range(12)]
    rows += [{"id": "alone", "text": "and one more boat with many more other words around it than that"}]
    assert server.post(c + "/documents", rows)["failed"] == 0
    answer = server.post(c + "/search", {"q": "boat", "mode": "lexical", "limit": 10, "group_by": {"field": "site", "limit": 3}, "facets": ["site"]})
    assert [(v, len(i)) for v, i in groups_of(answer["data"])] == [("big", 3), ("small0", 3), ("small1", 3), ("small2", 3), ("small3", 3), (None, 1)]
    assert answer["total"]["value"] == 413 and answer["facets"]["site"][0] == {"value": "big", "count": 400}
    assert answer["next_cursor"] is None
    two = server.get(c + "/search", q="boat", mode="lexical", limit=2, group_by="site")
    assert [v for v, _ in groups_of(two["data"])] == ["big", "small0"] and two["data"][0]["group"]["hits"] == []


def test_similar_grouped(server, docs):
    flat = pages(server, {"text": "river stone"}, 1000, "/similar")
    got = pages(server, {"text": "river stone", "group_by": {"field": "site", "limit": 2}}, 5, "/similar")
    assert groups_of(got) == grouped(flat, first("site"), 2)


@pytest.mark.parametrize("body, pointer, says", [
    ({"group_by": "sitte"}, "/group_by", "site"),
    ({"group_by": {"limit": 2}}, "/group_by/field", "missing"),
    ({"group_by": {"field": "site", "limit": 0}}, "/group_by/limit", "1 to 100"),
    ({"group_by": {"field": "site", "limit": 100}}, "/group_by/limit", "1000"),
    ({"group_by": ["site"]}, "/group_by", "string"),
    ({"q": "x", "group_by": "site", "fusion": "rrf"}, "/group_by", "linear"),
    ({"q": "x", "sort": "year", "fusion": "rrf"}, "/sort", "linear"),
])
def test_wrong_groups_are_refused(server, docs, body, pointer, says):
    problem(server.ask("POST", C + "/search", {**body, "limit": 20}), 422, pointer=pointer, says=says)


# ---- the values of a field alone ----

def test_the_values_of_a_field(server, docs):
    got = server.get(C + "/facets/tags")
    assert counts(got["data"]) == Counter(t for d in docs for t in d["tags"])
    assert got["field"] == "tags" and got["total"] == {"value": COUNT, "relation": "eq"} and "stats" not in got
    got = server.get(C + "/facets/attributes.year", filter="price < 20", limit=3, stats="true")
    years = [d["year"] for d in docs if d["price"] < 20 and "year" in d]
    assert [v["count"] for v in got["data"]] == [n for _, n in Counter(years).most_common(3)]
    assert got["stats"]["count"] == len(years) and got["stats"]["max"] == max(years)
    got = server.get(C + "/facets/tags", q="river")
    assert counts(got["data"]) == Counter(t for d in docs if "river" in d["title"] + " " + d["text"] for t in d["tags"])
    problem(server.ask("GET", C + "/facets/tgas"), 422, parameter="field", says="tags")
    problem(server.ask("GET", C + "/facets/tags", filter="x ="), 422, parameter="filter")
    problem(server.ask("GET", C + "/facets/tags", limit=0), 422, parameter="limit")
    problem(server.ask("GET", "/v1/collections/nowhere/facets/tags"), 404)

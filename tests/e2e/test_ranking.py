"""Scores: of the query and the document alone, whatever else is asked; boosts, fusions, weights; what explain says."""
import random
import pytest
from conftest import problem

C = "/v1/collections/ranking"
WORDS = ["river", "stone", "bridge", "winter", "garden", "letter", "engine", "copper", "music", "harbour", "lantern", "meadow"]
BOOSTS = [{"field": "day", "half_life": "30d", "origin": "2026-06-01T00:00:00Z", "weight": 0.3},
          {"field": "reads", "pivot": 50, "weight": 0.4}]
COUNT = 400


@pytest.fixture(scope="module", autouse=True)
def collection(server):
    rng = random.Random(5)
    server.post("/v1/collections", {"name": "ranking"}, status=201)
    documents = []
    for i in range(COUNT):
        d = {"id": f"d{i}", "text": " ".join(rng.choices(WORDS, k=rng.randrange(3, 40))), "lang": rng.choice(["en", "de"]),
             "day": f"2026-{rng.randrange(1, 13):02}-{rng.randrange(1, 29):02}"}
        if i % 5:
            d["reads"] = rng.randrange(300)
        documents.append(d)
    for at in range(0, COUNT, 100):
        server.post(C + "/documents", documents[at:at + 100])


def search(server, **fields):
    return server.post(C + "/search", {"q": "stone bridge winter", **fields})


def scores(answer):
    return {h["id"]: h["score"] for h in answer["data"]}


@pytest.mark.parametrize("boosts", [[], BOOSTS])
@pytest.mark.parametrize("mode", ["hybrid", "semantic", "lexical"])
def test_nothing_else_changes_a_score(server, mode, boosts):
    all_of_it = scores(search(server, mode=mode, boosts=boosts, limit=1000))
    assert len(all_of_it) > 100
    best = sorted(all_of_it.values(), reverse=True)
    for other in ({"limit": 3}, {"limit": 7, "offset": 13}, {"filter": "lang = de", "limit": 50}, {"facets": ["lang"]},
                  {"filter": "reads > 100", "facets": ["lang"], "limit": 20}, {"min_score": best[25]}, {"duplicates": "hide"},
                  {"exact": True}, {"explain": True}):
        answer = search(server, mode=mode, boosts=boosts, **other)
        got = scores(answer)
        assert got
        for id, score in got.items():
            assert abs(score - all_of_it[id]) < 1e-6
        if "filter" not in other:
            first = other.get("offset", 0)
            assert [h["score"] for h in answer["data"]] == pytest.approx(best[first:first + len(got)], abs=1e-6)


@pytest.mark.parametrize("boosts", [[], BOOSTS])
def test_cursors_go_on_where_the_page_before_ended(server, boosts):
    whole = [h["id"] for h in search(server, boosts=boosts, limit=100)["data"]]
    paged, cursor = [], None
    while len(paged) < 100:
        answer = search(server, boosts=boosts, limit=13, cursor=cursor)
        paged += [h["id"] for h in answer["data"]]
        cursor = answer["next_cursor"]
    assert paged[:100] == whole


def given(hit):
    e = hit["explain"]
    semantic = 0 if e["cosine"] is None else max(0, (e["cosine"] - e["mean_cosine"]) / (1 - e["mean_cosine"]))
    lexical = e["bm25"] / e["bound"] if e["bound"] else 0
    factor = 1 - sum(b["weight"] * (1 - b["boost"]) for b in e["boosts"])
    return lexical, semantic, factor


def test_explain_adds_up(server):
    answer = search(server, boosts=BOOSTS, explain=True, limit=50)
    assert answer["explain"]["complete"] and answer["explain"]["scored"] >= 50
    for h in answer["data"]:
        lexical, semantic, factor = given(h)
        assert abs(h["scores"]["lexical"] - lexical) < 1e-6 and abs(h["scores"]["semantic"] - semantic) < 1e-6
        assert abs(h["explain"]["relevance"] - (.6 * lexical + .4 * semantic)) < 1e-6
        assert abs(h["score"] - h["explain"]["relevance"] * factor) < 1e-6
        day, reads = h["explain"]["boosts"]
        assert day["field"] == "day" and 0 <= day["boost"] <= 1
        value = h["document"]["attributes"].get("reads")
        assert reads["value"] == value and abs(reads["boost"] - (value / (value + 50) if value else 0)) < 1e-6
        age = (1780272000 - day["value"]) / 86400
        assert abs(day["boost"] - min(1, .5 ** (age / 30))) < 1e-6
    plain = search(server, explain=True)["data"][0]
    assert plain["explain"]["boosts"] == [] and plain["explain"]["relevance"] == plain["score"]


def test_weights(server):
    for h in search(server, weights={"lexical": 1, "semantic": 3}, explain=True)["data"]:
        lexical, semantic, _ = given(h)
        assert abs(h["score"] - (.25 * lexical + .75 * semantic)) < 1e-6
    only = search(server, weights={"lexical": 0, "semantic": 2}, limit=50)
    assert scores(only) == pytest.approx(scores(search(server, mode="semantic", limit=50)), abs=1e-6)


def test_recency_moves_what_is_new_up_and_min_score_counts_with_it(server):
    boosts = [{"field": "day", "half_life": 864000, "origin": "2026-12-30T00:00:00Z", "weight": 0.9}]
    new = search(server, boosts=boosts, limit=10, explain=True)["data"]
    assert all(h["document"]["attributes"]["day"] >= "2026-10" for h in new[:5])
    cut = new[4]["score"]
    answer = search(server, boosts=boosts, min_score=cut - 1e-9, facets=["lang"])
    assert answer["total"] == {"value": 5, "relation": "eq"} and len(answer["data"]) == 5
    assert sum(v["count"] for v in answer["facets"]["lang"]) == 5


def test_created_is_a_date_too_and_pages_agree_though_time_passes(server):
    boosts = [{"field": "created", "half_life": "2h"}]
    one, two = (scores(search(server, boosts=boosts, limit=20)) for _ in range(2))
    assert one == pytest.approx(two, abs=1e-3)
    assert max(one.values()) <= max(scores(search(server)).values())


def test_similar_is_boosted_too(server):
    plain = server.post(C + "/similar", {"id": "d7", "limit": 1000, "exclude": ["d8", "d9"]})["data"]
    boosted = server.post(C + "/similar", {"id": "d7", "limit": 30, "exclude": ["d8", "d9"], "boosts": BOOSTS, "explain": True})["data"]
    relevance = scores({"data": plain})
    assert not {"d7", "d8", "d9"} & set(relevance) and len(relevance) == COUNT - 3
    for h in boosted:
        assert abs(h["explain"]["relevance"] - relevance[h["id"]]) < 1e-6
        assert abs(h["score"] - relevance[h["id"]] * given(h)[2]) < 1e-6
    assert [h["score"] for h in boosted] == sorted((h["score"] for h in boosted), reverse=True)
    assert [h["id"] for h in boosted] != [h["id"] for h in plain[:30]]


def test_rank_fusion(server):
    lists = [[h["id"] for h in search(server, mode=m, limit=1000)["data"]] for m in ("lexical", "semantic")]
    expected = {}
    for ids in lists:
        for rank, id in enumerate(ids, 1):
            expected[id] = expected.get(id, 0) + 1 / (60 + rank)
    for h in search(server, fusion="rrf", limit=50, exact=True)["data"]:
        assert abs(h["score"] - expected[h["id"]]) < 1e-6
    ranged = search(server, fusion="minmax", limit=50)["data"]
    assert 0 < ranged[0]["score"] <= 1


@pytest.mark.parametrize("fields,pointer", [
    ({"fusion": "rrf", "min_score": 0.1}, "/min_score"),
    ({"fusion": "minmax", "min_score": 0.1}, "/min_score"),
    ({"fusion": "borda"}, "/fusion"),
    ({"weights": {"lexical": 0, "semantic": 0}}, "/weights"),
    ({"weights": {"lexical": 1}}, "/weights/semantic"),
    ({"weights": {"lexical": -1, "semantic": 1}}, "/weights/lexical"),
    ({"boosts": [{"field": "reads"}]}, "/boosts/0"),
    ({"boosts": [{"field": "reads", "pivot": 1, "half_life": "1d"}]}, "/boosts/0"),
    ({"boosts": [{"field": "raeds", "pivot": 1}]}, "/boosts/0/field"),
    ({"boosts": [{"field": "reads", "pivot": 0}]}, "/boosts/0/pivot"),
    ({"boosts": [{"field": "reads", "pivot": 1}, {"field": "day", "half_life": "month"}]}, "/boosts/1/half_life"),
    ({"boosts": [{"field": "day", "half_life": "-3d"}]}, "/boosts/0/half_life"),
    ({"boosts": [{"field": "day", "half_life": "3d", "origin": "today"}]}, "/boosts/0/origin"),
    ({"boosts": [{"field": "reads", "pivot": 1, "origin": "2026-01-01T00:00:00Z"}]}, "/boosts/0/origin"),
    ({"boosts": [{"field": "reads", "pivot": 1, "weight": 0.6}] * 2}, "/boosts"),
    ({"boosts": [{"field": "reads", "pivot": 1, "weight": 0.01}] * 9}, "/boosts"),
])
def test_what_is_refused(server, fields, pointer):
    problem(server.ask("POST", C + "/search", {"q": "x", **fields}), 422, pointer=pointer)


def test_the_same_in_an_address(server):
    import json
    a = server.get(C + "/search", q="stone bridge winter", boosts=json.dumps(BOOSTS), weights='{"lexical":1,"semantic":1}')
    b = search(server, boosts=BOOSTS, weights={"lexical": 1, "semantic": 1})
    assert scores(a) == scores(b)
    problem(server.ask("GET", C + "/search", q="x", fusion="rrf", min_score=0.5), 422, parameter="min_score")

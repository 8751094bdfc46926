"""What the words of a query mean: phrases, minus, all, prefixes, typos, synonyms, stop words."""
import pytest
from conftest import problem

DOCUMENTS = [
    {"id": "cats", "title": "The cat", "text": "Cats and dogs sleep in the sun.", "lang": "en"},
    {"id": "dog", "title": "A dog", "text": "The dog chased the cat around the house.", "lang": "en"},
    {"id": "bird", "title": "The bird", "text": "Birds sing while the cat is away.", "lang": "en"},
    {"id": "elephant", "text": "An elephant never forgets its television set.", "lang": "en"},
    {"id": "car", "text": "My car stands in New York.", "lang": "en"},
    {"id": "auto", "text": "Automobiles of the nineteen twenties.", "lang": "en"},
    {"id": "haus", "text": "Die Häuser der alten Stadt.", "lang": "de"},
    {"id": "zh", "text": "我在北京大学学习中文。", "lang": "zh"},
    {"id": "th", "text": "ผมเรียนภาษาไทยที่มหาวิทยาลัย", "lang": "th"},
]


@pytest.fixture(scope="module")
def animals(server):
    server.collection("animals")
    assert server.post("/v1/collections/animals/documents", DOCUMENTS)["failed"] == 0
    return server


def found(server, q, **more):
    r = server.post("/v1/collections/animals/search", {"q": q, "mode": "lexical", **more})
    assert r["total"] == {"value": len(r["data"]), "relation": "eq"}
    for hit in r["data"]:
        assert 0 < hit["score"] < 1
    return {h["id"] for h in r["data"]}


@pytest.mark.parametrize("q, wanted", [
    ("cat", {"cats", "dog", "bird"}),
    ("running cats", {"cats", "dog", "bird"}),
    ('"the cat"', {"cats", "dog", "bird"}),
    ('"chased the cat"', {"dog"}),
    ('"cat the"', set()),
    ('"cats"', {"cats"}),
    ("cat -dogs", {"bird"}),
    ('cat -"the dog"', {"cats", "bird"}),
    ("-cat", set()),
    ('"the cat', {"cats", "dog", "bird", "auto"}),
    ("häuser", {"haus"}),
    ("北京", {"zh"}),
    ('"京大学"', {"zh"}),
    ('"学京"', set()),
    ("ภาษาไทย", {"th"}),
])
def test_queries(animals, q, wanted):
    assert found(animals, q) == wanted


@pytest.mark.parametrize("q, wanted", [
    ("cat dog", {"cats", "dog"}),
    ("the cat and a bird", {"bird"}),
    ("cat elephant", set()),
    ("the", {"cats", "dog", "bird", "auto"}),
    ("北京中文", {"zh"}),
    ("北京 ภาษา", set()),
])
def test_all(animals, q, wanted):
    assert found(animals, q, match="all") == wanted


def test_what_must_be_there_holds_for_meaning_too(animals):
    def hybrid(q, **more):
        return found_ids(animals, {"q": q, "mode": "hybrid", **more})
    assert hybrid('"chased the cat"') == {"dog"}
    assert hybrid("cat bird", match="all") == {"bird"}
    everything = hybrid("cat")
    assert everything == {d["id"] for d in DOCUMENTS}
    assert hybrid("cat -bird") == everything - {"bird"}
    assert found_ids(animals, {"q": "cat -bird", "mode": "semantic"}) == everything


def found_ids(server, body):
    r = server.post("/v1/collections/animals/search", {"limit": 50, "facets": ["lang"], **body})
    assert sum(v["count"] for v in r["facets"]["lang"]) == r["total"]["value"] == len(r["data"])
    return {h["id"] for h in r["data"]}


def test_prefix(animals):
    assert found(animals, "telev", prefix=True) == {"elephant"}
    assert found(animals, "telev", typos=False) == set()
    assert found(animals, "telev dog", prefix=True, typos=False) == {"cats", "dog"}
    assert found(animals, "telev ", prefix=True, typos=False) == set()
    assert found(animals, "dog -c", prefix=True) == {"cats", "dog"}


def test_typos(animals):
    assert found(animals, "elepant") == {"elephant"}
    assert found(animals, "elepant", typos=False) == set()
    assert found(animals, "automobbilles") == {"auto"}
    assert found(animals, "brid", typos=True) == {"bird"}
    assert found(animals, '"brid"') == set()


def settings(server, status=200, **values):
    return server.ask("PATCH", "/v1/collections/animals", values, status=status)


def test_synonyms_and_stop_words(animals):
    settings(animals, synonyms=[
        {"words": ["car", "automobile"]},
        {"words": ["tv", "telly"], "means": ["television set"]},
        {"words": ["nyc", "new york"]},
    ], stop_words=["Cat"])
    assert found(animals, "car") == found(animals, "automobiles") == {"car", "auto"}
    assert found(animals, "telly", match="all") == {"elephant"}
    assert found(animals, "television") == {"elephant"}
    assert found(animals, "nyc", match="all") == {"car"}
    assert found(animals, "cat bird") == {"bird"}
    assert found(animals, "cat") == {"cats", "dog", "bird"}
    shown = animals.get("/v1/collections/animals")["settings"]
    assert shown["stop_words"] == ["Cat"] and shown["synonyms"][0] == {"words": ["car", "automobile"]}
    settings(animals, passage_tokens=shown["passage_tokens"])
    assert found(animals, "nyc") == {"car"}
    settings(animals, synonyms=[], stop_words=None)
    assert found(animals, "car") == {"car"} and found(animals, "nyc", typos=False) == set()
    assert found(animals, "cat bird") == {"cats", "dog", "bird"}


@pytest.mark.parametrize("values, pointer", [
    ({"synonyms": 5}, "/synonyms"),
    ({"synonyms": [{"words": ["one"]}]}, "/synonyms/0"),
    ({"synonyms": [{"words": ["one", ""]}]}, "/synonyms/0/words/1"),
    ({"synonyms": [{"words": ["one", 2]}]}, "/synonyms/0/words/1"),
    ({"synonyms": [{"words": ["a", "b"]}, {"means": ["b"]}]}, "/synonyms/1/words"),
    ({"synonyms": [{"words": ["a"], "means": ["x" * 256]}]}, "/synonyms/0/means/0"),
    ({"synonyms": [{"words": ["a"], "meens": ["b"]}]}, "/synonyms/0/meens"),
    ({"synonyms": [{"words": ["a", "b"]}] * 5001}, "/synonyms"),
    ({"stop_words": "the"}, "/stop_words"),
    ({"stop_words": ["a", " "]}, "/stop_words/1"),
    ({"stop_words": ["a"] * 5001}, "/stop_words"),
])
def test_settings_that_are_wrong(animals, values, pointer):
    problem(settings(animals, 422, **values), 422, pointer)


@pytest.mark.parametrize("more, pointer", [
    ({"match": "some"}, "/match"), ({"prefix": 1}, "/prefix"), ({"typos": "yes"}, "/typos")])
def test_options_that_are_wrong(animals, more, pointer):
    problem(animals.ask("POST", "/v1/collections/animals/search", {"q": "cat", **more}), 422, pointer)

"""What of a hit a reader sees: the best passage, the query's words in it and in the title, snippets, the fields that were asked for."""
import unicodedata

import pytest
from conftest import problem

C = "/v1/collections/shown"
LONG = " ".join(f"Paragraph {i} is about nothing at all, and nobody reads it." for i in range(300))
ROWS = [
    {"id": "soup", "title": "Pumpkin soup & <ginger>", "text": "It rained. We made a <b>pumpkin</b> soup & ate it. " + LONG,
     "attributes": {"year": 2024, "author": {"name": "Ann", "town": "Ulm"}, "a.b": 1}, "tags": ["food"], "url": "http://x/1"},
    {"id": "long", "title": "Long", "text": LONG + " Here the zeppelin lands. " + LONG},
    {"id": "zh", "title": "北京大学", "text": "他在北京大学读书。东京大街很长。", "lang": "zh"},
    {"id": "ja", "title": "東京タワー", "text": "週末に東京タワーに行きました。とても高いです。", "lang": "ja"},
    {"id": "th", "title": "ตลาดปลา", "text": "วันนี้ฉันไปตลาดปลาแล้วกลับบ้าน", "lang": "th"},
    {"id": "he", "title": "שָׁלוֹם", "text": "שָׁלוֹם עולם, said the writer in English.", "lang": "he"},
    {"id": "ar", "title": "كِتَاب", "text": "قرأ كِتَابًا جديدا أمس", "lang": "ar"},
    {"id": "emoji", "title": "👩‍💻 photo", "text": "A photo👩‍👩‍👧‍👦 of 🇩🇪🇪🇺 and a cafe\u0301 photo\u200d."},
]


@pytest.fixture(scope="module", autouse=True)
def collection(server):
    server.collection("shown")
    assert server.post(C + "/documents", ROWS)["failed"] == 0


def search(server, q, **more):
    return server.post(C + "/search", {"q": q, "mode": "lexical", **more})["data"]


def hit(server, q, id, **more):
    return next(h for h in search(server, q, **more) if h["id"] == id)


def marked(piece):
    raw = piece["text"].encode()
    return [raw[r["start"]:r["end"]].decode() for r in piece["highlights"]]


def hold(document, piece):
    """A piece is the document's bytes; its ranges lie in it, apart from each other, and part no letter from its mark."""
    text = document["text"].encode()
    assert text[piece["start"]:piece["end"]].decode() == piece["text"]
    last = -1
    for r in piece["highlights"]:
        assert last < r["start"] < r["end"] <= len(piece["text"].encode())
        last = r["end"]
        for at in (r["start"], r["end"]):
            rest = piece["text"].encode()[at:].decode()
            assert not rest or (unicodedata.combining(rest[0]) == 0 and rest[0] not in "\u200d\ufe0f")


@pytest.mark.parametrize("q, id, wanted, title", [
    ("PUMPKINS soups", "soup", ["pumpkin", "soup"], ["Pumpkin", "soup"]),
    ("北京大学", "zh", ["北京大学"], ["北京大学"]),
    ("東京タワー", "ja", ["東京タワー"], ["東京タワー"]),
    ("ตลาดปลา", "th", ["ตลาดปลา"], ["ตลาดปลา"]),
    ("שלום", "he", ["שָׁלוֹם"], ["שָׁלוֹם"]),
    ("שלום english", "he", ["שָׁלוֹם", "English"], ["שָׁלוֹם"]),  # both directions in one query
    ("كتابا", "ar", ["كِتَابًا"], ["كِتَاب"]),  # the stem, as the text is found to be Arabic
    ("photo café", "emoji", ["photo", "caf\u00e9", "photo\u200d"], ["photo"]),
])
def test_words_are_marked_as_they_stand(server, q, id, wanted, title):
    h = hit(server, q, id)
    hold(h["document"], h["passage"])
    assert marked(h["passage"]) == wanted
    raw = h["document"]["title"].encode()
    assert [raw[r["start"]:r["end"]].decode() for r in h["title_highlights"]] == title


@pytest.mark.parametrize("q, more, wanted", [
    ("pumpkni", {}, ["pumpkin"]), ("pumpkni", {"typos": False, "mode": "semantic"}, []), ("pump", {"prefix": True}, ["pumpkin"]), ("rain", {"prefix": True}, ["rained"]),
    ('"pumpkin soup"', {"mode": "hybrid"}, ["pumpkin", "soup"]), ("pumpkin -zeppelin", {}, ["pumpkin"]), ("how to make the pumpkin", {}, ["made", "pumpkin"]),
])
def test_words_as_the_index_understands_them(server, q, more, wanted):
    hits = [h for h in search(server, q, **more) if h["id"] == "soup"]
    found = marked(hits[0]["passage"])
    assert set(found) <= set(wanted) and ("pumpkin" in found or "pumpkin" not in wanted), found


def test_the_passage_that_has_the_words(server):
    h = hit(server, "zeppelin lands", "long")
    assert "zeppelin" in h["passage"]["text"] and h["passage"]["start"] > 5000
    hold(h["document"], h["passage"])


def test_snippets(server):
    for n in (20, 60, 200, 2000):
        h = hit(server, "zeppelin lands", "long", snippet_length=n)
        s = h["snippet"]
        hold(h["document"], s)
        assert len(s["text"]) <= n and "zeppelin" in s["text"] and "zeppelin" in marked(s)
        assert h["passage"]["start"] <= s["start"] and s["end"] <= h["passage"]["end"]
        before = h["document"]["text"].encode()[:s["start"]].decode()
        assert not before or not before[-1].isalnum()
    assert "snippet" not in hit(server, "zeppelin", "long") and "highlighted" not in hit(server, "zeppelin", "long")
    assert hit(server, "zeppelin", "long", snippet_length=24)["snippet"]["text"] == "Here the zeppelin lands."


def test_tagged_text_is_html(server):
    h = hit(server, "pumpkin ginger", "soup", highlight={})
    assert h["highlighted"]["title"] == "<em>Pumpkin</em> soup &amp; &lt;<em>ginger</em>&gt;"
    assert "&lt;b&gt;<em>pumpkin</em>&lt;/b&gt; soup &amp; ate" in h["highlighted"]["snippet"] and len(h["snippet"]["text"]) <= 200
    h = hit(server, "pumpkin", "soup", highlight={"pre": "[", "post": ""}, snippet_length=30)
    assert h["highlighted"]["title"].startswith("[Pumpkin soup") and "&lt;b&gt;[pumpkin&lt;" in h["highlighted"]["snippet"]
    assert len(h["snippet"]["text"]) <= 30


def test_a_search_by_meaning_shows_its_words_too(server):
    h = server.post(C + "/search", {"q": "zeppelin", "mode": "semantic", "limit": 20, "snippet_length": 40})["data"]
    assert all(x["passage"]["text"] and x["snippet"]["text"] for x in h)
    for x in h:
        hold(x["document"], x["snippet"])


@pytest.mark.parametrize("fields, wanted", [
    ([], {}),
    (["title"], {"title": "Pumpkin soup & <ginger>"}),
    (["attributes.year", "tags"], {"attributes": {"year": 2024}, "tags": ["food"]}),
    (["attributes.author.name", "attributes.author.town", "attributes.none", "nothing", "x.y.z"],
     {"attributes": {"author": {"name": "Ann", "town": "Ulm"}}}),
    (["attributes.a.b"], {"attributes": {"a.b": 1}}),
    (["attributes", "attributes.year"], {"attributes": ROWS[0]["attributes"]}),
    (["attributes.year", "attributes"], {"attributes": ROWS[0]["attributes"]}),
    (["id", "url"], {"url": "http://x/1"}),
    (["title.x", ".", "attributes.", ".year", "vector_digest"], {}),
])
def test_fields(server, fields, wanted):
    h = hit(server, "pumpkin", "soup", fields=fields)
    assert h["document"] == {"id": "soup", **wanted}
    assert h["passage"]["text"] and h["title_highlights"]  # what is shown does not depend on what comes back
    if fields:
        got = server.get(C + "/search", q="pumpkin", mode="lexical", fields=",".join(fields))["data"][0]["document"]
        assert got == {"id": "soup", **wanted}


def test_fields_that_akin_keeps(server):
    whole = hit(server, "pumpkin", "soup")["document"]
    part = hit(server, "pumpkin", "soup", fields=["revision", "updated"])["document"]
    assert part == {k: whole[k] for k in ("id", "revision", "updated")}
    similar = server.post(C + "/similar", {"id": "soup", "fields": ["title"], "limit": 1, "snippet_length": 50})["data"][0]
    assert set(similar["document"]) == {"id", "title"} and len(similar["snippet"]["text"]) <= 50


@pytest.mark.parametrize("body, pointer", [
    ({"snippet_length": 19}, "/snippet_length"), ({"snippet_length": 2001}, "/snippet_length"), ({"snippet_length": "a"}, "/snippet_length"),
    ({"highlight": True}, "/highlight"), ({"highlight": {"pre": "x" * 65}}, "/highlight/pre"), ({"highlight": {"tag": "b"}}, "/highlight/tag"),
    ({"fields": "title"}, "/fields"), ({"fields": [""]}, "/fields/0"), ({"fields": ["a"] * 65}, "/fields"), ({"fields": [1]}, "/fields/0"),
])
def test_what_is_wrong(server, body, pointer):
    problem(server.ask("POST", C + "/search", {"q": "x", **body}), 422, pointer=pointer)


def test_objects_in_an_address(server):
    h = server.get(C + "/search", q="pumpkin", mode="lexical", highlight='{"pre":"<i>","post":"</i>"}')["data"][0]
    assert h["highlighted"]["title"].startswith("<i>Pumpkin</i>")
    for wrong in ("{", '{"pre":1}', "[]", "em"):
        problem(server.ask("GET", C + "/search", q="x", highlight=wrong), 422, parameter="highlight")
    problem(server.ask("GET", C + "/search?q=x&highlight={}&highlight={}"), 422, parameter="highlight")

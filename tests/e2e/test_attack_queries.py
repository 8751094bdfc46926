"""Queries and texts made to hurt: every one is answered, or refused with its reason, and what is shown of a hit is sound."""
import json
import random

import pytest
from conftest import problem

C = "/v1/collections/attack"
JSON = {"Content-Type": "application/json"}
WORDS = "pumpkin soup ginger bicycle telescope guitar bread water flour kitchen".split()
MIXED = "שלום pumpkin مرحبا 北京大学 ตลาดปลา 東京タワー कोलकाता Ελλάδα привет 한국어 photo"
ZALGO = "".join(c + "".join(chr(0x300 + (i * 7 + j) % 112) for j in range(40)) for i, c in enumerate("pumpkin soup"))
FAMILY = "👩\u200d👩\u200d👧\u200d👦"

TEXTS = {
    "plain": " ".join(WORDS) + ". " + " ".join(f"Sentence {i} of many." for i in range(50)),
    "mixed": MIXED + " \u202eflipped pumpkin\u202c \u2067עברית soup\u2069 end",
    "zalgo": ZALGO + " and a pumpkin",
    "longword": "pumpkin " + "x" * 10000 + " soup " + "北" * 5000,
    "emoji": (FAMILY + "🇩🇪") * 300 + " pumpkin " + FAMILY * 100,
    "marks": "\u0301" * 3000 + " pumpkin" + "\u0301" * 3000,
    "html": "<script>alert('pumpkin')</script> & <b>soup</b>",
    "lines": "\n\n\npumpkin\r\n\tsoup\u2028\u0085ginger\ufeff",
    "dense": "京" * 4000 + "東京大学" + "ก" * 4000,
}


def seeded(n, alphabet, seed=7):
    r = random.Random(seed)
    return "".join(r.choice(alphabet) for _ in range(n))


QUERIES = {
    "10,000 words": " ".join(f"word{i}" for i in range(10000)),
    "10,000 times one": "pumpkin " * 10000,
    "a word of 10 kB": "x" * 10240,
    "a word of 10 kB of marks": "a" + "\u0301" * 5120,
    "a Chinese word of 10 kB": "北" * 3413,
    "a Thai word of 10 kB": seeded(3413, "กขคงจฉชซ"),
    "no vowel": seeded(10000, "bcdfgh"),
    "near to everything": " ".join(a + b for a in WORDS for b in ("", "x", "xy", "s", "es")),
    "misspelt": "pumpkni soop gignre bycicle telescpoe giutar brrad watr fluor kithcen " * 20,
    "letters": " ".join("abcdefghijklmnopqrstuvwxyz" * 20),
    "numbers": " ".join(str(i * 7919) for i in range(2000)),
    "mixed scripts": MIXED, "both directions": "\u202eabc\u202c \u2066pumpkin\u2069 שלום \u200fsoup\u200e",
    "unbalanced": '"pumpkin soup', "unbalanced, twice": 'pumpkin" "soup" "', "empty phrase": '""', "phrases": '"' * 999, "phrase of phrases": '"pumpkin "soup" ginger"',
    "only a minus": "-", "only minuses": "- - -- ---", "minus a phrase": '-"', "all is excluded": "-pumpkin", "everything and nothing": "pumpkin -pumpkin",
    "1,000 exclusions": " ".join(f"-w{i}" for i in range(1000)), "1,000 phrases": " ".join(f'"pumpkin w{i}"' for i in range(1000)),
    "operators": "AND OR NOT NEAR + ~ * ? ( ) [ ] { } ^ : \\ / | && ||", "parentheses": "(" * 5000 + ")" * 5000, "stars": "*" * 1000 + " p* *n pump*in",
    "SQL": "'; DROP TABLE documents; --", "FTS5": 'text:pumpkin NEAR/3 "soup"^2 {title} : -', "regex": "(a+)+$ .* [^x]*", "format": "%s%n%x %1$s",
    "quotes of all kinds": "“pumpkin” «soup» ‚x‘ 「京」 '''' ```", "zalgo": ZALGO, "family": FAMILY * 500, "flags": "🇩🇪" * 1001 + "🇩", "joiners": "\u200d" * 5000,
    "white": " \t\n\r\u00a0\u2003\u3000\u2028", "controls": "".join(map(chr, range(1, 32))) + "\x7f\x80\x9f", "noncharacters": "\ufffe\uffff\U0010ffff \ufdd0 \ufffd",
    "html": TEXTS["html"], "expands under folding": "ﷺ" * 3000, "shrinks under folding": "ﬃ" * 3000 + "İ" * 3000, "hangul": "".join(map(chr, range(0x1100, 0x1200))) * 20,
    "plane 2": "𠀀𠀁𠀂" * 1000, "alone": "*", "as long as may be": "pumpkin soup " * 7692,
}


@pytest.fixture(scope="module", autouse=True)
def collection(server):
    server.collection("attack")
    rows = [{"id": k, "title": v[:400], "text": v} for k, v in TEXTS.items()]
    assert server.post(C + "/documents", rows)["failed"] == 0
    yield
    assert server.get(C)["documents"] == len(TEXTS)
    assert server.get("/livez")["status"] == "live"


def hold(piece, whole):
    """The piece is a part of the text, and its ranges are of it: in order, apart, and cut at characters."""
    if not piece:
        return
    raw, last = piece["text"].encode(), -1
    assert whole.encode()[piece["start"]:piece["end"]] == raw
    for r in piece["highlights"]:
        assert last < r["start"] < r["end"] <= len(raw)
        raw[:r["start"]].decode(), raw[r["start"]:r["end"]].decode()
        last = r["end"]


def hold_answer(answer, chars):
    for h in answer["data"]:
        text = h["document"]["text"]
        hold(h["passage"], text)
        hold(h["snippet"], text)
        hold({"text": h["document"]["title"], "start": 0, "end": len(h["document"]["title"].encode()), "highlights": h["title_highlights"]}, h["document"]["title"])
        assert h["snippet"] is None or len(h["snippet"]["text"]) <= chars
        for shown in h["highlighted"].values():
            assert "<script" not in shown and "<b>" not in shown


@pytest.mark.parametrize("name", QUERIES)
def test_a_query_is_answered(server, name):
    for mode, more in (("lexical", {}), ("hybrid", {}), ("semantic", {}), ("lexical", {"prefix": True, "match": "all"})):
        answer = server.ask("POST", C + "/search", {"q": QUERIES[name], "mode": mode, **more, "snippet_length": 30, "highlight": {}, "explain": True, "limit": 50})
        assert answer.status_code == 200, answer.text[:500]
        value = answer.json()
        hold_answer(value, 30)
        assert all(0 <= h["score"] <= 1.000001 for h in value["data"])
        assert value["total"]["value"] >= len(value["data"])


def test_the_words_of_strange_texts_are_found(server):
    found = {h["id"] for h in server.post(C + "/search", {"q": "pumpkin", "mode": "lexical", "limit": 50})["data"]}
    assert set(TEXTS) - {"dense"} <= found | {"marks"}
    assert "dense" in {h["id"] for h in server.post(C + "/search", {"q": "東京大学", "mode": "lexical"})["data"]}


@pytest.mark.parametrize("raw", [
    b'{"q":"\\ud800"}', b'{"q":"a\\udc00b"}', b'{"q":"\\ud800\\ud800"}', b'{"q":"\\udbff"}', b'{"q":"\\u0000"}', b'{"q":"a\\u0000b"}',
    b'{"q":"\xed\xa0\x80"}', b'{"q":"\xff"}', b'{"q":"\xc0\xaf"}', b'{"q":"\xf4\x90\x80\x80"}', b'{"q":"\xe4\xba"}', b'{"q":"a\x00b"}', b'{"q":"a\nb"}', b'{"q":"',
])
def test_queries_that_are_no_text(server, raw):
    value = problem(server.ask("POST", C + "/search", data=raw, headers=JSON), 400)
    assert "line 1, column" in value["detail"] or "UTF-8" in value["detail"]


def test_a_pair_of_surrogates_is_a_character(server):
    value = server.ask("POST", C + "/search", data=b'{"q":"\\ud83d\\ude00 pumpkin","mode":"lexical"}', headers=JSON, status=200).json()
    assert value["data"]


@pytest.mark.parametrize("q", ["%00", "a%00b", "%ff", "%ed%a0%80", "%c0%af", "%zz", "%"])
def test_addresses_that_are_no_text(server, q):
    status, _, body = server.raw_request("GET", f"{C}/search?q={q}")
    assert status in (400, 422), (q, status, body[:300])
    assert json.loads(body)["detail"]


def test_a_query_that_is_too_long(server):
    problem(server.ask("POST", C + "/search", {"q": "x" * 100001}), 422, pointer="/q", says="100000")
    problem(server.ask("POST", C + "/search", {"q": "北" * 100001}), 422, pointer="/q", says="100000")
    server.post(C + "/search", {"q": "北" * 100000, "mode": "lexical"})
    status, _, _ = server.raw_request("GET", f"{C}/search?q=" + "x" * 70000)
    assert status in (414, 431)


def test_similar_and_several_at_once(server):
    some = ["10,000 words", "a word of 10 kB", "zalgo", "family", "phrases", "1,000 phrases"]
    answer = server.post("/v1/multi-search", {"searches": [{"collection": "attack", "q": QUERIES[n], "limit": 5} for n in some]})
    assert answer["failed"] == 0 and len(answer["data"]) == len(some)
    for name in some:
        server.post(C + "/similar", {"text": QUERIES[name], "limit": 3})


@pytest.mark.parametrize("seed", range(6))
def test_random_queries(server, seed):
    r = random.Random(seed)
    pieces = WORDS + list("\"'-*()~:^\\ \n") + [MIXED, FAMILY, "\u0301", "\u200d", "\u202e", "京", "กา", "𠀀", "pump", "1e9", "--", '""', "- "]
    searches = [{"collection": "attack", "q": "".join(r.choice(pieces) + r.choice(["", " "]) for _ in range(r.randrange(40))) or "x",
                 "mode": r.choice(["lexical", "hybrid", "semantic"]), "match": r.choice(["any", "all"]), "prefix": r.random() < 0.5, "typos": r.random() < 0.8,
                 "sort": r.choice(["", "", "updated:desc", "_score"]), "snippet_length": r.choice([20, 50, 300]), "highlight": {}} for _ in range(50)]
    answer = server.post("/v1/multi-search", {"searches": searches})
    assert answer["failed"] == 0, [x for x in answer["data"] if "error" in x][:3]
    for search, got in zip(searches, answer["data"]):
        hold_answer(got, search["snippet_length"])

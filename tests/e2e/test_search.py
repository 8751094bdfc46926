"""Search by words, by meaning and both; filters, pages, facets, similar."""
import pytest
from conftest import TEXTS, fill, problem

C = "/v1/collections/find"


@pytest.fixture(scope="module", autouse=True)
def collection(server):
    fill(server, "find")


def ids(answer):
    return [h["id"] for h in answer["data"]]


@pytest.mark.parametrize("mode", ["hybrid", "lexical", "semantic"])
def test_modes(server, mode):
    answer = server.post(C + "/search", {"q": "pumpkin soup ginger", "mode": mode})
    assert ids(answer)[0] == "soup"
    hit = answer["data"][0]
    assert (hit["scores"]["semantic"] is None) == (mode == "lexical")
    assert (hit["scores"]["lexical"] is None) == (mode == "semantic")
    assert hit["document"]["text"] == TEXTS["soup"] and hit["document"]["id"] == "soup"
    assert answer["total"]["relation"] in ("eq", "gte") and answer["total"]["value"] >= len(answer["data"])
    assert answer["took_ms"] > 0 and len(answer["search_id"]) >= 16
    scores = [h["score"] for h in answer["data"]]
    assert scores == sorted(scores, reverse=True)


def test_an_acknowledged_document_is_found_by_the_next_search(server):
    for i in range(30):
        word = f"zyx{i}w"
        server.post(C + "/documents", {"id": f"now{i}", "text": f"the word {word} stands here"})
        for mode in ("lexical", "semantic", "hybrid"):
            assert ids(server.post(C + "/search", {"q": f"the word {word} stands here", "mode": mode, "limit": 1})) == [f"now{i}"]
    server.post(C + "/documents:delete", {"ids": [f"now{i}" for i in range(30)]})
    assert ids(server.post(C + "/search", {"q": "zyx1w", "mode": "lexical"})) == []


def test_get_is_the_same_as_post(server):
    a = server.get(C + "/search", q="pumpkin", limit=3, mode="lexical")
    b = server.post(C + "/search", {"q": "pumpkin", "limit": 3, "mode": "lexical"})
    for x in (a, b):
        del x["took_ms"], x["search_id"]
    assert a == b


def test_passage_and_highlights(server):
    hit = server.post(C + "/search", {"q": "telescope"})["data"][0]
    text = hit["passage"]["text"].encode()
    assert text.decode() == hit["document"]["text"].encode()[hit["passage"]["start"]:hit["passage"]["end"]].decode()
    marked = [text[r["start"]:r["end"]].decode().lower() for r in hit["passage"]["highlights"]]
    assert "telescope" in marked


def test_filters(server):
    assert ids(server.post(C + "/search", {"q": "the", "filter": "tags = \"b\"", "mode": "semantic"})) in (["bread", "bike"], ["bike", "bread"])
    assert ids(server.post(C + "/search", {"q": "the", "filter": "length > 10000"})) == []
    assert set(ids(server.post(C + "/search", {"q": "the", "filter": "NOT tags = \"b\"", "mode": "semantic"}))) == set(TEXTS) - {"bread", "bike"}


def test_a_filter_never_changes_a_score(server):
    free = {h["id"]: h["score"] for h in server.post(C + "/search", {"q": "bake the bread"})["data"]}
    for h in server.post(C + "/search", {"q": "bake the bread", "filter": "tags = \"b\"", "limit": 1})["data"]:
        assert h["score"] == pytest.approx(free[h["id"]], abs=1e-9)


def test_pages(server):
    everything = ids(server.post(C + "/search", {"q": "the", "mode": "semantic", "limit": 100}))
    seen, cursor = [], None
    for _ in range(10):
        page = server.post(C + "/search", {"q": "the", "mode": "semantic", "limit": 2, "cursor": cursor})
        seen += ids(page)
        cursor = page["next_cursor"]
        if not cursor:
            break
    assert seen == everything and len(seen) == len(TEXTS)
    first = server.post(C + "/search", {"q": "the", "mode": "semantic", "limit": 2})["next_cursor"]
    problem(server.ask("POST", C + "/search", {"q": "another", "mode": "semantic", "cursor": first}), 422, pointer="/cursor")
    assert ids(server.post(C + "/search", {"q": "the", "mode": "semantic", "offset": 4, "limit": 2})) == everything[4:6]


def test_limit_one_counts_all(server):
    answer = server.post(C + "/search", {"q": "the", "mode": "semantic", "limit": 1})
    assert len(answer["data"]) == 1 and answer["total"]["value"] == len(TEXTS)


def test_min_score_cuts_before_the_total(server):
    all_of = server.post(C + "/search", {"q": "telescope moon", "mode": "lexical"})
    top = all_of["data"][0]["score"]
    cut = server.post(C + "/search", {"q": "telescope moon", "mode": "lexical", "min_score": min(1, top + 0.001)})
    assert cut["data"] == [] and cut["total"]["value"] == 0


def test_facets(server):
    answer = server.post(C + "/search", {"q": "the", "mode": "semantic", "facets": ["tags", "lang"]})
    counts = {v["value"]: v["count"] for v in answer["facets"]["tags"]}
    assert counts["b"] == 2 and sum(counts.values()) == len(TEXTS)
    assert answer["facets"]["lang"] == [{"value": "en", "count": len(TEXTS)}]


def test_explain(server):
    hit = server.post(C + "/search", {"q": "guitar strings", "explain": True})["data"][0]
    assert hit["explain"]["bm25"] > 0 and hit["explain"]["bound"] > 0


def test_similar(server):
    by_id = server.post(C + "/similar", {"id": "soup", "limit": 3})
    assert "soup" not in ids(by_id) and len(by_id["data"]) == 3
    assert ids(server.post(C + "/similar", {"text": TEXTS["bike"], "limit": 1})) == ["bike"]
    without = ids(server.post(C + "/similar", {"ids": ["soup", "bread"], "exclude": ["bike"]}))
    assert not {"soup", "bread", "bike"} & set(without)
    problem(server.ask("POST", C + "/similar", {"id": "nothing"}), 404, pointer="/id")
    vector = server.post("/v1/embeddings", {"input": TEXTS["tent"]})["data"][0]["embedding"]
    assert ids(server.post(C + "/similar", {"vector": vector, "limit": 1})) == ["tent"]


@pytest.mark.parametrize("q", ["", " ", "\"", "* ) (", "AND OR NOT", "日本語", "🙂🙂", "a" * 20000, "\t\n", "' OR 1=1 --", "the " * 3000])
def test_strange_queries_are_answered(server, q):
    assert server.ask("POST", C + "/search", {"q": q}).status_code in (200, 422)


def test_deleted_leaves_no_ghost(server):
    server.post(C + "/documents", {"id": "ghost", "text": "ectoplasm in the attic"})
    server.ask("DELETE", C + "/documents/ghost", status=204)
    for mode in ("lexical", "semantic", "hybrid"):
        assert "ghost" not in ids(server.post(C + "/search", {"q": "ectoplasm in the attic", "mode": mode}))


def test_a_long_document_is_found_by_its_end(server):
    text = " ".join(f"Sentence number {i} says nothing of note." for i in range(400)) + " At the end hides a xylophone."
    server.post(C + "/documents", {"id": "long", "text": text})
    hit = server.post(C + "/search", {"q": "xylophone", "mode": "lexical", "limit": 1})["data"][0]
    assert hit["id"] == "long" and "xylophone" in hit["passage"]["text"] and hit["passage"]["start"] > 1000
    server.ask("DELETE", C + "/documents/long", status=204)

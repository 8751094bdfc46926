"""A text is embedded once: queries from memory, passages from the store, whatever collection asks and after a restart; what comes
from a cache is the same to the last bit."""
import concurrent.futures

import pytest

TEXTS = [f"The ferry number {i} leaves the harbour at {i} o'clock and carries {i * 7} cars" for i in range(40)]
DOCS = [{"id": f"d{i}", "title": f"Ferry {i}", "text": text} for i, text in enumerate(TEXTS)]


def tokens(server):
    return server.metrics()["akin_embed_tokens_total"]


def cache(server, what, name):
    return server.metrics()[f'akin_cache_{what}_total{{cache="{name}"}}']


def scores(server, collection):
    found = server.post(f"/v1/collections/{collection}/search", {"q": "ferry with cars", "mode": "semantic", "limit": 50})
    return [(hit["id"], hit["score"]) for hit in found["data"]]


def test_metrics_stand_at_nought(make_server):
    m = make_server().metrics()
    for name in ("embedding", "embedding_store"):
        assert m[f'akin_cache_hits_total{{cache="{name}"}}'] == 0
        assert m[f'akin_cache_misses_total{{cache="{name}"}}'] == 0
    assert m['akin_cache_bytes{cache="embedding"}'] > 0


def test_passages_are_embedded_once(make_server):
    server = make_server()
    for name in ("one", "two", "three"):
        server.collection(name)
    assert server.lines("one", DOCS)[-1]["failed"] == 0
    first = tokens(server)
    assert first > 0
    want = scores(server, "one")
    asked = tokens(server)  # the query
    assert server.lines("two", DOCS)[-1]["failed"] == 0  # in another collection
    assert tokens(server) == asked
    assert scores(server, "two") == want
    for d in DOCS:
        server.ask("DELETE", f"/v1/collections/one/documents/{d['id']}", status=204)
    assert server.lines("one", DOCS)[-1]["failed"] == 0  # again
    assert server.post("/v1/collections/three/documents", DOCS[:20])["failed"] == 0  # by the other way
    assert tokens(server) == asked
    assert scores(server, "one") == want
    hits = cache(server, "hits", "embedding_store")
    assert hits >= 100 and cache(server, "misses", "embedding_store") == 40

    server.stop()
    again = make_server(data=server.data)
    again.collection("four")
    assert again.lines("four", DOCS)[-1]["failed"] == 0
    assert tokens(again) == 0
    assert scores(again, "four") == want
    assert again.lines("four", [{"id": "new", "text": "something that nobody said before"}])[-1]["failed"] == 0
    assert tokens(again) > 0


def test_pending_documents_too(make_server):
    server = make_server()
    for name in ("now", "later"):
        server.collection(name)
    assert server.lines("now", DOCS)[-1]["failed"] == 0
    before = tokens(server)
    assert server.post("/v1/collections/later/documents", DOCS, **{"async": "true"})["failed"] == 0
    from conftest import wait_for
    wait_for(lambda: server.get("/v1/collections/later")["pending"] == 0)
    assert tokens(server) == before


def test_queries_are_embedded_once(make_server):
    server = make_server()
    server.collection("one")
    server.lines("one", DOCS)
    want = scores(server, "one")
    before, hits = tokens(server), cache(server, "hits", "embedding")
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert all(got == want for got in pool.map(lambda _: scores(server, "one"), range(24)))
    assert tokens(server) == before
    assert cache(server, "hits", "embedding") == hits + 24
    # The same text by another surface, and one that means the same in another Unicode form.
    one = server.post("/v1/embeddings", {"input": "caf\u00e9 au lait", "model": "stub"})["data"][0]["embedding"]
    before = tokens(server)
    two = server.post("/v1/embeddings", {"input": ["cafe\u0301 au lait"] * 3, "model": "stub"})["data"]
    assert all(row["embedding"] == one for row in two)
    assert tokens(server) == before


@pytest.mark.parametrize("flags, memory, store", [
    (("--set", "embed.cache_bytes=0"), False, True),
    (("--set", "store.embedding_cache_bytes=0"), True, False),
])
def test_turned_off(make_server, flags, memory, store):
    server = make_server(flags=flags)
    for name in ("one", "two"):
        server.collection(name)
    server.lines("one", DOCS)
    before = tokens(server)
    server.lines("two", DOCS)
    assert (tokens(server) == before) == store
    scores(server, "one")
    before = tokens(server)
    scores(server, "one")
    assert (tokens(server) == before) == memory

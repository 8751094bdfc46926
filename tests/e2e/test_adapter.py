"""Embeddings learned from feedback: `akin train adapter`, over HTTP and on the command line. The texts have one word that readers care for, among many
that they do not."""
import json
import random

import pytest
from conftest import akin, problem, wait_for

TASTES = ["cooking", "sailing", "chess", "gardens", "trains", "birds"]
NOISE = [f"word{i}" for i in range(40)]
DOCUMENTS, READERS = 600, 300


def text(i, rnd):
    """Each third word is of this text alone, so that pieces of it find it."""
    words = rnd.sample(NOISE, 10) + [TASTES[i % len(TASTES)]]
    rnd.shuffle(words)
    return " ".join(w + (f" own{i}x{k}" if k % 2 else "") for k, w in enumerate(words))


def fill(server, name, tastes=True):
    rnd = random.Random(4)
    server.collection(name, training={"schedule": "manual"})
    server.lines(name, [{"id": f"d{i}", "text": text(i, rnd)} for i in range(DOCUMENTS)])
    rows = []
    for u in range(READERS):
        own = [i for i in range(DOCUMENTS) if not tastes or i % len(TASTES) == u % len(TASTES)]
        rows += [{"event_id": f"{u}-{i}", "user": f"u{u}", "document": f"d{i}", "type": "like"} for i in rnd.sample(own, 14)]
    for i in range(0, len(rows), 1000):
        assert server.post(f"/v1/collections/{name}/feedback", rows[i:i + 1000])["failed"] == 0


def adapt(server, name, status="done", **options):
    task = server.post(f"/v1/collections/{name}/recommenders:train", {"kind": "adapter", **options}, status=202)
    task = wait_for(lambda: (t := server.get(f"/v1/tasks/{task['id']}", wait=10))["status"] not in ("queued", "running") and t, 60)
    assert task["status"] == status, task
    return task["details"]


def versions(server, name):
    return {v["id"]: v for v in server.get(f"/v1/collections/{name}/embedding-versions")["data"]}


def of_taste(server, name, seed):
    """Of the 20 nearest, how many have the same word that readers care for."""
    hits = server.post(f"/v1/collections/{name}/similar", {"id": f"d{seed}", "limit": 20})["data"]
    return sum(int(h["id"][1:]) % len(TASTES) == seed % len(TASTES) for h in hits if h["id"] != "fresh")


@pytest.fixture(scope="module")
def adapted(server):
    """The server, with what was so before, and the training's details."""
    fill(server, "tastes")
    before = sum(of_taste(server, "tastes", s) for s in range(60))
    return server, before, adapt(server, "tastes")


def test_it_is_promoted_and_nearness_is_what_readers_mean(adapted):
    server, before, details = adapted
    report = details["report"]
    chosen = next(s for s in report["strengths"] if s["strength"] == details["strength"])
    assert report["promote"] and chosen["gains"] and chosen["held_out"]["difference"] > 0 and chosen["new_documents"]["p"] < .05
    assert details["promoted"] and "nDCG@10" in details["why"], details
    version = versions(server, "tastes")[details["embedding_version"]]
    assert version["state"] == "active" and version["model"].startswith("tastes-adapter-")
    after = sum(of_taste(server, "tastes", s) for s in range(60))
    assert after > 1.5 * before


def test_new_documents_and_queries_go_through_it(adapted):
    server, _, _ = adapted
    server.post("/v1/collections/tastes/documents", {"id": "fresh", "text": "chess " + " ".join(NOISE[10:20])})
    hits = server.post("/v1/collections/tastes/similar", {"id": "fresh", "limit": 20})["data"]
    assert sum(int(h["id"][1:]) % len(TASTES) == 2 for h in hits) > 10
    found = server.post("/v1/collections/tastes/search", {"q": "chess " + " ".join(NOISE[10:20]), "mode": "semantic", "limit": 1})["data"]
    assert found[0]["id"] == "fresh" and found[0]["scores"]["semantic"] > .999  # the query and the stored text in one space


def test_rollback_is_at_once(adapted):
    server, before, details = adapted
    server.ask("POST", "/v1/collections/tastes/embedding-versions:rollback", status=200)
    assert sum(of_taste(server, "tastes", s) for s in range(60)) == pytest.approx(before, abs=12)  # "fresh" is there now
    server.ask("POST", "/v1/collections/tastes/embedding-versions:rollback", status=200)
    assert sum(of_taste(server, "tastes", s) for s in range(60)) > 1.5 * before


def test_again_from_the_base(adapted):
    """Not an adapter behind an adapter: the same data and seed are the same one."""
    server, _, _ = adapted
    server.ask("DELETE", "/v1/collections/tastes/documents/fresh", status=204)
    details = adapt(server, "tastes")
    assert "embedding_version" not in details and "learned before" in details["why"]


def test_readers_without_tastes_keep_the_vectors(server):
    fill(server, "any", tastes=False)
    details = json.loads(akin("train", "adapter", "-c", "any", "--json", "--url", server.url).stdout)["details"]
    assert details["report"]["promote"] is False and details["why"] and "embedding_version" not in details
    assert len(versions(server, "any")) == 1


def test_too_few_readers(server):
    server.collection("few")
    problem(server.ask("POST", "/v1/collections/few/recommenders:train", {"kind": "adapter"}), 409, says="readers")

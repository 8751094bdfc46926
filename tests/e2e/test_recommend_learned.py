"""After a training answers come from the model: over HTTP, from feedback to the reason of a recommendation."""
import random
import time

import pytest

C = "/v1/collections/learned"
GROUPS, EACH, READERS = 8, 12, 80


@pytest.fixture(scope="module", autouse=True)
def trained(server):
    """What is read together stands in no text: groups go across the words."""
    server.collection("learned", feedback={"half_life_days": None})
    words = "soup bread bike tent stars river piano glass moon rope desk lamp".split()
    server.lines("learned", [{"id": f"g{g}-{k}", "text": f"{words[k]} {words[k]} own{g}"} for g in range(GROUPS) for k in range(EACH)])
    rng = random.Random(3)
    rows = [{"user": f"u{u}", "document": f"g{u % GROUPS}-{k}", "type": "like"} for u in range(READERS)
            for k in rng.sample(range(EACH), 8)]
    for i in range(0, len(rows), 500):
        assert server.post(C + "/feedback", rows[i:i + 500])["failed"] == 0
    task = server.ask("POST", C + "/recommenders:train", {"kind": "ease"}, status=202).json()
    for _ in range(600):
        task = server.get(f"/v1/tasks/{task['id']}")
        if task["status"] not in ("queued", "running"):
            break
        time.sleep(.1)
    assert task["status"] == "done", task
    models = server.get(C + "/recommenders")["data"]
    assert [m["state"] for m in models] == ["active"], models


def recommend(server, **body):
    return server.post(C + "/recommend", body)


def row_of(server, document, **body):
    rows = recommend(server, limit=150, exclude_seen=False, explain=True, **body)["data"]
    return next(r for r in rows if r["id"] == document)


def group(row):
    return row["id"].split("-")[0]


def test_answers_come_from_the_model(server):
    answer = recommend(server, positive=["g2-0", "g2-1", "g2-2"], limit=5)
    assert answer["model"] == "model"
    assert {(group(r), r["source"]) for r in answer["data"]} == {("g2", "model")}


def test_feedback_counts_without_training(server):
    server.post(C + "/feedback", {"user": "new", "document": "g5-0", "type": "like"})
    assert {group(r) for r in recommend(server, user="new", limit=5)["data"]} == {"g5"}
    server.post(C + "/feedback", [{"user": "new", "document": f"g6-{k}", "type": "like"} for k in range(3)])
    assert {"g6"} <= {group(r) for r in recommend(server, user="new", limit=5)["data"]}
    before = row_of(server, "g6-7", user="new")["relevance"]
    server.post(C + "/feedback", {"user": "new", "document": "g6-1", "type": "dislike"})
    server.post(C + "/feedback", {"user": "new", "document": "g6-2", "type": "dislike"})
    assert row_of(server, "g6-7", user="new")["relevance"] < before


def test_a_new_document_by_its_text(server):
    server.post(C + "/documents", {"id": "fresh", "text": "piano piano own3"})
    rows = recommend(server, positive=["g3-6", "g3-2"], limit=100)["data"]
    assert next(r["source"] for r in rows if r["id"] == "fresh") == "text"
    server.ask("DELETE", C + "/documents/fresh", status=204)


def test_strangers(server):
    answer = recommend(server, user="stranger", limit=3)
    assert answer["model"] in ("popular", "trending") and {r["source"] for r in answer["data"]} <= {"popular", "trending"}


def test_reasons_add_up_and_leaving_the_first_out_takes_its_part(server):
    liked = ["g1-0", "g1-3", "g4-5", "g4-6", "g7-1"]
    for row in recommend(server, positive=liked, limit=12, explain=True)["data"]:
        assert row["source"] == "model"
        assert sum(x["part"] for x in row["explanation"]) + row["others"] == pytest.approx(row["relevance"], abs=1e-6)
        first = row["explanation"][0]
        assert first["document"].split("-")[0] == group(row)
        rest = [d for d in liked if d != first["document"]]
        less = row_of(server, row["id"], positive=rest)["relevance"]
        assert row["relevance"] - less == pytest.approx(first["part"], abs=1e-6)

"""The trained ranker: answers are logged, readers say what they took of them, a training learns what decides, and the next answers are in its
order. In this world readers take what nobody has read yet, which no score says."""
import random

import pytest
from conftest import problem, wait_for

C = "/v1/collections/ranked"
TOPICS, EACH, NEW, READERS = 4, 12, 6, 300


def train(server):
    task = server.post(C + "/recommenders:train", {"kind": "ease"}, status=202)
    task = wait_for(lambda: ended(server.get(f"/v1/tasks/{task['id']}", wait=10)), 60)
    assert task["status"] == "done", task
    newest = max(server.get(C + "/recommenders")["data"], key=lambda r: r["id"])
    if newest["state"] != "active":  # of so few readers the model itself may look worse than the one before
        server.post(C + f"/recommenders/{newest['id']}:promote", {})
    return newest["report"]["ranker"]


def ended(task):
    return task if task["status"] not in ("queued", "running") else None


def recommend(server, user, **body):
    return server.post(C + "/recommend", {"user": user, "limit": 10, **body})


def documents(server, kind, count):
    server.post(C + "/documents", [{"id": f"{kind}{t}-{n}", "text": f"topic{t} about{t} word{n % 5}"} for t in range(TOPICS) for n in range(count)])


def take(server, rng):
    """Each reader looks at an answer and takes what is new in it, seldom something else."""
    acts = []
    for u in range(READERS):
        answer = recommend(server, f"u{u}")
        acts += [{"user": f"u{u}", "document": r["id"], "type": "click", "recommendation_id": answer["recommendation_id"], "position": r["position"]}
                 for r in answer["data"] if rng.random() < (.8 if r["id"][0] == "n" else .05)]
    for i in range(0, len(acts), 1000):
        answer = server.post(C + "/feedback", acts[i:i + 1000])
        assert answer["failed"] == 0 and not any("warning" in r for r in answer.get("results", [])), answer


@pytest.fixture(scope="module")
def reports(server):
    """What trainings say of the ranker: without a log, and after readers took from answers."""
    rng = random.Random(5)
    server.collection("ranked", training={"schedule": "manual"}, feedback={"half_life_days": None})
    documents(server, "d", EACH)
    rows = [{"user": f"u{u}", "document": f"d{u % TOPICS}-{n}", "type": "like"} for u in range(READERS) for n in rng.sample(range(EACH), 5)]
    for i in range(0, len(rows), 1000):
        assert server.post(C + "/feedback", rows[i:i + 1000])["failed"] == 0
    first = train(server)
    documents(server, "n", NEW)
    take(server, rng)
    second = train(server)
    if "apt-get install" in second["reason"]:
        pytest.skip(second["reason"])
    documents(server, "m", NEW)
    return first, second


def test_off_without_a_log(reports):
    assert reports[0]["on"] is False and "200 are needed" in reports[0]["reason"] and reports[0]["answers"] == 0
    assert reports[0]["metrics"]["ranker"] is None


def test_on_where_it_wins(reports):
    r = reports[1]
    assert r["on"] is True, r
    assert r["readers"]["all"] > 200 and r["answers"] == r["readers"]["all"]
    assert r["metrics"]["ranker"] > r["metrics"]["score"] + .1
    assert {x["order"]: x["p"] < .05 for x in r["against"]} == {"served": True, "score": True}
    assert max(r["features"], key=r["features"].get) in ("popular", "known")
    assert sum(r["features"].values()) == pytest.approx(1)


def test_the_order_is_the_rankers(server, reports):
    """What nobody read comes first, of the documents too that came after the training."""
    for user in ("u0", "u3", "u10"):
        plain, ranked = ([x["id"][0] for x in recommend(server, user, ranker=on, limit=24)["data"]] for on in (False, True))
        assert "m" in ranked[:2 * NEW] and "d" not in ranked[:NEW], (plain, ranked)
        assert plain.index("d") < NEW, plain


def test_sums_hold(server, reports):
    moved = 0
    for row in recommend(server, "u1", explain=True, limit=30, boosts=[{"filter": "id = \"m1-1\"", "factor": 1.5}])["data"]:
        a = row["adjustments"]
        assert sum(x["part"] for x in row["explanation"]) + row["others"] == pytest.approx(row["relevance"], abs=1e-6)
        base = row["relevance"] + a["ranker"]
        factor = a["boost"] * a["freshness"] * a["fatigue"]
        assert row["score"] == pytest.approx(base * factor if base >= 0 else base / factor, abs=1e-9)
        moved += a["ranker"] != 0
    assert moved > 5
    assert all(r["adjustments"]["ranker"] == 0 for r in recommend(server, "u1", explain=True, ranker=False)["data"])


def test_pages_go_on(server, reports):
    whole = [x["id"] for x in recommend(server, "u2", limit=24)["data"]]
    pages, cursor = [], None
    while len(pages) < 24:
        answer = recommend(server, "u2", limit=8, **({"cursor": cursor} if cursor else {}))
        pages += [x["id"] for x in answer["data"]]
        cursor = answer["next_cursor"]
    assert len(set(pages)) == 24 and pages == whole


def test_a_blend_has_its_own_order(server, reports):
    rows = recommend(server, "u1", blend="model", explain=True)["data"]
    assert [r["score"] for r in rows] == sorted((r["score"] for r in rows), reverse=True)
    assert all(r["adjustments"]["ranker"] == 0 for r in rows)


def test_a_variant_may_turn_it_off(server, reports):
    path = C + "/experiments/without"
    made = server.ask("PUT", path, {"scenario": "s", "variants": [{"name": "with"}, {"name": "without", "ranker": False}]}, status=201).json()
    assert "ranker" not in made["variants"][0] and made["variants"][1]["ranker"] is False
    problem(server.ask("PUT", path, {"scenario": "s", "variants": [{"name": "with"}, {"name": "without", "ranker": 1}]}), 422, "/variants/1/ranker")
    server.post(path + ":start", None)
    seen = set()
    for u in range(20):
        answer = recommend(server, f"u{u}", scenario="s", explain=True)
        seen.add((answer["variant"], any(r["adjustments"]["ranker"] != 0 for r in answer["data"])))
    assert seen == {("with", True), ("without", False)}
    server.post(path + ":stop", None)

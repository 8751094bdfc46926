"""After a training answers come from the model: over HTTP, from feedback to the reason of a recommendation."""
import random
import time

import pytest
from conftest import problem

C = "/v1/collections/learned"
GROUPS, EACH, READERS = 8, 12, 80


@pytest.fixture(scope="module", autouse=True)
def trained(server):
    """What is read together stands in no text: groups go across the words."""
    server.collection("learned", feedback={"half_life_days": None})
    words = "soup bread bike tent stars river piano glass moon rope desk lamp".split()
    server.lines("learned", [{"id": f"g{g}-{k}", "text": f"{words[k]} {words[k]} own{g}"} for g in range(GROUPS) for k in range(EACH)])
    rng = random.Random(3)
    rows = [{"user": f"u{u}", "document": f"g{u % GROUPS}-{k}", "type": "like", "session": f"s{u}-{j // 4}"} for u in range(READERS)
            for j, k in enumerate(rng.sample(range(EACH), 8))]
    for i in range(0, len(rows), 500):
        assert server.post(C + "/feedback", rows[i:i + 500])["failed"] == 0
    train(server, kind="ease")
    models = server.get(C + "/recommenders")["data"]
    assert [m["state"] for m in models] == ["active"], models


def train(server, **options):
    """-> the number of the recommender."""
    task = server.ask("POST", C + "/recommenders:train", options, status=202).json()
    for _ in range(600):
        task = server.get(f"/v1/tasks/{task['id']}")
        if task["status"] not in ("queued", "running"):
            break
        time.sleep(.1)
    assert task["status"] == "done", task
    return task["details"]["recommender"]


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


def similar(server, **body):
    return server.post(C + "/similar", body)


def test_similar_goes_by_readers_and_texts_together(server):
    both = similar(server, id="g2-0", limit=30)
    texts = similar(server, id="g2-0", limit=7, by="text")
    assert both["by"] == "both" and texts["by"] == "text"
    assert group(both["data"][0]) == "g2"
    assert {r["id"] for r in both["data"][:18]} == {f"g2-{k}" for k in range(1, 12)} | {r["id"] for r in texts["data"]}
    assert {r["id"].split("-")[1] for r in texts["data"]} == {"0"} and "readers" not in texts["data"][0]["scores"]
    for r in both["data"]:
        semantic, readers = r["scores"]["semantic"], r["scores"]["readers"]
        assert r["score"] == pytest.approx(semantic + (1 - semantic) * readers, abs=1e-9) and 0 <= readers < 1
        assert (readers > 0) == (group(r) == "g2"), r
    assert [r["id"] for r in similar(server, ids=["g2-0", "g2-0"], limit=30, by="both")["data"]] == [r["id"] for r in both["data"]]
    mixed = similar(server, ids=["g2-0", "g5-1"], limit=200)["data"]
    assert {group(r) for r in mixed if r["scores"]["readers"] > 0} == {"g2", "g5"}


def test_similar_by_readers_keeps_what_similar_promises(server):
    everything = similar(server, id="g2-0", limit=200)
    assert everything["total"]["value"] == len(everything["data"]) == GROUPS * EACH - 1
    pages, cursor = [], None
    for _ in range(7):
        page = similar(server, id="g2-0", limit=15, **({"cursor": cursor} if cursor else {}))
        pages += [r["id"] for r in page["data"]]
        cursor = page["next_cursor"]
    assert cursor is None and pages == [r["id"] for r in everything["data"]]
    scores = [r["score"] for r in everything["data"]]
    cut = similar(server, id="g2-0", limit=200, min_score=scores[4])
    assert [r["score"] for r in cut["data"]] == scores[:5] and cut["total"]["value"] == 5
    out = [r["id"] for r in everything["data"][:3]]
    assert [r["id"] for r in similar(server, id="g2-0", limit=8, exclude=out)["data"]] == pages[3:11]
    near = similar(server, id="g2-0", limit=200, diversity=.7)["data"]
    assert sorted(r["id"] for r in near) == sorted(pages) and [r["id"] for r in near] != pages


def test_similar_by_readers_alone(server):
    answer = similar(server, id="g2-0", by="readers", limit=50)
    assert answer["by"] == "readers" and {group(r) for r in answer["data"]} == {"g2"}
    assert answer["total"]["value"] == len(answer["data"]) == 11
    assert all(r["score"] == r["scores"]["readers"] for r in answer["data"])
    by_time = similar(server, id="g2-0", by="readers", limit=50, sort=[{"field": "created", "order": "asc"}])
    assert sorted(r["id"] for r in by_time["data"]) == sorted(r["id"] for r in answer["data"])


def test_similar_of_what_nobody_read_is_by_text_without_a_seam(server):
    server.post(C + "/documents", {"id": "fresh", "text": "soup soup own2"})
    try:
        answer = similar(server, id="fresh", limit=8)
        assert answer["by"] == "text" and similar(server, text="soup own2", limit=3)["by"] == "text"
        alone = similar(server, id="fresh", by="readers")
        assert alone["data"] == [] and alone["total"] == {"value": 0, "relation": "eq"}
        by_text = {r["id"]: r["score"] for r in similar(server, id="g2-0", by="text", limit=200)["data"]}
        by_both = {r["id"]: r["score"] for r in similar(server, id="g2-0", limit=200)["data"]}
        assert by_both["fresh"] == by_text["fresh"] and by_both["g3-0"] == by_text["g3-0"]
        assert by_both["g2-5"] > by_text["g2-5"]
    finally:
        server.ask("DELETE", C + "/documents/fresh", status=204)


def test_similar_by_what_is_not_there(server):
    problem(server.ask("POST", C + "/similar", {"text": "soup", "by": "readers"}), 422, "/by", says="needs id or ids")
    problem(server.ask("POST", C + "/similar", {"id": "g2-0", "by": "magic"}), 422, "/by")
    server.collection("unlearned")
    server.post("/v1/collections/unlearned/documents", {"id": "a", "text": "soup"})
    problem(server.ask("POST", "/v1/collections/unlearned/similar", {"id": "a", "by": "readers"}), 409, "/by", says="train one")
    assert server.post("/v1/collections/unlearned/similar", {"id": "a", "by": "both"})["by"] == "text"


def test_readers_for_a_document_by_the_model(server):
    had = {r["user"] for r in server.get(C + "/feedback", document="g3-5", limit=100)["data"]}
    answer = server.get(C + "/documents/g3-5/readers", limit=200)
    fans = [r["user"] for r in answer["data"] if r["source"] == "model" and r["user"].startswith("u")]
    best = [u for u in fans if int(u[1:]) % GROUPS == 3]
    assert best and set(best) == {f"u{u}" for u in range(READERS) if u % GROUPS == 3} - had
    assert fans[:len(best)] == best, answer["data"][:12]
    assert not had & {r["user"] for r in answer["data"]}
    everybody = server.get(C + "/documents/g3-5/readers", limit=200, include_seen="true")["data"]
    assert had <= {r["user"] for r in everybody}


def test_readers_for_a_new_document_and_by_the_profile(server):
    server.post(C + "/documents", [{"id": "fresh", "text": "piano piano own3"}, {"id": "fresh too", "text": "piano piano own3 own3"}])
    server.post(C + "/feedback", {"user": "other", "document": "fresh too", "type": "like"})
    try:
        rows = {r["user"]: r for r in server.get(C + "/documents/fresh/readers", limit=200)["data"]}
        assert rows["other"]["source"] == "profile" and rows["other"]["score"] < .001
        assert "text" in {r["source"] for r in rows.values()} and "model" not in {r["source"] for r in rows.values()}
    finally:
        server.ask("DELETE", C + "/users/other", status=204)
        for name in ("fresh", "fresh too"):
            server.ask("DELETE", C + f"/documents/{name}", status=204)


def test_many_users_at_once_get_what_each_gets_alone(server):
    users = [f"u{u}" for u in range(READERS)] + ["stranger"]
    answer = server.post(C + "/recommend:batch", {"users": users, "limit": 5})
    assert [r["user"] for r in answer["data"]] == users and answer["failed"] == 0
    assert len({r["recommendation_id"] for r in answer["data"]}) == len(users)
    for r in random.Random(1).sample(answer["data"], 12):
        alone = recommend(server, user=r["user"], limit=5)
        assert [x["id"] for x in alone["data"]] == [x["id"] for x in r["data"]]
        assert [x["score"] for x in alone["data"]] == pytest.approx([x["score"] for x in r["data"]], rel=1e-3)
    problem(server.ask("POST", C + "/recommend:batch", {"users": users, "pins": [{"id": "nowhere", "position": 0}]}), 422, "/pins/0/id")


@pytest.fixture(scope="module")
def kinds(server, trained):
    """Recommenders of the other kinds, and back to the first."""
    yield {kind: train(server, kind=kind, promote=False) for kind in ("neighbours", "walks", "ials")}
    server.post(C + "/recommenders/1:promote", None)


def without(document, body):
    """The request as it is without a document."""
    return {name: [d for d in value if d != document] if isinstance(value, list) else value for name, value in body.items()}


def leave_out(server, rows, body, parts=1):
    """Parts and others add up; without a document that is named the score is less by its part: asked again. -> how many were."""
    asked = 0
    for row in rows:
        named = row["explanation"]
        assert sum(x["part"] for x in named) + row["others"] == pytest.approx(row["relevance"], abs=1e-6)
        assert [x["part"] for x in named] == sorted((x["part"] for x in named), reverse=True)
        for x in named[:parts]:
            assert x["share"] == pytest.approx(x["part"] / row["relevance"], abs=1e-6) or row["relevance"] <= 0
            less = row_of(server, row["id"], **without(x["document"], body))
            assert row["relevance"] - less["relevance"] == pytest.approx(x["part"], abs=1e-6 * max(1, abs(row["relevance"]))), (row, less)
            asked += 1
    return asked


@pytest.mark.parametrize("kind", ["neighbours", "walks", "ials"])
def test_reasons_of_every_kind(server, kinds, kind):
    """What is left out takes its part with it, also by iALS, which solves for all that was read at once."""
    server.post(f"{C}/recommenders/{kinds[kind]}:promote", None)
    server.post(C + "/documents", {"id": "fresh", "text": "piano piano own4"})
    body = {"positive": ["g1-0", "g1-3", "g4-5", "g4-6", "g7-1"], "negative": ["g5-5"]}
    answer = recommend(server, limit=12, explain=True, **body)
    assert answer["recommender"] == kinds[kind] and len(answer["data"]) == 12
    assert {r["source"] for r in answer["data"]} <= {"model", "text"}
    assert leave_out(server, answer["data"], body, parts=3) > 20
    fresh = row_of(server, "fresh", **body)
    server.ask("DELETE", C + "/documents/fresh", status=204)
    assert fresh["source"] == "text" and fresh["explanation"]


@pytest.mark.parametrize("kind", ["ease", "ials"])
def test_reasons_of_sessions(server, kinds, kind):
    """What comes next, by the sessions of others: without a document others are like it, and those before it are a step nearer. What no
    such session has goes by the model and the profile, which take those steps into account too."""
    server.post(f"{C}/recommenders/{kinds.get(kind, 1)}:promote", None)
    body = {"session": ["g2-0", "g3-1", "g2-5", "g2-7"]}
    rows = recommend(server, limit=30, explain=True, **body)["data"]
    assert rows[0]["source"] == "session" and {r["source"] for r in rows} & {"model", "profile"}
    assert all({x["document"] for x in r["explanation"]} <= set(body["session"]) for r in rows)
    assert leave_out(server, rows, body, parts=4) > 40


@pytest.mark.parametrize("kind", ["ease", "ials"])
@pytest.mark.parametrize("blend", [None, "model + session + .5 * profile - .1 * popular", "max(model, 2 * session)"])
def test_reasons_of_all_together(server, kinds, kind, blend):
    """A reader's session beside what they liked before, with so many dislikes that these push less; by sums, and by what is none."""
    server.post(f"{C}/recommenders/{kinds.get(kind, 1)}:promote", None)
    body = {"session": ["g2-0", "g3-1", "g2-5"], "positive": ["g1-4", "g2-0"], "negative": ["g5-1", "g5-2", "g6-3", "g6-4", "g3-7", "g3-8"],
            **({"blend": blend} if blend else {})}
    rows = recommend(server, limit=20, explain=True, **body)["data"]
    assert leave_out(server, rows, body, parts=3) > 20


@pytest.mark.parametrize("kind", ["ease", "ials"])
@pytest.mark.parametrize("blend", [None, "model + session"])
def test_reasons_of_what_a_reader_did(server, kinds, kind, blend):
    """Two readers, the one without the document that the other's first reason is."""
    server.post(f"{C}/recommenders/{kinds.get(kind, 1)}:promote", None)
    more = {"blend": blend} if blend else {}
    acts = [("g1-0", "like", "old"), ("g1-3", "save", "old"), ("g4-5", "like", "now"), ("g1-3", "view", "now"), ("g4-6", "like", "now"), ("g7-1", "dislike", "now")]

    def does(user, gone=None):
        server.ask("DELETE", f"{C}/users/{user}")
        server.post(C + "/feedback", [{"user": user, "document": d, "type": t, "session": s} for d, t, s in acts if d != gone])
    does("maya")
    rows = recommend(server, user="maya", limit=10, explain=True, **more)["data"]
    for first in sorted({r["explanation"][0]["document"] for r in rows}):
        does("noor", first)
        for row in rows:
            assert sum(x["part"] for x in row["explanation"]) + row["others"] == pytest.approx(row["relevance"], abs=1e-6)
            if row["explanation"][0]["document"] == first:
                less = row_of(server, row["id"], user="noor", **more)["relevance"]
                assert row["relevance"] - less == pytest.approx(row["explanation"][0]["part"], abs=1e-6), row
    for user in ("maya", "noor"):
        server.ask("DELETE", f"{C}/users/{user}", status=204)


def test_the_only_reason_has_all(server, kinds):
    """Without it the reader is a stranger, who is shown what others read: on another scale, so that nothing of it is in the share."""
    server.post(f"{C}/recommenders/{kinds['ials']}:promote", None)
    server.post(C + "/feedback", {"user": "once", "document": "g1-0", "type": "like"})
    for body in ({"user": "once"}, {"positive": ["g1-0"]}, {"session": ["g1-0"]}):
        for row in recommend(server, limit=3, explain=True, **body)["data"]:
            assert [(x["document"], x["share"]) for x in row["explanation"]] == [("g1-0", pytest.approx(1, abs=1e-6))]
            assert row["others"] == pytest.approx(0, abs=1e-6)
    server.ask("DELETE", C + "/users/once", status=204)

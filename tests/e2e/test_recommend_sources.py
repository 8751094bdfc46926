"""Where recommendations come from, over HTTP: feedback counts in the next answer, new documents at once, strangers get what is
read, and every score is the sum of what made it. Without a trained model; with one: tests/unit/engine/test_recommend.c."""
import pytest
from conftest import problem

C = "/v1/collections/paths"
WORDS = "soup bread bike tent stars river piano glass".split()
N = 64


@pytest.fixture(scope="module", autouse=True)
def collection(server):
    server.collection("paths", feedback={"half_life_days": None})
    server.lines("paths", [{"id": f"d{i}", "text": f"{WORDS[i % 8]} {WORDS[i // 8]} {WORDS[i % 8]} own{i}"} for i in range(N)])


def act(server, user, document, kind="like", **more):
    rows = server.post(C + "/feedback", {"user": user, "document": document, "type": kind, **more})["data"]
    assert rows[0]["status"] == "created"


def recommend(server, **body):
    return server.post(C + "/recommend", body)


def ids(answer):
    return [r["id"] for r in answer["data"]]


def score_of(server, document, **body):
    rows = recommend(server, limit=100, exclude_seen=False, explain=True, **body)["data"]
    return next(r for r in rows if r["id"] == document)


def test_feedback_counts_in_the_next_answer(server):
    act(server, "anna", "d0")
    first = ids(recommend(server, user="anna", limit=5))
    assert all(int(i[1:]) % 8 == 0 for i in first[:3]) and "d0" not in first
    before = score_of(server, "d11", user="anna")["relevance"]
    act(server, "anna", "d3")
    assert score_of(server, "d11", user="anna")["relevance"] > before + .1
    act(server, "anna", first[0], "dislike")
    assert not {first[0], "d3"} & set(ids(recommend(server, user="anna", limit=100)))


def test_a_dislike_lowers_what_is_like_it(server):
    before = score_of(server, "d12", positive=["d1", "d4"])["relevance"]
    after = score_of(server, "d12", positive=["d1", "d4"], negative=["d20"])["relevance"]
    assert after < before - .01


def test_a_new_document_is_recommended_at_once(server):
    server.post(C + "/documents", {"id": "fresh", "text": "piano piano piano own6"})
    assert "fresh" in ids(recommend(server, positive=["d6", "d14"], limit=5))
    server.ask("DELETE", C + "/documents/fresh", status=204)
    assert "fresh" not in ids(recommend(server, positive=["d6", "d14"], limit=5))


def test_strangers_get_what_is_read(server):
    server.collection("fair")
    server.lines("fair", [{"id": f"d{i}", "text": f"number{i}"} for i in range(10)])
    def rows(**more):
        return server.post("/v1/collections/fair/recommend", {"user": "stranger", "limit": 4, **more})
    assert rows()["model"] == "newest" and rows()["data"][0]["source"] == "newest"
    feedback = [{"user": f"u{i}", "document": "d5", "type": "like", "time": "2026-01-02T03:04:05Z"} for i in range(3)]
    server.post("/v1/collections/fair/feedback", feedback)
    first = rows()["data"]
    assert [(r["id"], r["source"]) for r in first[:1]] == [("d5", "popular")] and first[1]["source"] == "newest"
    # One act of today is trending more than three of long ago.
    server.post("/v1/collections/fair/feedback", {"user": "u9", "document": "d7", "type": "save"})
    first = rows(blend="trending")["data"]
    assert (first[0]["id"], first[0]["source"]) == ("d7", "trending")
    # What a reader who was erased had read does not count any more.
    for user in ("u0", "u1", "u2"):
        server.post("/v1/collections/fair/feedback", {"user": user, "document": "d1", "type": "like"})
    assert rows()["data"][0]["id"] == "d1"
    for user in ("u0", "u1", "u2"):
        server.ask("PUT", f"/v1/collections/fair/users/{user}", {})
        server.ask("DELETE", f"/v1/collections/fair/users/{user}", status=204)
    assert [r["id"] for r in rows()["data"] if r["source"] != "newest"] == ["d7"]
    # Nor what weighs nothing by now.
    server.ask("PATCH", "/v1/collections/fair", {"feedback": {"types": {"save": 0}}}, status=200)
    assert {r["source"] for r in rows()["data"]} == {"newest"}


def test_scores_are_the_sums_of_their_parts(server):
    liked = [f"d{i}" for i in (1, 4, 9, 17, 40)]
    for row in recommend(server, positive=liked, negative=["d2"], limit=30, explain=True)["data"]:
        why = row["scores"] if "scores" in row else row
        parts = sum(x["part"] for x in row["explanation"])
        assert parts + row["others"] == pytest.approx(row["relevance"], abs=1e-6), why
        assert all(x["share"] == pytest.approx(x["part"] / row["relevance"], abs=1e-6) for x in row["explanation"]
                   if row["relevance"] > 0)


def test_without_the_first_named_the_score_is_less_by_its_part(server):
    liked = [f"d{i}" for i in (1, 4, 9, 17, 40)]
    for row in recommend(server, positive=liked, limit=8, explain=True)["data"]:
        first = row["explanation"][0]
        rest = [d for d in liked if d != first["document"]]
        assert row["relevance"] - score_of(server, row["id"], positive=rest)["relevance"] == pytest.approx(first["part"], abs=1e-6)
    for document in ("d1", "d4", "d9"):
        act(server, "maya", document)
    row = recommend(server, user="maya", limit=1, explain=True)["data"][0]
    first = row["explanation"][0]
    for document in ("d1", "d4", "d9"):
        if document != first["document"]:
            act(server, "noor", document)
    less = score_of(server, row["id"], user="noor")["relevance"]
    assert row["relevance"] - less == pytest.approx(first["part"], abs=1e-6)


def test_uploaded_scores_and_blends(server):
    problem(server.ask("POST", C + "/recommend", {"positive": ["d1"], "blend": "model + nothing"}), 422, pointer="/blend")
    rows = recommend(server, positive=["d1"], limit=40, blend="profile - .01 * age", explain=True)["data"]
    assert [r["relevance"] for r in rows] == sorted((r["relevance"] for r in rows), reverse=True)
    for row in rows:
        assert sum(x["part"] for x in row["explanation"]) + row["others"] == pytest.approx(row["relevance"], abs=1e-6)


def test_a_text_in_place_of_documents(server):
    rows = recommend(server, text="bread bread", limit=3, explain=True)["data"]
    assert all(int(r["id"][1:]) % 8 == 1 for r in rows) and rows[0]["source"] == "profile"
    assert rows[0]["explanation"] == [] and rows[0]["others"] == pytest.approx(rows[0]["relevance"], abs=1e-6)

"""Feedback, users and what they should see next."""
import pytest
from conftest import fill, problem

C = "/v1/collections/read"


@pytest.fixture(scope="module", autouse=True)
def collection(server):
    fill(server, "read")


def row(user, document, kind="like", **more):
    return {"user": user, "document": document, "type": kind, **more}


def test_feedback_is_idempotent(server):
    first = server.ask("POST", C + "/feedback", row("u1", "soup", event_id="e1"), status=200)
    assert first.json()["data"][0]["status"] == "created" and first.json()["data"][0]["event_id"] == "e1"
    assert first.headers["Akin-Position"] == first.json()["position"]
    assert server.post(C + "/feedback", row("u1", "soup", event_id="e1"))["data"][0]["status"] == "unchanged"
    stamped = row("u1", "bread", "click", time="2026-01-02T03:04:05Z")
    assert server.post(C + "/feedback", stamped)["data"][0]["status"] == "created"
    assert server.post(C + "/feedback", stamped)["data"][0]["status"] == "unchanged"


def test_feedback_rows_are_judged_alone(server):
    rows = [row("u2", "soup", event_id="r1"), row("u2", "nothing"), {"user": "u2"}, 5, row("u2", "bread", event_id="r2"),
            row("u2", "bread", "love")]
    value = server.post(C + "/feedback", rows)
    assert [r["status"] for r in value["data"]] == ["created", "failed", "failed", "failed", "created", "failed"]
    assert value["failed"] == 4
    faults = [[e["pointer"] for e in r["error"]["errors"]] if r.get("error") else None for r in value["data"]]
    assert faults[1] == ["/1/document"] and set(faults[2]) == {"/2/document", "/2/type"}
    assert faults[3] == ["/3"] and faults[5] == ["/5/type"]
    problem(server.ask("POST", C + "/feedback", row("u2", "nothing")), 404, pointer="/document")


def test_feedback_list(server):
    server.post(C + "/feedback", [row("u3", d, "view", event_id=f"l{i}") for i, d in enumerate(["soup", "bread", "bike", "tent", "stars"])])
    seen, cursor = [], None
    while True:
        page = server.get(C + "/feedback", user="u3", limit=2, **({"cursor": cursor} if cursor else {}))
        seen += [f["event_id"] for f in page["data"]]
        cursor = page["next_cursor"]
        if not cursor:
            break
    assert seen == ["l4", "l3", "l2", "l1", "l0"]
    one = server.get(C + "/feedback", user="u3", document="bike")["data"]
    assert [f["document"] for f in one] == ["bike"] and one[0]["type"] == "view" and one[0]["time"].endswith("Z")


def test_users(server):
    made = server.ask("PUT", C + "/users/u9", {"labels": ["cook"], "attributes": {"age": 5}}, status=201)
    assert made.headers["Location"] == C + "/users/u9" and made.json()["labels"] == ["cook"]
    server.ask("PUT", C + "/users/u9", {"labels": []}, status=200)
    assert server.get(C + "/users/u9")["labels"] == []
    server.post(C + "/feedback", row("u9", "soup"))
    server.ask("DELETE", C + "/users/u9", status=204)
    problem(server.ask("GET", C + "/users/u9"), 404)
    assert server.get(C + "/feedback", user="u9")["data"] == []


def test_recommend_from_examples(server):
    answer = server.post(C + "/recommend", {"positive": ["soup"], "limit": 3, "explain": True})
    assert len(answer["data"]) == 3 and "soup" not in [r["id"] for r in answer["data"]]
    first = answer["data"][0]
    assert first["document"]["id"] == first["id"] and first["source"] and answer["recommendation_id"] and answer["model"]
    assert [x["document"] for x in first["explanation"]] == ["soup"] and first["explanation"][0]["share"] == pytest.approx(1)
    problem(server.ask("POST", C + "/recommend", {"positive": ["nothing"]}), 404)


def test_recommend_for_a_user_leaves_out_what_was_seen(server):
    server.post(C + "/feedback", [row("u4", "soup"), row("u4", "bike", "view")])
    got = [r["id"] for r in server.get(C + "/users/u4/recommendations")["data"]]
    assert not {"soup", "bike"} & set(got) and got
    again = [r["id"] for r in server.get(C + "/users/u4/recommendations", exclude_seen="false")["data"]]
    assert "bike" in again
    same = [r["id"] for r in server.post(C + "/recommend", {"user": "u4"})["data"]]
    assert same == got


def test_what_was_liked_just_now_counts_at_once(server):
    server.post(C + "/documents", [{"id": f"astro{i}", "text": f"telescope moon Saturn rings craters number {i}"} for i in range(4)])
    server.post(C + "/feedback", row("u5", "astro0"))
    got = [r["id"] for r in server.get(C + "/users/u5/recommendations", limit=3)["data"]]
    assert set(got) == {"astro1", "astro2", "astro3"}


def test_an_unknown_user_gets_something(server):
    answer = server.get(C + "/users/stranger/recommendations", limit=3)
    assert answer["model"] == "popular" and len(answer["data"]) <= 3


def test_a_session(server):
    got = server.post(C + "/recommend", {"session": ["soup", "bread"], "limit": 2})["data"]
    assert len(got) == 2 and not {"soup", "bread"} & {r["id"] for r in got}


def test_pages_of_recommendations(server):
    everything = [r["id"] for r in server.post(C + "/recommend", {"positive": ["soup"], "limit": 50})["data"]]
    page = server.post(C + "/recommend", {"positive": ["soup"], "limit": 2})
    more = server.post(C + "/recommend", {"positive": ["soup"], "limit": 2, "cursor": page["next_cursor"]})
    assert [r["id"] for r in page["data"] + more["data"]] == everything[:4]

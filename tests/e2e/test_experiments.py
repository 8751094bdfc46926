"""Experiments from end to end: shares, stable variants, what counts as a click, what is refused; scores that a team brings, and the
numbers of recommendations."""
import json
import random
import time

import pytest
from conftest import akin, problem

C = "/v1/collections/shop"
X = C + "/experiments"
TWO = [{"name": "control"}, {"name": "loud", "weight": 1, "blend": "brought.mine"}]


@pytest.fixture(scope="module", autouse=True)
def collection(server):
    server.collection("shop")
    rows = [{"id": f"d{i}", "text": f"thing number {i} of the catalogue"} for i in range(20)]
    assert server.post(C + "/documents", rows)["failed"] == 0
    assert server.post(C + "/feedback", [{"user": f"u{i}", "document": f"d{i % 20}", "type": "like"} for i in range(40)])["failed"] == 0


def recommend(server, user, **more):
    return server.post(C + "/recommend", {"user": user, "limit": 5, **more})


def counted(server, path, enough, **params):
    """The log is counted about a second behind."""
    for _ in range(80):
        answer = server.get(path, **params)
        if enough(answer):
            return answer
        time.sleep(0.1)
    raise AssertionError(answer)


def make(server, name, **more):
    return server.post(X, {"name": name, "variants": TWO, **more}, status=201)


def test_scores(server):
    path = C + "/scores/mine"
    answer = server.ask("PUT", path + "/users/u1", {"scores": [{"document": "d7", "score": 2}, {"document": "gone", "score": 1}]}, status=201).json()
    assert answer == {"count": 1, "unknown": ["gone"]}
    server.ask("PUT", path + "/all", {"scores": [{"document": "d3", "score": 9}, {"document": "d7", "score": 1}]}, status=201)
    assert server.get(path + "/users/u1")["scores"] == [{"document": "d7", "score": 2}]
    rows = server.post(path, [{"user": "u2", "scores": [{"document": "d1", "score": 1}]}, {"user": 3, "scores": []},
                              {"user": "u4", "scores": [{"document": "d1", "score": "x"}]},
                              {"user": "u5", "scores": [{"document": "d1", "score": 1}, {"document": "d1", "score": 2}]}])
    assert [r["status"] for r in rows["data"]] == ["created", "created", "failed", "failed"] and rows["failed"] == 2
    assert rows["data"][2]["error"]["errors"][0]["pointer"] == "/2/scores/0/score"
    assert rows["data"][3]["error"]["errors"][0]["pointer"] == "/3/scores/1/document"
    assert [s["source"] for s in server.get(C + "/scores")["data"]] == ["mine"]
    for wrong in ("Mine", "my-own", "1st"):
        problem(server.ask("PUT", f"{C}/scores/{wrong}/all", {"scores": []}), 422)
    problem(server.ask("GET", C + "/scores/other/all"), 404)

    blended = recommend(server, "u1", blend="brought.mine", exclude_seen=False)["data"]
    assert [r["id"] for r in blended[:2]] == ["d3", "d7"] and blended[0]["score"] == 9 and blended[1]["score"] == 2
    problem(server.ask("POST", C + "/recommend", {"user": "u1", "blend": "brought.mine +"}), 422)

    server.ask("DELETE", C + "/users/u1", status=204)
    problem(server.ask("GET", path + "/users/u1"), 404)
    server.ask("DELETE", path + "/users/u2", status=204)
    problem(server.ask("DELETE", path + "/users/u2"), 404)


@pytest.mark.parametrize("body, pointer", [
    ({"variants": [{"name": "a"}]}, "/variants"),
    ({"variants": [{"name": "a"}, {"name": "a"}]}, "/variants/1/name"),
    ({"variants": [{"name": "a", "weight": 0}, {"name": "b"}]}, "/variants"),
    ({"variants": [{"name": "a", "weight": -1}, {"name": "b"}]}, "/variants/0/weight"),
    ({"variants": [{"name": "a"}, {"name": "b", "recommender": 77}]}, "/variants/1/recommender"),
    ({"variants": [{"name": "a"}, {"name": "b", "blend": "model + fame"}]}, "/variants/1/blend"),
    ({"variants": [{"name": "a"}, {"name": "b", "diversity": 2}]}, "/variants/1/diversity"),
    ({"variants": [{"name": "a"}, {"name": "b", "volume": 2}]}, "/variants/1/volume"),
    ({"variants": TWO, "metric": "fame"}, "/metric"),
    ({"variants": TWO, "name": "No Name"}, "/name"),
])
def test_refused(server, body, pointer):
    found = problem(server.ask("POST", X, {"name": "bad", **body}), 422)
    assert [e["pointer"] for e in found["errors"]] == [pointer], found
    problem(server.ask("GET", X + "/bad"), 404)


def test_life(server):
    made = make(server, "life", scenario="life")
    assert made["state"] == "draft" and "results" not in made and made["variants"][0] == {"name": "control", "weight": 1}
    problem(server.ask("POST", X, {"name": "life", "variants": TWO}), 409)
    problem(server.ask("POST", X + "/life:stop"), 409)
    assert server.ask("PUT", X + "/life", {"scenario": "life", "variants": [*TWO, {"name": "third"}]}, status=200).json()["variants"][2]["name"] == "third"
    assert server.post(X + "/life:start", None)["state"] == "running"
    make(server, "rival", scenario="life")
    assert "life is running" in problem(server.ask("POST", X + "/rival:start"), 409)["detail"]
    problem(server.ask("PUT", X + "/life", {"scenario": "life", "variants": TWO}), 409)
    stopped = server.post(X + "/life:stop", None)
    assert stopped["state"] == "stopped" and stopped["results"]["variants"][0]["answers"] == 0
    problem(server.ask("POST", X + "/life:start"), 409)
    assert {x["name"]: x["state"] for x in server.get(X)["data"]} == {"life": "stopped", "rival": "draft"}
    server.ask("DELETE", X + "/life", status=204)
    problem(server.ask("DELETE", X + "/life"), 404)


def test_shares_and_stability(server):
    server.ask("PUT", X + "/shares", {"scenario": "wide", "variants": [{"name": "a", "weight": 3}, {"name": "b", "weight": 1}]}, status=201)
    server.post(X + "/shares:start", None)
    users = [f"reader {i}" for i in range(2000)]
    def assigned():
        out = {}
        for i in range(0, len(users), 100):
            for row in server.post(C + "/recommend:batch", {"users": users[i:i + 100], "limit": 1, "scenario": "wide"})["data"]:
                out[row["user"]] = (row["experiment"], row["variant"])
        return out
    first = assigned()
    assert len(first) == 2000 and {x for x, _ in first.values()} == {"shares"}
    assert 1423 < sum(v == "a" for _, v in first.values()) < 1577  # four standard deviations
    assert assigned() == first
    assert "experiment" not in recommend(server, "reader 1", scenario="narrow")
    assert "experiment" not in server.post(C + "/recommend", {"positive": ["d1"], "scenario": "wide"})  # nobody can be told
    answer = counted(server, X + "/shares", lambda x: sum(v["answers"] for v in x["results"]["variants"]) == 4000)
    a, b = answer["results"]["variants"]
    assert a["answers"] == 2 * sum(v == "a" for _, v in first.values())
    assert abs(a["readers"] - a["answers"] / 2) < 0.1 * a["readers"]
    assert b["versus_control"]["verdict"] == "too few answers to tell" and b["versus_control"]["p"] == 1


def test_clicks_are_counted_right(server):
    make(server, "clicks", scenario="front")
    server.post(X + "/clicks:start", None)
    seen = {"control": [], "loud": []}
    for i in range(60):
        answer = recommend(server, f"c{i}", scenario="front")
        assert answer["experiment"] == "clicks"
        seen[answer["variant"]].append((f"c{i}", answer))
        # what the variant overrides is served: uploaded scores alone put d3 first
        assert (answer["data"][0]["id"] == "d3") >= (answer["variant"] == "loud")
    rows = []
    for variant, share in (("control", 3), ("loud", 2)):
        for user, answer in seen[variant][::share]:
            about = {"user": user, "recommendation_id": answer["recommendation_id"], "type": "click"}
            rows += [{**about, "document": r["id"]} for r in answer["data"][:2]]  # two clicks: one answer
    user, answer = seen["control"][1]  # was not clicked
    shown = {r["id"] for r in answer["data"]}
    rows += [{"user": user, "document": answer["data"][0]["id"], "type": "click"},  # names no recommendation
             {"user": user, "document": answer["data"][0]["id"], "type": "click", "recommendation_id": "0" * 32},
             {"user": user, "document": next(f"d{i}" for i in range(20) if f"d{i}" not in shown), "type": "click",
              "recommendation_id": answer["recommendation_id"]},  # did not stand there
             {"user": user, "document": answer["data"][0]["id"], "type": "save", "recommendation_id": answer["recommendation_id"]}]
    assert server.post(C + "/feedback", rows)["failed"] == 0
    clicked = {"control": len(seen["control"][::3]), "loud": len(seen["loud"][::2])}

    def enough(x):
        return (sum(v["answers"] for v in x["results"]["variants"]) == 60
                and sum(v["click_through"]["answers"] for v in x["results"]["variants"]) == sum(clicked.values())
                and x["results"]["variants"][0]["conversion"]["answers"] == 1)
    results = counted(server, X + "/clicks", enough)["results"]
    for v in results["variants"]:
        n = len(seen[v["name"]])
        assert v["answers"] == n and v["readers"] == n and v["shown"] == 5 * n
        assert v["click_through"]["answers"] == clicked[v["name"]]
        assert v["click_through"]["rate"] == pytest.approx(clicked[v["name"]] / n)
    loud = results["variants"][1]
    assert loud["versus_control"]["difference"] == pytest.approx(clicked["loud"] / len(seen["loud"]) - clicked["control"] / len(seen["control"]))
    assert loud["coverage"] == pytest.approx(len({r["id"] for _, a in seen["loud"] for r in a["data"]}) / 20)

    stats = server.get(C + "/recommendations/stats", by="scenario,variant")
    rows = {(r["scenario"], r["variant"]): r for r in stats["data"]}
    assert rows["front", "loud"]["clicked"] == clicked["loud"] and rows["front", "control"]["converted"] == 1
    assert rows["front", "loud"]["click_through"] == pytest.approx(clicked["loud"] / len(seen["loud"]))
    whole, = server.get(C + "/recommendations/stats")["data"]
    assert whole["answers"] == sum(r["answers"] for r in rows.values()) and whole["clicked"] == sum(clicked.values())
    today, = server.get(C + "/recommendations/stats", by="day,model", **{"from": "2020-01-01T00:00:00Z"})["data"][-1:]
    assert today["recommender"] == 0 and today["day"].endswith("T00:00:00.000000Z")
    assert server.get(C + "/recommendations/stats", to="2020-01-01T00:00:00Z")["data"] == []
    problem(server.ask("GET", C + "/recommendations/stats", by="mood"), 422)

    final = server.post(X + "/clicks:stop", None)
    assert final["results"]["variants"][1]["click_through"]["answers"] == clicked["loud"]
    assert "experiment" not in recommend(server, "c1", scenario="front")


def experiments(server, *words, code=0):
    run = akin("experiments", *words, "-c", "shop", "--url", server.url, code=code)
    return run.stderr if code else run.stdout


def test_commands(server):
    made = json.loads(experiments(server, "create", "cli", "--scenario", "cli", "--variant", "control", "--metric", "conversion",
                                  "--variant", "both:2.5,diversity=.4,blend=min(model, 2) + .3 * trending", "--json"))
    assert made["variants"][1] == {"name": "both", "weight": 2.5, "diversity": 0.4, "blend": "min(model, 2) + .3 * trending"}
    assert "running" in experiments(server, "start", "cli")
    assert recommend(server, "u9", scenario="cli")["experiment"] == "cli"
    experiments(server, "change", "cli", "--scenario", "cli", "--metric", "conversion", "--variant", "control:2",
                "--variant", "both:1,diversity=.4,blend=min(model, 2) + .3 * trending")
    shown = experiments(server, "show", "cli")
    assert "control" in shown and "too few answers to tell" in shown and "weight 2" in shown
    assert "only the weights" in experiments(server, "change", "cli", "--variant", "a", "--variant", "b", code=1)
    assert "stopped" in experiments(server, "stop", "cli")
    assert "cli" in experiments(server, "list")
    assert "scenario" in experiments(server, "stats", "--by", "scenario,day").splitlines()[0]
    assert experiments(server, "delete", "cli") == ""
    assert "no experiment" in experiments(server, "show", "cli", code=1)
    assert "wants the name" in experiments(server, "start", code=2)
    assert "not NAME" in experiments(server, "create", "x", "--variant", "a,diversity", "--variant", "b", code=1)


# ---- what another way would have earned, and the collection's own blend ----
E2 = "/v1/collections/explored"


@pytest.fixture(scope="module")
def explored(server):
    """Readers like d0 to d9; a good algorithm knows it, a bad one thinks of d10 to d14. All of a list is drawn by chance."""
    server.collection("explored")
    server.post(E2 + "/documents", [{"id": f"d{i}", "text": f"thing number {i} of the catalogue"} for i in range(20)])
    for name, first in (("good", 0), ("bad", 10), ("last", 15)):
        scores = [{"document": f"d{first + i}", "score": 9 - i} for i in range(5)]
        server.ask("PUT", f"{E2}/scores/{name}/all", {"scores": scores}, status=201)
    ask_many(server, "e", 260, explore=1)
    ask_many(server, "f", 6, explore=1, scenario="few")


def ask_many(server, prefix, n, likes=lambda i: i < 10, often=.8, seldom=.1, **more):
    rng, rows = random.Random(7), []
    for u in range(n):
        answer = server.post(E2 + "/recommend", {"user": f"{prefix}{u}", "limit": 5, **more})
        rows += [{"user": f"{prefix}{u}", "document": r["id"], "type": "click", "recommendation_id": answer["recommendation_id"]}
                 for r in answer["data"] if rng.random() < (often if likes(int(r["id"][1:])) else seldom)]
    for i in range(0, len(rows), 1000):
        assert server.post(E2 + "/feedback", rows[i:i + 1000])["failed"] == 0
    return len({r["user"] for r in rows})  # answers of which something was clicked


def estimate(server, **params):
    return server.get(E2 + "/recommendations/estimate", **params)


def test_what_another_blend_would_have_earned(server, explored):
    good, bad = estimate(server, blend="brought.good"), estimate(server, blend="brought.bad")
    assert good["answers"] == 266 and good["slots"] == 5 * 266 and good["complete"] and good["enough"] and bad["enough"]
    assert good["estimate"]["rate"] == pytest.approx(.8, abs=.15) and bad["estimate"]["rate"] == pytest.approx(.1, abs=.1)
    assert bad["estimate"]["high"] < good["observed"] < good["estimate"]["low"] and .3 < good["observed"] < .6
    assert good["verdict"].startswith("better") and bad["verdict"].startswith("worse")
    assert 20 < good["matched"] < 200 and good["effective"] == pytest.approx(good["matched"], rel=.3)
    assert estimate(server, blend="brought.good", metric="conversion")["observed"] == 0


def test_an_estimate_says_when_it_rests_on_too_little(server, explored):
    few = estimate(server, blend="brought.good", scenario="few")
    assert few["answers"] == 6 and not few["enough"] and "too few explored answers" in few["verdict"]
    none = estimate(server, blend="brought.good", scenario="nowhere")
    assert none["slots"] == 0 and none["estimate"] == {"rate": None, "low": 0, "high": 1} and not none["enough"]
    assert "explore above 0" in none["verdict"] and none["observed"] is None
    problem(server.ask("GET", E2 + "/recommendations/estimate", blend="model +"), 422, parameter="blend")
    problem(server.ask("GET", E2 + "/recommendations/estimate", recommender=77), 404, says="recommender 77")
    problem(server.ask("GET", E2 + "/recommendations/estimate", metric="joy"), 422, parameter="metric")
    assert "no explored answers" in experiments(server, "estimate", "--blend", "brought.mine", "--scenario", "nowhere", "--metric", "conversion")


def blend_set(server, blend, **more):
    return server.ask("PATCH", E2, {"recommend": {"blend": blend, **more}})


def first_of(server, **more):
    return server.post(E2 + "/recommend", {"user": "nobody", "limit": 3, "exclude_seen": False, **more})


def test_a_collections_own_blend(server, explored):
    at = "/recommend/blend"
    problem(blend_set(server, "brought.good +"), 422, at)
    problem(blend_set(server, 7), 422, at)
    problem(server.ask("PATCH", E2, {"recommend": {"gate": "no"}}), 422, "/recommend/gate")
    problem(blend_set(server, "brought.bad"), 409, at, says="no experiment has tried it")
    problem(server.ask("POST", "/v1/collections", {"name": "gated", "settings": {"recommend": {"blend": "model"}}}), 422, "/settings" + at)
    plain = first_of(server)
    answer = blend_set(server, " brought.bad ", gate=False)
    assert answer.status_code == 200 and answer.json()["settings"]["recommend"] == {"blend": "brought.bad", "gate": False}
    assert [r["id"] for r in first_of(server)["data"]] == ["d10", "d11", "d12"] and first_of(server)["model"] == "blend"
    assert {r["source"] for r in first_of(server)["data"]} == {"brought"}
    assert [r["id"] for r in first_of(server, blend="brought.good")["data"]] == ["d0", "d1", "d2"]
    assert blend_set(server, None, gate=True).status_code == 200
    assert first_of(server)["model"] == plain["model"] != "blend"


def test_the_gate_lets_pass_what_an_experiment_found_no_worse(server, explored):
    variants = [{"name": "control"}, {"name": "last", "blend": "brought.last"}]
    server.post(E2 + "/experiments", {"name": "blends", "scenario": "try", "variants": variants}, status=201)
    server.post(E2 + "/experiments/blends:start", {})
    problem(blend_set(server, "brought.last"), 409, "/recommend/blend", says="too few answers")
    clicked = ask_many(server, "t", 1200, likes=lambda i: i >= 15, often=.25, seldom=.08, scenario="try")
    counted(server, E2 + "/experiments/blends", lambda x: sum(v["answers"] for v in x["results"]["variants"]) == 1200
            and sum(v["click_through"]["answers"] for v in x["results"]["variants"]) == clicked)
    problem(blend_set(server, "brought.bad"), 409, "/recommend/blend")
    answer = blend_set(server, "brought.last")
    assert answer.status_code == 200, answer.text + str(server.get(E2 + "/experiments/blends"))
    assert [r["id"] for r in first_of(server)["data"]] == ["d15", "d16", "d17"]
    assert blend_set(server, None).status_code == 200

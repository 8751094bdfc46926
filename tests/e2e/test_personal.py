"""Search for a reader: their profile is one more boost, written out in explain; without one nothing changes."""
import pytest
from conftest import problem

C = "/v1/collections/own"
BIKES = ["chain brakes wheels bicycle ride tour", "bicycle tyres wheels chain repair ride", "bicycle saddle ride wheels tour"]
SOUPS = ["pumpkin ginger cream soup kitchen", "soup kitchen onion cream pumpkin", "ginger soup kitchen cream spoon"]


@pytest.fixture(scope="module", autouse=True)
def collection(server):
    server.collection("own")
    rows = [{"id": f"{kind}{i}", "text": f"review of {text}", "attributes": {"stars": i}}
            for kind, texts in (("bike", BIKES), ("soup", SOUPS)) for i, text in enumerate(texts)]
    assert server.post(C + "/documents", rows)["failed"] == 0
    server.post(C + "/feedback", [{"user": "cyclist", "document": "bike0", "type": "like"}, {"user": "cook", "document": "soup0", "type": "like"},
                                  {"user": "grump", "document": "soup0", "type": "dislike"}, {"user": 7, "document": "soup0", "type": "save"}])


def search(server, **more):
    return server.post(C + "/search", {"q": "review", "limit": 10, "explain": True, **more})


def order(answer):
    return [h["id"][:4] for h in answer["data"]]


@pytest.mark.parametrize("mode", ["hybrid", "lexical", "semantic"])
def test_what_is_like_the_readers_own_comes_first(server, mode):
    about = {"mode": mode, "user_weight": 0.9}  # all six are relevant, by their length more or less
    assert order(search(server, user="cyclist", **about))[:3] == ["bike"] * 3
    assert order(search(server, user="cook", **about))[:3] == ["soup"] * 3
    assert order(search(server, user=7, **about)) == order(search(server, user="cook", **about))


@pytest.mark.parametrize("weight", [0, 0.3, 1])
def test_the_parts_add_up(server, weight):
    plain = {h["id"]: h for h in search(server)["data"]}
    answer = search(server, user="cyclist", user_weight=weight)
    assert answer["personalised"] is True and len(answer["data"]) == 6
    for h in answer["data"]:
        e, = h["explain"]["boosts"]
        mu = h["explain"]["mean_cosine"]
        assert e["field"] == "_user" and e["weight"] == weight
        assert e["boost"] == pytest.approx(max(0, (e["value"] - mu) / (1 - mu)), abs=1e-9)
        assert h["explain"]["relevance"] == pytest.approx(plain[h["id"]]["score"], abs=1e-9)
        assert h["score"] == pytest.approx(plain[h["id"]]["score"] * (1 - weight * (1 - e["boost"])), abs=1e-9)


def test_nobody_changes_nothing(server):
    plain = search(server)
    assert "personalised" not in plain
    for user in ("nobody", "grump"):  # unknown, and known only for what they do not want
        answer = search(server, user=user)
        assert answer["personalised"] is False
        assert [(h["id"], h["score"]) for h in answer["data"]] == [(h["id"], h["score"]) for h in plain["data"]]
        assert all(h["explain"]["boosts"] == [] for h in answer["data"])


def test_beside_other_boosts(server):
    boosts = [{"field": "stars", "pivot": 1, "weight": 0.5}]
    answer = search(server, user="cyclist", boosts=boosts)
    for h in answer["data"]:
        assert [b["field"] for b in h["explain"]["boosts"]] == ["stars", "_user"]
        lost = sum(b["weight"] * (1 - b["boost"]) for b in h["explain"]["boosts"])
        assert h["score"] == pytest.approx(h["explain"]["relevance"] * (1 - lost), abs=1e-9)
    problem(server.ask("POST", C + "/search", {"q": "x", "user": "cyclist", "user_weight": 0.6, "boosts": boosts}), 422, pointer="/boosts", says="user_weight")


def test_what_is_wrong(server):
    for body, pointer in (({"user": ""}, "/user"), ({"user": ["a"]}, "/user"), ({"user": "a", "user_weight": 1.1}, "/user_weight"), ({"user": "a", "user_weight": "x"}, "/user_weight")):
        problem(server.ask("POST", C + "/search", {"q": "x", **body}), 422, pointer=pointer)
    assert server.get(C + "/search", q="review", user="cyclist", user_weight=0.5)["personalised"] is True

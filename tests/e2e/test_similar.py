"""What is like given documents, a text or a vector: seeds, filters, exclusions, diversity, vectors of a client's own, and what is refused."""
import math
import random

import pytest
from conftest import problem, wait_for

C = "/v1/collections/like"


def vector(*weights, dims):
    """A direction that is mostly the first few axes."""
    return [float(weights[i]) if i < len(weights) else 0.0 for i in range(dims)]


@pytest.fixture(scope="module", autouse=True)
def dims(server):
    n = server.collection("like")["dims"]
    docs = [("x", (1, 0, 0)), ("xx", (.98, .2, 0)), ("xy", (.7, .7, 0)), ("y", (0, 1, 0)), ("yy", (.1, 1, 0)), ("z", (0, 0, 1))]
    server.post(C + "/documents", [
        {"id": i, "text": f"{i} is a point of the test number {k}", "vector": vector(*w, dims=n), "attributes": {"year": 2020 + k}}
        for k, (i, w) in enumerate(docs)])
    return n


def ids(server, body, status=200):
    return [h["id"] for h in server.post(C + "/similar", body, status)["data"]]


def test_a_clients_vectors_are_what_is_compared(server, dims):
    assert ids(server, {"id": "x", "limit": 2}) == ["xx", "xy"]
    assert ids(server, {"vector": vector(0, 5, 0, dims=dims), "limit": 2}) == ["y", "yy"]  # of any length
    hit = server.post(C + "/similar", {"vector": vector(1, dims=dims), "explain": True, "limit": 1})["data"][0]
    assert hit["id"] == "x" and hit["explain"]["cosine"] == pytest.approx(1, abs=1e-3)


def test_several_seeds_are_combined_and_not_answered(server):
    got = ids(server, {"ids": ["x", "y"]})
    assert got[0] == "xy" and not {"x", "y"} & set(got)
    assert ids(server, {"ids": ["x", "x"]}) == ids(server, {"id": "x"})


def test_filter_and_exclude(server):
    assert ids(server, {"id": "x", "filter": "year >= 2022", "limit": 2}) == ["xy", "yy"]
    assert ids(server, {"id": "x", "exclude": ["xx", "not there"], "limit": 1}) == ["xy"]
    answer = server.post(C + "/similar", {"id": "x", "exclude": ["xx", "xy"]})
    assert answer["total"] == {"value": 3, "relation": "eq"} and len(answer["data"]) == 3


def test_diversity_brings_another_direction_forward(server, dims):
    body = {"vector": vector(1, .6, .5, dims=dims), "limit": 3}
    assert "z" not in ids(server, body)
    assert "z" in ids(server, {**body, "diversity": .8})
    assert ids(server, {**body, "diversity": 0}) == ids(server, body)


def test_pages(server):
    everything = ids(server, {"id": "x"})
    pages, cursor = [], None
    for _ in range(3):
        answer = server.post(C + "/similar", {"id": "x", "limit": 2, **({"cursor": cursor} if cursor else {})})
        pages += [h["id"] for h in answer["data"]]
        cursor = answer["next_cursor"]
    assert pages == everything and cursor is None


def test_many_exclusions(server):
    rng = random.Random(1)
    server.collection("many")
    n = 300
    server.lines("many", [{"id": f"m{i}", "text": " ".join(rng.choice("abcdefghijklmnop") * 3 for _ in range(12))} for i in range(n)])
    out = [f"m{i}" for i in range(1, 200)]
    answer = server.post("/v1/collections/many/similar", {"id": "m0", "exclude": out, "limit": 1000})
    assert len(answer["data"]) == n - 200 == answer["total"]["value"] and not set(out) & {h["id"] for h in answer["data"]}


@pytest.mark.parametrize("body, status, pointer, says", [
    ({"id": "nothing"}, 404, "/id", "nothing"),
    ({"ids": ["x", "nothing"]}, 404, "/ids/1", "nothing"),
    ({"ids": []}, 422, "/ids", ""),
    ({"vector": [1.0, 2.0]}, 422, "/vector", "dimensions"),
    ({"vector": []}, 422, "/vector", ""),
    ({"vector": "1,2"}, 422, "/vector", "array"),
    ({"id": "x", "limit": 0}, 422, "/limit", "from 1 to 1000"),
    ({"id": "x", "limit": 1001}, 422, "/limit", "from 1 to 1000"),
    ({"id": "x", "diversity": 1.1}, 422, "/diversity", "from 0 to 1"),
    ({"id": "x", "exclude": "y"}, 422, "/exclude", "array"),
    ({"id": "x", "filter": "year >= 2020 AND"}, 422, "/filter", "character 17"),
    ({"id": "x", "filter": "year >= 2020 AND yaer = 3"}, 422, "/filter", "character 18: no document has the field yaer; the nearest known is year"),
    ({"id": "x", "filter": "NOT (lnag = en)"}, 422, "/filter", "nearest known is lang"),
])
def test_refused(server, body, status, pointer, says):
    problem(server.ask("POST", C + "/similar", body), status, pointer=pointer, says=says)


@pytest.mark.parametrize("bad", ["NaN", "Infinity", "1e999", "1e60"])
def test_vectors_that_are_no_numbers(server, dims, bad):
    numbers = ["0.5"] * dims
    numbers[2] = bad
    text = '{"vector":[%s]}' % ",".join(numbers)
    answer = server.ask("POST", C + "/similar", data=text.encode(), headers={"Content-Type": "application/json"})
    if answer.status_code == 400:
        problem(answer, 400)
    else:
        problem(answer, 422, pointer="/vector/2", says="finite")
    document = '{"id":"bad","text":"t","vector":[%s]}' % ",".join(numbers)
    answer = server.ask("POST", C + "/documents", data=document.encode(), headers={"Content-Type": "application/json"})
    problem(answer, answer.status_code, pointer="/vector/2" if answer.status_code == 422 else None)
    assert answer.status_code in (400, 422)
    server.ask("GET", C + "/documents/bad", status=404)


def test_vectors_of_zeros(server, dims):
    problem(server.ask("POST", C + "/similar", {"vector": [0] * dims}), 422, pointer="/vector", says="zeros")
    row = server.post(C + "/documents", [{"id": "zero", "text": "t", "vector": [0] * dims}])
    assert row["failed"] == 1 and row["data"][0]["error"]["errors"][0]["pointer"] == "/0/vector"
    row = server.post(C + "/documents", [{"id": "short", "text": "t", "vector": [1, 2]}])
    assert str(dims) in row["data"][0]["error"]["detail"]


def test_unknown_fields_of_a_filter(server):
    problem(server.ask("GET", C + "/documents", filter="yeer > 3"), 422, says="nearest known is year")
    problem(server.ask("GET", C + "/search", q="x", filter="yeer > 3"), 422, says="nearest known is year")
    problem(server.ask("GET", C + "/documents", filter="year > 3 OR NOT yeer EXISTS"), 422, says="character 17: no document has the field yeer")
    problem(server.ask("POST", C + "/similar", {"id": "x", "filter": "title = x"}), 422, pointer="/filter", says="cannot be filtered by")
    server.collection("empty")
    assert server.get("/v1/collections/empty/documents", filter="anything = 1")["data"] == []


def test_the_vector_of_a_document_stays_with_its_text(server, dims):
    body = {"id": "own", "text": "a text", "vector": vector(0, 0, 0, 1, dims=dims)}
    assert server.post(C + "/documents", [body])["data"][0]["status"] == "created"
    server.ask("PATCH", C + "/documents/own", {"attributes": {"year": 1}}, status=200)
    assert ids(server, {"vector": vector(0, 0, 0, 1, dims=dims), "limit": 1}) == ["own"]
    assert "vector" not in server.get(C + "/documents/own")
    assert math.isfinite(server.post(C + "/similar", {"id": "own"})["data"][0]["score"])


def test_pages_of_a_diverse_answer_neither_repeat_nor_miss(server):
    """Through more than one pool of those that are ordered anew."""
    rng = random.Random(3)
    server.collection("diverse")
    n = 450
    server.lines("diverse", [{"id": f"m{i}", "text": " ".join(rng.choice("abcdefghijklmnop") * 3 for _ in range(12))} for i in range(n)])
    path = "/v1/collections/diverse/similar"
    whole = [h["id"] for h in server.post(path, {"id": "m0", "limit": 1000, "diversity": .6})["data"]]
    assert sorted(whole) == sorted(f"m{i}" for i in range(1, n))
    assert whole != [h["id"] for h in server.post(path, {"id": "m0", "limit": 1000})["data"]]
    pages, cursor = [], None
    while len(pages) < n:
        answer = server.post(path, {"id": "m0", "limit": 40, "diversity": .6, **({"cursor": cursor} if cursor else {})})
        pages += [h["id"] for h in answer["data"]]
        cursor = answer["next_cursor"]
        if not cursor:
            break
    assert pages == whole


@pytest.mark.parametrize("body", [{}, {"id": "x", "text": "x"}, {"ids": ["x"], "vector": [1.0]}, {"id": "x", "ids": ["y"]},
                                  {"limit": 5, "exclude": ["x"]}])
def test_exactly_one_of_id_ids_text_vector(server, body):
    problem(server.ask("POST", C + "/similar", body), 422, says="id, ids, text, vector")


def test_passages_count_by_the_best_and_seeds_by_the_mean(server, dims):
    server.post("/v1/collections", {"name": "passages", "settings": {"passage_tokens": 16, "overlap_tokens": 0}}, 201)
    path = "/v1/collections/passages"
    halves = ["pumpkin soup with ginger and cream in a large bowl. ", "iron bridges over wide rivers and their rusty rivets. "]
    server.post(path + "/documents", [
        {"id": "both", "text": (halves[0] * 4) + (halves[1] * 4)}, {"id": "soup", "text": halves[0] * 4}, {"id": "iron", "text": halves[1] * 4},
        {"id": "other", "text": "a chess match between two old friends went on until dawn. " * 4}])
    hits = server.post(path + "/similar", {"text": halves[0] * 4, "explain": True})["data"]
    cosines = {h["id"]: h["explain"]["cosine"] for h in hits}
    assert cosines["both"] > cosines["iron"]  # by its first half
    assert {h["id"] for h in server.post(path + "/similar", {"id": "both", "limit": 2})["data"]} == {"soup", "iron"}
    hit = next(h for h in hits if h["id"] == "both")
    assert "pumpkin" in hit["passage"]["text"]


def test_total_counts_what_can_be_compared(server):
    answer = server.post(C + "/similar", {"id": "x", "filter": "year >= 2021 AND year < 2030"})
    assert answer["total"] == {"value": len(answer["data"]), "relation": "eq"} and answer["next_cursor"] is None


def test_a_clients_vector_belongs_to_the_version_that_was_active(make_server):
    server = make_server()
    n = server.collection("own")["dims"]
    path = "/v1/collections/own"
    axis = vector(0, 0, 1, dims=n)
    document = {"id": "mine", "text": "by hand", "vector": axis}
    server.post(path + "/documents", [document, {"id": "made", "text": "by machine"}])
    assert server.post(path + "/documents", [document])["data"][0]["status"] == "unchanged"

    def cosine():
        hits = server.post(path + "/similar", {"vector": axis, "explain": True})["data"]
        return {h["id"]: h["explain"]["cosine"] for h in hits}["mine"]

    assert cosine() == pytest.approx(1, abs=1e-3)
    versions = path + "/embedding-versions"
    made = server.post(versions, {"precision": "bf16"}, 201)["id"]
    wait_for(lambda: server.get(f"{versions}/{made}")["state"] == "ready", 30)
    server.ask("POST", f"{versions}/{made}:promote", status=200)
    assert cosine() < .9  # the new version embedded the text
    server.ask("POST", f"{versions}:rollback", status=200)
    assert cosine() == pytest.approx(1, abs=1e-3)
    server.ask("POST", f"{versions}/{made}:promote", status=200)
    assert server.post(path + "/documents", [document])["data"][0]["status"] == "updated"
    assert cosine() == pytest.approx(1, abs=1e-3)
    assert server.post(path + "/documents", [document])["data"][0]["status"] == "unchanged"
    short = server.post(versions, {"dimensions": 16}, 201)["id"]
    wait_for(lambda: server.get(f"{versions}/{short}")["state"] == "ready", 30)
    server.ask("POST", f"{versions}/{short}:promote", status=200)
    problem(server.ask("POST", path + "/similar", {"vector": axis}), 422, pointer="/vector", says="16 numbers")
    assert server.post(path + "/similar", {"id": "made"})["data"][0]["id"] == "mine"

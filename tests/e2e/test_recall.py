"""The recall meter: live searches are sampled and repeated exactly; what it says of a collection, and its setting."""
import json
import random

import pytest

from conftest import akin, wait_for

COUNT, CLUSTERS = 30000, 300
C = "/v1/collections/many"


def row(rng, centres, dims):
    centre = centres[rng.randrange(CLUSTERS)]
    return [round(x + rng.gauss(0, .5), 3) for x in centre]


@pytest.fixture(scope="module")
def many(server):
    dims = server.collection("many")["dims"]
    rng = random.Random(1)
    centres = [[rng.gauss(0, 1) for _ in range(dims)] for _ in range(CLUSTERS)]
    for at in range(0, COUNT, 5000):
        body = "\n".join(json.dumps({"id": f"d{i}", "text": f"number {i}", "vector": row(rng, centres, dims), "attributes": {"odd": i % 2}})
                         for i in range(at, at + 5000))
        answer = server.ask("POST", C + "/documents", data=body.encode(), headers={"Content-Type": "application/x-ndjson"}, status=200, timeout=300)
        assert json.loads(answer.text.splitlines()[-1])["failed"] == 0
    wait_for(lambda: server.get(C)["index"]["linked"] > COUNT * .9, seconds=300)
    return [row(rng, centres, dims) for _ in range(40)]


def test_before_any_search(server):
    server.collection("idle")
    index = server.get("/v1/collections/idle")["index"]
    assert index["recall"] == 1 and index["recall_samples"] == 0 and index["recall_target"] == .98
    assert index["passages"] == index["linked"] == index["tail"] == 0 and index["bytes"] > 0
    m = server.metrics()
    assert m['akin_index_recall_ratio{collection="idle"}'] == 1
    for plan in ("scan", "walk", "filtered_walk"):
        assert m[f'akin_index_recall_samples_total{{plan="{plan}"}}'] == 0


def test_measured(server, many):
    index = server.get(C)["index"]
    assert index["passages"] == COUNT and index["tail"] <= COUNT * .1 and index["width"] == index["width_filtered"] == 128
    for vector in many:
        server.post(C + "/similar", {"vector": vector, "limit": 10})
        server.post(C + "/similar", {"vector": vector, "limit": 10, "filter": "odd = 1"})
    index = wait_for(lambda: (x := server.get(C)["index"])["recall_samples"] >= 20 and x, seconds=120)
    assert .9 < index["recall"] <= 1
    m = server.metrics()
    assert .9 < m['akin_index_recall_ratio{collection="many"}'] <= 1
    assert m['akin_index_walk_width{collection="many"}'] >= 16
    # which searches are sampled is chance; half of them are scans, of what the filter passes
    samples = [m[f'akin_index_recall_samples_total{{plan="{plan}"}}'] for plan in ("scan", "walk", "filtered_walk")]
    assert sum(samples) >= 20 and samples[1] > 0


def test_exact(server, many):
    """What is asked for exactly is all there is, and is no sample."""
    for vector in many[:10]:
        exact = server.post(C + "/similar", {"vector": vector, "limit": 20, "exact": True})["data"]
        walked = server.post(C + "/similar", {"vector": vector, "limit": 20})["data"]
        assert len(exact) == len(walked) == 20
        assert all(e["score"] >= w["score"] for e, w in zip(exact, walked))
    assert len(server.post(C + "/search", {"q": "number 17", "exact": True, "limit": 5})["data"]) == 5
    assert len(server.get(C + "/search", q="number 17", exact="true", limit=5)["data"]) == 5
    problem = server.post(C + "/search", {"q": "x", "exact": "yes"}, status=422)
    assert problem["errors"][0]["pointer"] == "/exact"


def test_gone_with_its_collection(server):
    server.collection("short")
    assert 'akin_index_recall_ratio{collection="short"}' in server.metrics()
    server.ask("DELETE", "/v1/collections/short", status=204)
    wait_for(lambda: 'akin_index_recall_ratio{collection="short"}' not in server.metrics())


@pytest.mark.parametrize("value", ["1", "0.4", "98%", "nan", ""])
def test_target_out_of_range(tmp_path, value):
    run = akin("serve", "--data", tmp_path, "--port", "0", "--model", "stub", "--set", f"index.recall_target={value}", code=1)
    assert "index.recall_target must be a number from 0.5 to 0.9999" in run.stderr


def test_target_is_shown(make_server):
    s = make_server(env={"AKIN_INDEX__RECALL_TARGET": "0.9"})
    s.collection("docs")
    assert s.get("/v1/collections/docs")["index"]["recall_target"] == .9
    assert "recall_target: 0.95" in akin("config", "print", "--set", "index.recall_target=0.95").stdout

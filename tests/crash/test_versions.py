"""kill -9 while an embedding version is being built: it goes on where it was, embeds nothing again that was stored, and ends complete."""
import os
import random
import re
import time

import requests
from test_kill import Node, doctor

DOCUMENTS = 6000
KILLS = int(os.environ.get("AKIN_VERSION_KILLS", "5"))
QUERIES = 200  # that the comparison at the end embeds, by both models
BATCH = 100


def embedded(node):
    text = requests.get(node.url + "/metrics", timeout=10).text
    return sum(float(n) for n in re.findall(r"^akin_embeddings_generated_total\S* (\S+)$", text, re.M))


def version(node, id):
    return requests.get(f"{node.url}/v1/collections/c/embedding-versions/{id}", timeout=10).json()


def test_building_is_resumed_without_repeats(tmp_path):
    seed = int(os.environ.get("AKIN_SEED", time.time_ns() % 1_000_000))
    print(f"AKIN_SEED={seed}")
    rng, data = random.Random(seed), str(tmp_path / "data")
    node = Node(data)
    requests.post(node.url + "/v1/collections", json={"name": "c"}, timeout=10).raise_for_status()
    rows = [{"id": f"d{i}", "text": f"document number{i} about topic{i % 7} {i * i}"} for i in range(DOCUMENTS)]
    requests.post(node.url + "/v1/collections/c/documents", json=rows, timeout=60).raise_for_status()
    before = embedded(node)
    requests.post(node.url + "/v1/collections/c/embedding-versions", json={"precision": "bf16"}, timeout=10).raise_for_status()
    lives, kills, killed_while_building = [], 0, 0
    for kills in range(1, KILLS + 1):
        time.sleep(rng.uniform(0.02, 0.15))
        lives.append(embedded(node) - before)
        last = version(node, 2)
        node.kill()
        killed_while_building += last["state"] == "building" and last["missing"] > 0
        node, before = Node(data), 0
    end = time.monotonic() + 60
    while version(node, 2)["state"] != "ready":
        assert time.monotonic() < end, version(node, 2)
        time.sleep(0.05)
    again = embedded(node)
    print(f"{killed_while_building} of {kills} kills while it was built; embedded in each life: {lives} and {again}")
    assert killed_while_building > 0
    assert again <= last["missing"] + QUERIES, "what was stored was embedded again"
    assert sum(lives) + again <= DOCUMENTS + QUERIES + kills * BATCH * 2
    ready = version(node, 2)
    assert ready["passages"] == DOCUMENTS and ready["missing"] == 0
    requests.post(f"{node.url}/v1/collections/c/embedding-versions/2:promote", timeout=10).raise_for_status()
    hits = requests.get(f"{node.url}/v1/collections/c/search", params={"q": rows[77]["text"], "mode": "semantic"}, timeout=10).json()
    assert hits["embedding_version"] == 2 and hits["data"][0]["id"] == "d77"
    node.process.terminate()
    assert node.process.wait(timeout=10) == 0
    assert doctor(data)["ok"]

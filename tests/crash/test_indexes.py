"""Index files: killed while they are written or merged, damaged between two runs, no room for them. The answers are exact at once, what is done is said,
and the next files are good."""
import json, os, pathlib, random, subprocess, threading, time

import pytest
import requests

from test_kill import AKIN, Node, doctor

COUNT = 12_000  # more than stay outside a graph
C = "/v1/collections/c"


class Logged(Node):
    """A node whose log is kept."""

    def __init__(self, data, *options):
        self.data, self.log = data, []
        self.process = subprocess.Popen([AKIN, "serve", "--data", data, "--port", "0", "--model", "stub", "--set", "index.snapshot_seconds=1", *options],
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        assert line.startswith("listening on "), f"no start: {line!r} {self.process.stderr.read()[-2000:]}"
        self.url = line.split()[-1]
        threading.Thread(target=lambda: self.log.extend(self.process.stderr), daemon=True).start()

    def metric(self, name):
        return sum(float(x.rsplit(" ", 1)[1]) for x in requests.get(f"{self.url}/metrics", timeout=10).text.splitlines() if x.startswith("akin_" + name))

    def wait(self, what, seconds=60, every=.02):
        until = time.monotonic() + seconds
        while not what():
            assert time.monotonic() < until, "".join(self.log)[-2000:]
            time.sleep(every)

    def stop(self):
        self.process.terminate()
        assert self.process.wait(timeout=60) == 0


def vector(rng, dims):
    return [rng.randint(-99, 99) for _ in range(dims)]


def make(node, seed=1, count=COUNT):
    """-> the vectors of the documents that were put."""
    rng = random.Random(seed)
    answer = requests.post(f"{node.url}/v1/collections", json={"name": "c"}, timeout=10)
    assert answer.status_code == 201
    dims = len(requests.post(f"{node.url}/v1/embeddings", json={"input": "x"}, timeout=10).json()["data"][0]["embedding"])
    vectors = {f"d{n}": vector(rng, dims) for n in range(count)}
    put(node, vectors)
    return vectors


def put(node, vectors):
    body = "".join(json.dumps({"id": i, "text": f"the text of {i}", "vector": v}) + "\n" for i, v in vectors.items())
    answer = requests.post(f"{node.url}{C}/documents", data=body, headers={"Content-Type": "application/x-ndjson"}, timeout=120)
    assert answer.status_code == 200 and '"failed"' not in answer.text.replace('"failed":0', ""), answer.text[-500:]


def nearest(vectors, query, k):
    length = sum(x * x for x in query) ** .5
    return sorted(((sum(x * y for x, y in zip(v, query)) / sum(x * x for x in v) ** .5 / length, i) for i, v in vectors.items()), reverse=True)[:k]


def check_exact(node, vectors, queries=3):
    rng = random.Random(9)
    for _ in range(queries):
        query = vector(rng, len(next(iter(vectors.values()))))
        answer = requests.post(f"{node.url}{C}/similar", json={"vector": query, "limit": 10}, timeout=30).json()["data"]
        assert [h["id"] for h in answer] == [i for _, i in nearest(vectors, query, 10)]


def check_own(node, vectors, count=50):
    """Documents are found by their own vectors, and nothing else is."""
    for i in random.Random(8).sample(sorted(vectors), count):
        hits = requests.post(f"{node.url}{C}/similar", json={"vector": vectors[i], "limit": 5}, timeout=30).json()["data"]
        assert hits[0]["id"] == i and all(h["id"] in vectors for h in hits)


def files(data, name="rows"):
    return list(pathlib.Path(data, "index").rglob(name))


def vectors_file(data):
    return max(files(data), key=lambda p: p.stat().st_size)


@pytest.mark.parametrize("when", ["saving", "merging"])
def test_killed_while(when, tmp_path):
    data = str(tmp_path / "data")
    node = Logged(data)
    vectors = make(node)
    for round in range(4):
        if when == "saving":
            # A file is written in some ms: one is killed while it is, the others soon after a save began or ended.
            saves = node.metric("index_saves_total")
            put(node, {"d0": vectors["d0"][::-1]})
            vectors["d0"] = vectors["d0"][::-1]
            folders = [p.parent for p in files(data)] or [pathlib.Path(data)]
            node.wait(lambda: any((p / "rows.new").exists() for p in folders) or node.metric("index_saves_total") > saves, every=0)
        else:
            tail = node.metric("index_tail_rows")
            node.wait(lambda: node.metric("index_tail_rows") < tail or node.metric("index_tail_rows") == 0)
        node.kill()
        node = Logged(data)
        check_own(node, vectors)
        more = {f"r{round}-{n}": vector(random.Random(f"{round} {n}"), len(vectors["d0"])) for n in range(500)}
        put(node, more)
        vectors.update(more)
    node.stop()
    assert doctor(data)["ok"]


def test_a_damaged_file_is_made_anew_while_answers_are_exact(tmp_path):
    data = str(tmp_path / "data")
    node = Logged(data)
    vectors = make(node)
    node.wait(lambda: node.metric("index_tail_rows") == 0)
    node.stop()
    path = vectors_file(data)
    bytes = bytearray(path.read_bytes())
    for at in (len(bytes) // 3, len(bytes) // 2):
        bytes[at] ^= 0x10
    path.write_bytes(bytes)
    node = Logged(data)
    check_exact(node, vectors)
    assert node.metric('index_rebuilds_total{index="vectors"}') == 1
    assert any("index snapshot dropped" in x and "checksum" in x for x in node.log) and any("index rebuilt" in x for x in node.log), node.log
    check_own(node, vectors)
    node.wait(lambda: node.metric("index_tail_rows") == 0)
    check_own(node, vectors)
    node.stop()
    node = Logged(data)  # the file is good again, most of the graph in it
    assert node.metric("index_rebuilds_total") == 0 and node.metric("index_tail_rows") < COUNT / 4
    check_own(node, vectors)
    node.stop()
    assert doctor(data)["ok"]


@pytest.mark.parametrize("small_disk", ["200m"], indirect=True)
def test_no_room_for_an_index_file(small_disk):
    data = str(small_disk / "data")
    node = Logged(data)
    vectors = make(node, count=3000)
    node.wait(lambda: node.metric('index_saves_total{index="vectors",outcome="ok"}') > 0)
    before = vectors_file(data).read_bytes()
    with open(small_disk / "ballast", "wb") as f:
        try:
            while True:
                f.write(b"x" * 65536)
                f.flush()
        except OSError:
            f.truncate(os.path.getsize(f.name) - 500_000)  # enough for the write, not for the files
    put(node, {"new": vectors["d1"]})
    vectors["new"] = vectors.pop("d1")
    requests.delete(f"{node.url}{C}/documents/d1", timeout=10).raise_for_status()
    node.wait(lambda: node.metric('index_saves_total{index="vectors",outcome="failed"}') > 0)
    assert vectors_file(data).read_bytes() == before and not files(data, "rows.new")  # the old one stays
    check_exact(node, vectors)
    node.wait(lambda: any("index snapshot not saved" in x for x in node.log))
    os.remove(small_disk / "ballast")
    saved = node.metric('index_saves_total{index="vectors",outcome="ok"}')
    node.wait(lambda: node.metric('index_saves_total{index="vectors",outcome="ok"}') > saved)  # it tries again
    node.kill()
    node = Logged(data)
    assert node.metric("index_rebuilds_total") == 0
    check_exact(node, vectors)
    node.stop()
    assert doctor(data)["ok"]

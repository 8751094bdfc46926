"""Writers that put, update and delete beside searchers of every kind: what was deleted is in no answer from its acknowledgement on,
what was put is found at once, an update is not seen by its old values, a filter gives as many as there are.

AKIN_STRESS_SECONDS: how long, 6 if not set. AKIN_SEED replays the choices, not the threads' order."""
import itertools
import os
import random
import threading

import pytest

from conftest import Server, running
from test_doctor import doctor

C = "/v1/collections/live"
SECONDS = float(os.environ.get("AKIN_STRESS_SECONDS", "6"))
SEED = int(os.environ.get("AKIN_SEED", "1"))
BASE = 12000  # more than are scanned, so that the graph is walked
PARTS = {1: 3, 2: 40, 3: 400}  # attribute `part` of the base -> documents; the others have 0
WRITERS, SEARCHERS, IDS = 3, 2, 40
WORDS = [a + b + c for a in "bdfgklmnprst" for b in "aeiou" for c in "lmnrst"]


@pytest.fixture(scope="module")
def server():
    with running(Server()) as s:
        yield s
        assert s.stop(wait=60) == 0
        assert doctor(s.data)["ok"]


def direction(rng, dims):
    return [round(rng.gauss(0, 1), 3) for _ in range(dims)]


def text(rng):
    return " ".join(rng.choice(WORDS) for _ in range(12))


@pytest.fixture(scope="module")
def dims(server):
    server.collection("live")
    n = server.get(C)["dims"]
    rng = random.Random(SEED)
    parts = itertools.chain.from_iterable([part] * count for part, count in PARTS.items())
    documents = [{"id": f"base{i}", "text": text(rng), "vector": direction(rng, n), "attributes": {"part": next(parts, 0), "group": -1}}
                 for i in range(BASE)]
    for at in range(0, BASE, 2000):
        assert all(not row.get("error") for row in server.lines("live", documents[at:at + 2000]))
    return n


class World:
    """What is known of the ids that writers own. A version is (number, group): group None is gone for sure, "?" is being changed.
    A searcher compares what it knew before its request with what is known after the answer."""

    def __init__(self):
        self.lock, self.known, self.number = threading.Lock(), {}, itertools.count()
        self.stop, self.faults, self.done = threading.Event(), [], {}

    def set(self, key, group):
        with self.lock:
            self.known[key] = (next(self.number), group)

    def copy(self):
        with self.lock:
            return dict(self.known)

    def count(self, what):
        with self.lock:
            self.done[what] = self.done.get(what, 0) + 1

    def run(self, work, *arguments):
        try:
            while not self.stop.is_set():
                work(*arguments)
        except BaseException as e:  # to the thread that waits
            self.faults.append(e)
            self.stop.set()


class Client:
    def __init__(self, server, world, dims, number):
        self.server = Server(data=server.data)  # a session of its own
        self.server.url = server.url
        self.world, self.dims, self.number = world, dims, number
        self.rng = random.Random(SEED * 1000 + number)

    def post(self, path, body):
        return self.server.ask("POST", C + path, body, status=200, timeout=120).json()

    def hits(self, path, body):
        """Each answer is in order, unless it is to be diverse, and without repetition."""
        hits = self.post(path, body)["data"]
        ids = [h["id"] for h in hits]
        assert len(set(ids)) == len(ids) <= body["limit"], ids
        assert "diversity" in body or all(x["score"] >= y["score"] for x, y in zip(hits, hits[1:])), hits
        return ids


class Writer(Client):
    """Owns its ids: nobody else changes them, so what it knows of them is exact."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.mine = {}  # id -> the document as it was put last

    def step(self):
        ids = [f"w{self.number}-{self.rng.randrange(IDS)}" for _ in range(self.rng.choice((1, 1, 1, 2, 8)))]
        ids = list(dict.fromkeys(ids))
        live = [i for i in ids if i in self.mine]
        if live and self.rng.random() < .4:
            self.delete(live)
        else:
            self.put(ids)
        if self.rng.random() < .3:
            self.all_of_mine()

    def put(self, ids):
        documents = []
        for i in ids:
            document = {"id": i, "text": text(self.rng), "attributes": {"group": self.rng.randrange(4), "owner": self.number, "part": -1}}
            if self.rng.random() < .7:
                document["vector"] = direction(self.rng, self.dims)
            documents.append(document)
            self.world.set(i, "?")
        assert self.post("/documents", documents)["failed"] == 0
        for document in documents:
            self.mine[document["id"]] = document
            self.world.set(document["id"], document["attributes"]["group"])
        self.world.count("puts")
        self.find(self.rng.choice(documents))

    def find(self, document):
        """By its own vector, or its own text: nothing is nearer."""
        limit = self.rng.randint(1, 3)
        by = {"vector": document["vector"]} if "vector" in document else {"text": document["text"]}
        assert self.hits("/similar", {**by, "limit": limit})[:1] == [document["id"]]
        group = {"filter": f"group = {document['attributes']['group']}", "limit": limit}
        assert self.hits("/similar", {**by, **group})[:1] == [document["id"]]
        if "vector" not in document:
            assert self.hits("/search", {"q": document["text"], "mode": "semantic", "limit": limit})[:1] == [document["id"]]
        assert document["id"] in self.hits("/search", {"q": document["text"], "mode": "lexical", "limit": 3})

    def delete(self, ids):
        for i in ids:
            self.world.set(i, "?")
        assert self.post("/documents:delete", {"ids": ids})["failed"] == 0
        for i in ids:
            self.world.set(i, None)
        self.world.count("deletes")
        for i in ids:
            document = self.mine.pop(i)
            by = {"vector": document["vector"]} if "vector" in document else {"text": document["text"]}
            assert i not in self.hits("/similar", {**by, "limit": 3})
            assert self.server.ask("POST", C + "/similar", {"id": i}).status_code == 404

    def all_of_mine(self):
        """As many as there are, and these."""
        limit = self.rng.choice((1, 5, 1000))
        for path, body in (("/similar", {"vector": direction(self.rng, self.dims)}), ("/search", {"q": text(self.rng), "mode": "semantic"}),
                           ("/search", {"q": text(self.rng), "mode": "hybrid"})):
            ids = self.hits(path, {**body, "filter": f"owner = {self.number}", "limit": limit})
            assert len(ids) == min(limit, len(self.mine)) and set(ids) <= set(self.mine), (sorted(ids), sorted(self.mine))
        self.world.count("lists")


class Searcher(Client):
    def step(self):
        kind = self.rng.randrange(5)
        limit = self.rng.choice((1, 3, 10, 50))
        group = self.rng.choice((None, None, 0, 1, 2, 3))
        body = {"limit": limit, **({} if group is None else {"filter": f"group = {group}"})}
        before = self.world.copy()
        if kind == 0:
            ids = self.hits("/similar", {**body, "vector": direction(self.rng, self.dims)})
        elif kind == 1:
            ids = self.hits("/similar", {**body, "id": f"base{self.rng.randrange(BASE)}"})
        elif kind == 2:
            ids = self.hits("/similar", {**body, "text": text(self.rng), "diversity": .5})
        else:
            ids = self.hits("/search", {**body, "q": text(self.rng), "mode": self.rng.choice(("semantic", "hybrid", "lexical"))})
        after = self.world.copy()
        for i in ids:
            if i.startswith("w") and i in before and before[i] == after[i] and before[i][1] != "?":
                assert before[i][1] is not None, f"{i} is in the answer and was deleted before"
                assert group in (None, before[i][1]), f"{i} is in the answer for group {group} and is of {before[i][1]}"
            elif i.startswith("base"):
                assert group is None
        self.as_many_as_there_are(limit)
        self.world.count("searches")

    def as_many_as_there_are(self, limit):
        """Of documents that nobody changes."""
        part, count = self.rng.choice(list(PARTS.items()))
        path, body = self.rng.choice((("/similar", {"vector": direction(self.rng, self.dims)}),
                                      ("/search", {"q": text(self.rng), "mode": "semantic"}), ("/search", {"q": text(self.rng), "mode": "hybrid"})))
        ids = self.hits(path, {**body, "filter": f"part = {part}", "limit": limit})
        assert len(ids) == min(limit, count), (part, limit, ids)


def test_writers_beside_searchers(server, dims):
    world = World()
    clients = [Writer(server, world, dims, n) for n in range(WRITERS)] + [Searcher(server, world, dims, 100 + n) for n in range(SEARCHERS)]
    threads = [threading.Thread(target=world.run, args=(c.step,)) for c in clients]
    for t in threads:
        t.start()
    world.stop.wait(SECONDS)
    world.stop.set()
    for t in threads:
        t.join()
    if world.faults:
        raise world.faults[0]
    assert {"puts", "deletes", "searches"} <= set(world.done), world.done
    mine = {i for c in clients[:WRITERS] for i in c.mine}
    ids = clients[0].hits("/similar", {"vector": direction(random.Random(SEED), dims), "filter": "owner EXISTS", "limit": 1000})
    assert set(ids) == mine
    assert server.get(C)["documents"] == BASE + len(mine)
    seen = server.post("/v1/checks", None)  # no index holds what the answers only leave out
    assert seen["ok"], seen
    print(world.done)

"""kill -9 at random moments during writes: what was acknowledged is there, what was deleted stays away, and the indexes
hold exactly what the store holds. Rounds: AKIN_KILL_ROUNDS (default 200)."""
import json, os, random, signal, subprocess, threading, time

import requests

AKIN = os.environ.get("AKIN_BIN", "build/akin")
ROUNDS = int(os.environ.get("AKIN_KILL_ROUNDS", "200"))
WRITERS = 3


class Node:
    def __init__(self, data, *flags):
        self.data = data
        self.process = subprocess.Popen([AKIN, "serve", "--data", data, "--port", "0", "--model", "stub",
                                         "--set", "index.snapshot_seconds=1", *flags],
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        assert line.startswith("listening on "), f"no start: {line!r} {self.process.stderr.read()[-2000:]}"
        self.url = line.split()[-1]
        threading.Thread(target=self.process.stderr.read, daemon=True).start()

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


class Ledger:
    """What the server has acknowledged, and what was on its way when it died."""

    def __init__(self):
        self.lock = threading.Lock()
        self.known = {}    # id -> text, or None once deleted
        self.unsure = {}   # id -> set of texts (None: a delete) that may or may not have come through

    def begin(self, id, text):
        with self.lock:
            self.unsure.setdefault(id, set()).add(text)

    def end(self, id, text):
        with self.lock:
            self.known[id] = text
            self.unsure[id] = set()


def text_of(writer, n, version):
    return f"writer{writer} number{n} version{version} " + " ".join(f"word{(n * 7 + k) % 97}" for k in range(20))


def write(url, writer, ledger, seed, stop):
    rng, session = random.Random(seed), requests.Session()
    while not stop.is_set():
        try:
            n = rng.randrange(40)
            if rng.random() < 0.2:
                id = f"w{writer}-{n}"
                ledger.begin(id, None)
                if session.delete(f"{url}/v1/collections/c/documents/{id}", timeout=10).status_code in (200, 204, 404):
                    ledger.end(id, None)
                continue
            batch = []
            for k in {rng.randrange(40) for _ in range(rng.choice((1, 1, 1, 8)))}:
                id, text = f"w{writer}-{k}", text_of(writer, k, rng.randrange(1 << 30))
                ledger.begin(id, text)
                batch.append({"id": id, "text": text, "attributes": {"writer": writer}})
            answer = session.post(f"{url}/v1/collections/c/documents", json=batch, timeout=10)
            if answer.status_code == 200:
                for row, document in zip(answer.json()["data"], batch):
                    if row["status"] != "failed":
                        ledger.end(document["id"], document["text"])
        except requests.RequestException:
            return  # the server was killed under us


def verify(url, ledger, rng):
    session = requests.Session()
    for id, text in ledger.known.items():
        possible = {text} | ledger.unsure.get(id, set())
        answer = session.get(f"{url}/v1/collections/c/documents/{id}", timeout=10)
        found = answer.json()["text"] if answer.status_code == 200 else None
        assert found in possible, f"{id}: stored {found!r}, acknowledged {text!r}"
        ledger.known[id], ledger.unsure[id] = found, set()
    alive = [id for id, text in ledger.known.items() if text]
    for id in rng.sample(alive, min(3, len(alive))):
        hits = session.post(f"{url}/v1/collections/c/search", json={"q": ledger.known[id], "limit": 50}, timeout=10).json()["data"]
        assert id in [h["id"] for h in hits], f"{id} is stored and not found"
        for hit in hits:
            assert ledger.known.get(hit["id"], "") is not None, f"ghost: {hit['id']} was deleted"


def doctor(data):
    run = subprocess.run([AKIN, "doctor", "--json", "--data", data, "--model", "stub"], capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
    return json.loads(run.stdout)


def test_nothing_acknowledged_is_lost(tmp_path):
    seed = int(os.environ.get("AKIN_SEED", time.time_ns() % 1_000_000))
    print(f"AKIN_SEED={seed}")
    rng, ledger, data = random.Random(seed), Ledger(), str(tmp_path / "data")
    node = Node(data)
    assert requests.post(f"{node.url}/v1/collections", json={"name": "c"}, timeout=10).status_code == 201
    for round in range(ROUNDS):
        stop = threading.Event()
        writers = [threading.Thread(target=write, args=(node.url, w, ledger, seed * 1000 + round * 10 + w, stop)) for w in range(WRITERS)]
        for w in writers:
            w.start()
        time.sleep(rng.uniform(0.02, 0.25))
        node.kill()
        stop.set()
        for w in writers:
            w.join()
        if round % 20 == 19:
            assert doctor(data)["ok"]
        node = Node(data)
        verify(node.url, ledger, rng)
    node.process.terminate()
    assert node.process.wait(timeout=10) == 0
    assert doctor(data)["ok"]
    assert len(ledger.known) > 50

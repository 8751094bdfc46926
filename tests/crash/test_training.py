"""Training killed at many points, its worker and the server, or out of memory; torn and foreign model files: what serves goes on serving and answers
as before, a training that was cut off begins anew by itself, and nothing is left behind."""
import os
import pathlib
import random
import resource
import signal
import subprocess
import threading
import time

import pytest
import requests
from test_kill import Node, doctor

HERE = "/v1/collections/c"
TOPICS, EACH, READERS = 6, 40, 300
KILLS = int(os.environ.get("AKIN_TRAINING_KILLS", "2"))


@pytest.fixture
def rng():
    seed = int(os.environ.get("AKIN_SEED", time.time_ns() % 1_000_000))
    print(f"AKIN_SEED={seed}")
    return random.Random(seed)


def ask(node, method, path, body=None, status=(200, 201, 202)):
    answer = requests.request(method, node.url + path, json=body, timeout=60)
    assert answer.status_code in status, answer.text
    return answer.json()


def fill(node):
    rng = random.Random(1)
    ask(node, "POST", "/v1/collections", {"name": "c", "settings": {"training": {"schedule": "manual"}, "feedback": {"half_life_days": None}}})
    ask(node, "POST", HERE + "/documents", [{"id": f"d{t}-{n}", "text": f"words{n % 9} text{(t + n) % 11}"} for t in range(TOPICS) for n in range(EACH)])
    rows = []
    for u in range(READERS):
        start = rng.randrange(EACH)
        rows += [{"user": f"u{u}", "document": f"d{u % TOPICS}-{(start + n) % EACH}", "type": "like"} for n in range(12)]
    for i in range(0, len(rows), 1000):
        assert ask(node, "POST", HERE + "/feedback", rows[i:i + 1000])["failed"] == 0


def answers(node):
    return [[(x["id"], round(x["score"], 3)) for x in ask(node, "POST", HERE + "/recommend", {"user": f"u{u}", "limit": 6})["data"]] for u in range(5)]


def begin(node, **options):
    return ask(node, "POST", HERE + "/recommenders:train", {"promote": False, **options})["id"]


def task(node, id):
    return ask(node, "GET", f"/v1/tasks/{id}")


def ended(node, id, seconds=60):
    end = time.monotonic() + seconds
    while task(node, id)["status"] in ("queued", "running"):
        assert time.monotonic() < end, task(node, id)
        time.sleep(0.02)
    return task(node, id)


def made(node, **options):
    done = ended(node, begin(node, **options))
    assert done["status"] == "done", done
    return done["details"]["recommender"]


def workers(parent=None):
    """pids of train-worker, of this server or of nobody any more."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if b"train-worker" not in open(f"/proc/{pid}/cmdline", "rb").read():
                continue
            stat = open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()
            if stat[0] not in "ZX" and (parent is None or int(stat[1]) == parent):
                found.append(int(pid))
        except OSError:
            pass
    return found


def active(node):
    return [r["id"] for r in ask(node, "GET", HERE + "/recommenders")["data"] if r["state"] == "active"]


def leftovers(data):
    return [f for f in os.listdir(os.path.join(data, "tmp")) if f.startswith("train-")]


def model_files(data, collection=1):
    return {f.name for f in pathlib.Path(data, "recommenders", str(collection)).iterdir()}


def listed(node):
    return {f"{r['id']}.model" for r in ask(node, "GET", HERE + "/recommenders")["data"]}


def stop(node, data):
    node.process.terminate()
    assert node.process.wait(timeout=20) == 0
    assert doctor(data)["ok"]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Whose active recommender is number 1; every test leaves it so."""
    data = str(tmp_path_factory.mktemp("training") / "data")
    node = Node(data)
    fill(node)
    assert made(node, kind="ease") == 1
    ask(node, "POST", HERE + "/recommenders/1:promote")
    stop(node, data)
    return data


@pytest.fixture
def serving(data):
    node = Node(data)
    return data, node, answers(node)


def test_worker_killed_at_any_time(serving, rng):
    data, node, before = serving
    killed = 0
    for _ in range(KILLS * 2):
        id = begin(node)
        until = time.monotonic() + rng.uniform(0, 0.4)
        while time.monotonic() < until:
            time.sleep(0.002)
        for pid in workers(node.process.pid):
            os.kill(pid, signal.SIGKILL)
            killed += 1
        last = ended(node, id)
        assert last["status"] in ("done", "failed"), last
        if last["status"] == "failed":
            assert "signal 9" in last["details"]["error"]["detail"], last
        assert answers(node) == before and active(node) == [1] and not leftovers(data)
    assert killed > 0
    made(node)
    stop(node, data)


def test_server_killed_at_any_time(serving, rng):
    """The worker ends with it; the training begins anew by itself, and is given up when it was cut off three times."""
    data, node, before = serving
    cut = 0
    for _ in range(KILLS):
        id = begin(node)
        time.sleep(rng.uniform(0, 0.3))
        pids = workers(node.process.pid)
        node.kill()
        end = time.monotonic() + 10
        while set(pids) & set(workers()):
            assert time.monotonic() < end, "a worker outlives its server"
            time.sleep(0.005)
        node = Node(data)
        assert answers(node) == before and active(node) == [1]
        last = ended(node, id)
        assert last["status"] == "done", last
        cut += last["details"]["attempt"] > 1
        assert not leftovers(data)
        assert model_files(data) == listed(node)
    print(f"{cut} of {KILLS} trainings were cut off and begun anew")
    stop(node, data)


def held(node):
    """A training whose worker stands still."""
    for _ in range(100):
        id = begin(node)
        while task(node, id)["status"] in ("queued", "running"):
            for pid in workers(node.process.pid):
                try:
                    os.kill(pid, signal.SIGSTOP)
                except ProcessLookupError:
                    continue
                if task(node, id)["status"] == "running" and workers(node.process.pid) == [pid]:
                    return id
    raise AssertionError("no worker was caught")


def test_given_up(serving):
    data, node, before = serving
    id = held(node)
    for attempt in (1, 2, 3):
        assert task(node, id)["details"]["attempt"] == attempt
        node.kill()
        node = Node(data)
        end = time.monotonic() + 20
        while attempt < 3 and not (workers(node.process.pid) and task(node, id)["status"] == "running"):
            assert time.monotonic() < end, task(node, id)
            for pid in workers(node.process.pid):
                os.kill(pid, signal.SIGSTOP)
        if attempt < 3:
            for pid in workers(node.process.pid):
                os.kill(pid, signal.SIGSTOP)
            if task(node, id)["status"] != "running":
                pytest.skip("the training was done before it could be held")
    last = ended(node, id)
    assert last["status"] == "failed" and "interrupted 3 times" in last["details"]["error"]["detail"]
    assert answers(node) == before
    stop(node, data)


def test_stopped_and_begun_again(serving):
    """A server that is stopped takes its worker with it, and goes on at the next start."""
    data, node, before = serving
    id = held(node)
    node.process.terminate()
    assert node.process.wait(timeout=10) == 0
    assert not workers(node.process.pid)
    node = Node(data)
    last = ended(node, id)
    assert last["status"] == "done" and last["details"]["attempt"] == 1, last
    assert answers(node) == before
    stop(node, data)


def test_out_of_memory(serving):
    """Refused beforehand with the estimate; and where the estimate is wrong the allocation fails, in the worker alone."""
    data, node, before = serving
    node.process.terminate()
    node.process.wait(timeout=20)
    for memory in (1000, 300_000):
        node = Node(data, "--set", f"train.memory_bytes={memory}")
        last = ended(node, begin(node))
        assert last["status"] == "failed", last
        assert answers(node) == before and active(node) == [1] and not leftovers(data)
        stop(node, data)


def test_torn_and_foreign_files(serving, rng):
    data, node, before = serving
    folder = pathlib.Path(data, "recommenders", "1")
    two = made(node, kind="walks")
    file = folder / f"{two}.model"
    whole = file.read_bytes()
    spoilt = [whole[:rng.randrange(len(whole))], b"", whole + b"x", os.urandom(len(whole)), (folder / "1.model").read_bytes()]
    for _ in range(20):
        flipped = bytearray(whole)
        flipped[rng.randrange(len(whole))] ^= 1 << rng.randrange(8)
        spoilt.append(bytes(flipped))
    for content in spoilt:
        file.write_bytes(content)
        refused = requests.post(f"{node.url}{HERE}/recommenders/{two}:promote", timeout=10)
        assert refused.status_code == 409, refused.text
        assert active(node) == [1]
    assert answers(node) == before
    file.write_bytes(whole)
    ask(node, "POST", f"{HERE}/recommenders/{two}:promote")
    with_two = answers(node)
    assert with_two != before
    # The active one's file is torn while it serves, and found so at the next start: the one before it serves.
    file.write_bytes(whole[:-9])
    assert answers(node) == with_two
    node.kill()
    node = Node(data)
    assert answers(node) == before
    rows = {r["id"]: r for r in ask(node, "GET", HERE + "/recommenders")["data"]}
    assert rows[1]["serving"] and rows[two]["state"] == "active" and rows[two]["error"]
    ask(node, "POST", HERE + "/recommenders:rollback")
    assert active(node) == [1] and answers(node) == before
    stop(node, data)


def test_killed_at_promotion(serving, rng):
    """Promotion is one act: one of the two serves, wholly, and the other one only before it was acknowledged."""
    data, node, before = serving
    two = made(node, kind="walks")
    ask(node, "POST", f"{HERE}/recommenders/{two}:promote")
    with_answers = {1: before, two: answers(node)}
    for _ in range(KILLS):
        acknowledged, on_its_way = two, None

        def promote():
            nonlocal acknowledged, on_its_way
            try:
                while True:
                    on_its_way = 1 if acknowledged == two else two
                    ask(node, "POST", f"{HERE}/recommenders/{on_its_way}:promote")
                    acknowledged = on_its_way
            except requests.RequestException:
                pass

        promoting = threading.Thread(target=promote)
        promoting.start()
        time.sleep(rng.uniform(0.02, 0.2))
        node.kill()
        promoting.join()
        node = Node(data)
        now, = active(node)
        assert now in (acknowledged, on_its_way)
        assert answers(node) == with_answers[now]
        assert model_files(data) == listed(node)
        ask(node, "POST", f"{HERE}/recommenders/{two}:promote")
    ask(node, "POST", f"{HERE}/recommenders/1:promote")
    stop(node, data)


def test_an_allocation_fails(serving):
    """Where the estimate was wrong: the worker may have no more than it has."""
    data, node, before = serving
    id = held(node)
    pid, = workers(node.process.pid)
    pages = int(open(f"/proc/{pid}/statm").read().split()[0])
    resource.prlimit(pid, resource.RLIMIT_AS, (pages * 4096, pages * 4096))
    os.kill(pid, signal.SIGCONT)
    last = ended(node, id)
    assert last["status"] == "failed" and last["details"]["error"], last
    assert answers(node) == before and active(node) == [1] and not leftovers(data)
    made(node)
    stop(node, data)


@pytest.mark.parametrize("small_disk", ["60m"], indirect=True)
def test_no_room_for_a_model(data, small_disk):
    """Nor for the end of the task, which is written down as soon as there is."""
    inside = str(small_disk / "data")
    subprocess.run(["cp", "-a", data, inside], check=True)
    node = Node(inside)
    before, files = answers(node), model_files(inside)
    id = held(node)
    filler = small_disk / "filler"
    with pytest.raises(OSError, match="No space"), open(filler, "wb", buffering=0) as f:
        while True:
            f.write(bytes(4096))
    for pid in workers(node.process.pid):
        os.kill(pid, signal.SIGCONT)
    while workers(node.process.pid):
        time.sleep(0.02)
    assert answers(node) == before
    more = requests.post(node.url + HERE + "/recommenders:train", json={"promote": False}, timeout=20)
    assert more.status_code in (202, 409, 507), more.text  # the log may have had some room
    filler.unlink()
    last = ended(node, id)
    assert last["status"] == "failed" and last["details"]["error"]["code"] == "full", last
    if more.status_code == 202:
        ended(node, more.json()["id"])
    assert answers(node) == before and active(node) == [1] and not leftovers(inside) and model_files(inside) == (files if more.status_code != 202 else listed(node))
    made(node)
    stop(node, inside)


def test_adapter_killed_at_any_time(tmp_path, rng):
    """Its worker; and the server while the version is made, which is then made anew, and the first one is gone."""
    data = str(tmp_path / "data")
    node = Node(data)
    rnd = random.Random(4)
    ask(node, "POST", "/v1/collections", {"name": "c", "settings": {"training": {"schedule": "manual"}}})
    texts = []
    for n in range(600):  # one word that readers care for, among many that they do not, and some of this text alone
        words = rnd.sample([f"word{k}" for k in range(40)], 10) + [["cooking", "sailing", "chess", "gardens", "trains", "birds"][n % 6]]
        rnd.shuffle(words)
        texts.append(" ".join(w + (f" own{n}x{k}" if k % 2 else "") for k, w in enumerate(words)))
    ask(node, "POST", HERE + "/documents", [{"id": f"d{n}", "text": t} for n, t in enumerate(texts)])
    rows = [{"user": f"u{u}", "document": f"d{n}", "type": "like"} for u in range(300) for n in rnd.sample(range(u % 6, 600, 6), 14)]
    for i in range(0, len(rows), 1000):
        assert ask(node, "POST", HERE + "/feedback", rows[i:i + 1000])["failed"] == 0
    versions = lambda: {v["id"]: v for v in ask(node, "GET", HERE + "/embedding-versions")["data"]}
    models = lambda: [f.name for f in pathlib.Path(data, "models").glob("*adapter*")]
    similar = lambda: [x["id"] for x in ask(node, "POST", HERE + "/similar", {"id": "d1", "limit": 10})["data"]]
    before = similar()

    id = begin(node, kind="adapter")
    while not workers(node.process.pid):
        assert task(node, id)["status"] in ("queued", "running")
    time.sleep(rng.uniform(0, 0.1))
    for pid in workers(node.process.pid):
        os.kill(pid, signal.SIGKILL)
    assert ended(node, id)["status"] == "failed"
    assert len(versions()) == 1 and not models() and not leftovers(data) and similar() == before

    id = begin(node, kind="adapter", promote=True)
    while len(versions()) == 1:
        assert task(node, id)["status"] in ("queued", "running"), task(node, id)
    node.kill()
    node = Node(data)
    assert [v["state"] for v in versions().values()][0] == "active" and similar() == before
    last = ended(node, id)
    assert last["status"] == "done" and last["details"]["attempt"] == 2, last
    made_version = versions()[last["details"]["embedding_version"]]
    assert len(versions()) == 2 and models() == [made_version["model"]] and not leftovers(data)
    assert (made_version["state"] == "active") == last["details"]["promoted"] == (similar() != before)
    stop(node, data)
